//! What writers disagree about, and how a person settles it.

use serde_json::{Value as Json, json};

use crate::domain::id::VersionId;
use crate::domain::kind::{self, CASE, DISPLAY_ID, KINDS, Kind, Shape, Writer};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::lists::cursor;
use crate::lanes::http::route::{Gives, Param, Route, Schema, param};
use crate::lanes::http::wire::{Wire, conflicts, path_of, violations};
use crate::lanes::rest::{schemas, selection};
use crate::services::casework::conflicts::{Settlement, Wanted};
use crate::services::failure::{Failure, Fault, Outcome};

/// List and settle.
pub(super) fn routes() -> Vec<Route> {
    let list = Route::get(
        "/v1/conflicts",
        "List records with open conflicts or violations, those changed last first",
    )
    .group("conflicts")
    .scope("cases:read")
    .query(selection::PAGE.into_iter().chain(FILTERS))
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

/// By what the list can be narrowed.
const FILTERS: [Param; 4] = [
    param(
        "kind",
        Shape::Choice(&KIND_NAMES),
        "Only of records of this kind.",
    ),
    param("record_id", Shape::Ref(""), "Only of this record."),
    param(
        "case_id",
        Shape::Ref(CASE.name),
        "Only of this case, of what belongs to it, and of its entities.",
    ),
    param(
        "field",
        Shape::Line(100),
        "Only of records whose writers disagree about this field.",
    ),
];

const KIND_NAMES: [&str; KINDS.len()] = {
    let mut names = [""; KINDS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = KINDS[place].name;
        place += 1;
    }
    names
};

fn list(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut faults = Vec::new();
    let text = |name: &str| ask.param(name).map(str::to_owned);
    let mut wanted = Wanted {
        kind: text("kind"),
        record: text("record_id"),
        case: text("case_id"),
        field: text("field"),
        after: None,
        limit: selection::limit(ask, &mut faults),
    };
    let of_kind = |kind: &&Kind| wanted.kind.as_ref().is_none_or(|wanted| wanted == kind.name);
    let mut kinds = KINDS.into_iter().filter(of_kind).peekable();
    if kinds.peek().is_none() {
        faults.push(Fault::wrong("kind", format!("one of {}", KIND_NAMES.join(", "))));
    } else if let Some(field) = &wanted.field
        && !kinds.any(|kind| {
            kind.field(field)
                .is_some_and(|field| field.writer != Writer::Secret)
        })
    {
        faults.push(Fault::wrong("field", "the name of a field of these records"));
    }
    let caller = ask.caller()?;
    let filters = FILTERS.map(|filter| ask.param(filter.name).unwrap_or_default());
    let identity = [&[caller.tenant().as_str(), "conflicts"][..], &filters].concat();
    match ask
        .param("cursor")
        .map(|cursor| cursor::decode(&identity, cursor))
    {
        Some(Err(Failure::Invalid(more))) => faults.extend(more),
        Some(place) => wanted.after = Some(place?),
        None => {}
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let (records, next) = lanes.services.conflicts(caller, &wanted)?;
    let items = records.iter().filter_map(item).collect();
    let next = next.map(|place| cursor::encode(&identity, &place));
    Ok(Answer::list(items, next))
}

fn item(record: &Record) -> Option<Json> {
    let kind = kind::kind(&record.kind)?;
    let mut item = json!({
        "kind": kind.name,
        "id": record.id.to_string(),
        "version": record.version,
        "updated_at": record.updated.hlc.millis().to_string(),
        "conflicts": conflicts(record, kind),
        "violations": violations(record, kind),
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
