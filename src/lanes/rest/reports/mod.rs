//! Reports: file, talk, show, change, make a case of. Clients of the reports API know the same routes without `/v1`.

/// The page for who filed a report.
mod public_page;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{CASE, CHAT_MESSAGE, REPORT};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::{Head, fields_of};
use crate::lanes::http::files::multipart::receive_for;
use crate::lanes::http::route::{Gives, Route, Schema, Visit};
use crate::lanes::http::wire::Wire;
use crate::lanes::http::{Lanes, blocking};
use crate::lanes::rest::{evidence, history, selection};
use crate::services::Services;
use crate::services::failure::{Failure, Outcome};
use crate::services::files::Purpose;
use crate::services::reports::{Told, chat};
use crate::store::hash::sha256;

/// The routes, each under both paths.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        file(),
        put(),
        list(),
        read(),
        change(),
        messages(),
        images(),
        open_case(),
        revoke(),
    ];
    routes.push(history::of(&REPORT, "reports"));
    routes.extend(evidence::files(&REPORT, "images", "reports"));
    let bare: Vec<Route> = routes
        .iter()
        .map(|route| route.also_at(route.path.trim_start_matches("/v1")))
        .collect();
    routes.extend(bare);
    routes.extend(public_page::routes());
    routes
}

fn file() -> Route {
    Route::post("/v1/reports", "File a report")
        .group("reports")
        .writes(&REPORT)
        .takes(Schema::New(&REPORT))
        .gives(201, Schema::Json(filed_schema))
        .answer(|lanes, ask| {
            let body = sha256(&[ask.data.to_string().as_bytes()]);
            let services = &lanes.services;
            let written = services.file_report(ask.caller()?, ask.fields()?, ask.request, body)?;
            let answer = filed(services, &ask.head, written.first()?);
            Ok(answer.status(StatusCode::CREATED).replayed(written.replayed))
        })
}

fn put() -> Route {
    Route::put(
        "/v1/reports/by-external-id/{external_id}",
        "File or change the report with this external id",
    )
    .group("reports")
    .writes(&REPORT)
    .conditional()
    .takes(Schema::New(&REPORT))
    .gives(200, Schema::Json(filed_schema))
    .answer(|lanes, ask| {
        let (services, id) = (&lanes.services, ask.part("external_id"));
        let condition = ask.head.if_match();
        let (written, made) =
            services.put_report(ask.caller()?, id, condition, ask.fields()?, ask.request)?;
        let answer = filed(services, &ask.head, written.first()?);
        Ok(answer.made(made).replayed(written.replayed))
    })
}

/// The number of a report and the link for who filed it.
fn filed(services: &Services, head: &Head, report: &Record) -> Answer {
    let answer = Answer::data(json!({"report_id": number(report)}));
    let answer = answer.link("self", format!("/v1/reports/{}", number(report)));
    match services.public_path(report) {
        Some(path) => answer.link("public", format!("{}{path}", origin(head))),
        None => answer,
    }
}

/// Where the client found us; empty if it did not say, or not in the form of a host.
fn origin(head: &Head) -> String {
    let is_host = |host: &&str| {
        !host.is_empty()
            && host.len() <= 255
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
    };
    let host = head.header("host").filter(is_host);
    host.map_or_else(String::new, |host| format!("https://{host}"))
}

fn number(report: &Record) -> i64 {
    let number = report.text("display_id").and_then(|number| number.parse().ok());
    number.unwrap_or_default()
}

fn list() -> Route {
    Route::get(
        "/v1/reports",
        "List reports; training ones only if they are asked for",
    )
    .group("reports")
    .reads(&REPORT)
    .query(selection::params(&REPORT))
    .gives_other(200, Gives::Page(Schema::Records(&REPORT)))
    .answer(|lanes, ask| {
        let selection = selection::read(lanes, ask, &REPORT)?;
        let mut answer = selection::page(lanes, ask, &REPORT, &selection)?;
        for item in answer.data.as_array_mut().into_iter().flatten() {
            let number = item
                .get("display_id")
                .and_then(|number| number.as_str()?.parse::<i64>().ok());
            if let (Json::Object(item), Some(number)) = (item, number) {
                item.insert("report_id".to_owned(), number.into());
            }
        }
        Ok(answer)
    })
}

fn read() -> Route {
    Route::get("/v1/reports/{id}", "Read a report with its chat and its images")
        .group("reports")
        .reads(&REPORT)
        .gives(200, Schema::Record(&REPORT))
        .answer(|lanes, ask| {
            let told = lanes.services.read_report(ask.caller()?, ask.part("id"))?;
            told_answer(&lanes.services, &told)
        })
}

fn told_answer(services: &Services, told: &Told) -> Outcome<Answer> {
    let mut answer = Answer::record(&Wire::new(services), &told.report)?;
    let messages: Vec<Json> = told.messages.iter().map(message_json).collect();
    if let Json::Object(data) = &mut answer.data {
        data.insert("report_id".to_owned(), number(&told.report).into());
        data.insert("chat".to_owned(), json!({"messages": messages}));
        link_images(data, number(&told.report));
    }
    Ok(answer)
}

fn link_images(data: &mut Map<String, Json>, number: i64) {
    for image in data
        .get_mut("images")
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
    {
        let own = image["sha256"]
            .as_str()
            .map(|hash| format!("/v1/reports/{number}/images/{hash}"));
        let Some(own) = own else { continue };
        let mut links = Map::from_iter([("self".to_owned(), own.clone().into())]);
        if image.get("thumbnail").is_some() {
            links.insert("thumbnail".to_owned(), format!("{own}/thumbnail").into());
        }
        image["links"] = links.into();
    }
}

fn message_json(message: &Record) -> Json {
    let mut json = json!({
        "id": message.id.to_string(),
        "type": message.text("type"),
        "text": message.text("text"),
        "shown": chat::shown(message),
        "created_at": message.created.hlc.millis().to_string(),
    });
    if let Some(label) = message.text("label") {
        json["label"] = label.into();
    }
    json
}

fn change() -> Route {
    Route::patch(
        "/v1/reports/{id}",
        "Change a report's status, category, description or case",
    )
    .group("reports")
    .writes(&REPORT)
    .conditional()
    .takes(Schema::Change(&REPORT))
    .gives(200, Schema::Record(&REPORT))
    .answer(|lanes, ask| {
        let (services, caller) = (&lanes.services, ask.caller()?);
        let condition = ask.head.if_match();
        let written =
            services.change_report(caller, ask.part("id"), condition, ask.fields()?, ask.request)?;
        let report = written.first()?.clone();
        let messages = Vec::new();
        let mut answer = told_answer(services, &Told { report, messages })?;
        if let Json::Object(data) = &mut answer.data {
            data.remove("chat");
        }
        Ok(answer.replayed(written.replayed))
    })
}

fn messages() -> Route {
    Route::post(
        "/v1/reports/{id}/chat/messages",
        "Add messages to a report, in the order given",
    )
    .group("reports")
    .writes(&REPORT)
    .takes(Schema::Json(messages_schema))
    .gives(200, Schema::Json(nothing_schema))
    .answer(|lanes, ask| {
        let messages = ask.list()?.iter().cloned().map(Value::from).collect();
        let services = &lanes.services;
        let written = services.send_messages(ask.caller()?, ask.part("id"), messages, ask.request)?;
        Ok(Answer::data(json!({})).replayed(written.replayed))
    })
}

fn images() -> Route {
    Route::post(
        "/v1/reports/{id}/images",
        "Add pictures to a report, with messages if there are any",
    )
    .group("reports")
    .writes(&REPORT)
    .takes_files(Schema::Json(chat_schema))
    .gives(200, Schema::Json(filed_schema))
    .visit(add_images)
}

async fn add_images(lanes: Lanes, visit: Visit) -> Outcome<Response<Body>> {
    let (caller, head, mut parts) = receive_for(&lanes, &REPORT, visit, Purpose::Picture).await?;
    blocking(move || {
        let request = parts.gather(head.request_key(&caller, &parts.body))?;
        let chat = match &parts.data {
            Json::Null => Ok(Fields::new()),
            data => fields_of("data", data),
        };
        let (messages, faults) = chat::messages_of_chat(parts.gather(chat)?);
        parts.faults.extend(faults);
        let written =
            lanes
                .services
                .add_pictures(&caller, head.part("id"), parts.take(), messages, request)?;
        let answer = filed(&lanes.services, &head, written.first()?);
        Ok(answer.replayed(written.replayed).render())
    })
    .await
}

fn open_case() -> Route {
    Route::post("/v1/reports/{id}/case", "Open a case from a report")
        .group("reports")
        .writes(&CASE)
        .takes(Schema::Json(|| json!({"type": "object"})))
        .gives(201, Schema::Record(&CASE))
        .answer(|lanes, ask| {
            let services = &lanes.services;
            let written = services.open_case(ask.caller()?, ask.part("id"), ask.fields()?, ask.request)?;
            let case = written.records.iter().find(|record| record.kind == CASE.name);
            let case = case.ok_or_else(|| Failure::Internal("no case was opened".into()))?;
            let answer = Answer::record(&Wire::new(services), case)?;
            let report = written.records.iter().find(|record| record.kind == REPORT.name);
            let answer = match report {
                Some(report) => answer.link("report", format!("/v1/reports/{}", number(report))),
                None => answer,
            };
            Ok(answer.status(StatusCode::CREATED).replayed(written.replayed))
        })
}

fn revoke() -> Route {
    Route::delete("/v1/reports/{id}/public-link", "Take a report's public page back")
        .group("reports")
        .writes(&REPORT)
        .conditional()
        .gives(200, Schema::Json(nothing_schema))
        .answer(|lanes, ask| {
            let (caller, condition) = (ask.caller()?, ask.head.if_match());
            lanes
                .services
                .revoke_public_link(caller, ask.part("id"), condition)?;
            Ok(Answer::data(json!({})))
        })
}

fn filed_schema() -> Json {
    json!({"type": "object", "required": ["report_id"], "properties": {"report_id": {"type": "integer"}}})
}

fn nothing_schema() -> Json {
    json!({"type": "object", "additionalProperties": false})
}

fn message_schema() -> Json {
    let text = CHAT_MESSAGE.field("text").map(|field| field.doc);
    json!({"type": "object", "required": ["text"], "additionalProperties": false, "properties": {
        "text": {"type": "string", "description": text}, "type": {"const": "text"}, "label": {"type": "string"},
    }})
}

fn messages_schema() -> Json {
    json!({"type": "array", "minItems": 1, "items": message_schema()})
}

fn chat_schema() -> Json {
    let example = json!({"chat": {"messages": [{"text": "The left door."}]}});
    json!({"type": "object", "example": example, "properties": {"chat": {"type": "object", "properties": {"messages": messages_schema()}}}})
}
