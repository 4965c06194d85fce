//! From the table of routes to a router, and what is said where nothing is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::header::ALLOW;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower::ServiceExt;

use crate::lanes::http::route::{self, Route, Scope};
use crate::lanes::http::serve::serve;
use crate::lanes::http::{Lanes, caller};
use crate::services::failure::Failure;

/// Where programs ask, whatever they say that they accept.
const OF_PROGRAMS: [&str; 5] = ["v1", "api", "odata", "docs", "graphql"];

/// A router of all these routes, each also with a slash at its end. Whatever is not among them is answered in the envelope too,
/// and to browsers by the page `lost`.
pub fn router(lanes: &Lanes, routes: Vec<Route>, lost: Route) -> Router {
    // The router clones its handlers for each request.
    let lanes = Arc::new(lanes.clone());
    let (lenient, exact) = routes.into_iter().partition(|route| route.lenient);
    let at_end = Arc::clone(&lanes);
    let nowhere = Refusal::new(&Route::nowhere(), Failure::Unknown("path"));
    let lost = Arc::new(lost);
    let lenient = table(&lanes, lenient).fallback(move |request: Request| {
        let refusal = nowhere.clone();
        lose(Arc::clone(&at_end), refusal, Arc::clone(&lost), request)
    });
    let in_any_case = ServiceExt::<Request>::map_request(lenient, in_lower_case);
    table(&lanes, exact).fallback_service(in_any_case)
}

fn table(lanes: &Arc<Lanes>, routes: Vec<Route>) -> Router {
    let mut router = Router::new();
    let routes: Vec<_> = routes.into_iter().map(Arc::new).collect();
    for (path, routes) in grouped(&routes, |route| &route.path) {
        let methods = methods(lanes, &routes);
        if path != "/" && !path.contains("{*") {
            router = router.route(&format!("{path}/"), methods.clone());
        }
        router = router.route(path, methods);
    }
    router
}

/// The routes by what each says, in the order of that.
fn grouped(routes: &[Arc<Route>], said: impl Fn(&Route) -> &str) -> BTreeMap<&str, Vec<Arc<Route>>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for route in routes {
        groups.entry(said(route)).or_default().push(Arc::clone(route));
    }
    groups
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

type PathParts = Result<RawPathParams, RawPathParamsRejection>;

fn methods(lanes: &Arc<Lanes>, routes: &[Arc<Route>]) -> MethodRouter {
    let by_method = grouped(routes, |route| route.method.as_str());
    let mut methods = MethodRouter::new();
    let Some(first) = routes.first() else {
        return methods;
    };
    let mut allowed: Vec<&str> = by_method.keys().copied().collect();
    if allowed.contains(&"GET") && !first.lenient {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    let by_another = Refusal::new(first, Failure::no_such_method(&allowed.join(", ")));
    let no_such_path = Refusal::new(first, Failure::Unknown("path"));
    for (method, routes) in by_method {
        let Some(filter) = Method::try_from(method)
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
        else {
            continue;
        };
        let (lanes, no_such_path) = (Arc::clone(lanes), no_such_path.clone());
        let handler = move |parts: PathParts, request: Request| {
            let (lanes, no_such_path) = (Arc::clone(&lanes), no_such_path.clone());
            let route = route::wanted(&routes, request.headers());
            async move {
                let (Some(route), Ok(parts)) = (route, parts) else {
                    return refuse(lanes, no_such_path, request).await;
                };
                let parts = parts
                    .iter()
                    .map(|(name, part)| (name.to_owned(), part.to_owned()));
                serve(lanes, route, parts.collect(), request).await
            }
        };
        methods = methods.merge(on(filter, handler));
    }
    let lanes = Arc::clone(lanes);
    methods.fallback(move |request: Request| refuse(Arc::clone(&lanes), by_another.clone(), request))
}

/// What is said where nothing is there, or not by this method.
#[derive(Clone)]
struct Refusal {
    failure: Failure,
    /// Says it to callers, who come in by the door of the lane.
    to_callers: Arc<Route>,
    /// Says it to who brings no credential, or sends him to the door first.
    to_strangers: Arc<Route>,
}

impl Refusal {
    /// In the form of a route nearby.
    fn new(near: &Route, failure: Failure) -> Self {
        let tells_callers_alone = near.lenient && near.scope != Scope::Open;
        let for_strangers = if tells_callers_alone {
            Scope::Caller
        } else {
            Scope::Open
        };
        let row = |scope| Arc::new(near.refusing(scope, failure.clone()));
        Self {
            to_callers: row(Scope::Caller),
            to_strangers: row(for_strangers),
            failure,
        }
    }
}

/// What is said where no path leads: to a browser by a page, which signs in whoever's session has ended.
async fn lose(lanes: Arc<Lanes>, refusal: Refusal, lost: Arc<Route>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let first = head.uri.path().split('/').nth(1).unwrap_or_default();
    let is_visit = [Method::GET, Method::HEAD].contains(&head.method)
        && route::accepts_pages(&head.headers)
        && !OF_PROGRAMS.contains(&first);
    let asked = is_visit.then(|| Request::from_parts(head.clone(), Body::empty()));
    let refused = refuse(Arc::clone(&lanes), refusal, Request::from_parts(head, body)).await;
    let is_nowhere = [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED].contains(&refused.status());
    match asked.filter(|_| is_nowhere) {
        Some(request) => serve(lanes, lost, BTreeMap::new(), request).await,
        None => refused,
    }
}

/// Who brings a credential is let in first. Whoever asks, the audit log tells it.
async fn refuse(lanes: Arc<Lanes>, refusal: Refusal, request: Request) -> Response<Body> {
    let row = match caller::has_credential(request.headers()) {
        true => refusal.to_callers,
        false => refusal.to_strangers,
    };
    let mut response = serve(lanes, row, BTreeMap::new(), request).await;
    // Not every lane's own form of a failure says it.
    if let Failure::NoSuchMethod(allowed, _) = &refusal.failure
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::try_from(allowed.as_str())
    {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
