//! A record as JSON that follows from its operations alone: no table of kinds has a say, so a bundle is checked by any later
//! program, and the JSON in it must be this to the byte.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{self, Writer};
use crate::domain::operation::Merge;
use crate::domain::record::{Field, Record, Version};

/// The record, its fields under their names.
pub(super) fn record_json(record: &Record) -> Json {
    let (mut fields, mut steps) = (Map::new(), Map::new());
    for ((name, merge), field) in &record.fields {
        let json = field_json(record, name, *merge, field);
        match merge {
            // Steps of a field that began as an ordinary one: what it says now stands under its name already.
            Merge::Guarded if !record.versions(name, Merge::Mv).is_empty() => {
                steps.insert(name.clone(), json)
            }
            _ => fields.insert(name.clone(), json),
        };
    }
    let mut json = json!({
        "id": record.id.to_string(),
        "kind": record.kind,
        "agency": record.tenant.as_str(),
        "version": record.version,
        "created_at": record.created.hlc.millis().to_string(),
        "updated_at": record.updated.hlc.millis().to_string(),
        "fields": fields,
    });
    if !steps.is_empty() {
        json["steps"] = steps.into();
    }
    json
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
        Merge::Mv => {
            let standing = record.standing(name);
            let values = || standing.iter().map(|version| Json::from(&version.value));
            match standing.iter().any(|v| v.value != standing[0].value) {
                true => json!({"conflict": values().collect::<Vec<_>>()}),
                false => values().next_back().unwrap_or(Json::Null),
            }
        }
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
