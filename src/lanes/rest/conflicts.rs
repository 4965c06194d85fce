//! What writers disagree about, and how a person settles it.

use serde_json::{Value as Json, json};

use crate::domain::id::VersionId;
use crate::domain::kind::{self, DISPLAY_ID};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::cursor;
use crate::lanes::http::route::{Gives, Route, Schema};
use crate::lanes::http::wire::{Wire, conflicts, path_of};
use crate::lanes::rest::{schemas, selection};
use crate::services::casework::conflicts::Settlement;
use crate::services::failure::{Failure, Fault, Outcome};

/// List and settle.
pub(super) fn routes() -> Vec<Route> {
    let list = Route::get(
        "/v1/conflicts",
        "List records with open conflicts, those changed last first",
    )
    .group("conflicts")
    .scope("cases:read")
    .query(selection::PAGE)
    .gives_other(200, Gives::Page(Schema::Json(schemas::conflicts)))
    .answer(list);
    let settle = Route::post(
        "/v1/conflicts/{id}",
        "Settle a conflict of a record, naming all versions and the reason",
    )
    .group("conflicts")
    .takes(Schema::Json(schemas::settlement))
    .gives(201, Schema::Json(schemas::any_record))
    .answer(|lanes, ask| {
        let settlement = settlement(ask)?;
        let written = lanes
            .services
            .settle(ask.caller()?, ask.part("id"), settlement, ask.request)?;
        Answer::created(&Wire::new(&lanes.services), &written)
    });
    vec![list, settle]
}

fn list(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut faults = Vec::new();
    let limit = selection::limit(ask, &mut faults);
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let caller = ask.caller()?;
    let list = [caller.tenant().as_str(), "conflicts"];
    let after = ask
        .param("cursor")
        .map(|cursor| cursor::decode(&list, cursor))
        .transpose()?;
    let (records, next) = lanes.services.conflicts(caller, after.as_ref(), limit)?;
    let items = records.iter().filter_map(item).collect();
    Ok(Answer::list(
        items,
        next.map(|place| cursor::encode(&list, &place)),
    ))
}

fn item(record: &Record) -> Option<Json> {
    let kind = kind::kind(&record.kind)?;
    let mut item = json!({
        "kind": kind.name,
        "id": record.id.to_string(),
        "version": record.version,
        "updated_at": record.updated.hlc.millis().to_string(),
        "conflicts": conflicts(record, kind),
        "links": {"self": path_of(kind, record.id), "settle": format!("/v1/conflicts/{}", record.id)},
    });
    if let Some(display) = record.text(DISPLAY_ID) {
        item[DISPLAY_ID] = display.into();
    }
    Some(item)
}

fn settlement(ask: &Ask) -> Outcome<Settlement> {
    let mut fields = ask.fields()?;
    let mut faults = Vec::new();
    let mut text = |name: &str, fields: &mut crate::domain::value::Fields| match fields.remove(name) {
        Some(Value::Text(text)) if !text.trim().is_empty() && text.chars().count() <= 500 => text,
        None | Some(Value::Null) => {
            faults.push(Fault::missing(format!("data.{name}"), "text"));
            String::new()
        }
        Some(_) => {
            faults.push(Fault::wrong(
                format!("data.{name}"),
                "text of 1 to 500 characters",
            ));
            String::new()
        }
    };
    let (field, reason) = (text("field", &mut fields), text("reason", &mut fields));
    let versions = match fields.remove("versions") {
        Some(Value::List(list)) if !list.is_empty() => versions(&list, &mut faults),
        None | Some(Value::Null | Value::List(_)) => {
            faults.push(Fault::missing(
                "data.versions",
                "an array with all versions that are alive",
            ));
            Vec::new()
        }
        Some(_) => {
            faults.push(Fault::wrong("data.versions", "an array"));
            Vec::new()
        }
    };
    let value = fields.remove("value");
    if value.is_none() {
        faults.push(Fault::missing("data.value", "what is true, or null"));
    }
    let unknown = fields
        .keys()
        .map(|name| Fault::wrong(format!("data.{name}"), "no such property"));
    faults.extend(unknown);
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    Ok(Settlement {
        field,
        versions,
        value: value.unwrap_or(Value::Null),
        reason,
    })
}

fn versions(list: &[Value], faults: &mut Vec<Fault>) -> Vec<VersionId> {
    let mut versions = Vec::new();
    for (place, version) in list.iter().enumerate() {
        match version.as_text().and_then(|text| text.parse().ok()) {
            Some(version) => versions.push(version),
            None => faults.push(Fault::wrong(
                format!("data.versions[{place}]"),
                "the id of a version",
            )),
        }
    }
    versions
}
