//! The table of routes: one row says path, scope, what is taken and given, and who answers. The router, the published
//! document and the test of rights all read the same rows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};
use hyper::upgrade::OnUpgrade;
use serde_json::Value as Json;

use crate::domain::kind::{Kind, Shape};
use crate::lanes::http::Lanes;
use crate::lanes::http::accept::prefers;
use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::{Ask, Head};
use crate::lanes::http::caller::{self, Door};
use crate::lanes::http::failure;
use crate::lanes::http::wire::Wire;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::policy::{self, Deed};
use crate::services::{Decided, Written};

/// What a caller must have to come in at all; services judge the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Nothing, not even a credential.
    Open,
    /// Any credential.
    Caller,
    /// This scope.
    Needs(String),
}

/// The form of some JSON.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// What makes a record of the kind.
    New(&'static Kind),
    /// What changes a record of the kind.
    Change(&'static Kind),
    /// A record of the kind.
    Record(&'static Kind),
    /// An array of records of the kind.
    Records(&'static Kind),
    /// Anything else, as JSON Schema.
    Json(fn() -> Json),
}

/// The body that a route takes.
#[derive(Clone, Debug)]
pub enum Takes {
    /// None.
    Nothing,
    /// JSON with `data`, and these members of `meta`.
    Data(Schema, &'static [&'static str]),
    /// `multipart/form-data` with `files` and `data`.
    Multipart(Schema),
    /// JSON of the lane's own form; a handler that does not read the body itself is given an empty object for none.
    Own(fn() -> Json),
}

/// What a route gives when it succeeds.
#[derive(Clone, Debug)]
pub enum Gives {
    /// The envelope around this.
    Data(Schema),
    /// The envelope around a page of a list.
    Page(Schema),
    /// Something else, of this media type.
    Other(&'static str),
    /// A form of the lane's own, of this name, for success and failure, under any of these media types.
    Own(&'static [&'static str], &'static str, fn() -> Json),
    /// Nothing but the status.
    Nothing,
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// One sentence for the reference.
    pub doc: &'static str,
}

/// A parameter of the query.
pub const fn param(name: &'static str, shape: Shape, doc: &'static str) -> Param {
    Param { name, shape, doc }
}

/// A request whose body the handler reads itself.
#[derive(Debug)]
pub struct Visit {
    /// Who asks; `None` only on routes that are open to everybody.
    pub caller: Option<Caller>,
    /// Everything but the body.
    pub head: Head,
    /// The body, unread.
    pub body: Body,
    /// The connection itself, if it may become another protocol's.
    pub upgrade: Option<OnUpgrade>,
}

impl Visit {
    /// Who asks, everything but the body, and the body.
    ///
    /// # Errors
    /// `Unauthenticated` on a route that is open to everybody, if nobody has signed in.
    pub fn into_parts(self) -> Outcome<(Caller, Head, Body)> {
        let caller = self
            .caller
            .ok_or(Failure::Unauthenticated("a credential is needed"))?;
        Ok((caller, self.head, self.body))
    }
}

type Asked = Arc<dyn Fn(&Lanes, &Ask) -> Outcome<Answer> + Send + Sync>;
pub(super) type Visited =
    Arc<dyn Fn(Lanes, Visit) -> Pin<Box<dyn Future<Output = Outcome<Response<Body>>> + Send>> + Send + Sync>;

/// Is told what was decided of a write.
pub type Tell = Box<dyn FnOnce(Decided) + Send>;
/// How a lane says what failed.
pub type Tells = fn(&Wire<'_>, &Failure, &str) -> Response<Body>;
pub(super) type Begun = Arc<dyn Fn(&Lanes, &Ask, Tell) -> Outcome<()> + Send + Sync>;
pub(super) type Shown = fn(&Wire<'_>, &Written) -> Outcome<Answer>;

/// Who answers.
#[derive(Clone)]
pub(super) enum Act {
    /// Runs where it may wait for the disk, once the body was read.
    Asked(Asked),
    /// Hands a write to the store; once it is durable, what it left is shown. Neither waits.
    Written(Begun, Shown),
    /// Runs where it must not wait, and reads the body as it comes.
    Visited(Visited),
}

/// One row of the table.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, its parts named in braces.
    pub path: String,
    /// The heading under which the reference lists it.
    pub group: &'static str,
    /// What it does, in a line.
    pub summary: String,
    /// What a caller must have.
    pub scope: Scope,
    /// A scope that is needed beside it.
    pub beside: Option<String>,
    /// The lane that a credential must open, and the name in audit entries and operations.
    pub lane: &'static str,
    /// Whether a request with these headers may bring its credential later: the handler lets in who comes without one.
    pub(super) admits_later: fn(&HeaderMap) -> bool,
    /// How who asks is let in.
    pub(super) door: Door,
    /// Its clients were written for another server: path and names of parameters match in any case and come in lower case,
    /// parameters that it doesn't know are passed over, of those that come twice the last counts, no request is known again by
    /// a key, and what path takes which method is told to callers alone.
    pub(super) lenient: bool,
    /// It is a page: who does not ask for one finds what else has the path, or nothing. Its own script reads its query.
    pub(super) is_page: bool,
    /// It makes something of the record that its path names, which `If-Match` can bind to a version.
    pub conditional: bool,
    /// The parameters that its query may have.
    pub query: Vec<Param>,
    /// The body.
    pub takes: Takes,
    /// The status of success, and what comes with it.
    pub gives: (u16, Gives),
    /// It reads the record of this kind that the part `id` of the path names: from memory where nothing must be waited for.
    pub(super) recalls: Option<&'static Kind>,
    /// What the node's settings refuse, whatever is sent.
    pub(super) refused: fn(&Lanes) -> Option<Failure>,
    /// How it says what failed.
    pub(super) tells: Tells,
    pub(super) act: Act,
}

/// Of the rows of a path and a method the one that is asked for: browsers ask for the page if there is one, programs for the rest.
pub(super) fn wanted(rows: &[Arc<Route>], headers: &HeaderMap) -> Option<Arc<Route>> {
    let of = |is_page| rows.iter().find(|row| row.is_page == is_page).cloned();
    let page = of(true).filter(|_| accepts_pages(headers));
    page.or_else(|| of(false))
}

/// Whether a browser asks, for whom a page is better than anything else.
pub(super) fn accepts_pages(headers: &HeaderMap) -> bool {
    prefers(headers, "text/html")
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A row that has no handler yet.
#[derive(Clone, Debug)]
pub struct Draft(Route);

impl Route {
    /// Begins a row; without more it needs any credential, takes nothing, and gives `200` with any data.
    pub fn begin(method: Method, path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Draft(Self {
            method,
            path: path.into(),
            group: "other",
            summary: summary.into(),
            scope: Scope::Caller,
            beside: None,
            lane: "rest",
            admits_later: |_| false,
            door: caller::DOOR,
            lenient: false,
            is_page: false,
            conditional: false,
            query: Vec::new(),
            takes: Takes::Nothing,
            gives: (200, Gives::Data(Schema::Json(any))),
            recalls: None,
            refused: |_| None,
            tells: failure::render,
            act: Act::Asked(Arc::new(|_, _| Ok(Answer::data(Json::Null)))),
        })
    }

    /// Begins a row of a reading.
    pub fn get(path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Self::begin(Method::GET, path, summary)
    }

    /// Begins a row that makes something.
    pub fn post(path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Self::begin(Method::POST, path, summary)
    }

    /// Begins a row that changes something.
    pub fn patch(path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Self::begin(Method::PATCH, path, summary)
    }

    /// Begins a row that makes or changes what has a name already.
    pub fn put(path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Self::begin(Method::PUT, path, summary)
    }

    /// Begins a row that takes something away.
    pub fn delete(path: impl Into<String>, summary: impl Into<String>) -> Draft {
        Self::begin(Method::DELETE, path, summary)
    }

    /// Any path that is not there.
    pub(super) fn nowhere() -> Self {
        Self::get("/", "").answer(|_, _| Err(Failure::Unknown("path")))
    }

    /// The same for who asks what it doesn't do: whoever is let in is told this, whatever else may be wrong. That a stranger
    /// asked stands in the audit log, as it does of callers.
    pub(super) fn refusing(&self, scope: Scope, failure: Failure) -> Self {
        let refuse = move |lanes: &Lanes, ask: &Ask| {
            if ask.caller.is_none() {
                lanes
                    .services
                    .note_lost_stranger(&caller::via_of(&ask.head), &failure)?;
            }
            Err(failure.clone())
        };
        Self {
            scope,
            beside: None,
            admits_later: |_| false,
            lenient: true,
            takes: Takes::Nothing,
            recalls: None,
            act: Act::Asked(Arc::new(refuse)),
            ..self.clone()
        }
    }

    /// The scopes that a caller must have.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let own = match &self.scope {
            Scope::Needs(scope) => Some(scope),
            Scope::Open | Scope::Caller => None,
        };
        own.into_iter().chain(&self.beside).map(String::as_str)
    }

    /// Whether who has the version that it would give is told so, and nothing more.
    pub fn knows_versions(&self) -> bool {
        self.recalls.is_some()
    }

    /// Whether it takes JSON or nothing, so that another lane can carry it out.
    pub fn can_be_carried_out(&self) -> bool {
        !matches!(self.act, Act::Visited(_))
    }

    /// The same answer under another path as well.
    #[must_use]
    pub fn also_at(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self.clone()
        }
    }
}

impl Draft {
    /// The heading in the reference.
    #[must_use]
    pub fn group(mut self, group: &'static str) -> Self {
        self.0.group = group;
        self
    }

    /// Nobody needs a credential.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.0.scope = Scope::Open;
        self
    }

    /// It belongs to another lane than that of records.
    #[must_use]
    pub fn lane(mut self, lane: &'static str) -> Self {
        self.0.lane = lane;
        self
    }

    /// Requests with such headers may bring their credential later.
    #[must_use]
    pub fn admits_later(mut self, which: fn(&HeaderMap) -> bool) -> Self {
        self.0.admits_later = which;
        self
    }

    /// The node's settings may refuse it, whatever is sent.
    #[must_use]
    pub fn refused(mut self, why: fn(&Lanes) -> Option<Failure>) -> Self {
        self.0.refused = why;
        self
    }

    /// Callers come in by a door of the lane's own.
    #[must_use]
    pub fn door(mut self, door: Door) -> Self {
        self.0.door = door;
        self
    }

    /// Its clients were written for another server: path and names of parameters match in any case and come in lower case,
    /// parameters that it doesn't know are passed over, of those that come twice the last counts, no request is known again by
    /// a key, and what path takes which method is told to callers alone.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.0.lenient = true;
        self
    }

    /// It is a page: who does not ask for one finds what else has the path, or nothing. Its own script reads its query.
    #[must_use]
    pub fn page(mut self) -> Self {
        self.0.is_page = true;
        self
    }

    /// `If-Match` counts; elsewhere a change that has one is refused.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.0.conditional = true;
        self
    }

    /// A scope is needed.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.0.scope = Scope::Needs(scope.into());
        self
    }

    /// The scope to read records of the kind is needed.
    #[must_use]
    pub fn reads(self, kind: &Kind) -> Self {
        self.scope(policy::scope_for(kind, Deed::Read))
    }

    /// The scope to read records of the kind is needed beside another one.
    #[must_use]
    pub fn reads_too(mut self, kind: &Kind) -> Self {
        let scope = policy::scope_for(kind, Deed::Read);
        self.0.beside = Some(scope).filter(|scope| self.0.scopes().all(|own| own != scope));
        self
    }

    /// The scope to write records of the kind is needed.
    #[must_use]
    pub fn writes(self, kind: &Kind) -> Self {
        self.scope(policy::scope_for(kind, Deed::Write))
    }

    /// It reads the record of this kind that the part `id` of the path names, as [`crate::lanes::http::answer::show`] writes it.
    #[must_use]
    pub fn recalls(mut self, kind: &'static Kind) -> Self {
        self.0.recalls = Some(kind);
        self
    }

    /// What fails is told so.
    #[must_use]
    pub fn tells(mut self, tells: Tells) -> Self {
        self.0.tells = tells;
        self
    }

    /// The query may have these.
    #[must_use]
    pub fn query(mut self, params: impl IntoIterator<Item = Param>) -> Self {
        self.0.query.extend(params);
        self
    }

    /// A JSON body with this `data`.
    #[must_use]
    pub fn takes(mut self, data: Schema) -> Self {
        self.0.takes = Takes::Data(data, &[]);
        self
    }

    /// A JSON body with this `data` and these members of `meta`.
    #[must_use]
    pub fn takes_with(mut self, data: Schema, meta: &'static [&'static str]) -> Self {
        self.0.takes = Takes::Data(data, meta);
        self
    }

    /// A multipart body; its `data` has this form.
    #[must_use]
    pub fn takes_files(mut self, data: Schema) -> Self {
        self.0.takes = Takes::Multipart(data);
        self
    }

    /// A JSON body of the lane's own form, without the envelope.
    #[must_use]
    pub fn takes_other(mut self, form: fn() -> Json) -> Self {
        self.0.takes = Takes::Own(form);
        self
    }

    /// The envelope around this, under this status.
    #[must_use]
    pub fn gives(mut self, status: u16, data: Schema) -> Self {
        self.0.gives = (status, Gives::Data(data));
        self
    }

    /// Anything, under this status.
    #[must_use]
    pub fn gives_other(mut self, status: u16, gives: Gives) -> Self {
        self.0.gives = (status, gives);
        self
    }

    /// The handler. It runs where it may wait for the disk.
    pub fn answer(
        mut self,
        handler: impl Fn(&Lanes, &Ask) -> Outcome<Answer> + Send + Sync + 'static,
    ) -> Route {
        self.0.act = Act::Asked(Arc::new(handler));
        self.0
    }

    /// The handler of a write: it hands the change to the store without waiting, and `shown` makes the answer of what was
    /// written. No thread is held meanwhile.
    pub fn written(
        mut self,
        handler: impl Fn(&Lanes, &Ask, Tell) -> Outcome<()> + Send + Sync + 'static,
        shown: Shown,
    ) -> Route {
        self.0.act = Act::Written(Arc::new(handler), shown);
        self.0
    }

    /// A handler that reads the body itself. It must not wait for the disk but through [`crate::lanes::http::blocking`].
    pub fn visit<F>(mut self, handler: impl Fn(Lanes, Visit) -> F + Send + Sync + 'static) -> Route
    where
        F: Future<Output = Outcome<Response<Body>>> + Send + 'static,
    {
        self.0.act = Act::Visited(Arc::new(move |lanes, visit| Box::pin(handler(lanes, visit))));
        self.0
    }
}

fn any() -> Json {
    Json::Object(serde_json::Map::new())
}
