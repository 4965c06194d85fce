//! Who asks. Every service takes a [`Caller`] first, and only [`crate::services::access`] can make one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::id::{LogId, RecordId, TenantId};
use crate::domain::operation::Actor;
use crate::domain::value::Fields;
use crate::services::failure::{Failure, Outcome};

/// The lane of evidence-room clients.
pub const SAFE_LANE: &str = "safe";

/// Behind the name of a user for whom such a client acted.
pub const VIA_API: &str = " via API";

/// How a request came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The lane: `rest`, `cli`, …
    pub lane: &'static str,
    /// The peer's address; `None` on this machine itself.
    pub address: Option<IpAddr>,
    /// The request's id in log and audit.
    pub request_id: String,
    /// Method and path as they were asked, for what is refused; empty where no path was.
    pub asked: String,
}

impl Via {
    /// From this machine itself, by no path.
    pub fn of(lane: &'static str, request_id: impl Into<String>) -> Self {
        Self {
            lane,
            address: None,
            request_id: request_id.into(),
            asked: String::new(),
        }
    }
}

/// What a user may do, from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Reads what is open.
    Viewer,
    /// Reads and writes casework.
    Officer,
    /// Reads restricted cases too, settles conflicts and disputes.
    Supervisor,
    /// Sets up users, keys and reference data too.
    Administrator,
}

impl Role {
    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "viewer" => Some(Self::Viewer),
            "officer" => Some(Self::Officer),
            "supervisor" => Some(Self::Supervisor),
            "administrator" => Some(Self::Administrator),
            _ => None,
        }
    }

    /// The name of the role.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }
}

/// What kind of identity stands behind a caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Identity {
    /// A person.
    User(RecordId, Role),
    /// A program with a key.
    Key(RecordId),
    /// The owner of the data folder, at the command line.
    Owner,
    /// The node itself, by its log of records: what it finds out by itself.
    Node(LogId),
}

/// Who asks, for which agency, through what, with which rights. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) identity: Identity,
    pub(super) tenant: TenantId,
    /// `cases:read`, `cases:write`, …; `*` is everything that the lanes allow.
    pub(super) scopes: Arc<BTreeSet<String>>,
    pub(super) lanes: Arc<BTreeSet<String>>,
    /// Shown as the author: a person's name, a key's name.
    pub(super) name: Arc<str>,
    /// A key's reporter, for reports that name nobody.
    pub(super) reporter: Option<Arc<Fields>>,
    pub(super) via: Via,
    /// What is asked has faults already, found before a service was asked.
    pub(super) faulty: bool,
}

impl Caller {
    /// The same for a request in which faults were found: what more is wrong with it is told, but it changes nothing, and
    /// nothing is read by it. Services refuse it at the end, as `Invalid` without further faults.
    #[must_use]
    pub fn faulty(mut self) -> Self {
        self.faulty = true;
        self
    }

    /// Nothing happens for a request that has faults.
    ///
    /// # Errors
    /// `Invalid`; who found the faults knows them.
    pub(super) fn refuse_faulty(&self) -> Outcome<()> {
        match self.faulty {
            true => Err(Failure::Invalid(Vec::new())),
            false => Ok(()),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The agency.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The name shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scopes granted.
    pub fn scopes(&self) -> &BTreeSet<String> {
        &self.scopes
    }

    /// The lanes granted.
    pub fn lanes(&self) -> &BTreeSet<String> {
        &self.lanes
    }

    /// The reporter bound to the key.
    pub fn reporter(&self) -> Option<&Fields> {
        self.reporter.as_deref()
    }

    /// How the request came in.
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// The record of the user or key; `None` for the owner of the folder.
    pub fn record(&self) -> Option<RecordId> {
        match self.identity {
            Identity::User(id, _) | Identity::Key(id) => Some(id),
            Identity::Owner | Identity::Node(_) => None,
        }
    }

    /// Who it is, in an operation's header.
    pub fn actor(&self) -> Actor {
        let who = match self.identity {
            Identity::User(id, _) => format!("user:{id}"),
            Identity::Key(id) => format!("key:{id}"),
            Identity::Owner => "owner".to_owned(),
            Identity::Node(log) => format!("node:{log}"),
        };
        Actor {
            who,
            client: format!("{}:{}", self.via.lane, self.signature()),
        }
    }

    /// The name shown as the author: of who comes through the evidence room's door, with the word that it was a program.
    pub fn signature(&self) -> String {
        match self.via.lane {
            SAFE_LANE => format!("{}{VIA_API}", self.name),
            _ => self.name.to_string(),
        }
    }
}
