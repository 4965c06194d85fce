//! From a route's row to an answer: name the request, let the caller in, check what was given, hop to where it may wait, and
//! say what came of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Query, Request};
use axum::http::header::{CACHE_CONTROL, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, Uri};
use hyper::upgrade::OnUpgrade;
use serde_json::{Map, Value as Json};
use tokio::sync::oneshot;

use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::{Ask, Head, Plain};
use crate::lanes::http::body::Content;
use crate::lanes::http::route::{Act, Begun, Route, Scope, Shown, Takes, Visit, Visited};
use crate::lanes::http::wire::Wire;
use crate::lanes::http::{Lanes, body, caller};
use crate::services::Decided;
use crate::services::audit::tally::Noted;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::policy;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs work that may wait for the disk: the only hop to a thread for that. A panic becomes a failure.
///
/// # Errors
/// What the work fails with.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_panicked) => Err(Failure::Internal("a handler panicked".into())),
    }
}

/// Answers a request by its row; `parts` are those of its path that the row names.
pub(super) async fn serve(
    lanes: Arc<Lanes>,
    route: Arc<Route>,
    parts: BTreeMap<String, String>,
    request: Request,
) -> Response<Body> {
    let (mut rest, body) = request.into_parts();
    let id = caller::request_id(&rest.headers);
    let upgrade = rest.extensions.remove::<OnUpgrade>();
    let tells = route.tells;
    let head = head(rest, parts, &id, &route);
    let outcome = answer(&lanes, route, head, (body, upgrade)).await;
    let response = outcome.unwrap_or_else(|failure| tells(&Wire::new(&lanes.services), &failure, &id));
    dressed(response, &id)
}

/// The answer with what every one has.
fn dressed(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    response
}

fn head(rest: Parts, parts: BTreeMap<String, String>, request_id: &str, route: &Route) -> Head {
    let peer = rest.extensions.get::<ConnectInfo<SocketAddr>>();
    let mut headers = rest.headers;
    // HTTP/2 says the host in the address that is asked.
    if let Some(host) = rest
        .uri
        .authority()
        .and_then(|host| HeaderValue::try_from(host.as_str()).ok())
    {
        headers.entry(HOST).or_insert(host);
    }
    let path = rest.uri.path().trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let (query, query_faults) = query_of(&rest.uri, route.lenient);
    Head {
        query,
        query_faults,
        path: path.to_owned(),
        parts,
        method: rest.method,
        headers,
        request_id: request_id.to_owned(),
        lane: route.lane,
        address: peer.map(|ConnectInfo(peer)| peer.ip()),
        is_plain: rest.extensions.get::<Plain>().is_some(),
    }
}

/// The parameters, and what is wrong with them as such.
fn query_of(uri: &Uri, is_lenient: bool) -> (BTreeMap<String, String>, Vec<Fault>) {
    let mut query = BTreeMap::new();
    let mut faults = Vec::new();
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        faults.push(Fault::wrong("query", "parameters as name=value"));
        return (query, faults);
    };
    for (mut name, value) in pairs {
        if is_lenient {
            name.make_ascii_lowercase();
        }
        if query.insert(name.clone(), value).is_some() && !is_lenient {
            faults.push(Fault::wrong(name, "one value, not several"));
        }
    }
    (query, faults)
}

async fn answer(
    lanes: &Arc<Lanes>,
    route: Arc<Route>,
    head: Head,
    (body, upgrade): (Body, Option<OnUpgrade>),
) -> Outcome<Response<Body>> {
    let is_open = is_open(&route, &head);
    if !is_open && !caller::has_credential(&head.headers) {
        let lanes = Arc::clone(lanes);
        body::drain(body).await;
        return blocking(move || Err(caller::refuse_nobody(&lanes, &head))).await;
    }
    let known = (route.door.recalled)(lanes, &head).filter(|_| !is_open);
    if let Some(caller) = &known
        && let Err(busy) = (route.door.rates)(lanes).take(caller, counted_bytes(&route, &head))
    {
        // Before the body is read: who asks too often is not worth the work of taking it apart.
        body::drain_slowly(body, lanes.options.drained_bytes_max).await;
        let (lanes, caller) = (Arc::clone(lanes), caller.clone());
        return blocking(move || {
            note(&lanes, &caller, &route, &busy)?;
            Err(busy)
        })
        .await;
    }
    if let Some(caller) = known.as_ref().filter(|_| body.is_end_stream())
        && let Some(answer) = from_memory(lanes, &route, &head, caller).await
    {
        return Ok(answer.render());
    }
    let began = Instant::now();
    match route.act.clone() {
        Act::Asked(handler) => {
            let bytes = match route.takes {
                Takes::Nothing => {
                    body::drain(body).await;
                    Ok(Bytes::new())
                }
                _ => read(lanes, &route, (known.as_ref(), &head), body).await,
            };
            let known = still(known, lanes, (&route, &head), began);
            let lanes = Arc::clone(lanes);
            let turn = lanes.turn(bytes.as_ref().map_or(0, Bytes::len)).await;
            blocking(move || {
                let _until_answered = turn;
                let id = head.request_id.clone();
                let outcome = ask(&lanes, &route, (known, head), bytes, &*handler);
                let told = |failure| (route.tells)(&Wire::new(&lanes.services), &failure, &id);
                Ok(outcome.unwrap_or_else(told))
            })
            .await
        }
        Act::Written(begun, shown) => {
            let bytes = read(lanes, &route, (known.as_ref(), &head), body).await;
            let known = still(known, lanes, (&route, &head), began);
            write(lanes, route, (known, head), bytes, (begun, shown)).await
        }
        Act::Visited(handler) => receive(lanes, route, (known, head), (body, upgrade), handler).await,
    }
}

/// The length of a body that is going to be taken apart, as far as it is said.
fn counted_bytes(route: &Route, head: &Head) -> u64 {
    match route.act {
        Act::Visited(_) => 0,
        _ => head.body_bytes().unwrap_or(0),
    }
}

/// Reads a whole body; one whose length was not said is counted afterwards.
async fn read(
    lanes: &Lanes,
    route: &Route,
    (known, head): (Option<&Caller>, &Head),
    body: Body,
) -> Outcome<Bytes> {
    let bytes = body::read(&head.headers, body, &lanes.options).await?;
    if let Some(caller) = known.filter(|_| head.body_bytes().is_none()) {
        (route.door.rates)(lanes).take_body(caller, bytes.len() as u64)?;
    }
    Ok(bytes)
}

/// A body that took no longer came with its head, as far as its sender can tell.
const AT_ONCE: Duration = Duration::from_millis(10);

/// The caller, if he is one yet after the time that his body took.
fn still(
    known: Option<Caller>,
    lanes: &Lanes,
    (route, head): (&Route, &Head),
    began: Instant,
) -> Option<Caller> {
    match began.elapsed() <= AT_ONCE {
        true => known,
        false => known.and_then(|_| (route.door.recalled)(lanes, head)),
    }
}

/// Lets a visitor in, who takes the body, or the connection, himself.
async fn receive(
    lanes: &Arc<Lanes>,
    route: Arc<Route>,
    (known, head): (Option<Caller>, Head),
    (body, upgrade): (Body, Option<OnUpgrade>),
    handler: Visited,
) -> Outcome<Response<Body>> {
    let (at_door, row) = (Arc::clone(lanes), Arc::clone(&route));
    let admitted = blocking(move || {
        let caller = admit(&at_door, &row, known, &head)?;
        beside(head_faults(&row, &head), Ok((caller, head)))
    });
    let (caller, head) = match admitted.await {
        Ok(admitted) => admitted,
        Err(failure) => {
            body::drain_long(body, lanes.options.drained_bytes_max).await;
            return Err(failure);
        }
    };
    let who = caller.clone();
    let visit = Visit {
        caller,
        head,
        body,
        upgrade,
    };
    let outcome = handler(Lanes::clone(lanes), visit).await;
    let failure = outcome.as_ref().err().cloned();
    if let (Some(failure), Some(who)) = (failure, who) {
        let lanes = Arc::clone(lanes);
        blocking(move || note(&lanes, &who, &route, &failure)).await?;
    }
    outcome
}

/// The answer, if nothing must be waited for: the record is known as the caller is, and the read is plain.
/// Whatever speaks against it is found again, and told, on the long way.
async fn from_memory(lanes: &Arc<Lanes>, route: &Route, head: &Head, caller: &Caller) -> Option<Answer> {
    let is_bare = head.query.is_empty() && head.query_faults.is_empty();
    let kind = route.recalls.filter(|_| is_bare)?;
    let shown = lanes.services.recall(caller, kind, head.part("id"))?;
    match lanes.services.note_recalled(caller, &shown) {
        Noted::Kept => {}
        Noted::Untold => {
            let lanes = Arc::clone(lanes);
            blocking(move || lanes.services.tell_noted()).await.ok()?;
        }
        Noted::Refused => return None,
    }
    Some(Answer::shown(shown, head))
}

/// Bodies up to this length are taken apart where the request came in.
const SHORT_BODY_BYTES: usize = 16 << 10;

/// Hands a write to the store and awaits its group; no thread is held meanwhile. What fails leaves its entry in the audit
/// log.
async fn write(
    lanes: &Lanes,
    route: Arc<Route>,
    (known, head): (Option<Caller>, Head),
    bytes: Outcome<Bytes>,
    (begun, shown): (Begun, Shown),
) -> Outcome<Response<Body>> {
    let is_short = bytes.as_ref().is_ok_and(|bytes| bytes.len() <= SHORT_BODY_BYTES);
    let waits = !(is_short && known.as_ref().is_some_and(|caller| has_scope(&route, caller)));
    let turn = lanes.turn(bytes.as_ref().map_or(0, Bytes::len)).await;
    let (id, (tell, told)) = (head.request_id.clone(), oneshot::channel());
    let (door, row) = (lanes.clone(), Arc::clone(&route));
    let begin = move || {
        let _until_begun = turn;
        let caller = admit(&door, &row, known, &head)?;
        let caller = caller.ok_or(Failure::Unauthenticated("a credential is needed"))?;
        let tell = Box::new(move |decided| drop(tell.send(decided)));
        let asked = checked(&door, &row, Some(caller.clone()), head, bytes);
        let begun = asked.and_then(|(ask, faults)| match begun(&door, &ask, tell) {
            Ok(()) => Ok(faults),
            Err(failure) => beside(faults, Err(failure)),
        });
        Ok((caller, begun))
    };
    let (caller, begun) = if waits { blocking(begin).await? } else { begin()? };
    let outcome = match begun {
        Ok(faults) => beside(faults, concluded(lanes, &caller, told, shown).await),
        Err(failure) => Err(failure),
    };
    let Err(failure) = outcome else {
        return outcome;
    };
    let lanes = lanes.clone();
    blocking(move || {
        note(&lanes, &caller, &route, &failure)?;
        Ok((route.tells)(&Wire::new(&lanes.services), &failure, &id))
    })
    .await
}

fn has_scope(route: &Route, caller: &Caller) -> bool {
    route.scopes().all(|scope| policy::has_scope(caller, scope))
}

/// Awaits the group and makes the answer. What a plain one looks up, the write has read a moment before.
async fn concluded(
    lanes: &Lanes,
    caller: &Caller,
    told: oneshot::Receiver<Decided>,
    shown: Shown,
) -> Outcome<Response<Body>> {
    let decided = told.await.map_err(|_stopped| Failure::Stopping)?;
    let is_plain = decided.is_plain();
    let (lanes, caller) = (lanes.clone(), caller.clone());
    let conclude = move || {
        let written = lanes.services.conclude(&caller, decided)?;
        Ok(shown(&Wire::new(&lanes.services), &written)?.render())
    };
    if is_plain {
        conclude()
    } else {
        blocking(conclude).await
    }
}

/// Carries out, for another lane, what a route does that takes JSON or nothing. It waits for the disk.
///
/// # Errors
/// Those of the route.
pub fn carry_out(lanes: &Lanes, route: &Route, ask: &Ask) -> Outcome<Answer> {
    for scope in route.scopes() {
        lanes.services.demand(ask.caller()?, "request", scope)?;
    }
    match &route.act {
        Act::Asked(handler) => handler(lanes, ask),
        Act::Written(begun, shown) => {
            let (tell, told) = mpsc::sync_channel(1);
            begun(lanes, ask, Box::new(move |decided| drop(tell.send(decided))))?;
            let decided = told.recv().map_err(|_stopped| Failure::Stopping)?;
            let written = lanes.services.conclude(ask.caller()?, decided)?;
            shown(&Wire::new(&lanes.services), &written)
        }
        Act::Visited(_) => Err(Failure::Unsupported("files come over REST".into())),
    }
}

/// Lets the caller in and has the handler answer. What fails leaves its entry in the audit log.
fn ask(
    lanes: &Lanes,
    route: &Route,
    (known, head): (Option<Caller>, Head),
    bytes: Outcome<Bytes>,
    handler: &(dyn Fn(&Lanes, &Ask) -> Outcome<Answer> + Send + Sync),
) -> Outcome<Response<Body>> {
    let caller = admit(lanes, route, known, &head)?;
    let who = caller.clone();
    let asked = checked(lanes, route, caller, head, bytes);
    let outcome = asked
        .and_then(|(ask, faults)| beside(faults, handler(lanes, &ask)))
        .map(Answer::render);
    if let (Err(failure), Some(who)) = (&outcome, who) {
        note(lanes, &who, route, failure)?;
    }
    outcome
}

/// Leaves what failed in the audit log, under the row's name, or as it was asked where there is none.
fn note(lanes: &Lanes, caller: &Caller, route: &Route, failure: &Failure) -> Outcome<()> {
    let request = match failure {
        Failure::Unknown("path") | Failure::NoSuchMethod(..) => caller.via().asked.clone(),
        _ => format!("{route:?}"),
    };
    lanes.services.note_failure(caller, &request, failure)
}

/// Checks what can be checked without knowing what is asked. What has faults is asked all the same where a service can tell
/// the further ones, for [a caller](Caller::faulty) for whom nothing happens; the faults must be told then.
fn checked(
    lanes: &Lanes,
    route: &Route,
    caller: Option<Caller>,
    head: Head,
    bytes: Outcome<Bytes>,
) -> Outcome<(Ask, Vec<Fault>)> {
    if let Some(failure) = (route.refused)(lanes) {
        return Err(failure);
    }
    let mut faults = head_faults(route, &head);
    let read = bytes.and_then(|bytes| Ok((content(lanes, route, &head, &bytes)?, bytes)));
    let (content, bytes) = match read {
        Ok(read) => read,
        Err(failure) => return beside(faults, Err(failure)),
    };
    faults.extend(content.faults);
    let request = match &caller {
        Some(caller) if head.method != Method::GET && !route.lenient => head.request_key(caller, &bytes),
        _ => Ok(None),
    };
    let request = match request {
        Err(Failure::Invalid(more)) => {
            faults.extend(more);
            None
        }
        request => request?.filter(|_| faults.is_empty()),
    };
    let tells_more = route.method == Method::GET || matches!(route.takes, Takes::Data(..));
    let caller = match caller {
        caller if faults.is_empty() => caller,
        Some(caller) if tells_more => Some(caller.faulty()),
        _ => return Err(Failure::Invalid(faults)),
    };
    let ask = Ask {
        head,
        caller,
        data: content.data,
        meta: content.meta,
        request,
    };
    Ok((ask, faults))
}

fn content(lanes: &Lanes, route: &Route, head: &Head, bytes: &[u8]) -> Outcome<Content> {
    let bare = |data| Content {
        data,
        meta: Map::new(),
        faults: Vec::new(),
    };
    match &route.takes {
        Takes::Nothing => Ok(bare(Json::Null)),
        Takes::Data(_, meta) => body::parse(&head.headers, bytes, meta, &lanes.options),
        Takes::Multipart(_) => body::parse(&head.headers, bytes, &[], &lanes.options),
        // Nothing is no object that was read and comes back.
        Takes::Own(_) if route.method == Method::PUT && bytes.is_empty() => Ok(bare(Json::Null)),
        Takes::Own(_) => body::bare(bytes, &lanes.options).map(bare),
    }
}

/// Whether who brings no credential is let in.
fn is_open(route: &Route, head: &Head) -> bool {
    let later = || (route.admits_later)(&head.headers) && !caller::has_credential(&head.headers);
    route.scope == Scope::Open || later()
}

/// Lets the caller in: one who is known has been counted already. Waits for the store, except for one who is known and has
/// the scope.
fn admit(lanes: &Lanes, route: &Route, known: Option<Caller>, head: &Head) -> Outcome<Option<Caller>> {
    if is_open(route, head) {
        return Ok(None);
    }
    let caller = match known {
        Some(caller) => caller,
        None => {
            let caller = (route.door.admitted)(lanes, head)?;
            if let Err(busy) = (route.door.rates)(lanes).take(&caller, counted_bytes(route, head)) {
                note(lanes, &caller, route, &busy)?;
                return Err(busy);
            }
            caller
        }
    };
    for scope in route.scopes() {
        lanes.services.demand(&caller, "request", scope)?;
    }
    Ok(Some(caller))
}

/// What is wrong beside the body. A parameter with a typing error must not be passed over, nor a condition that is none.
fn head_faults(route: &Route, head: &Head) -> Vec<Fault> {
    let mut faults = head.query_faults.clone();
    let is_known =
        |name: &str| route.lenient || route.is_page || route.query.iter().any(|param| param.name == name);
    let unknown = head.query.keys().filter(|name| !is_known(name));
    faults.extend(unknown.map(|name| Fault::wrong(name, "no such parameter")));
    if route.method != Method::GET && !route.lenient {
        faults.extend(head.if_match_fault(route.conditional));
    }
    faults
}
