//! The other half of a socket: what a client has done, by the rules by which it would be done over REST.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{ALERT, CASE, Kind, REPORT};
use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::http::wire::Wire;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome};

/// One command.
struct Command {
    name: &'static str,
    /// The record that it is about, and the argument that names it.
    about: (&'static Kind, &'static str),
    /// What it sets by itself.
    sets: Option<(&'static str, &'static str)>,
    /// Arguments, and the fields that they set.
    takes: &'static [(&'static str, &'static str)],
}

const COMMANDS: [Command; 5] = [
    Command {
        name: "alert.acknowledge",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "acknowledged")),
        takes: &[],
    },
    Command {
        name: "alert.dismiss",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "dismissed")),
        takes: &[("reason", "dismissed_because")],
    },
    Command {
        name: "alert.escalate",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "escalated")),
        takes: &[],
    },
    Command {
        name: "case.setStatus",
        about: (&CASE, "caseId"),
        sets: None,
        takes: &[("status", "status")],
    },
    Command {
        name: "report.setStatus",
        about: (&REPORT, "reportId"),
        sets: None,
        takes: &[("status", "status")],
    },
];

/// The command that makes a record instead of changing one.
const ADD_MESSAGE: &str = "report.addMessage";

/// The names of all commands.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name).chain([ADD_MESSAGE])
}

/// Carries a command out; gives the record as it is then. It waits for the disk.
///
/// # Errors
/// `Invalid` for a command or arguments that are none, and what the service refuses with.
pub(super) fn carry_out(
    lanes: &Lanes,
    caller: &Caller,
    name: &str,
    args: Map<String, Json>,
) -> Outcome<Json> {
    let written = if name == ADD_MESSAGE {
        let mut args = Args::new(args);
        let report = args.needed("reportId");
        let mut message = Fields::from([("text".to_owned(), Value::text(args.needed("text")))]);
        if let Some(label) = args.take("label") {
            message.insert("label".to_owned(), Value::text(label));
        }
        args.finish()?;
        lanes
            .services
            .send_messages(caller, &report, vec![Value::Map(message)], None)?
    } else {
        let known = || names().collect::<Vec<_>>().join(", ");
        let command = COMMANDS.iter().find(|command| command.name == name);
        let command = command.ok_or_else(|| Failure::wrong("command", format!("one of {}", known())))?;
        let mut args = Args::new(args);
        let (kind, argument) = command.about;
        let reference = args.needed(argument);
        let mut fields = Fields::new();
        for (argument, field) in command.takes {
            fields.insert((*field).to_owned(), Value::text(args.needed(argument)));
        }
        args.finish()?;
        if let Some((field, word)) = command.sets {
            fields.insert(field.to_owned(), Value::text(word));
        }
        lanes
            .services
            .patch(caller, (kind, &reference), None, fields, None)?
    };
    let record = Wire::new(&lanes.services).record(written.first()?)?;
    Ok(json!(record))
}

/// Arguments, taken one after the other; what is wrong with them is told together.
struct Args {
    given: Map<String, Json>,
    faults: Vec<Fault>,
}

impl Args {
    fn new(given: Map<String, Json>) -> Self {
        Self {
            given,
            faults: Vec::new(),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        match self.given.remove(name)? {
            Json::String(text) => Some(text),
            Json::Number(number) => Some(number.to_string()),
            _ => {
                self.faults.push(Fault::wrong(format!("args.{name}"), "a text"));
                Some(String::new())
            }
        }
    }

    fn needed(&mut self, name: &str) -> String {
        let taken = self.take(name);
        taken.unwrap_or_else(|| {
            self.faults.push(Fault::missing(format!("args.{name}"), "a text"));
            String::new()
        })
    }

    fn finish(mut self) -> Outcome<()> {
        let more = self.given.keys();
        self.faults
            .extend(more.map(|name| Fault::wrong(format!("args.{name}"), "no such argument")));
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Failure::Invalid(self.faults))
        }
    }
}
