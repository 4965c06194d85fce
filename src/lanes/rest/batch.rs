//! Many records in one commit.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{
    self, ALERT, CASE, CATEGORY, DISPLAY_ID, ENTITY, EVIDENCE, FORM, Kind, LOCATION, NOTE, OFFICE, TEAM,
    TIMELINE_ENTRY, UNIT, WATCHLIST, WATCHLIST_ENTRY,
};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::failure::row_errors;
use crate::lanes::http::route::{Route, Schema};
use crate::lanes::http::wire::{Wire, path_of};
use crate::lanes::rest::schemas;
use crate::services::casework::batch::{Became, Row};
use crate::services::failure::{Failure, Fault, Outcome, beside};

/// Rows of one batch, at most.
pub(super) const ROWS_MAX: usize = 1_000;

/// The kinds that a batch can hold: those that need no more than their table.
pub(super) const KINDS: [&Kind; 14] = [
    &CASE,
    &ENTITY,
    &EVIDENCE,
    &TIMELINE_ENTRY,
    &NOTE,
    &WATCHLIST,
    &WATCHLIST_ENTRY,
    &ALERT,
    &TEAM,
    &UNIT,
    &OFFICE,
    &CATEGORY,
    &FORM,
    &LOCATION,
];

/// The route.
pub(super) fn routes() -> Vec<Route> {
    let route = Route::post("/v1/batch", "Make or change up to 1,000 records in one commit")
        .group("batch")
        .takes_with(Schema::Json(schemas::batch_rows), &["atomic"])
        .gives(200, Schema::Json(schemas::batch_results))
        .answer(answer);
    vec![route]
}

fn answer(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut faults = Vec::new();
    let atomic = match ask.meta.get("atomic") {
        None | Some(Json::Null) => true,
        Some(Json::Bool(atomic)) => *atomic,
        Some(_) => {
            faults.push(Fault::wrong("meta.atomic", "true or false"));
            true
        }
    };
    let caller = ask.caller_beside(&faults)?;
    let rows = match ask.list().and_then(rows) {
        Ok(rows) => rows,
        Err(failure) => return beside(faults, Err(failure)),
    };
    let kinds: Vec<Option<&Kind>> = rows.iter().map(|row| Some(row.as_ref().ok()?.kind)).collect();
    let request = ask.request.filter(|_| faults.is_empty());
    let batch = beside(faults, lanes.services.batch(&caller, rows, atomic, request))?;
    let wire = Wire::new(&lanes.services);
    let results = kinds.iter().zip(&batch.rows).map(|(kind, row)| match row {
        Became::Made(record) => done(*kind, record, "created"),
        Became::Changed(record) => done(*kind, record, "updated"),
        Became::Refused(failure) => {
            let mut json = begin(*kind, "refused");
            let errors = row_errors(&wire, failure, &ask.head.request_id);
            json.insert("errors".to_owned(), errors.into());
            Json::Object(json)
        }
    });
    Ok(Answer::data(results.collect::<Vec<_>>()).replayed(batch.replayed))
}

fn begin(kind: Option<&Kind>, result: &str) -> Map<String, Json> {
    let kind = kind.map(|kind| ("kind".to_owned(), kind.name.into()));
    let result = ("result".to_owned(), result.into());
    kind.into_iter().chain([result]).collect()
}

fn done(kind: Option<&Kind>, record: &Record, result: &str) -> Json {
    let mut json = begin(kind, result);
    json.insert("id".to_owned(), record.id.to_string().into());
    for name in [DISPLAY_ID, "external_id"] {
        json.extend(record.text(name).map(|text| (name.to_owned(), text.into())));
    }
    json.insert("version".to_owned(), record.version.into());
    let links = kind.map(|kind| json!({"self": path_of(kind, record.id)}));
    json.extend(links.map(|links| ("links".to_owned(), links)));
    Json::Object(json)
}

/// The rows, of each that is none what is wrong with it.
fn rows(list: &[Json]) -> Outcome<Vec<Outcome<Row>>> {
    if list.len() > ROWS_MAX {
        return Err(Failure::wrong("data", format!("at most {ROWS_MAX} rows")));
    }
    Ok(list.iter().map(row).collect())
}

fn row(json: &Json) -> Outcome<Row> {
    let Value::Map(mut given) = Value::from(json.clone()) else {
        return Err(Failure::wrong("", "an object"));
    };
    let mut faults = Vec::new();
    let kind = kind_of(given.remove("kind"), &mut faults);
    let external_id = match given.remove("external_id") {
        None | Some(Value::Null) => None,
        Some(Value::Text(id)) if !id.trim().is_empty() => Some(id.trim().to_owned()),
        Some(_) => {
            faults.push(Fault::wrong("external_id", "text"));
            None
        }
    };
    let data = match given.remove("data") {
        Some(Value::Map(data)) => data,
        None | Some(Value::Null) => {
            faults.push(Fault::missing("data", "an object"));
            Fields::new()
        }
        Some(_) => {
            faults.push(Fault::wrong("data", "an object"));
            Fields::new()
        }
    };
    let unknown = given
        .keys()
        .map(|name| Fault::wrong(name.as_str(), "no such property"));
    faults.extend(unknown);
    match kind.filter(|_| faults.is_empty()) {
        Some(kind) => Ok(Row {
            kind,
            external_id,
            data,
        }),
        None => Err(Failure::Invalid(faults)),
    }
}

fn kind_of(given: Option<Value>, faults: &mut Vec<Fault>) -> Option<&'static Kind> {
    let words = || format!("one of {}", KINDS.map(|kind| kind.name).join(", "));
    let Some(word) = given.filter(|given| *given != Value::Null) else {
        faults.push(Fault::missing("kind", words()));
        return None;
    };
    let kind = word.as_text().and_then(kind::kind);
    let kind = kind.filter(|kind| KINDS.iter().any(|own| own.name == kind.name));
    if kind.is_none() {
        faults.push(Fault::wrong("kind", words()));
    }
    kind
}
