//! Records as the command line shows them.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{self, DISPLAY_ID, Writer};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::search::page::Hit;

/// A record with the fields that may be seen.
pub(super) fn record(record: &Record) -> Json {
    let mut shown = Map::new();
    shown.insert("id".into(), json!(record.id.to_string()));
    shown.extend(
        record
            .text(DISPLAY_ID)
            .map(|display| (DISPLAY_ID.into(), json!(display))),
    );
    let fields = kind::kind(&record.kind)
        .into_iter()
        .flat_map(kind::Kind::all_fields);
    for field in fields.filter(|field| field.writer != Writer::Secret) {
        let value = match field.merge {
            Merge::Mv | Merge::Once => record.get(field.name).map(Json::from),
            Merge::OrSet => {
                let members: Vec<Json> = record.members(field.name).into_iter().map(Json::from).collect();
                (!members.is_empty()).then(|| Json::from(members))
            }
            Merge::Append | Merge::Guarded | Merge::Lattice => None,
        };
        shown.extend(value.map(|value| (field.name.to_owned(), value)));
    }
    shown.insert(
        "created_at".into(),
        json!(record.created.hlc.millis().to_string()),
    );
    shown.into()
}

/// Something that was found.
pub(super) fn hit(hit: &Hit) -> Json {
    let matched_by: Vec<&str> = hit.matched_by.iter().map(|reason| reason.as_str()).collect();
    json!({
        "kind": hit.kind, "id": hit.id.to_string(), "display_id": hit.display_id, "title": hit.title,
        "snippet": hit.snippet, "score": hit.score, "matched_by": matched_by, "case_ids": hit.case_ids,
    })
}
