//! The review history of a record: its operations in order.

use serde_json::{Map, Value as Json, json};

use crate::domain::id::VersionId;
use crate::domain::kind::{Kind, Writer};
use crate::domain::operation::{Action, Change, Operation};
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::lists::cursor;
use crate::lanes::http::route::{Gives, Route, Schema};
use crate::lanes::http::wire::path_of;
use crate::lanes::rest::{schemas, selection};
use crate::services::casework::history::Place;
use crate::services::failure::{Failure, Outcome};

/// The route of the history of records of a kind.
pub(super) fn of(kind: &'static Kind, group: &'static str) -> Route {
    let path = format!("/v1/{}/{{id}}/history", kind.plural);
    Route::get(
        path,
        format!("Who changed what of a record of the kind {}, and when", kind.name),
    )
    .group(group)
    .reads(kind)
    .query(selection::PAGE)
    .gives_other(200, Gives::Page(Schema::Json(schemas::history)))
    .answer(move |lanes, ask| answer(lanes, ask, kind))
}

fn answer(lanes: &Lanes, ask: &Ask, kind: &'static Kind) -> Outcome<Answer> {
    let mut faults = Vec::new();
    let limit = selection::limit(ask, &mut faults);
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let caller = ask.caller()?;
    let list = [caller.tenant().as_str(), ask.head.path.as_str()];
    let after = match ask.param("cursor") {
        Some(cursor) => Some(place_of(&cursor::decode(&list, cursor)?)?),
        None => None,
    };
    let page = lanes
        .services
        .history(caller, (kind, ask.part("id")), after, limit)?;
    let items = page
        .operations
        .iter()
        .map(|operation| operation_json(kind, operation));
    let next = page.next.map(|(log, seq)| {
        let place = [&log.to_be_bytes()[..], &seq.to_be_bytes()].concat();
        cursor::encode(&list, &place)
    });
    let answer = Answer::list(items.collect(), next).meta("total", page.total);
    Ok(answer.link("record", path_of(kind, page.record.id)))
}

fn place_of(bytes: &[u8]) -> Outcome<Place> {
    let foreign = || Failure::wrong("cursor", "a cursor that this list gave");
    let (log, seq) = bytes.split_first_chunk().ok_or_else(foreign)?;
    let seq = seq.try_into().map_err(|_| foreign())?;
    Ok((u32::from_be_bytes(*log), u64::from_be_bytes(seq)))
}

fn operation_json(kind: &Kind, operation: &Operation) -> Json {
    let header = &operation.header;
    let changes = operation.payload.iter().flat_map(|payload| &payload.changes);
    let changes: Vec<Json> = changes
        .enumerate()
        .filter(|(_, change)| {
            kind.field(&change.field)
                .is_none_or(|field| field.writer != Writer::Secret)
        })
        .map(|(place, change)| change_json(kind, operation, place, change))
        .collect();
    json!({
        "operation": header.id.to_string(),
        "at": header.hlc.millis().to_string(),
        "recorded_at": header.wall.to_string(),
        "who": header.actor.who,
        "client": header.actor.client,
        "erased": operation.payload.is_none(),
        "changes": changes,
    })
}

fn change_json(kind: &Kind, operation: &Operation, place: usize, change: &Change) -> Json {
    let (action, value) = match &change.action {
        Action::Set(value) => ("set", Some(Json::from(value))),
        Action::Append(value) => ("append", Some(Json::from(value))),
        Action::Add(value) => ("add", Some(Json::from(value))),
        Action::Remove => ("remove", None),
        Action::Fix(value) => ("fix", Some(Json::from(value))),
        Action::Raise(rank) => {
            let word = kind.field(&change.field).and_then(|field| field.rank_word(*rank));
            ("raise", Some(word.map_or_else(|| (*rank).into(), Json::from)))
        }
        Action::Step(value) => ("step", Some(Json::from(value))),
    };
    let mut json = Map::from_iter([
        ("field".to_owned(), change.field.clone().into()),
        ("action".to_owned(), action.into()),
    ]);
    json.extend(value.map(|value| ("value".to_owned(), value)));
    if let Ok(change) = u16::try_from(place) {
        let op = operation.header.id;
        json.insert("version".to_owned(), VersionId { op, change }.to_string().into());
    }
    if !change.seen.is_empty() {
        let seen: Vec<String> = change.seen.iter().map(VersionId::to_string).collect();
        json.insert("replaces".to_owned(), seen.into());
    }
    Json::Object(json)
}
