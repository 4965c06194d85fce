//! What the verbs of the command line ask of a node. An order is plain data, so the same one is carried out here, when no server
//! holds the folder, or by the server that does, through its admin socket.

pub(in crate::cli) mod care;
mod court;
mod keys;
mod rows;
mod shown;
mod state;
mod users;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::app::node::{Node, request_id};
use crate::domain::id::TenantId;
use crate::domain::value::{Fields, Value};
use crate::services::Services;
use crate::services::caller::Caller;
use crate::services::failure::{Amiss, Failure};
use crate::services::import::BatchRow;
use crate::services::search::follow::{Gauge, catch_up};
use crate::services::search::{Ask, Finder};

/// An order, and the agency for which it is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The agency's short name; without it, the one that `init` was told.
    pub tenant: Option<String>,
    /// What to do.
    pub order: Order,
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Make an API key of these fields.
    KeyCreate(Map<String, Json>),
    /// List the keys.
    KeyList,
    /// Take a key back, by its id.
    KeyRevoke(String),
    /// Make a key with the rights of this one, which ends after so many hours.
    KeyRotate {
        /// The id of the old one.
        key: String,
        /// How long both work.
        overlap_hours: u32,
    },
    /// Make a user of these fields.
    UserAdd {
        /// As `POST /v1/users` takes them.
        data: Map<String, Json>,
        /// To sign in with.
        password: Option<String>,
    },
    /// List the users.
    UserList,
    /// Change these fields of a user.
    UserChange {
        /// The id or the address.
        user: String,
        /// As `PATCH /v1/users/{id}` takes them.
        data: Map<String, Json>,
    },
    /// Make a static token for evidence-room clients in place of the last one; by id or address of the user.
    UserToken(String),
    /// Take a user's static token back.
    UserTokenRevoke(String),
    /// Give a user a new password.
    UserPassword {
        /// The id or the address.
        user: String,
        /// The new one.
        password: String,
    },
    /// Search.
    Search {
        /// What was typed.
        text: String,
        /// Only these kinds.
        kinds: Vec<String>,
        /// Only this case.
        case: Option<String>,
        /// Hits at most.
        limit: usize,
        /// Why, for the audit.
        reason: Option<String>,
    },
    /// Make or change the records of source rows, each row whole or not at all.
    PutRows {
        /// The records of each row.
        rows: Vec<Vec<BatchRow>>,
        /// For a dry run: what earlier rows would have made, and these refer to.
        #[serde(default)]
        before: Vec<BatchRow>,
        /// Judge them and change nothing.
        dry_run: bool,
        /// Tell what became of each record.
        #[serde(default)]
        results: bool,
    },
    /// List the agencies.
    TenantList,
    /// Make an agency of these fields, with its first `administrator` if that is said.
    TenantAdd(Map<String, Json>),
    /// Destroy a record by a court's order.
    Expunge {
        /// The kind by its name.
        kind: String,
        /// The id or the number.
        record: String,
        /// The number of the court's order.
        order: String,
        /// What it says.
        reason: String,
    },
    /// Write a case as a bundle.
    ExportCase {
        /// The id or the number.
        case: String,
        /// The file to make.
        to: PathBuf,
    },
    /// Write the records changed since a time as JSON Lines.
    ExportSince {
        /// The time, RFC 3339.
        since: String,
        /// The file to make.
        to: PathBuf,
    },
    /// Make sure that this agency is known.
    TenantPut(Map<String, Json>),
    /// Make sure that the node has a record of itself.
    NodeKnow,
    /// Say whether it has one.
    NodeIsKnown,
    /// Give an agency that has no categories of reports its first ones.
    CategoriesSeed,
    /// How the node is.
    State,
    /// Make anew what is folded from the log.
    Rebuild {
        /// Current records and the ways to find them.
        views: bool,
        /// The search index.
        index: bool,
    },
    /// Verify the open node.
    Verify,
    /// Copy the node to a new folder.
    Backup(PathBuf),
}

/// Why an order was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind of failure: `invalid`, `unknown`, `denied`, `conflict`, …
    pub code: String,
    /// What is wrong, one line a fault.
    pub message: String,
}

/// How far long work has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What is done: `folding the log`.
    pub what: String,
    /// So much is done.
    pub done: u64,
    /// Of so much; 0 if nobody knows.
    pub total: u64,
    /// So many of `unit` are done.
    pub counted: u64,
    /// What is counted.
    pub unit: String,
}

impl Step {
    /// So many of so many.
    pub fn new(what: &str, (done, total): (u64, u64), (counted, unit): (u64, &str)) -> Self {
        Self {
            what: what.to_owned(),
            done,
            total,
            counted,
            unit: unit.to_owned(),
        }
    }
}

/// Whom long work tells how far it has come.
pub type Tell<'t> = &'t mut dyn FnMut(Step);

/// What became of an order, or how far it has come.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is on its way; another answer follows.
    Going(Step),
    /// It was carried out.
    Done(Json),
    /// It was not.
    Refused(Refusal),
}

impl Refusal {
    /// The code of what was asked wrongly: wrong usage of the verb.
    pub const USAGE: &str = "usage";

    /// With these words.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

impl From<Failure> for Refusal {
    /// The owner of the folder may be told everything.
    fn from(failure: Failure) -> Self {
        let code = failure.word();
        let message = match failure {
            Failure::Invalid(faults) => {
                let lines = faults.iter().map(|fault| {
                    let path = fault.path.strip_prefix("data.").unwrap_or(&fault.path);
                    let expected = &fault.expected;
                    match fault.amiss {
                        Amiss::Missing => format!("{path} is missing; expected {expected}"),
                        _ if path.is_empty() => expected.clone(),
                        _ if fault.says_what_is_wrong() => format!("{path}: {expected}"),
                        _ => format!("{path} must be {expected}"),
                    }
                });
                lines.collect::<Vec<_>>().join("\n")
            }
            Failure::Unknown(kind) => format!("there is no such {kind}"),
            Failure::Unauthenticated(why) => why.to_owned(),
            Failure::NoReporter => "nobody is named as reporter".to_owned(),
            Failure::Denied(rule) => rule,
            Failure::Conflict(_, text, _)
            | Failure::Unsupported(text)
            | Failure::NoSuchMethod(_, text)
            | Failure::Internal(text) => text,
            Failure::Stale(_) | Failure::Gone => "the record was changed meanwhile".to_owned(),
            Failure::TooLarge(bytes_max) => format!("longer than {bytes_max} bytes"),
            Failure::Busy(seconds) => format!("busy; try again in {seconds} seconds"),
            Failure::Full => "the disk has less room than store.low_disk_floor_bytes asks for: make room, or set a lower floor \
                              (`blotter doctor` tells both)"
                .to_owned(),
            Failure::Stopping => "the node is stopping".to_owned(),
        };
        Self::new(code, message)
    }
}

/// What orders are carried out on.
#[derive(Clone)]
pub struct Backend {
    services: Services,
    finder: Finder,
    tenant: TenantId,
    node: Arc<Node>,
    /// Of a running follower; without one, a search catches up by itself.
    gauge: Option<Gauge>,
}

impl Backend {
    /// Over an open node.
    pub fn new(node: &Arc<Node>, gauge: Option<Gauge>) -> Self {
        let finder = node.finder(gauge.clone());
        Self {
            services: node.services.clone(),
            finder,
            tenant: node.tenant(),
            node: Arc::clone(node),
            gauge,
        }
    }

    /// Carries out an order for the owner of the folder. It waits for the disk.
    pub fn perform(&self, envelope: Envelope, tell: Tell<'_>) -> Answer {
        let performed = self
            .caller(envelope.tenant.as_deref())
            .and_then(|caller| self.order(&caller, envelope.order, tell));
        match performed {
            Ok(done) => Answer::Done(done),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    fn caller(&self, tenant: Option<&str>) -> Result<Caller, Refusal> {
        let own = self.services.admit_owner(self.tenant.clone(), request_id());
        let Some(slug) = tenant.filter(|slug| *slug != self.tenant.as_str()) else {
            return Ok(own);
        };
        // Whatever is written for an agency makes it one, so a slip of the finger would.
        let known = self.services.all_tenants(&own)?;
        match known.into_iter().find(|(known, _)| known.as_str() == slug) {
            Some((known, _)) => Ok(self.services.admit_owner(known, request_id())),
            None => Err(Refusal::new(
                Refusal::USAGE,
                format!(
                    "there is no agency `{slug}`; `blotter tenant list` shows them, `blotter tenant add` makes one"
                ),
            )),
        }
    }

    fn order(&self, caller: &Caller, order: Order, tell: Tell<'_>) -> Result<Json, Refusal> {
        match order {
            Order::KeyCreate(data) => keys::create(&self.services, caller, fields(data)),
            Order::KeyList => keys::list(&self.services, caller),
            Order::KeyRevoke(key) => keys::revoke(&self.services, caller, &key),
            Order::KeyRotate { key, overlap_hours } => {
                keys::rotate(&self.services, caller, &key, overlap_hours)
            }
            Order::UserAdd { data, password } => users::add(&self.services, caller, fields(data), password),
            Order::UserList => users::list(&self.services, caller),
            Order::UserChange { user, data } => users::change(&self.services, caller, &user, fields(data)),
            Order::UserToken(user) => users::token(&self.services, caller, &user),
            Order::UserTokenRevoke(user) => users::revoke_token(&self.services, caller, &user),
            Order::UserPassword { user, password } => {
                users::password(&self.services, caller, &user, password)
            }
            Order::Search {
                text,
                kinds,
                case,
                limit,
                reason,
            } => {
                let ask = Ask {
                    text,
                    kinds,
                    case_id: case,
                    limit,
                    reason,
                    waits: true,
                    ..Ask::default()
                };
                self.search(caller, &ask)
            }
            Order::PutRows {
                rows,
                before,
                dry_run,
                results,
            } => rows::put(&self.services, caller, (before, rows), dry_run, results),
            Order::TenantList => users::list_tenants(&self.services, caller),
            Order::TenantAdd(data) => users::add_tenant(&self.services, caller, fields(data)),
            Order::Expunge {
                kind,
                record,
                order,
                reason,
            } => court::expunge(
                &self.services,
                &self.finder,
                caller,
                (&kind, &record),
                [order, reason],
            ),
            Order::ExportCase { case, to } => court::export_case(&self.services, caller, (&case, &to), tell),
            Order::ExportSince { since, to } => {
                court::export_since(&self.services, caller, (&since, &to), tell)
            }
            Order::TenantPut(data) => users::put_tenant(&self.services, caller, fields(data)),
            Order::NodeKnow => state::know(&self.node, caller),
            Order::NodeIsKnown => state::is_known(&self.node, caller),
            Order::CategoriesSeed => Ok(json!({"made": self.services.seed_categories(caller)?})),
            Order::Verify => care::verify(&self.node, tell),
            Order::Backup(to) => care::copy(&self.node, caller, &to, tell),
            Order::Rebuild { views, index } => care::rebuild(self, (views, index), tell),
            Order::State => state::state(&self.node, self.gauge.as_ref()),
        }
    }

    fn search(&self, caller: &Caller, ask: &Ask) -> Result<Json, Refusal> {
        if self.gauge.is_none() {
            catch_up(self.services.store(), &self.node.index)
                .map_err(|error| Refusal::new("internal", error.to_string()))?;
        }
        let answer = self.finder.search(caller, ask);
        let answer = answer.map_err(|failure| failure.renamed("q", "query"))?;
        let hits: Vec<Json> = answer.page.hits.iter().map(shown::hit).collect();
        Ok(json!({
            "data": hits,
            "meta": {
                "total": answer.page.total, "relaxed": answer.page.is_relaxed, "suggestions": answer.page.suggestions,
            },
        }))
    }
}

fn fields(data: Map<String, Json>) -> Fields {
    data.into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect()
}
