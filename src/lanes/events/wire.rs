//! Frames as JSON.

use serde_json::{Map, Value as Json, json};

use crate::lanes::http::body;
use crate::lanes::http::ears::event;
use crate::services::events::{Notice, Wanted};
use crate::services::failure::{Failure, Fault, Outcome};

/// What a client says.
#[derive(Debug)]
pub(super) enum Said {
    /// Its credential.
    Auth {
        /// A key, or a session's token.
        token: String,
    },
    /// What it wants to hear, under a name of its own.
    Subscribe {
        /// The name.
        id: String,
        /// Which events.
        filter: Wanted,
        /// The last that it has.
        after: Option<u64>,
        /// The name under which the server keeps how far it has come.
        durable: Option<String>,
    },
    /// A named subscription has come so far.
    Ack {
        /// The subscription.
        id: String,
        /// The last that was taken care of.
        sequence: u64,
    },
    /// Something is to be done.
    Command {
        /// The name under which it is answered.
        id: String,
        /// What.
        command: String,
        /// With what.
        args: Map<String, Json>,
    },
    /// It wants that no more.
    Unsubscribe {
        /// The name.
        id: String,
    },
    /// It is there.
    Ping,
}

/// Each `op` that a client may say.
const OPS: &str = "one of auth, subscribe, ack, command, unsubscribe, ping";

impl Said {
    /// A frame as it came.
    ///
    /// # Errors
    /// `Invalid`, with all that is wrong with it, and the name under which the client asked, if it says one.
    pub(super) fn of(text: &str, members_max: usize) -> Result<Self, (Option<String>, Failure)> {
        let json = body::json("frame", text.as_bytes(), members_max).map_err(|failure| (None, failure))?;
        let id = json["id"].as_str().map(str::to_owned);
        Self::read(json).map_err(|failure| (id, failure))
    }

    fn read(json: Json) -> Outcome<Self> {
        let Json::Object(given) = json else {
            return Err(Failure::wrong("frame", "an object with the member `op`"));
        };
        let mut frame = Members::new("", given);
        let said = match frame.needed("op").as_str() {
            "auth" => Self::Auth {
                token: frame.needed("token"),
            },
            "subscribe" => Self::Subscribe {
                id: frame.needed("id"),
                filter: frame.filter(),
                after: frame.sequence("after"),
                durable: frame.text("durable"),
            },
            "ack" => Self::Ack {
                id: frame.needed("id"),
                sequence: frame.needed_sequence("sequence"),
            },
            "command" => Self::Command {
                id: frame.needed("id"),
                command: frame.needed("command"),
                args: frame.object("args"),
            },
            "unsubscribe" => Self::Unsubscribe {
                id: frame.needed("id"),
            },
            "ping" => Self::Ping,
            _ if frame.faults.is_empty() => return Err(Failure::wrong("op", OPS)),
            _ => return Err(Failure::Invalid(frame.faults)),
        };
        match frame.end() {
            faults if faults.is_empty() => Ok(said),
            faults => Err(Failure::Invalid(faults)),
        }
    }
}

/// The members of an object, taken one after the other; what is wrong with them is told together.
struct Members {
    /// Before the names of the members, where they are told.
    within: &'static str,
    given: Map<String, Json>,
    faults: Vec<Fault>,
}

impl Members {
    fn new(within: &'static str, given: Map<String, Json>) -> Self {
        Self {
            within,
            given,
            faults: Vec::new(),
        }
    }

    fn take<T>(&mut self, name: &str, form: &str, read: impl FnOnce(Json) -> Option<T>) -> Option<T> {
        let given = self.given.remove(name).filter(|given| !given.is_null())?;
        let taken = read(given);
        if taken.is_none() {
            let path = format!("{}{name}", self.within);
            self.faults.push(Fault::wrong(path, form));
        }
        taken
    }

    /// What was taken, if it was there; else that it is missing.
    fn demand<T: Default>(&mut self, name: &str, form: &str, read: impl FnOnce(Json) -> Option<T>) -> T {
        if self.given.get(name).is_none_or(Json::is_null) {
            self.faults.push(Fault::missing(name, form));
        }
        self.take(name, form, read).unwrap_or_default()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, "a text", text)
    }

    fn needed(&mut self, name: &str) -> String {
        self.demand(name, "a text", text)
    }

    fn sequence(&mut self, name: &str) -> Option<u64> {
        self.take(name, "a `sequence`", |given| given.as_u64())
    }

    fn needed_sequence(&mut self, name: &str) -> u64 {
        self.demand(name, "a `sequence`", |given| given.as_u64())
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let texts = |given| match given {
            Json::Array(list) => list.into_iter().map(text).collect(),
            _ => None,
        };
        self.take(name, "a list of texts", texts).unwrap_or_default()
    }

    fn object(&mut self, name: &str) -> Map<String, Json> {
        let object = |given| match given {
            Json::Object(members) => Some(members),
            _ => None,
        };
        self.take(name, "an object", object).unwrap_or_default()
    }

    fn filter(&mut self) -> Wanted {
        let mut filter = Self::new("filter.", self.object("filter"));
        let wanted = Wanted {
            types: filter.texts("eventTypes"),
            cases: filter.texts("caseIds"),
            entities: filter.texts("entityIds"),
            min_severity: filter.text("minSeverity"),
        };
        self.faults.extend(filter.end());
        wanted
    }

    /// All that was wrong: also what is left and nobody took.
    fn end(mut self) -> Vec<Fault> {
        let within = self.within;
        let strangers = self.given.keys();
        let strangers = strangers.map(|name| Fault::wrong(format!("{within}{name}"), "no such member"));
        self.faults.extend(strangers);
        self.faults
    }
}

fn text(given: Json) -> Option<String> {
    match given {
        Json::String(text) => Some(text),
        _ => None,
    }
}

/// An event for a subscription. The event's text goes in as it is.
pub(super) fn event_frame(id: &str, notice: &Notice) -> String {
    format!(
        r#"{{"op":"event","id":{},"event":{}}}"#,
        Json::from(id),
        event::text(notice)
    )
}

/// A subscription has heard all that was there.
pub(super) fn caught_up(id: &str, sequence: u64) -> String {
    json!({"op": "caughtUp", "id": id, "sequence": sequence}).to_string()
}

/// A subscription was left behind and has ended; it loses nothing if it goes on from here.
pub(super) fn lagged(id: &str, resume_after: u64) -> String {
    json!({"op": "lagged", "id": id, "resumeAfter": resume_after}).to_string()
}

/// What came of a command.
pub(super) fn result(id: &str, data: &Json) -> String {
    json!({"op": "result", "id": id, "data": data}).to_string()
}

/// Something could not be done.
pub(super) fn error(id: Option<&str>, code: &str, message: &str) -> String {
    let mut frame = json!({"op": "error", "code": code, "message": message});
    if let Some(id) = id {
        frame["id"] = id.into();
    }
    frame.to_string()
}
