//! People and access: sign-in and its lock, sessions, keys, sight of restricted cases, the audit log.

mod audit;
mod glass;
mod keys;
mod lane;
mod sessions;
mod users;

use blotter::domain::kind::{CASE, CREDENTIAL};
use blotter::domain::record::Record;
use blotter::domain::value::{Fields, Value};
use blotter::services::audit::reader::{AuditEntry, AuditFilter};
use blotter::services::caller::{Caller, Via};
use blotter::services::people::passwords::Password;

use crate::support::desk::TestDesk;

/// A password that is long enough.
const PASSWORD: &str = "correct horse battery";

fn fields(json: serde_json::Value) -> Fields {
    match Value::from(json) {
        Value::Map(fields) => fields,
        _ => panic!("an object"),
    }
}

fn typed(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn via() -> Via {
    Via {
        lane: "rest",
        address: Some("10.1.2.3".parse().unwrap()),
        request_id: "test".into(),
        asked: String::new(),
    }
}

/// A user of the usual tenant with the usual password: the record and the caller.
fn person(desk: &TestDesk, name: &str, role: &str) -> (Record, Caller) {
    let input = fields(serde_json::json!({
        "email": format!("{name}@metro.example"), "name": name, "role": role, "password": PASSWORD,
    }));
    let made = desk.services().create_user(&desk.owner(), input, None).unwrap();
    let user = made.first().unwrap().clone();
    let caller = desk.services().admit_user(&user, via()).unwrap();
    (user, caller)
}

/// A key with these scopes, as a caller.
fn program(desk: &TestDesk, scopes: &[&str]) -> Caller {
    let input = serde_json::json!({"name": "program", "lanes": ["query"], "scopes": scopes});
    let made = desk.services().create_key(&desk.owner(), fields(input)).unwrap();
    desk.services().admit_key(&made.key, via()).unwrap()
}

fn case(desk: &TestDesk, json: serde_json::Value) -> Record {
    let written = desk.services().create(&desk.owner(), &CASE, fields(json), None);
    written.unwrap().first().unwrap().clone()
}

/// The entries of an event, newest first.
fn entries(desk: &TestDesk, event: &str) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        event: Some(event.to_owned()),
        ..AuditFilter::default()
    };
    let page = desk.services().audit(&desk.owner(), &filter, None, 500).unwrap();
    page.entries
}

fn outcome(entry: &AuditEntry) -> &str {
    entry.fields.get("outcome").and_then(Value::as_text).unwrap()
}

fn key_of(desk: &TestDesk, caller: &Caller) -> Record {
    let id = caller.record().unwrap().to_string();
    desk.services().read(&desk.owner(), &CREDENTIAL, &id).unwrap()
}
