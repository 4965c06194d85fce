//! The GraphQL lane: boards, rights, limits, changes, subscriptions.

mod board;
mod changes;
mod every;
mod limits;
mod live;
mod parts;
mod protocol;
mod side;

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::compare_with_file;
use crate::support::testbox::{Answer, TestBox};

/// The query that clients bring along, verbatim.
pub(super) const CASE_BOARD: &str = include_str!("../../../src/cli/bench/clients/board.graphql");

/// Sends a query.
pub(super) async fn post(served: &TestBox, key: &str, body: &Json) -> Answer {
    served
        .send(TestBox::request(
            Method::POST,
            "/graphql",
            Some(key),
            &[],
            Some(body),
        ))
        .await
}

/// The answer to a query of the key that may do everything.
pub(super) async fn ask(served: &TestBox, query: &str, variables: Json) -> Json {
    ask_as(served, &served.key, query, variables).await
}

/// The answer to a query of another key.
pub(super) async fn ask_as(served: &TestBox, key: &str, query: &str, variables: Json) -> Json {
    let body = json!({"query": query, "variables": variables});
    post(served, key, &body).await.expect(200).json()
}

/// The data of an answer that must have no errors.
#[track_caller]
pub(super) fn data(answer: &Json) -> Json {
    assert!(answer["errors"].is_null(), "{answer:#}");
    answer["data"].clone()
}

/// The codes of an answer's errors.
pub(super) fn codes(answer: &Json) -> Vec<String> {
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let code = |error: &Json| {
        let about = &error["extensions"];
        assert!(
            about["requestId"].as_str().is_some_and(|id| !id.is_empty()),
            "{error}"
        );
        about["code"].as_str().unwrap().to_owned()
    };
    errors.iter().map(code).collect()
}

#[test]
fn the_published_schema_is_the_one_that_the_tables_give() {
    compare_with_file("docs/api/schema.graphql", &blotter::lanes::sdl());
}
