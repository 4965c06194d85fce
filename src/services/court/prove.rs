//! Single operations with their proofs, for whoever may read the record.

use crate::domain::id::{Hash, LogId, OpId};
use crate::domain::kind::Kind;
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::{Services, sight};
use crate::store::identity::Stream;
use crate::store::note::notary::Head;
use crate::views::records;

/// A log of this node, and the keys with which others check what leaves the house of it.
#[derive(Clone, Debug)]
pub struct LogKeys {
    /// The log.
    pub log: LogId,
    /// What it holds: `records` or `audit`.
    pub holds: &'static str,
    /// The keys, each as its one line of text.
    pub keys: Vec<String>,
}

impl Services {
    /// The keys of the two logs that this node writes. They are public.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn log_keys(&self, caller: &Caller) -> Outcome<Vec<LogKeys>> {
        self.note_plain_read(caller, Event::done("log.keys", None))?;
        let logs = [(Stream::Records, "records"), (Stream::Audit, "audit")];
        logs.into_iter()
            .map(|(stream, holds)| {
                let log = self.store().log(stream);
                let keys = self.store().verifier_keys(log)?;
                Ok(LogKeys {
                    log,
                    holds,
                    keys: keys.iter().map(ToString::to_string).collect(),
                })
            })
            .collect()
    }

    /// The head of one of the two logs, and the hashes that show it to begin with its first `from` operations. They tell nothing of
    /// what the log holds.
    ///
    /// # Errors
    /// `Invalid` for more operations than there are, `Unknown` for a log that has none.
    pub fn prove_growth(&self, caller: &Caller, stream: Stream, from: u64) -> Outcome<(Head, Vec<Hash>)> {
        self.note_plain_read(caller, Event::done("log.consistency", None))?;
        let rows = self.snapshot()?;
        let head = self.store().head(&rows, self.store().log(stream))?;
        let head = head.ok_or(Failure::Unknown("log"))?;
        if from > head.size {
            return Err(Failure::wrong(
                "from",
                format!("at most {}, the operations of the log", head.size),
            ));
        }
        let hashes = self.store().prove_growth(&rows, &head, from)?;
        Ok((head, hashes))
    }

    /// One operation of a record with its proof: the one named, or the record's last. It is audited as an export. What is proved
    /// can't be shown in part, so it is for those who may know of all that it names.
    ///
    /// # Errors
    /// `Denied`; `Unknown` for a record or an operation that is not there for this caller.
    pub fn prove_operation(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        operation: Option<OpId>,
    ) -> Outcome<String> {
        let record = self.read(caller, kind, reference)?;
        let rows = self.snapshot()?;
        let mut found = None;
        for (log, seq) in records::history(&rows, record.id)? {
            let read = self.store().operation(&rows, log, seq)?;
            found = read
                .filter(|read| operation.is_none_or(|wanted| wanted == read.header.id))
                .or(found);
        }
        let found = found.ok_or(Failure::Unknown("operation"))?;
        let id = found.header.id;
        let seen = sight::of_operation(kind.name, found.clone(), &mut sight::of(&rows, caller))?;
        if seen != found {
            let rule = "the operation names what you may not know of, and is proved whole or not at all";
            let refused = Failure::Denied(rule.into());
            self.note_denial(caller, "export", &refused)?;
            return Err(refused);
        }
        let event = Event::done("export", Some(record.id));
        self.note(caller, event.with("operation", Value::Text(id.to_string())))?;
        let head = self.store().head(&rows, id.log)?;
        let head = head.ok_or(Failure::Unknown("operation"))?;
        let (proof, _) = self.store().prove(&rows, &head, id.seq)?;
        Ok(proof.to_string())
    }
}
