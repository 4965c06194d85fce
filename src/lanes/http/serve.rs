//! From a route's row to an answer: name the request, let the caller in, check what was given, hop to where it may wait, and
//! say what came of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, Query, RawPathParams, Request};
use axum::http::header::{ALLOW, CACHE_CONTROL, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, Response, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use hyper::upgrade::OnUpgrade;
use serde_json::{Map, Value as Json};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::lanes::http::answer::Answer;
use crate::lanes::http::ask::{Ask, Head, Plain};
use crate::lanes::http::body::Content;
use crate::lanes::http::route::{Act, Begun, Route, Scope, Shown, Takes, Visit, Visited};
use crate::lanes::http::wire::Wire;
use crate::lanes::http::{Lanes, body, caller, failure, route};
use crate::services::Decided;
use crate::services::audit::tally::Noted;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::policy;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A router of all these routes, each also with a slash at its end. Whatever is not among them is answered in the envelope too.
pub fn router(lanes: &Lanes, routes: Vec<Route>) -> Router {
    // The router clones its handlers for each request.
    let lanes = Arc::new(lanes.clone());
    let (lenient, exact) = routes.into_iter().partition(|route| route.lenient);
    let lenient = table(&lanes, lenient).fallback(nothing_there);
    let in_any_case = ServiceExt::<Request>::map_request(lenient, in_lower_case);
    table(&lanes, exact).fallback_service(in_any_case)
}

fn table(lanes: &Arc<Lanes>, routes: Vec<Route>) -> Router {
    let mut by_path: BTreeMap<String, Vec<Arc<Route>>> = BTreeMap::new();
    for route in routes {
        by_path
            .entry(route.path.clone())
            .or_default()
            .push(Arc::new(route));
    }
    let mut router = Router::new();
    for (path, routes) in by_path {
        let methods = methods(lanes, &routes);
        if path != "/" && !path.contains("{*") {
            router = router.route(&format!("{path}/"), methods.clone());
        }
        router = router.route(&path, methods);
    }
    router
}

/// The request with its path in lower case.
fn in_lower_case(mut request: Request) -> Request {
    let mut uri = request.uri().clone().into_parts();
    let path = request.uri().path().to_ascii_lowercase();
    let lowered = match request.uri().query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    uri.path_and_query = lowered.ok();
    if let Ok(uri) = Uri::from_parts(uri) {
        *request.uri_mut() = uri;
    }
    request
}

/// The answer where there is no such path.
async fn nothing_there(request: Request) -> Response<Body> {
    let id = caller::request_id(request.headers());
    body::drain(request.into_body()).await;
    dressed(failure::no_such_path(&id), &id)
}

fn methods(lanes: &Arc<Lanes>, routes: &[Arc<Route>]) -> MethodRouter {
    let mut by_method: BTreeMap<&str, Vec<Arc<Route>>> = BTreeMap::new();
    for route in routes {
        by_method
            .entry(route.method.as_str())
            .or_default()
            .push(Arc::clone(route));
    }
    let mut allowed: Vec<&str> = by_method.keys().copied().collect();
    let is_lenient = routes.iter().any(|route| route.lenient);
    if allowed.contains(&"GET") && !is_lenient {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    let allowed = allowed.join(", ");
    let mut methods = MethodRouter::new();
    for (method, routes) in by_method {
        let Some(filter) = Method::try_from(method)
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
        else {
            continue;
        };
        let lanes = Arc::clone(lanes);
        let handler = move |parts: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            let (lanes, route) = (Arc::clone(&lanes), route::wanted(&routes, request.headers()));
            async move {
                match route {
                    Some(route) => serve(lanes, route, parts.ok(), request).await,
                    None => nothing_there(request).await,
                }
            }
        };
        methods = methods.merge(on(filter, handler));
    }
    let Some(first) = routes.first() else {
        return methods;
    };
    let (lanes, refusing) = (Arc::clone(lanes), Arc::new(first.refusing(&allowed)));
    methods.fallback(
        move |parts: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            let (lanes, route) = (Arc::clone(&lanes), Arc::clone(&refusing));
            async move {
                if is_lenient {
                    return serve(lanes, route, parts.ok(), request).await;
                }
                let id = caller::request_id(request.headers());
                body::drain(request.into_body()).await;
                let refused = Failure::no_such_method(&allowed);
                let mut response = (route.tells)(&Wire::new(&lanes.services), &refused, &id);
                // Not every lane's own form of a failure says it.
                if let Ok(allow) = HeaderValue::try_from(allowed.as_str()) {
                    response.headers_mut().insert(ALLOW, allow);
                }
                dressed(response, &id)
            }
        },
    )
}

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

async fn serve(
    lanes: Arc<Lanes>,
    route: Arc<Route>,
    parts: Option<RawPathParams>,
    request: Request,
) -> Response<Body> {
    let (mut rest, body) = request.into_parts();
    let id = caller::request_id(&rest.headers);
    let upgrade = rest.extensions.remove::<OnUpgrade>();
    let tells = route.tells;
    let outcome = match head(rest, parts, &id, &route) {
        Ok(head) => answer(&lanes, route, head, (body, upgrade)).await,
        Err(failure) => Err(failure),
    };
    let response = outcome.unwrap_or_else(|failure| tells(&Wire::new(&lanes.services), &failure, &id));
    dressed(response, &id)
}

/// What every answer has.
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

fn head(rest: Parts, parts: Option<RawPathParams>, request_id: &str, route: &Route) -> Outcome<Head> {
    let parts = parts.ok_or(Failure::Unknown("path"))?;
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
    Ok(Head {
        query: query_of(&rest.uri, route.lenient)?,
        path: path.to_owned(),
        parts: parts
            .iter()
            .map(|(name, part)| (name.to_owned(), part.to_owned()))
            .collect(),
        method: rest.method,
        headers,
        request_id: request_id.to_owned(),
        lane: route.lane,
        address: peer.map(|ConnectInfo(peer)| peer.ip()),
        is_plain: rest.extensions.get::<Plain>().is_some(),
    })
}

fn query_of(uri: &Uri, is_lenient: bool) -> Outcome<BTreeMap<String, String>> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Failure::wrong("query", "parameters as name=value"));
    };
    let mut query = BTreeMap::new();
    let mut faults = Vec::new();
    for (mut name, value) in pairs {
        if is_lenient {
            name.make_ascii_lowercase();
        }
        if query.insert(name.clone(), value).is_some() && !is_lenient {
            faults.push(Fault::wrong(name, "one value, not several"));
        }
    }
    if faults.is_empty() {
        Ok(query)
    } else {
        Err(Failure::Invalid(faults))
    }
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
    if let Some(Err(busy)) = known
        .as_ref()
        .map(|caller| (route.door.rates)(lanes).take(caller, counted_bytes(&route, &head)))
    {
        // Before the body is read: who asks too often is not worth the work of taking it apart.
        body::drain_slowly(body, lanes.options.drained_bytes_max).await;
        return Err(busy);
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
    let at_door = Arc::clone(lanes);
    let name = format!("{route:?}");
    let admitted = blocking(move || {
        let caller = admit(&at_door, &route, known, &head)?;
        beside(unknown_params(&route, &head), Ok((caller, head)))
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
        blocking(move || lanes.services.note_failure(&who, &name, &failure)).await?;
    }
    outcome
}

/// The answer, if nothing must be waited for: the record is known as the caller is, and the read is plain.
/// Whatever speaks against it is found again, and told, on the long way.
async fn from_memory(lanes: &Arc<Lanes>, route: &Route, head: &Head, caller: &Caller) -> Option<Answer> {
    let kind = route.recalls.filter(|_| head.query.is_empty())?;
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
        let name = format!("{route:?}");
        lanes.services.note_failure(&caller, &name, &failure)?;
        Ok((route.tells)(&Wire::new(&lanes.services), &failure, &id))
    })
    .await
}

fn has_scope(route: &Route, caller: &Caller) -> bool {
    match &route.scope {
        Scope::Needs(scope) => policy::has_scope(caller, scope),
        Scope::Open | Scope::Caller => true,
    }
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
    if let Scope::Needs(scope) = &route.scope {
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
        lanes
            .services
            .note_failure(&who, &format!("{route:?}"), failure)?;
    }
    outcome
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
    let mut faults = unknown_params(route, &head);
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
            (route.door.rates)(lanes).take(&caller, counted_bytes(route, head))?;
            caller
        }
    };
    if let Scope::Needs(scope) = &route.scope {
        lanes.services.demand(&caller, "request", scope)?;
    }
    Ok(Some(caller))
}

/// A parameter with a typing error must not be passed over.
fn unknown_params(route: &Route, head: &Head) -> Vec<Fault> {
    let is_known =
        |name: &str| route.lenient || route.is_page || route.query.iter().any(|param| param.name == name);
    let unknown = head.query.keys().filter(|name| !is_known(name));
    unknown
        .map(|name| Fault::wrong(name, "no such parameter"))
        .collect()
}
