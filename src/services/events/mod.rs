//! The feed: what happened, in the order in which it came to this node, for those who may know of it. A subscriber is nothing
//! but a number, the last one that it has; what follows is read from memory while it is fresh, else from the log. So nobody is
//! waited for, and nothing is kept for anybody.

/// From an operation to what is told of it.
mod build;
/// Which events somebody wants.
mod filter;
/// The thread that follows the log, and what it keeps at hand.
mod follow;
/// How far those have come who listen under a name.
mod places;
/// Programs of others that are told.
pub mod webhooks;

use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::domain::event::Severity;
use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::time::Millis;
use crate::domain::value::Value;
use crate::services::caller::Caller;
use crate::services::policy;

pub use filter::{Filter, Wanted};
pub use follow::{Feed, FeedOptions, Follower, Heard};
pub use places::Places;

/// An event as it is told. It is judged for each who listens; whoever may read the record may know all of it.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its place in the feed of this node.
    pub sequence: u64,
    /// Its name for ever, the same on every node and lane.
    pub id: Uuid,
    /// Its type, dotted.
    pub name: String,
    /// How grave it is.
    pub severity: Severity,
    /// When, by the clock that all nodes agree on.
    pub at: Millis,
    /// The log in which it arose.
    pub node: String,
    /// Who, by the name that is shown.
    pub actor: String,
    /// Through what: a lane, or a part of the program.
    pub source: String,
    /// The agency.
    pub tenant: TenantId,
    /// The record that it is about.
    pub record: RecordId,
    /// What that is.
    pub kind: &'static Kind,
    /// The case: its id, and its number.
    pub case: Option<(RecordId, String)>,
    /// The other cases that an alert touches.
    pub more_cases: Vec<(RecordId, String)>,
    /// Persons and things: their ids, and their numbers.
    pub entities: Vec<(RecordId, String)>,
    /// Items of evidence, by number.
    pub evidence: Vec<String>,
    /// The report, by number.
    pub report: Option<String>,
    /// The page where a person looks.
    pub review_path: Option<String>,
    /// What changed: field and new value, of a field of several values those that were added.
    pub changes: Vec<(String, Value)>,
    /// What was taken out of fields of several values.
    pub removed: Vec<(String, Value)>,
    /// Whether the record was made by it.
    is_new: bool,
    /// The words one of which a reader must have.
    readers: Vec<String>,
    /// The scopes that a reader must have.
    scopes: Vec<String>,
    /// The same for those who may know more: with a case that not everybody may know of who hears this.
    fuller: Option<Arc<Notice>>,
    /// The case by which it is the fuller one.
    hidden_case: Option<RecordId>,
    /// As a lane wrote it first; they all write it alike.
    pub text: OnceLock<String>,
}

/// Of a notice, but for its changes: names, words, and the text that a lane writes of them.
const NOTICE_BYTES: usize = 1 << 10;

impl Notice {
    /// The memory that it takes, about: what changed lies there as it is and as it is written.
    fn bytes(&self) -> usize {
        let changes = self
            .changes
            .iter()
            .chain(&self.removed)
            .map(|(field, value)| field.len() + weight(value));
        let fuller = self.fuller.as_ref().map_or(0, |fuller| fuller.bytes());
        NOTICE_BYTES + 2 * changes.sum::<usize>() + fuller
    }

    /// All cases that anybody hears of by it.
    fn cases(&self) -> impl Iterator<Item = &(RecordId, String)> {
        let fuller = self.fuller.iter().flat_map(|fuller| &fuller.case);
        self.case.iter().chain(&self.more_cases).chain(fuller)
    }

    /// The records that not everybody of the agency may know of: they are in the audit log before it goes out.
    pub fn restricted(&self) -> impl Iterator<Item = RecordId> {
        let is_open = self.readers.iter().any(|word| word == "open");
        let record = (!is_open).then_some(self.record);
        record.into_iter().chain(self.hidden_case)
    }
}

/// Who listens, as far as that decides what is heard.
#[derive(Clone, Debug)]
pub struct Listener {
    caller: Caller,
    words: Vec<String>,
}

impl Listener {
    /// This caller, with its present rights.
    pub fn new(caller: Caller) -> Self {
        Self {
            words: policy::words_of(&caller),
            caller,
        }
    }

    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it may know of this, if anything.
    pub fn may_hear<'n>(&self, notice: &'n Arc<Notice>) -> Option<&'n Arc<Notice>> {
        let knows = |notice: &Notice| notice.readers.iter().any(|word| self.words.contains(word));
        let hears = notice.tenant == *self.caller.tenant()
            && knows(notice)
            && notice
                .scopes
                .iter()
                .all(|scope| policy::has_scope(&self.caller, scope));
        let fuller = notice.fuller.as_ref().filter(|fuller| knows(fuller));
        hears.then_some(fuller.unwrap_or(notice))
    }
}

fn weight(value: &Value) -> usize {
    const WORD: usize = 32;
    WORD + match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.iter().map(weight).sum(),
        Value::Map(map) => map.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 0,
    }
}
