//! The chain of custody.

use serde_json::{Value as Json, json};

use crate::domain::custody::Action;
use crate::domain::custody::chain::{Chain, Entry};
use crate::domain::record::Record;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::services::safe::custody::hashes_of;
use crate::services::safe::room::Room;
use crate::services::safe::words;

impl Book<'_> {
    /// An item's chain of custody, oldest first. Each row has the hash of itself and the row before it.
    pub(in crate::lanes::safe) fn chain(&self, item: &Record) -> Outcome<Vec<Json>> {
        let (chain, number) = (Chain::of(item), self.number(item.id)?);
        let hashes = hashes_of(&chain);
        let mut before = Json::Null;
        let mut rows = Vec::new();
        let changes = Room::changes_of(self.room, item)?;
        for (entry, hash) in chain.entries.iter().zip(hashes) {
            let change = changes.iter().find(|change| change.seq == entry.id.op.seq);
            let mut row = row(entry, rows.is_empty());
            if let Json::Object(row) = &mut row {
                row.insert(
                    "id".to_owned(),
                    change.map_or(Json::Null, |change| change.number.into()),
                );
                row.insert("itemId".to_owned(), number.into());
                row.insert("hash".to_owned(), hash.clone().into());
                row.insert("previousHash".to_owned(), before);
            }
            before = hash.into();
            rows.push(row);
        }
        Ok(rows)
    }
}

fn row(entry: &Entry, is_first: bool) -> Json {
    let said = |name: &str| entry.value.get(name).map_or(Json::Null, Json::from);
    let happened = match said("happened_at") {
        Json::Null => said("recorded_at"),
        time => time,
    };
    let (to, notes) = match is_first {
        true => ("New Item Entry".into(), "Item entered into system.".into()),
        false => (said("to"), said("note")),
    };
    let signature = said("signature");
    let media = match signature.is_null() {
        true => Json::Null,
        false => {
            let id = words::hashed(&entry.id.to_string());
            json!([{"id": id, "contentType": "image/png", "sha256": signature}])
        }
    };
    json!({
        "type": entry.action.map(type_of),
        "issuedFrom": said("from"),
        "issuedTo": to,
        "storageLocation": said("place"),
        "checkOutReason": said("reason"),
        "notes": notes,
        "witness": said("witness"),
        "transactionDate": said("recorded_at"),
        "transactionActivityDate": happened,
        "actor": said("actor"),
        "hasSignature": !signature.is_null(),
        "media": media,
    })
}

/// What these clients call a deed.
fn type_of(action: Action) -> &'static str {
    use Action as A;
    match action {
        A::Collected | A::Stored | A::CheckedIn => "In",
        A::CheckedOut | A::Retrieved => "Out",
        A::Transferred => "Transfer",
        A::Moved | A::Analysed | A::Copied | A::Viewed | A::Sealed | A::Unsealed => "Move",
        A::Returned | A::Disposed | A::Destroyed => "Disposal",
        A::Undisposed => "Undisposal",
    }
}
