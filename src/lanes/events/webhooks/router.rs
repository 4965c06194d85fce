//! The table of contents of webhooks: what they have beside the routes of every kind of record.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::{Shape, WEBHOOK};
use crate::domain::value::{Fields, Value};
use crate::lanes::events::webhooks::courier;
use crate::lanes::events::webhooks::letter::{Letter, TEST};
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::Ask;
use crate::lanes::http::route::{Draft, Route, Schema, Visit, param};
use crate::lanes::http::wire::Wire;
use crate::lanes::http::{Lanes, blocking, schema};
use crate::services::audit::Event;
use crate::services::events::webhooks::{Attempt, Webhook};
use crate::services::failure::{Clash, Failure, Outcome};
use crate::services::{RequestKey, Written};
use crate::store::hash::sha256;
use crate::store::identity::{Stream, random};

const GROUP: &str = "webhooks";
/// Attempts an answer if nobody says, and at most.
const ATTEMPTS: usize = 50;
const ATTEMPTS_MAX: usize = 500;
/// How long an old secret is still signed with when nobody says, and at most: a day, thirty days, in minutes.
const OVERLAP_MINUTES: i64 = 24 * 60;
const OVERLAP_MINUTES_MAX: i64 = 30 * 24 * 60;
/// In place of a secret, where an answer is a replay.
const SHOWN_BEFORE: &str = "the secret was shown in the first answer; if it was lost, rotate";

/// Every route of webhooks that is not that of any record.
pub(in crate::lanes::events) fn routes() -> Vec<Route> {
    let at = |what: &str| format!("/v1/webhooks/{{id}}/{what}");
    let record = |draft: Draft| draft.gives(200, Schema::Record(&WEBHOOK));
    vec![
        ours(Route::post(
            "/v1/webhooks",
            "Make a webhook; its `secret` is shown this once",
        ))
        .takes(Schema::New(&WEBHOOK))
        .gives(201, Schema::Json(made_schema))
        .answer(make),
        record(ours(Route::patch(
            "/v1/webhooks/{id}",
            "Change a record of the kind webhook",
        )))
        .conditional()
        .takes(Schema::Change(&WEBHOOK))
        .answer(change),
        ours(Route::post(
            at("rotate"),
            "Give it another secret, shown this once; both are signed with for a while",
        ))
        .takes(Schema::Json(rotate_schema))
        .gives(201, Schema::Json(made_schema))
        .answer(rotate),
        record(ours(Route::post(
            at("pause"),
            "Hold it back; what happens meanwhile is told later",
        )))
        .answer(|lanes, ask| paused(lanes, ask, true)),
        record(ours(Route::post(
            at("resume"),
            "Let it go on from where it is, told by this node",
        )))
        .answer(|lanes, ask| paused(lanes, ask, false)),
        record(ours(Route::post(
            at("replay"),
            "Tell everything again after a `sequence`",
        )))
        .takes(Schema::Json(replay_schema))
        .answer(replay),
        ours(Route::post(
            at("test"),
            format!("Post an event of the type `{TEST}` now, paused or not"),
        ))
        .gives(200, Schema::Json(attempt_schema))
        .visit(try_out),
        ours(Route::get(
            at("deliveries"),
            "The last attempts since the node was started, and how far it has come",
        ))
        .query([param(
            "limit",
            Shape::Int(1, ATTEMPTS_MAX as i64),
            "How many at most; 50 if not said.",
        )])
        .gives(200, Schema::Json(log_schema))
        .answer(log),
    ]
}

fn ours(draft: Draft) -> Draft {
    draft.group(GROUP).writes(&WEBHOOK)
}

fn make(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let (count_max, fault) = (lanes.options.telling.count_max, fault_of_address(lanes));
    let made =
        lanes
            .services
            .create_webhook(ask.caller()?, ask.fields()?, (count_max, fault), ask.request)?;
    shown_once(lanes, made)
}

fn change(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let about = (ask.part("id"), ask.head.if_match());
    let (fields, fault) = (ask.fields()?, fault_of_address(lanes));
    let written = lanes
        .services
        .change_webhook(ask.caller()?, about, fields, fault, ask.request)?;
    Answer::changed(&Wire::new(&lanes.services), &written)
}

/// What judges addresses here.
fn fault_of_address(lanes: &Lanes) -> impl Fn(&str) -> Option<String> {
    |url| lanes.outside.as_ref()?.fault(url)
}

fn rotate(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let said = number(ask.fields()?, "overlap_minutes", 0..=OVERLAP_MINUTES_MAX)?;
    let overlap = said.unwrap_or(OVERLAP_MINUTES) * 60_000;
    let made = lanes
        .services
        .rotate_webhook(ask.caller()?, ask.part("id"), overlap, ask.request)?;
    lanes.deliveries.nudge();
    shown_once(lanes, made)
}

fn shown_once(lanes: &Lanes, (written, secret): (Written, String)) -> Outcome<Answer> {
    let mut answer =
        Answer::record(&Wire::new(&lanes.services), written.first()?)?.status(StatusCode::CREATED);
    if written.replayed {
        answer = answer.meta("note", SHOWN_BEFORE);
    } else {
        answer.data["secret"] = secret.into();
    }
    Ok(answer.replayed(written.replayed))
}

fn paused(lanes: &Lanes, ask: &Ask, paused: bool) -> Outcome<Answer> {
    let written = lanes
        .services
        .pause_webhook(ask.caller()?, ask.part("id"), paused, ask.request)?;
    lanes.deliveries.forgive(written.first()?.id);
    Answer::changed(&Wire::new(&lanes.services), &written)
}

fn replay(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let after = number(ask.fields()?, "after", 0..=i64::MAX)?;
    let after = after.ok_or_else(|| Failure::wrong("data.after", "a `sequence`"))?;
    let written = lanes
        .services
        .replay_webhook(ask.caller()?, ask.part("id"), after, ask.request)?;
    if !written.replayed {
        let hook = written.first()?.id;
        lanes
            .deliveries
            .go_on_after(hook, u64::try_from(after).unwrap_or(0));
    }
    Answer::changed(&Wire::new(&lanes.services), &written)
}

fn number(mut fields: Fields, name: &str, range: std::ops::RangeInclusive<i64>) -> Outcome<Option<i64>> {
    let said = match fields.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::Int(number)) if range.contains(&number) => Some(number),
        Some(_) => {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            return Err(Failure::wrong(format!("data.{name}"), expected));
        }
    };
    match fields.keys().next() {
        Some(name) => Err(Failure::wrong(format!("data.{name}"), "no such property")),
        None => Ok(said),
    }
}

async fn try_out(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let (caller, head, _) = visit.into_parts()?;
    let (services, who, reference) = (lanes.services.clone(), caller.clone(), head.part("id").to_owned());
    let request = head.request_key(&caller, b"")?;
    let id = test_id(request.as_ref())?;
    let (wanted, deliveries) = (id.clone(), lanes.deliveries.clone());
    let known = blocking(move || {
        let hook = services.webhook_of(&who, &reference)?;
        let mut attempts = deliveries.log(hook.id, usize::MAX).into_iter();
        let before = attempts.find(|attempt| attempt.event_id == wanted);
        if before.is_none() {
            services.note(&who, Event::done("webhook.test", Some(hook.id)))?;
        }
        Ok((hook, before))
    });
    let (hook, before): (Webhook, Option<Attempt>) = known.await?;
    if let Some(before) = before {
        return Ok(Answer::data(attempt_json(&before)).replayed(true).render());
    }
    let Some(outside) = &lanes.outside else {
        let text = "nothing leaves the house from here".to_owned();
        return Err(Failure::Conflict(Clash::State, text, Fields::new()));
    };
    let node = lanes.services.store().log(Stream::Records).to_string();
    let letter = Letter::test(
        &hook,
        (&id, &node, caller.tenant().as_str()),
        lanes.services.now(),
    );
    let (told, _) = courier::post(&lanes, &mut *outside.line(), &hook, &letter, 1).await;
    let answer = Answer::data(attempt_json(&told)).render();
    lanes.deliveries.note(hook.id, told);
    Ok(answer)
}

/// The id of a test: of one that may be repeated always the same, so that its attempt and its receiver know it again.
fn test_id(request: Option<&RequestKey>) -> Outcome<String> {
    let mut bytes = [0; 16];
    match request {
        Some(request) => bytes.copy_from_slice(&sha256(&[&request.key.0, &request.body.0]).0[..16]),
        None => random(&mut bytes)?,
    }
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

fn log(lanes: &Lanes, ask: &Ask) -> Outcome<Answer> {
    let hook = lanes.services.demanded_webhook(ask.caller()?, ask.part("id"))?;
    let limit = ask
        .param("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(ATTEMPTS);
    if !(1..=ATTEMPTS_MAX).contains(&limit) {
        return Err(Failure::wrong(
            "limit",
            format!("a whole number from 1 to {ATTEMPTS_MAX}"),
        ));
    }
    let attempts = lanes.deliveries.log(hook.id, limit);
    let mut answer = Answer::data(attempts.iter().map(attempt_json).collect::<Vec<_>>());
    answer.meta = standing_json(lanes, hook.id)?;
    Ok(answer)
}

fn attempt_json(attempt: &Attempt) -> Json {
    json!({
        "at": attempt.at.to_string(),
        "delivered": attempt.is_delivered(),
        "status": attempt.status,
        "error": attempt.error,
        "sequence": attempt.sequence,
        "event_id": attempt.event_id,
        "event_type": attempt.event_type,
        "attempt": attempt.attempt,
        "millis": attempt.millis,
    })
}

/// How far it has come; nulls before anything was told.
fn standing_json(lanes: &Lanes, hook: RecordId) -> Outcome<Map<String, Json>> {
    let (last, standing) = (lanes.feed.last()?, lanes.deliveries.standing(hook));
    let place = standing.map(|standing| standing.place);
    let standing = standing.unwrap_or_default();
    let members = [
        ("sequence", place.into()),
        ("behind", place.map(|place| last.saturating_sub(place)).into()),
        ("failures", standing.failures.into()),
        (
            "failing_since",
            standing.failing_since.map(|at| at.to_string()).into(),
        ),
        (
            "next_attempt_at",
            standing.next_at.map(|at| at.to_string()).into(),
        ),
    ];
    Ok(members
        .map(|(name, value): (&str, Json)| (name.to_owned(), value))
        .into_iter()
        .collect())
}

/// The record, and where it was just made, the secret.
fn made_schema() -> Json {
    let mut hook = schema::of_record(&WEBHOOK);
    hook["properties"]["secret"] = json!({"type": "string", "description": "`whsec_` and base64: what signatures are checked by. Shown this once: an answer that is a replay has it no more."});
    hook
}

fn object(required: &[&str], properties: &Json) -> Json {
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

fn rotate_schema() -> Json {
    let about = "How long the old secret is signed with too; a day if not said.";
    object(
        &[],
        &json!({"overlap_minutes": {
            "type": "integer", "minimum": 0, "maximum": OVERLAP_MINUTES_MAX, "description": about,
            "example": OVERLAP_MINUTES,
        }}),
    )
}

fn replay_schema() -> Json {
    let about = "The last `sequence` that the receiver has; 0 tells everything.";
    object(
        &["after"],
        &json!({"after": {"type": "integer", "minimum": 0, "description": about, "example": 0}}),
    )
}

fn attempt_schema() -> Json {
    json!({"type": "object", "properties": {
        "at": {"type": "string", "format": "date-time", "description": "When it began."},
        "delivered": {"type": "boolean", "description": "Whether the receiver took it: a status from 200 to 299."},
        "status": {"type": ["integer", "null"], "description": "What was answered."},
        "error": {"type": ["string", "null"], "description": "Why nothing was."},
        "sequence": {"type": "integer", "description": "The place of the event; 0 for a test."},
        "event_id": {"type": "string", "format": "uuid", "description": "The event."},
        "event_type": {"type": "string", "description": "Its type."},
        "attempt": {"type": "integer", "minimum": 1, "description": "Which attempt in a row it was."},
        "millis": {"type": "integer", "description": "How long it took."},
    }})
}

fn log_schema() -> Json {
    json!({"type": "array", "items": attempt_schema()})
}
