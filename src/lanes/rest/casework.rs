//! What belongs to a case or stands beside it: timeline, notes, team, tags, entities; how entities stand to each other.

use serde_json::Value as Json;

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, ENTITY, EVIDENCE, Kind, NOTE, TIMELINE_ENTRY};
use crate::domain::value::Value;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Gives, Route, Schema};
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::{schemas, selection};
use crate::services::casework::members::{ListOf, names};
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::{Written, find};

/// Timeline and notes, under what they belong to.
pub(super) fn entries() -> Vec<Route> {
    [
        belonging(&TIMELINE_ENTRY, "case_id", &CASE, schemas::new_timeline_entry),
        belonging(&NOTE, "record_id", &CASE, schemas::new_note),
        belonging(&NOTE, "record_id", &ENTITY, schemas::new_note),
        belonging(&NOTE, "record_id", &EVIDENCE, schemas::new_note),
    ]
    .concat()
}

/// List and make records of a kind under the one that they belong to.
fn belonging(
    kind: &'static Kind,
    field: &'static str,
    above: &'static Kind,
    schema: fn() -> Json,
) -> Vec<Route> {
    let path = format!("/v1/{}/{{id}}/{}", above.plural, kind.plural);
    let (name, above_name) = (kind.name, above.name);
    let list = Route::get(
        path.clone(),
        format!("List the {} of one {above_name}", kind.plural),
    )
    .group(above.plural)
    .reads(kind)
    .reads_too(above)
    .query(
        selection::params(kind)
            .into_iter()
            .filter(|param| param.name != "case_id"),
    )
    .gives_other(200, Gives::Page(Schema::Records(kind)))
    .answer(move |lanes, ask| {
        let id = above_id(lanes, ask, above)?;
        let selection = selection::read_of(lanes, ask, kind, (field, id))?;
        selection::page(lanes, ask, kind, &selection)
    });
    let make = Route::post(path, format!("Make a {name} of one {above_name}"))
        .group(above.plural)
        .writes(kind)
        .takes(Schema::Json(schema))
        .gives(201, Schema::Record(kind))
        .answer(move |lanes, ask| {
            let id = above_id(lanes, ask, above)?;
            let mut fields = ask.fields()?;
            if fields.insert(field.to_owned(), Value::Id(id)).is_some() {
                let fault = Fault::refused(format!("data.{field}"), "the path says it");
                return Err(Failure::Invalid(vec![fault]));
            }
            let written = lanes.services.create(ask.caller()?, kind, fields, ask.request)?;
            Answer::created(&Wire::new(&lanes.services), &written)
        });
    vec![list, make]
}

fn above_id(lanes: &Lanes, ask: &Ask, above: &'static Kind) -> Outcome<RecordId> {
    let rows = lanes.services.snapshot()?;
    Ok(find::record(&rows, ask.caller()?, above, ask.part("id"))?.id)
}

/// Members of a case's lists.
pub(super) fn members() -> Vec<Route> {
    vec![
        add(
            &CASE,
            "entities",
            ("entities", "Put an entity into a case, in a role"),
            schemas::case_entity,
        ),
        remove(
            "/v1/cases/{id}/entities/{other}",
            "Take an entity out of a case",
            |lanes, ask| {
                let other = find::record(
                    &lanes.services.snapshot()?,
                    ask.caller()?,
                    &ENTITY,
                    ask.part("other"),
                )?;
                remove_members(lanes, ask, (&CASE, "entities"), names(other.id))
            },
        ),
        add(
            &CASE,
            "team",
            ("team", "Put somebody into the team of a case"),
            schemas::team_member,
        ),
        remove(
            "/v1/cases/{id}/team/{name}",
            "Take somebody out of the team of a case",
            |lanes, ask| {
                let name = ask.part("name").to_owned();
                let is_it = move |member: &Value| member.get("name").and_then(Value::as_text) == Some(&name);
                remove_members(lanes, ask, (&CASE, "team"), is_it)
            },
        ),
        add(&CASE, "tags", ("tags", "Put tags on a case"), schemas::tags),
        remove(
            "/v1/cases/{id}/tags/{tag}",
            "Take a tag off a case",
            |lanes, ask| {
                let tag = ask.part("tag").to_owned();
                let is_it = move |member: &Value| member.as_text() == Some(&tag);
                remove_members(lanes, ask, (&CASE, "tags"), is_it)
            },
        ),
    ]
}

/// How entities stand to each other.
pub(super) fn relations() -> Vec<Route> {
    let same = Route::post("/v1/entities/{id}/same-as", "Hold two entities to be one")
        .group("entities")
        .writes(&ENTITY)
        .takes(Schema::Json(schemas::other_entity))
        .gives(201, Schema::Record(&ENTITY))
        .answer(|lanes, ask| {
            let mut fields = ask.fields()?;
            let to = fields.remove("to").filter(|to| *to != Value::Null);
            let mut faults: Vec<Fault> = fields
                .keys()
                .map(|name| Fault::wrong(format!("data.{name}"), "no such property"))
                .collect();
            if to.is_none() {
                faults.push(Fault::missing("data.to", "the id of the other entity"));
            }
            let Some(to) = to else {
                return Err(Failure::Invalid(faults));
            };
            let (caller, pair) = (ask.caller_beside(&faults)?, (ask.part("id"), to));
            let written = lanes.services.hold_same(&caller, pair, ask.request);
            created(lanes, &beside(faults, written)?)
        });
    vec![
        add(
            &ENTITY,
            "relationships",
            ("relationships", "Say how an entity stands to another"),
            schemas::relationship,
        ),
        same,
        remove_from(
            &ENTITY,
            "/v1/entities/{id}/same-as/{other}",
            "Take back that two entities are one",
            |lanes, ask| {
                let (pair, condition) = ((ask.part("id"), ask.part("other")), ask.head.if_match());
                let written = lanes
                    .services
                    .part_same(ask.caller()?, pair, condition, ask.request)?;
                Answer::changed(&Wire::new(&lanes.services), &written)
            },
        ),
    ]
}

fn add(
    kind: &'static Kind,
    field: &'static str,
    (segment, summary): (&str, &str),
    schema: fn() -> Json,
) -> Route {
    Route::post(format!("/v1/{}/{{id}}/{segment}", kind.plural), summary)
        .group(kind.plural)
        .writes(kind)
        .conditional()
        .takes(Schema::Json(schema))
        .gives(201, Schema::Record(kind))
        .answer(move |lanes, ask| {
            let list = ListOf {
                kind,
                reference: ask.part("id"),
                field,
                condition: ask.head.if_match(),
            };
            let (added, faults) = given_members(ask)?;
            let caller = ask.caller_beside(&faults)?;
            let written = lanes.services.add_members(&caller, list, added, ask.request);
            created(lanes, &beside(faults, written)?)
        })
}

/// What is given, each with its path.
type Given = Vec<(String, Value)>;

/// One member as an object, or tags as `{"tags": […]}`; and what is wrong beside them.
fn given_members(ask: &Ask) -> Outcome<(Given, Vec<Fault>)> {
    let mut fields = ask.fields()?;
    if !ask.head.path.ends_with("/tags") {
        return Ok((vec![("data".to_owned(), Value::Map(fields))], Vec::new()));
    }
    let tags = fields.remove("tags").unwrap_or(Value::Null);
    let unknown = fields.keys();
    let mut faults: Vec<Fault> = unknown
        .map(|name| Fault::wrong(format!("data.{name}"), "no such property"))
        .collect();
    match tags {
        Value::List(tags) if !tags.is_empty() => {
            let tags = tags.into_iter().enumerate();
            let given = tags.map(|(place, tag)| (format!("data.tags[{place}]"), tag));
            return Ok((given.collect(), faults));
        }
        Value::Null | Value::List(_) => {
            faults.push(Fault::missing("data.tags", "an array with at least one tag"));
        }
        _ => faults.push(Fault::wrong("data.tags", "an array")),
    }
    Err(Failure::Invalid(faults))
}

fn created(lanes: &Lanes, written: &Written) -> Outcome<Answer> {
    Answer::created(&Wire::new(&lanes.services), written)
}

fn remove(path: &str, summary: &str, handler: fn(&Lanes, &Ask) -> Outcome<Answer>) -> Route {
    remove_from(&CASE, path, summary, handler)
}

fn remove_from(
    kind: &'static Kind,
    path: &str,
    summary: &str,
    handler: fn(&Lanes, &Ask) -> Outcome<Answer>,
) -> Route {
    Route::delete(path, summary)
        .group(kind.plural)
        .writes(kind)
        .conditional()
        .gives(200, Schema::Record(kind))
        .answer(handler)
}

fn remove_members(
    lanes: &Lanes,
    ask: &Ask,
    (kind, field): (&'static Kind, &'static str),
    is_it: impl Fn(&Value) -> bool + Send + 'static,
) -> Outcome<Answer> {
    let list = ListOf {
        kind,
        reference: ask.part("id"),
        field,
        condition: ask.head.if_match(),
    };
    let written = lanes
        .services
        .remove_members(ask.caller()?, list, is_it, ask.request)?;
    Answer::changed(&Wire::new(&lanes.services), &written)
}
