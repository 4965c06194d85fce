//! What is done with alerts, and a pasted list held against everything.

/// The forms of what is said and told here.
mod schemas;

use serde_json::{Value as Json, json};

use crate::domain::kind::ALERT;
use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Gives, Route, Schema};
use crate::lanes::http::wire::Wire;
use crate::lanes::rest::watch::schemas::{
    list_schema, nothing_schema, reason_schema, rows_schema, to_schema,
};
use crate::services::failure::{Failure, Outcome};
use crate::services::watch::{ScreenedHit, ScreenedRow, rows_of};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        deed("acknowledge", "acknowledged", "Look after an alert", None),
        deed(
            "dismiss",
            "dismissed",
            "Put an alert aside, with a reason",
            Some(("reason", "dismissed_because")),
        ),
        deed(
            "escalate",
            "escalated",
            "Hand an alert up",
            Some(("to", "escalated_to")),
        ),
        Route::post(
            "/v1/watchlists/screen",
            "Hold a pasted list of names, plates and numbers against everything that is held",
        )
        .group("watchlists")
        .scope("watchlists:read")
        .takes(Schema::Json(list_schema))
        .gives_other(200, Gives::Page(Schema::Json(rows_schema)))
        .answer(screen),
    ]
}

/// A deed on an alert: the state that it leads to, and the one thing that may be said with it.
fn deed(
    verb: &'static str,
    state: &'static str,
    summary: &'static str,
    said: Option<(&'static str, &'static str)>,
) -> Route {
    let schema = match said {
        Some(("reason", _)) => reason_schema,
        Some(_) => to_schema,
        None => nothing_schema,
    };
    Route::post(format!("/v1/alerts/{{id}}/{verb}"), summary)
        .group("watchlists")
        .writes(&ALERT)
        .conditional()
        .takes(Schema::Json(schema))
        .gives(200, Schema::Record(&ALERT))
        .answer(move |lanes, ask| {
            let mut given = ask.fields()?;
            let mut fields = Fields::from([("status".to_owned(), Value::text(state))]);
            if let Some((name, field)) = said {
                fields.extend(given.remove(name).map(|value| (field.to_owned(), value)));
            }
            if let Some(name) = given.keys().next() {
                return Err(Failure::wrong(format!("data.{name}"), "no such property"));
            }
            let about = (&ALERT, ask.part("id"));
            let (caller, condition) = (ask.caller()?, ask.head.if_match());
            let written = lanes
                .services
                .patch(caller, about, condition, fields, ask.request);
            let written = written.map_err(|failure| match said {
                Some((name, field)) => failure.renamed(&format!("data.{field}"), &format!("data.{name}")),
                None => failure,
            })?;
            Answer::changed(&Wire::new(&lanes.services), &written)
        })
}

fn screen(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut given = ask.fields()?;
    let reason = given.remove("reason");
    let rows = match (given.remove("text"), given.remove("rows")) {
        (Some(Value::Text(text)), None) => rows_of(&text)?,
        (None, Some(Value::List(rows))) => rows.into_iter().map(row).collect::<Outcome<_>>()?,
        _ => return Err(Failure::wrong("data", "`text`, one a line or CSV, or `rows`")),
    };
    if let Some(name) = given.keys().next() {
        return Err(Failure::wrong(format!("data.{name}"), "no such property"));
    }
    let reason = reason.as_ref().and_then(Value::as_text);
    let screened = lanes.services.screen(ask.caller()?, rows, reason)?;
    let hits: usize = screened.rows.iter().map(|row| row.hits.len()).sum();
    let rows = (1_u64..)
        .zip(&screened.rows)
        .map(|(number, row)| shown(number, row));
    Ok(Answer::list(rows.collect(), None)
        .meta("hits", hits)
        .meta("records", screened.records))
}

fn row(row: Value) -> Outcome<Fields> {
    match row {
        Value::Map(fields) => Ok(fields),
        Value::Text(line) => Ok(Fields::from([("value".to_owned(), Value::Text(line))])),
        _ => Err(Failure::wrong("data.rows", "objects or texts")),
    }
}

fn shown(number: u64, row: &ScreenedRow) -> Json {
    let hit = |hit: &ScreenedHit| {
        json!({
            "kind": hit.kind.name, "id": hit.id.to_string(), "display_id": hit.display_id, "title": hit.title,
            "score": hit.score, "reason": hit.reason,
        })
    };
    json!({
        "row": number, "type": row.sought.sort.to_string(), "value": row.sought.value, "more": row.more,
        "hits": row.hits.iter().map(hit).collect::<Vec<_>>(),
    })
}
