//! Installations of this program: each keeps a record of itself, by which other nodes will know its key and its logs.

use crate::domain::id::RecordId;
use crate::domain::kind::NODE;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::failure::Outcome;
use crate::store::database::Read;
use crate::store::identity::Stream;
use crate::views::records;

impl Services {
    /// Makes sure that this node has a record of itself, with all logs that it has written: a restored backup writes new
    /// ones. Its name is what `init` was told, until somebody gives it another. Says whether anything was missing.
    ///
    /// # Errors
    /// The store takes no writes.
    pub fn know_node(&self, caller: &Caller, name: &str) -> Outcome<bool> {
        let (key, logs) = (self.node_key(), self.node_logs());
        let known = own_record(&self.snapshot()?, caller, &key)?;
        if known.is_some_and(|node| missing(&node, &logs).next().is_none()) {
            return Ok(false);
        }
        let name = name.to_owned();
        self.write(caller, "node.know", None, move |desk| {
            let caller = desk.caller();
            if let Some(node) = own_record(desk.session().rows(), caller, &key)? {
                let added = missing(&node, &logs).map(|log| Change::new("logs", Action::Add(log.clone())));
                return desk.change(&NODE, &node, added.collect()).map(drop);
            }
            let says = [
                ("name", Value::Text(name)),
                ("tier", Value::text("central")),
                ("public_key", Value::Text(key)),
                ("logs", Value::List(logs)),
            ];
            let given = says
                .into_iter()
                .filter_map(|(name, value)| Some((NODE.field(name)?, value)));
            desk.create_checked(&NODE, given.collect(), Vec::new()).map(drop)
        })?;
        Ok(true)
    }

    /// This node's record of itself, if it has one in the caller's agency.
    ///
    /// # Errors
    /// The disk failed.
    pub fn own_node(&self, rows: &impl Read, caller: &Caller) -> Outcome<Option<RecordId>> {
        Ok(own_record(rows, caller, &self.node_key())?.map(|node| node.id))
    }

    fn node_key(&self) -> String {
        let key = self.store().public();
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn node_logs(&self) -> Vec<Value> {
        let logs = [(Stream::Records, "records"), (Stream::Audit, "audit")];
        let member = |(stream, holds)| {
            let log = Value::Text(self.store().log(stream).to_string());
            let members = [("log", log), ("holds", Value::text(holds))];
            Value::Map(Fields::from(
                members.map(|(name, value)| (name.to_owned(), value)),
            ))
        };
        logs.map(member).to_vec()
    }
}

fn own_record(rows: &impl Read, caller: &Caller, key: &str) -> Outcome<Option<Record>> {
    let Some(field) = NODE.field("public_key") else {
        return Ok(None);
    };
    let id = records::by_name(rows, caller.tenant().as_str(), &NODE, field, key)?;
    Ok(id.map(|id| records::get(rows, id)).transpose()?.flatten())
}

fn missing<'l>(node: &'l Record, logs: &'l [Value]) -> impl Iterator<Item = &'l Value> {
    let known = node.versions("logs", Merge::OrSet);
    logs.iter()
        .filter(|log| known.iter().all(|version| version.value != **log))
}
