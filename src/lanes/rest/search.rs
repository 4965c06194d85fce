//! `GET /v1/search`: one box over cases, entities, evidence, timeline and reports.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::Shape;
use crate::lanes::http::Lanes;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Gives, Param, Route, Schema, param};
use crate::lanes::rest::selection::LIMIT_MAX;
use crate::search::page::{Facet, Hit};
use crate::services::failure::{Fault, Outcome, beside};
use crate::services::search;

const PARAMS: [Param; 9] = [
    param(
        "q",
        Shape::Line(2_000),
        "Words, \"phrases\", -exclusions, names, plates, phones, ids; filters `kind: status: priority: tag: office: case: number: \
        case_number: classification: created: updated:`, as in `kind:person status:open updated:>2026-01-01`.",
    ),
    param(
        "kind",
        Shape::Line(200),
        "Only these kinds, with commas between them.",
    ),
    param("case_id", Shape::Line(100), "Only what belongs to this case."),
    param("limit", Shape::Int(1, LIMIT_MAX as i64), "Hits a page."),
    param("cursor", Shape::Line(1_000), "Where the page before ended."),
    param(
        "facets",
        Shape::Bool,
        "Count all that match by kind, status, tag, office and year.",
    ),
    param("reason", Shape::Line(500), "Why, for the audit."),
    param(
        "mode",
        Shape::Choice(&["live", "training"]),
        "`training` finds reports of trainings, and nothing else.",
    ),
    param(
        "consistency",
        Shape::Choice(&["wait"]),
        "`wait` sees everything that was written before.",
    ),
];

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/search", "Find records")
            .group("search")
            .query(PARAMS)
            .gives_other(200, Gives::Page(Schema::Json(hit_schema)))
            .answer(find),
    ]
}

fn find(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let mut faults = Vec::new();
    let mut says = |name: &str, wanted: &str, other: Option<&str>| {
        let given = ask.param(name);
        if given.is_some_and(|given| given != wanted && Some(given) != other) {
            let other = other.map_or(String::new(), |other| format!(" or {other}"));
            faults.push(Fault::wrong(name, format!("{wanted}{other}")));
        }
        given == Some(wanted)
    };
    let with_facets = says("facets", "true", Some("false"));
    let waits = says("consistency", "wait", None);
    let training = says("mode", "training", Some("live"));
    let mut wanted = search::Ask {
        text: ask.param("q").unwrap_or_default().to_owned(),
        case_id: ask.param("case_id").map(str::to_owned),
        cursor: ask.param("cursor").map(str::to_owned),
        with_facets,
        reason: ask.param("reason").map(str::to_owned),
        waits,
        training,
        ..search::Ask::default()
    };
    let kinds = ask.param("kind").unwrap_or_default().split(',');
    wanted.kinds = kinds
        .map(str::trim)
        .filter(|kind| !kind.is_empty())
        .map(str::to_owned)
        .collect();
    match ask.param("limit").map(str::parse) {
        None => {}
        Some(Ok(limit)) => wanted.limit = limit,
        Some(Err(_)) => faults.push(Fault::wrong("limit", "a whole number")),
    }
    let found = lanes.finder.search(&ask.caller_beside(&faults)?, &wanted);
    let search::Answer { page, lag } = beside(faults, found)?;
    let lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
    let mut answer = Answer::list(page.hits.iter().map(hit).collect(), page.cursor)
        .meta("total", page.total)
        .meta("index_lag", json!({"milliseconds": lag_ms}));
    if page.is_relaxed {
        answer = answer.meta("relaxed", true);
    }
    if page.is_cut {
        answer = answer.meta("cut", true);
    }
    if !page.suggestions.is_empty() {
        answer = answer.meta("suggestions", page.suggestions);
    }
    if wanted.with_facets {
        answer = answer.meta("facets", facets(&page.facets));
    }
    Ok(answer)
}

fn hit(hit: &Hit) -> Json {
    let matched_by: Vec<&str> = hit.matched_by.iter().map(|reason| reason.as_str()).collect();
    json!({
        "kind": hit.kind, "id": hit.id.to_string(), "display_id": hit.display_id, "title": hit.title,
        "snippet": hit.snippet, "score": hit.score, "matched_by": matched_by, "case_ids": hit.case_ids,
    })
}

fn facets(facets: &[Facet]) -> Json {
    let counts = |facet: &Facet| -> Vec<Json> {
        let count = |(value, count): &(String, u64)| json!({"value": value, "count": count});
        facet.counts.iter().map(count).collect()
    };
    let members: Map<String, Json> = facets
        .iter()
        .map(|facet| (facet.name.to_owned(), Json::from(counts(facet))))
        .collect();
    members.into()
}

fn hit_schema() -> Json {
    let text = |about: &str| json!({"type": "string", "description": about});
    let texts = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    let hit = json!({
        "type": "object",
        "required": ["kind", "id", "display_id", "title", "snippet", "score", "matched_by", "case_ids"],
        "properties": {
            "kind": text("What it is."),
            "id": text("The record."),
            "display_id": text("Its number for people; empty if it has none."),
            "title": text("One line, as it is; not HTML."),
            "snippet": text("The best part of the text as HTML, with what matched in `<mark>`."),
            "score": {"type": "integer", "description": "More is better; comparable within one search."},
            "matched_by": texts("Why it was found, the best reason first."),
            "case_ids": texts("Its cases, by internal id and by number."),
        },
    });
    json!({"type": "array", "items": hit})
}
