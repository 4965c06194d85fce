//! Messages and pictures of a report: several at once, in the order given, all or none.

use crate::domain::kind::{CHAT_MESSAGE, REPORT};
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::desk::Desk;
use crate::services::failure::{Failure, Fault, Outcome};
use crate::services::files::Arrived;
use crate::services::{RequestKey, Services, Written};

/// Messages of one request, at most.
const MESSAGES_MAX: usize = 100;

impl Services {
    /// Adds messages to a report.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid` with every fault.
    pub fn send_messages(
        &self,
        caller: &Caller,
        reference: &str,
        messages: Vec<Value>,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "report.message", request, move |desk| {
            let report = desk.report(&reference)?;
            send(desk, &report, messages, "data")
        })
    }

    /// Adds pictures to a report, and messages with them.
    ///
    /// # Errors
    /// `Denied`, `Unknown`, `Invalid` with every fault of files and messages, `Full`. Then nothing of it is kept.
    pub fn add_pictures(
        &self,
        caller: &Caller,
        reference: &str,
        pictures: Arrived,
        messages: Vec<Value>,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        self.attach_files(
            caller,
            (&REPORT, reference),
            pictures,
            request,
            move |desk, report| {
                if messages.is_empty() {
                    return Ok(());
                }
                send(desk, report, messages, "data.chat.messages")
            },
        )
    }
}

fn send(desk: &mut Desk<'_, '_, '_>, report: &Record, messages: Vec<Value>, path: &str) -> Outcome<()> {
    if messages.is_empty() {
        let fault = Fault::missing(path, "an array with at least one message");
        return Err(Failure::Invalid(vec![fault]));
    }
    if messages.len() > MESSAGES_MAX {
        return Err(Failure::wrong(path, format!("at most {MESSAGES_MAX} messages")));
    }
    let (mut checked, mut faults) = (Vec::new(), Vec::new());
    for (place, message) in messages.into_iter().enumerate() {
        match check(desk, report, message) {
            Ok(given) => checked.push(given),
            Err(Failure::Invalid(more)) => {
                faults.extend(more.into_iter().map(|fault| moved(fault, path, place)))
            }
            Err(failure) => return Err(failure),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let who = desk.caller().actor().who;
    for (place, given) in checked.into_iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let added = vec![
            Change::new("place", Action::Fix(Value::Int(place))),
            Change::new("sent_by", Action::Fix(Value::text(who.clone()))),
        ];
        desk.create_checked(&CHAT_MESSAGE, given, added)?;
    }
    Ok(())
}

type Given = Vec<(&'static crate::domain::kind::Field, Value)>;

fn check(desk: &Desk<'_, '_, '_>, report: &Record, message: Value) -> Outcome<Given> {
    let Value::Map(mut fields) = message else {
        return Err(Failure::wrong("data", "an object"));
    };
    // The path says which report; a body that says it too is a mistake.
    let given = fields
        .contains_key("report_id")
        .then(|| Fault::wrong("data.report_id", "no such property"));
    fields.insert("report_id".to_owned(), Value::Id(report.id));
    match (desk.check(&CHAT_MESSAGE, fields, None), given) {
        (checked, None) => checked,
        (Ok(_), Some(fault)) => Err(Failure::Invalid(vec![fault])),
        (Err(Failure::Invalid(mut faults)), Some(fault)) => {
            faults.push(fault);
            Err(Failure::Invalid(faults))
        }
        (Err(failure), Some(_)) => Err(failure),
    }
}

/// `data.text` → `data[2].text`
fn moved(mut fault: Fault, path: &str, place: usize) -> Fault {
    let rest = fault.path.strip_prefix("data").unwrap_or_default();
    fault.path = format!("{path}[{place}]{rest}");
    fault
}

/// A message as it is shown: `label: text`.
pub fn shown(message: &Record) -> String {
    let text = message.text("text").unwrap_or_default();
    match message.text("label") {
        Some(label) => format!("{label}: {text}"),
        None => text.to_owned(),
    }
}

/// The messages of `{"chat": {"messages": […]}}`, as it comes with pictures, and what is wrong beside them.
pub fn messages_of_chat(mut data: Fields) -> (Vec<Value>, Vec<Fault>) {
    let chat = data.remove("chat").unwrap_or(Value::Null);
    let mut faults: Vec<Fault> = unknown("data", &data);
    let messages = match chat {
        Value::Null => Vec::new(),
        Value::Map(mut chat) => {
            let messages = chat.remove("messages").unwrap_or(Value::Null);
            faults.extend(unknown("data.chat", &chat));
            match messages {
                Value::List(messages) if !messages.is_empty() => messages,
                Value::Null | Value::List(_) => {
                    faults.push(Fault::missing(
                        "data.chat.messages",
                        "an array with at least one message",
                    ));
                    Vec::new()
                }
                _ => {
                    faults.push(Fault::wrong("data.chat.messages", "an array"));
                    Vec::new()
                }
            }
        }
        _ => {
            faults.push(Fault::wrong("data.chat", "an object"));
            Vec::new()
        }
    };
    (messages, faults)
}

fn unknown(path: &str, fields: &Fields) -> Vec<Fault> {
    let unknown = fields
        .keys()
        .map(|name| Fault::wrong(format!("{path}.{name}"), "no such property"));
    unknown.collect()
}
