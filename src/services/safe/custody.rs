//! Transactions of custody: one deed on several items, in one commit, all or none. The states are the evidence room's coarse
//! ones; the chain of each item has to agree too.

use crate::domain::custody::chain::Chain;
use crate::domain::custody::{Action, Standing, State};
use crate::domain::id::RecordId;
use crate::domain::kind::EVIDENCE;
use crate::domain::operation::{Action as Act, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::{Caller, VIA_API};
use crate::services::custody::{entry, refuse_held};
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Clash, Failure, Fault, Outcome};
use crate::services::files::{Purpose, Uploaded};
use crate::services::policy;
use crate::services::safe::room::id_of;
use crate::services::{Services, Written};
use crate::store::hash::sha256;

/// Items of one transaction, at most.
pub const ITEMS_MAX: usize = 1_000;
/// Bytes of the picture of a signature, at most.
const SIGNATURE_BYTES_MAX: usize = 1 << 20;
/// How such a picture begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is done with items.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The deed.
    pub action: Action,
    /// The items, by their numbers.
    pub items: Vec<i64>,
    /// What its entries say beside the deed: `to`, `place`, `reason`, …
    pub said: Fields,
    /// The location where the items are then, with its name.
    pub location: Option<(RecordId, String)>,
    /// The picture of a signature.
    pub signature: Option<Vec<u8>>,
}

/// The name of an item's state in the evidence room.
pub fn standing_of(state: State) -> Standing {
    match state {
        State::New | State::Unknown | State::Held | State::Stored => Standing::CheckedIn,
        State::CheckedOut => Standing::CheckedOut,
        State::Returned | State::Disposed | State::Destroyed => Standing::Disposed,
    }
}

/// The words for it.
pub fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::CheckedIn => "Checked In",
        Standing::CheckedOut => "Checked Out",
        Standing::Disposed => "Disposed",
    }
}

impl Services {
    /// Carries out a transaction, and gives the items as they are then.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for items that are not there; `Conflict` naming the state of the first that does not allow it.
    pub fn transact(&self, caller: &Caller, mut transaction: Transaction) -> Outcome<Written> {
        self.demand(caller, "custody", "custody:write")?;
        let signature = transaction.signature.take().map(|png| self.keep_signature(&png));
        let signature = signature.transpose()?;
        if let Some(signature) = &signature {
            let hash = Value::Text(signature.held().hash().to_string());
            transaction.said.insert("signature".to_owned(), hash);
        }
        let written = self.write(caller, "custody", None, move |desk| {
            policy::demand(desk.caller(), "custody:write")?;
            let items = transaction_items(desk, &transaction.items)?;
            for (number, item) in items {
                carry_out(desk, (number, &item), &transaction)?;
            }
            Ok(())
        });
        // From here on the entries name the file, or nothing does.
        self.give_up_uploads(signature);
        written
    }

    fn keep_signature(&self, png: &[u8]) -> Outcome<Uploaded> {
        if !png.starts_with(PNG) || png.len() > SIGNATURE_BYTES_MAX {
            let expected = format!("a PNG of at most {SIGNATURE_BYTES_MAX} bytes, in base64");
            return Err(Failure::wrong("sigdata", expected));
        }
        let mut upload = self.files().begin(Purpose::Picture, SIGNATURE_BYTES_MAX as u64)?;
        upload.write(png)?;
        upload.finish(Some("signature.png"))
    }
}

/// The items, each once, in the order in which they were named; all that are not there in one answer.
fn transaction_items(desk: &mut Desk<'_, '_, '_>, numbers: &[i64]) -> Outcome<Vec<(i64, Record)>> {
    let (mut items, mut faults): (Vec<(i64, Record)>, Vec<Fault>) = (Vec::new(), Vec::new());
    let caller = desk.caller();
    for (place, number) in numbers.iter().enumerate() {
        let id = id_of(desk.session().rows(), caller, &EVIDENCE, *number)?;
        let item = id.map(|id| desk.find(&EVIDENCE, &id.to_string()));
        match item {
            Some(Ok(item)) if items.iter().all(|(_, known)| known.id != item.id) => {
                items.push((*number, item));
            }
            Some(Ok(_)) => {}
            None | Some(Err(Failure::Unknown(_))) => {
                faults.push(Fault::wrong(format!("itemIds[{place}]"), "no such item"));
            }
            Some(Err(failure)) => return Err(failure),
        }
    }
    match faults.is_empty() {
        true => Ok(items),
        false => Err(Failure::Invalid(faults)),
    }
}

fn carry_out(
    desk: &mut Desk<'_, '_, '_>,
    (number, item): (i64, &Record),
    transaction: &Transaction,
) -> Outcome<()> {
    refuse_sealed(item)?;
    let (action, chain) = (transaction.action, Chain::of(item));
    let standing = standing_of(chain.now.state);
    let refuse = |text: String| {
        let meta = Fields::from([
            ("itemId".to_owned(), Value::Int(number)),
            ("state".to_owned(), Value::text(word_of(standing))),
        ]);
        Failure::Conflict(Clash::Custody, text, meta)
    };
    if !standing.allows(action) {
        let state = word_of(standing);
        return Err(refuse(format!(
            "item {number} is {state}, so it can't be {action}"
        )));
    }
    if let Err(refusal) = chain.allows(action) {
        return Err(refuse(format!("item {number}: {refusal}")));
    }
    if action == Action::Transferred && is_anothers(&chain, &transaction.said) {
        return Err(refuse(format!(
            "item {number} is not with the user of transferredFromId"
        )));
    }
    refuse_held(desk, item, action)?;
    let mut said = transaction.said.clone();
    said.insert("action".to_owned(), Value::text(action.as_str()));
    let from = chain.now.holder.as_ref().or(chain.now.place.as_ref());
    if let Some(from) = from.and_then(Value::as_text) {
        said.entry("from".to_owned()).or_insert_with(|| Value::text(from));
    }
    let mut changes = vec![chain.step(entry(desk.caller(), desk.now(), said)?)];
    if let Some((location, name)) = &transaction.location {
        for (field, value) in [
            ("location_id", Value::Id(*location)),
            ("location", Value::text(name)),
        ] {
            if item.get(field) != Some(&value) {
                changes.push(Change::new(field, Act::Set(value)).seeing(item.seen(field, Merge::Mv)));
            }
        }
    }
    desk.change(&EVIDENCE, item, changes).map(drop)
}

/// Whether the chain says that somebody else has the item than is said to give it away.
fn is_anothers(chain: &Chain, said: &Fields) -> bool {
    let holder = chain.now.holder.as_ref();
    let holder = holder.and_then(|holder| holder.get("name").unwrap_or(holder).as_text());
    let from = said.get("from").and_then(Value::as_text);
    let others = from.zip(holder);
    others.is_some_and(|(from, holder)| from != holder.trim_end_matches(VIA_API))
}

/// What stands for an entry of a chain in the evidence room: a hash over it and over the one before it.
pub fn hashes_of(chain: &Chain) -> Vec<String> {
    let mut before = String::new();
    let mut hashes = Vec::new();
    for entry in &chain.entries {
        let said = serde_json::Value::from(&entry.value).to_string();
        let hash = sha256(&[
            b"blotter custody\0",
            before.as_bytes(),
            entry.id.to_string().as_bytes(),
            said.as_bytes(),
        ]);
        before = hash.to_string();
        hashes.push(before.clone());
    }
    hashes
}
