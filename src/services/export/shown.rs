//! A record as JSON that follows from its operations alone: no table of kinds has a say, so a bundle is checked by any later
//! program, and the JSON in it must be this to the byte.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{self, Writer};
use crate::domain::operation::Merge;
use crate::domain::record::{Field, Record, Version};

/// The record, its fields under their names.
pub(super) fn record_json(record: &Record) -> Json {
    let mut fields = Map::new();
    for ((name, merge), field) in &record.fields {
        fields.insert(name.clone(), field_json(record, name, *merge, field));
    }
    json!({
        "id": record.id.to_string(),
        "kind": record.kind,
        "agency": record.tenant.as_str(),
        "version": record.version,
        "created_at": record.created.hlc.millis().to_string(),
        "updated_at": record.updated.hlc.millis().to_string(),
        "fields": fields,
    })
}

/// The same without what never leaves the node by a lane.
pub(super) fn told_json(record: &Record) -> Json {
    let mut json = record_json(record);
    let secret = kind::kind(&record.kind).into_iter().flat_map(|kind| kind.fields);
    if let Some(fields) = json["fields"].as_object_mut() {
        for field in secret.filter(|field| field.writer == Writer::Secret) {
            fields.shift_remove(field.name);
        }
    }
    json
}

/// As the bytes of a member.
pub(super) fn record_text(record: &Record) -> String {
    format!("{:#}\n", record_json(record))
}

fn field_json(record: &Record, name: &str, merge: Merge, field: &Field) -> Json {
    let values = || field.versions.iter().map(|version| Json::from(&version.value));
    match merge {
        Merge::Mv if field.versions.iter().any(|v| v.value != field.versions[0].value) => {
            json!({"conflict": values().collect::<Vec<_>>()})
        }
        Merge::Mv => values().next_back().unwrap_or(Json::Null),
        Merge::Once => values().next().unwrap_or(Json::Null),
        Merge::OrSet => record.members(name).into_iter().map(Json::from).collect(),
        Merge::Append => values().collect(),
        Merge::Lattice => json!({"rank": record.rank(name)}),
        Merge::Guarded => field.versions.iter().map(step_json).collect(),
    }
}

fn step_json(version: &Version) -> Json {
    let follows: Vec<String> = version.follows.iter().map(ToString::to_string).collect();
    json!({"id": version.id.to_string(), "follows": follows, "entry": Json::from(&version.value)})
}
