//! Make, read, change and list records of one kind: the routes that all kinds have alike.

use crate::domain::kind::{Kind, Shape};
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::{Answer, show};
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Gives, Route, Schema, param};
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::{history, selection};
use crate::services::failure::Outcome;

/// All routes that a kind of records has.
pub(super) fn all(kind: &'static Kind, group: &'static str) -> Vec<Route> {
    [
        readable(kind, group),
        vec![make(kind, group), change(kind, group), put(kind, group)],
    ]
    .concat()
}

/// List, single record, and its history.
pub(super) fn readable(kind: &'static Kind, group: &'static str) -> Vec<Route> {
    let Kind { name, plural, .. } = kind;
    let list = Route::get(format!("/v1/{plural}"), format!("List {plural}"))
        .group(group)
        .reads(kind)
        .query(selection::params(kind))
        .gives_other(200, Gives::Page(Schema::Records(kind)))
        .answer(move |lanes, ask| {
            let selection = selection::read(lanes, ask, kind)?;
            selection::page(lanes, ask, kind, &selection)
        });
    let read = Route::get(
        format!("/v1/{plural}/{{id}}"),
        format!("Read one record of the kind {name}"),
    )
    .group(group)
    .reads(kind)
    .recalls(kind)
    .query([param(
        "reason",
        Shape::Line(400),
        "Why, for the audit; by it an officer reads a restricted record of others, which raises an alert.",
    )])
    .gives(200, Schema::Record(kind))
    .answer(move |lanes, ask| {
        let reason = ask.param("reason");
        let shown = lanes
            .services
            .read_shown(ask.caller()?, kind, ask.part("id"), reason, show)?;
        Ok(Answer::shown(shown, &ask.head))
    });
    vec![list, history::of(kind, group), read]
}

/// The route that makes a record.
pub(super) fn make(kind: &'static Kind, group: &'static str) -> Route {
    Route::post(
        format!("/v1/{}", kind.plural),
        format!("Make a record of the kind {}", kind.name),
    )
    .group(group)
    .writes(kind)
    .takes(Schema::New(kind))
    .gives(201, Schema::Record(kind))
    .written(
        move |lanes, ask, tell| {
            let (caller, fields) = (ask.caller()?, ask.fields()?);
            lanes
                .services
                .submit_create(caller, kind, fields, ask.request, tell)
        },
        Answer::created,
    )
}

/// The route that changes a record.
pub(super) fn change(kind: &'static Kind, group: &'static str) -> Route {
    let path = format!("/v1/{}/{{id}}", kind.plural);
    Route::patch(path, format!("Change a record of the kind {}", kind.name))
        .group(group)
        .writes(kind)
        .conditional()
        .takes(Schema::Change(kind))
        .gives(200, Schema::Record(kind))
        .written(
            move |lanes, ask, tell| {
                let fields = ask.fields()?;
                lanes.services.submit_patch(
                    ask.caller()?,
                    (kind, ask.part("id")),
                    ask.head.if_match(),
                    fields,
                    ask.request,
                    tell,
                )
            },
            Answer::changed,
        )
}

/// The route that makes or changes a record by the client's own id.
pub(super) fn put(kind: &'static Kind, group: &'static str) -> Route {
    let path = format!("/v1/{}/by-external-id/{{external_id}}", kind.plural);
    let summary = format!(
        "Make or change the record of the kind {} with this external id",
        kind.name
    );
    Route::put(path, summary)
        .group(group)
        .writes(kind)
        .conditional()
        .takes(Schema::New(kind))
        .gives(200, Schema::Record(kind))
        .answer(move |lanes, ask| put_external(lanes, ask, kind))
}

fn put_external(lanes: &Lanes, ask: &Ask, kind: &'static Kind) -> Outcome<Answer> {
    let (written, made) = lanes.services.put_external(
        ask.caller()?,
        (kind, ask.part("external_id")),
        ask.head.if_match(),
        ask.fields()?,
        ask.request,
    )?;
    Ok(Answer::changed(&Wire::new(&lanes.services), &written)?.made(made))
}
