//! The other half of a socket: what a client has done, by the rules by which it would be done over REST.

use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{ALERT, CASE, Kind, REPORT, UNIT};
use crate::domain::value::{Fields, Value};
use crate::lanes::http::Lanes;
use crate::lanes::http::wire::Wire;
use crate::services::Written;
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
    /// The same of those that may be left out.
    may_take: &'static [(&'static str, &'static str)],
}

const COMMANDS: [Command; 5] = [
    Command {
        name: "alert.acknowledge",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "acknowledged")),
        takes: &[],
        may_take: &[],
    },
    Command {
        name: "alert.dismiss",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "dismissed")),
        takes: &[("reason", "dismissed_because")],
        may_take: &[],
    },
    Command {
        name: "alert.escalate",
        about: (&ALERT, "alertId"),
        sets: Some(("status", "escalated")),
        takes: &[],
        may_take: &[("to", "escalated_to")],
    },
    Command {
        name: "case.setStatus",
        about: (&CASE, "caseId"),
        sets: None,
        takes: &[("status", "status")],
        may_take: &[],
    },
    Command {
        name: "report.setStatus",
        about: (&REPORT, "reportId"),
        sets: None,
        takes: &[("status", "status")],
        may_take: &[],
    },
];

/// The command that makes a record instead of changing one.
const ADD_MESSAGE: &str = "report.addMessage";

/// The command that says several things of a field.
const MARK_POSITION: &str = "unit.markPosition";

/// Its arguments, and the members of the position that they set; numbers but the last.
const POSITION: [(&str, &str); 4] = [
    ("latitude", "latitude"),
    ("longitude", "longitude"),
    ("accuracyMeters", "accuracy_meters"),
    ("takenAt", "taken_at"),
];

/// The names of all commands.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let others = [ADD_MESSAGE, MARK_POSITION];
    COMMANDS.iter().map(|command| command.name).chain(others)
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
    let args = Args::new(args);
    let written = match name {
        ADD_MESSAGE => add_message(lanes, caller, args),
        MARK_POSITION => mark_position(lanes, caller, args),
        _ => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => command.carry_out(lanes, caller, args),
            None => {
                let known = names().collect::<Vec<_>>().join(", ");
                Err(Failure::wrong("command", format!("one of {known}")))
            }
        },
    };
    let record = Wire::new(&lanes.services).record(written?.first()?)?;
    Ok(json!(record))
}

fn add_message(lanes: &Lanes, caller: &Caller, mut args: Args) -> Outcome<Written> {
    let report = args.needed("reportId");
    let mut message = Fields::from([("text".to_owned(), Value::text(args.needed("text")))]);
    if let Some(label) = args.take("label") {
        message.insert("label".to_owned(), Value::text(label));
    }
    args.finish()?;
    let messages = vec![Value::Map(message)];
    lanes.services.send_messages(caller, &report, messages, None)
}

fn mark_position(lanes: &Lanes, caller: &Caller, mut args: Args) -> Outcome<Written> {
    let unit = args.needed("unitId");
    let mut position = Fields::new();
    for (argument, member) in &POSITION[..3] {
        let number = args.number(argument, *member != "accuracy_meters");
        position.extend(number.map(|number| ((*member).to_owned(), Value::Float(number))));
    }
    let taken = args.take("takenAt");
    position.extend(taken.map(|time| ("taken_at".to_owned(), Value::Text(time))));
    args.finish()?;
    let fields = Fields::from([("position".to_owned(), Value::Map(position))]);
    let written = lanes.services.patch(caller, (&UNIT, &unit), None, fields, None);
    written.map_err(|failure| {
        POSITION.iter().fold(failure, |failure, (argument, member)| {
            failure.renamed(&format!("data.position.{member}"), &format!("args.{argument}"))
        })
    })
}

impl Command {
    fn carry_out(&self, lanes: &Lanes, caller: &Caller, mut args: Args) -> Outcome<Written> {
        let (kind, argument) = self.about;
        let reference = args.needed(argument);
        let mut fields = Fields::new();
        for (argument, field) in self.takes {
            fields.insert((*field).to_owned(), Value::text(args.needed(argument)));
        }
        for (argument, field) in self.may_take {
            let taken = args.take(argument);
            fields.extend(taken.map(|text| ((*field).to_owned(), Value::Text(text))));
        }
        args.finish()?;
        if let Some((field, word)) = self.sets {
            fields.insert(field.to_owned(), Value::text(word));
        }
        let written = lanes
            .services
            .patch(caller, (kind, &reference), None, fields, None);
        let names = self.takes.iter().chain(self.may_take);
        written.map_err(|failure| {
            names.fold(failure, |failure, (argument, field)| {
                failure.renamed(&format!("data.{field}"), &format!("args.{argument}"))
            })
        })
    }
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

    fn number(&mut self, name: &str, is_needed: bool) -> Option<f64> {
        let path = format!("args.{name}");
        let given = self.given.remove(name).filter(|given| !given.is_null());
        match given.as_ref().map(Json::as_f64) {
            Some(Some(number)) => return Some(number),
            Some(None) => self.faults.push(Fault::wrong(path, "a number")),
            None if is_needed => self.faults.push(Fault::missing(path, "a number")),
            None => {}
        }
        None
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
