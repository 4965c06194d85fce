//! The few kinds of failure that every lane renders in its own form. What stands in them may be told to the client, but for
//! [`Failure::Internal`], which goes to the log of the box alone.

use crate::domain::custody::Refusal;
use crate::domain::id::RecordId;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::store::error::StoreError;

/// What is wrong with one member of what was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amiss {
    /// It must be there and is not.
    Missing,
    /// It is there and can't be taken.
    Wrong,
    /// A file was needed and none came.
    NoFile,
    /// It is a file, but of a kind that is not taken.
    FileKind,
    /// It can't be there: the text says why.
    Refused,
    /// It clashes with what is there: the text says with what.
    Clashes(Clash),
}

/// Something wrong with one member of what was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What is wrong with it.
    pub amiss: Amiss,
    /// Where: `data.place.latitude`, `data.tags[3]`.
    pub path: String,
    /// What is expected, or what is wrong.
    pub expected: String,
}

impl Fault {
    /// A value that must be there is not.
    pub fn missing(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            amiss: Amiss::Missing,
            path: path.into(),
            expected: expected.into(),
        }
    }

    /// A file was needed and none came.
    pub fn no_file() -> Self {
        Self {
            amiss: Amiss::NoFile,
            path: "files".to_owned(),
            expected: "at least one file".to_owned(),
        }
    }

    /// A file of a kind that is not taken; says which are.
    pub fn file_kind(name: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            amiss: Amiss::FileKind,
            path: name.into(),
            expected: expected.into(),
        }
    }

    /// A value is there and can't be taken.
    pub fn wrong(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            amiss: Amiss::Wrong,
            path: path.into(),
            expected: expected.into(),
        }
    }

    /// A value that can't be there; says why.
    pub fn refused(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            amiss: Amiss::Refused,
            path: path.into(),
            expected: why.into(),
        }
    }

    /// What clashes with what is there, as faults beside others: one for each value that is taken.
    pub fn clashes(path: &str, (clash, text, about): (Clash, &str, &Fields)) -> Vec<Self> {
        let fault = |text: &str| Self {
            amiss: Amiss::Clashes(clash),
            path: path.to_owned(),
            expected: text.to_owned(),
        };
        match about.get(DUPLICATES).map(Value::as_list) {
            Some(several) => {
                let texts = several.iter().filter_map(|one| one.get("message")?.as_text());
                texts.map(fault).collect()
            }
            None => vec![fault(text)],
        }
    }

    /// Whether its text says what is wrong, and not what is expected.
    pub fn says_what_is_wrong(&self) -> bool {
        match self.amiss {
            Amiss::Missing => false,
            Amiss::Wrong => self.expected.starts_with("no such"),
            Amiss::NoFile | Amiss::FileKind | Amiss::Refused | Amiss::Clashes(_) => true,
        }
    }
}

/// What something given clashes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clash {
    /// Another record has the same unique value.
    Duplicate,
    /// The idempotency key was used for another request.
    Idempotency,
    /// The chain of custody does not allow the step.
    Custody,
    /// The record is sealed.
    Sealed,
    /// The state of the record does not allow it.
    State,
}

/// Why a service did not do what was asked. Nothing was changed then.
#[derive(Clone, Debug)]
pub enum Failure {
    /// What was given is wrong: all faults at once.
    Invalid(Vec<Fault>),
    /// There is no such record for this caller. Names the kind.
    Unknown(&'static str),
    /// No credential, or none that is known, current and in force.
    Unauthenticated(&'static str),
    /// Neither the request nor the key names a reporter.
    NoReporter,
    /// Known, but may not do this; names the missing scope or the rule.
    Denied(String),
    /// It clashes with what is there.
    Conflict(Clash, String, Fields),
    /// The record was changed since the caller read it; here it is.
    Stale(Box<Record>),
    /// The caller read a version of what is not there.
    Gone,
    /// Longer than the limit in bytes.
    TooLarge(u64),
    /// Bytes of a kind that is not taken; says which are.
    Unsupported(String),
    /// What is asked is not asked so: the methods that are taken here, and why.
    NoSuchMethod(String, String),
    /// Too many requests; try again after so many seconds.
    Busy(u32),
    /// The disk has no room for it.
    Full,
    /// The node is stopping.
    Stopping,
    /// A fault of ours. The text goes to the log of the box, never out.
    Internal(String),
}

/// What a clash over several fields has beside its text: each with its `field`, its `message`, and `existing` if that may be told.
pub const DUPLICATES: &str = "duplicates";

/// What a service answers.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// One wrong value.
    pub fn wrong(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::wrong(path, expected)])
    }

    /// The same, where what was called `own` within is called `given` by the client.
    #[must_use]
    pub fn renamed(mut self, own: &str, given: &str) -> Self {
        if let Self::Invalid(faults) = &mut self {
            for fault in faults.iter_mut().filter(|fault| fault.path == own) {
                given.clone_into(&mut fault.path);
            }
        }
        self
    }

    /// Others have the values of these fields: kind, field, and who if that may be told. `existing` is the first who may; where
    /// there are several, `duplicates` has them all, else `field` is the one.
    pub fn taken(fields: &[(&'static str, &'static str, Option<RecordId>)]) -> Self {
        let text = |(kind, field): (&str, &str)| format!("another {kind} has this {field}");
        let existing = |id: Option<RecordId>| id.map(|id| ("existing".to_owned(), Value::Id(id)));
        let mut about: Fields = existing(fields.iter().find_map(|(_, _, other)| *other))
            .into_iter()
            .collect();
        if let [(_, field, _)] = fields {
            about.insert("field".to_owned(), Value::text(*field));
        } else {
            let each = fields.iter().map(|(kind, field, other)| {
                let mut says = Fields::from([
                    ("field".to_owned(), Value::text(*field)),
                    ("message".to_owned(), Value::Text(text((kind, field)))),
                ]);
                says.extend(existing(*other));
                Value::Map(says)
            });
            about.insert(DUPLICATES.to_owned(), Value::List(each.collect()));
        }
        let texts: Vec<String> = fields
            .iter()
            .map(|(kind, field, _)| text((kind, field)))
            .collect();
        Self::Conflict(Clash::Duplicate, texts.join("; "), about)
    }

    /// The path takes these methods alone.
    pub fn no_such_method(allowed: &str) -> Self {
        Self::NoSuchMethod(allowed.to_owned(), format!("this path takes {allowed}"))
    }

    /// The word under which it is audited and counted.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::TooLarge(_) | Self::Unsupported(_) | Self::NoSuchMethod(..) => "invalid",
            Self::Unknown(_) => "unknown",
            Self::Unauthenticated(_) | Self::NoReporter => "unauthenticated",
            Self::Denied(_) => "denied",
            Self::Conflict(..) | Self::Stale(_) | Self::Gone => "conflict",
            Self::Busy(_) | Self::Stopping => "busy",
            Self::Full => "full",
            Self::Internal(_) => "internal",
        }
    }
}

/// An outcome beside faults that were found before it: then it fails, with the faults of both at once, clashes among them. What
/// may not be done at all, and what is no fault of the caller, is told by itself.
///
/// # Errors
/// `Invalid` if there is any fault; what the outcome fails with.
pub fn beside<T>(mut faults: Vec<Fault>, outcome: Outcome<T>) -> Outcome<T> {
    if faults.is_empty() {
        return outcome;
    }
    match outcome {
        Err(failure @ (Failure::Denied(_) | Failure::Internal(_))) => return Err(failure),
        Err(Failure::Invalid(more)) => {
            let is_new = |fault: &Fault| !faults.iter().any(|known| known.path == fault.path);
            let more: Vec<Fault> = more.into_iter().filter(is_new).collect();
            faults.extend(more);
        }
        Err(Failure::Conflict(clash, text, about)) => {
            faults.extend(Fault::clashes("", (clash, &text, &about)));
        }
        _ => {}
    }
    Err(Failure::Invalid(faults))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::TooLong { bytes_max, .. } => Self::TooLarge(bytes_max),
            StoreError::Busy => Self::Busy(1),
            StoreError::Stopped => Self::Stopping,
            StoreError::Panicked
            | StoreError::Malformed(_)
            | StoreError::Io(_)
            | StoreError::Denied(_)
            | StoreError::Damaged(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::HappensLater { recorded, .. } => Self::wrong(
                "data.happened_at",
                format!("a time that is not later than now, {recorded}"),
            ),
            Refusal::State { .. } | Refusal::Disputed | Refusal::Incomplete => {
                Self::Conflict(Clash::Custody, refusal.to_string(), Fields::new())
            }
        }
    }
}
