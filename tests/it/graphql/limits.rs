//! What is too much, and what is no query: refused by name, before anything is read.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::graphql::{ask, codes, data, post};
use crate::support::testbox::TestBox;

fn many(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

/// Bombs, each with the limit that names it.
fn bombs() -> Vec<(String, &'static str)> {
    let doubling = many(30, |n| {
        format!("fragment f{n} on Investigation {{ ...f{0} ...f{0} }} ", n + 1)
    });
    let doubling =
        format!("{{ case(id: 1) {{ ...f0 }} }} {doubling} fragment f30 on Investigation {{ title }}");
    let chain = many(900, |n| {
        format!("fragment f{n} on Investigation {{ ...f{} }} ", n + 1)
    });
    let nested = format!(
        "{}id{}",
        "{ case(id: 1) { children: evidence { case ".repeat(9),
        "} } }".repeat(9)
    );
    let by_fragments = many(4, |n| {
        format!(
            "fragment f{n} on Investigation {{ {} }} ",
            many(4, |alias| format!("a{n}x{alias}: title "))
        )
    });
    vec![
        (format!("{{ {} }}", many(1_000, |n| format!("a{n}: case(id: 1) {{ id }} "))), "aliases_max"),
        (format!("{{ case(id: 1) {{ ...f0 ...f1 ...f2 ...f3 }} }} {by_fragments}"), "aliases_max"),
        (many(10_000, |_| "{ a ".into()), "depth_max"),
        (nested, "depth_max"),
        (doubling, "complexity_max"),
        (format!("{{ case(id: 1) {{ ...f0 }} }} {chain} fragment f900 on Investigation {{ title }}"), "depth_max"),
        (
            "{ case(id: 1) { ...a } } fragment a on Investigation { ...b } fragment b on Investigation { ...a }".into(),
            "depth_max",
        ),
        ("fragment a on Investigation { ...a } { case(id: 1) { ...a } }".into(), "depth_max"),
        (format!("{{ me {} {{ name }} }}", "@skip(if: false)".repeat(100)), "directives_max"),
        ("{ investigations(first: 500) { evidence(first: 500) { id } } }".into(), "complexity_max"),
        ("query($n: Int!) { investigations(first: $n) { evidence(first: $n) { id } } }".into(), "complexity_max"),
        (format!("{{ {} }}", "me { name } ".repeat(5_000)), "tokens_max"),
        (format!("{{ case(id: [{}]) {{ id }} }}", "1 ".repeat(100_000)), "tokens_max"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".into(), "depth_max"),
        ("{ a: __schema { types { name } } b: __schema { types { name } } }".into(), "complexity_max"),
    ]
}

/// The same of changes: each would make something before it went off.
fn bombs_of_changes() -> Vec<(String, &'static str)> {
    let make = "createInvestigation(input: {title: \"x\"})";
    let deep = format!(
        "investigation {{ {}id{} }}",
        "evidence { case { ".repeat(9),
        "} } ".repeat(9)
    );
    let cycle = "fragment a on InvestigationPayload { ...b } fragment b on InvestigationPayload { ...a }";
    vec![
        (
            format!(
                "mutation {{ {} }}",
                many(11, |n| format!("a{n}: {make} {{ replayed }} "))
            ),
            "aliases_max",
        ),
        (format!("mutation {{ {make} {{ {deep} }} }}"), "complexity_max"),
        (
            format!(
                "mutation {{ {make} {{ {} }} }}",
                deep.replace("evidence", "evidence(first: 1)")
            ),
            "depth_max",
        ),
        (format!("mutation {{ {make} {{ ...a }} }} {cycle}"), "depth_max"),
        (
            format!(
                "mutation {{ {make} {} {{ replayed }} }}",
                "@include(if: true)".repeat(100)
            ),
            "directives_max",
        ),
        (
            format!("mutation {{ {make} {{ {} }} }}", "replayed ".repeat(10_000)),
            "tokens_max",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_is_refused_by_the_name_of_its_limit_and_nothing_is_read_or_changed() {
    let served = TestBox::start().await;
    // A field that is answered reads the row of a sitting, and a change moves the last number: so they are counted.
    let arrivals = "{ syncStatus { arrivals } }";
    let first = data(&ask(&served, arrivals, json!({})).await);
    let work = served.services().work();
    let before = (work.snapshots(), work.records());
    assert!(before.0 > 0);
    for (query, limit) in bombs().into_iter().chain(bombs_of_changes()) {
        let body = json!({"query": query, "variables": {"n": 500}});
        let answer = post(&served, &served.key, &body).await.expect(200).json();
        assert_eq!(codes(&answer), ["INVALID"], "{limit}");
        assert!(answer.get("data").is_none());
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("graphql.{limit}")),
            "{limit}: {message}"
        );
        assert!(message.len() < 300, "{message}");
    }
    assert_eq!((work.snapshots(), work.records()), before, "nothing was read");
    assert_eq!(
        data(&ask(&served, arrivals, json!({})).await),
        first,
        "nothing was changed"
    );
    assert_eq!(served.get("/v1/cases").await.expect(200).data(), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_query_is_told_so_and_never_a_fault_of_the_server() {
    let served = TestBox::start().await;
    let refused = async |body: Json| {
        let answer = post(&served, &served.key, &body).await;
        assert!(answer.status < 500, "{body}");
        let codes = codes(&answer.json());
        assert!(
            !codes.is_empty() && codes.iter().all(|code| code == "INVALID"),
            "{body}: {codes:?}"
        );
        let told = answer.json()["errors"].to_string();
        let inner = ["struct", "expected `", "-->", "\\n", "missing field", "EOF"];
        assert!(!inner.iter().any(|word| told.contains(word)), "{body}: {told}");
        answer
    };
    for query in [
        "",
        "{",
        "{}",
        "}",
        "{ nothing }",
        "{ me }",
        "{ me { nothing } }",
        "{ case { id } }",
        "{ case(id: 1, no: 2) { id } }",
        "query A { me { name } } query B { me { name } }",
        "subscription { events { eventId } }",
        "{ ...missing }",
        "fragment f on Me { name }",
        "{ me { name @no } }",
        "{ case(id: {a: 1}) { id } }",
        "\"",
        "\u{0}",
        "{ investigations(orderBy: NO) { id } }",
        "{ a: me { name } a: syncStatus { state } }",
    ] {
        refused(json!({ "query": query })).await.expect(200);
    }
    for query in [
        "{ investigations(first: 0) { id } }",
        "{ investigations(first: 501) { id } }",
        "{ investigations(first: 1, limit: 2) { id } }",
        "{ investigations(after: \"x\") { id } }",
        "{ investigations(filter: {status: \"no\"}) { id } }",
        "{ reports(filter: {bbox: \"1\"}) { id } }",
    ] {
        let answer = refused(json!({ "query": query })).await.expect(200).json();
        let root = answer["data"].as_object().unwrap();
        assert!(root.values().all(Json::is_null), "{answer}");
    }
    for body in [
        json!([]),
        json!([{"query": "{ me { name } }"}]),
        json!({}),
        json!(1),
        json!({"query": 1}),
        json!({"query": "{ me { name } }", "more": 1}),
        json!({"query": "{ me { name } }", "variables": []}),
    ] {
        refused(body).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forms_of_a_request_and_of_an_answer_are_those_of_graphql_over_http() {
    let served = TestBox::start().await;
    let headers = [("accept", "application/graphql-response+json")];
    let body = json!({"query": "{ nothing }"});
    let request = TestBox::request(Method::POST, "/graphql", Some(&served.key), &headers, Some(&body));
    let answer = served.send(request).await.expect(400);
    assert_eq!(
        answer.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
    let large = json!({"query": " ".repeat(1 << 20)});
    let answer = post(&served, &served.key, &large).await.expect(413).json();
    assert_eq!(codes(&answer), ["INVALID"]);
    served.get("/graphql").await.expect(400);
    served.get("/graphql?query=mutation%7Ba%7D").await.expect(200);
    let operations =
        json!({"query": "query A { me { name } } query B { me { tenant } }", "operationName": "B"});
    let answer = post(&served, &served.key, &operations).await.expect(200).json();
    assert_eq!(data(&answer), json!({"me": {"tenant": "metro"}}));
}

/// An object of which nothing was asked for was null, as one that is not there, and nothing said why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_which_nothing_is_left_to_tell_is_empty_and_never_null() {
    let served = TestBox::start().await;
    let case = json!({"data": {"title": "Pier"}});
    let case = served
        .post("/v1/cases", case["data"].clone())
        .await
        .expect(201)
        .data();
    let case = &case["display_id"];
    let (query, fragment) = ("query($w: Boolean!, $id: ID!)", "fragment f on Investigation");
    let empty = [
        ("{ me { id @skip(if: true) } }".to_owned(), json!({"me": {}})),
        ("{ me @skip(if: true) { id } }".to_owned(), json!({})),
        (
            format!("{query} {{ investigation(id: $id) {{ title @include(if: $w) }} }}"),
            json!({"investigation": {}}),
        ),
        (
            format!(
                "{query} {{ a: investigation(id: $id) {{ ...f @include(if: $w) }} b: investigation(id: $id) {{ ...f }} }} {fragment} {{ title }}"
            ),
            json!({"a": {}, "b": {"title": "Pier"}}),
        ),
        (
            format!(
                "{query} {{ investigation(id: $id) {{ ...f }} }} {fragment} {{ ... @include(if: $w) {{ title }} }}"
            ),
            json!({"investigation": {}}),
        ),
        (
            "{ investigations(first: 5) { title @skip(if: true) } }".to_owned(),
            json!({"investigations": [{}]}),
        ),
        (
            "{ reports(limit: 5) { id @skip(if: true) } }".to_owned(),
            json!({"reports": []}),
        ),
    ];
    for (query, expected) in empty {
        let told = post(
            &served,
            &served.key,
            &json!({"query": query, "variables": {"w": false, "id": case}}),
        )
        .await;
        assert_eq!(told.expect(200).json(), json!({"data": expected}), "{query}");
    }
    // What is not there is null all the same, and says so.
    let query = "{ ...f me { name } } fragment f on Query { investigation(id: \"INV-2026-9999\") { ...t } } fragment t on Investigation { title }";
    let told = ask(&served, query, json!({})).await;
    assert_eq!(
        told["data"],
        json!({"investigation": null, "me": {"name": "test key"}})
    );
    assert_eq!(codes(&told), ["NOT_FOUND"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_query_of_tools_about_the_schema_is_answered_unless_that_is_off() {
    let deep = "ofType { kind name ".repeat(9) + &"}".repeat(9);
    let tools = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} types {{ ...FullType }} directives {{ name args {{ ...InputValue }} }} }} }}
        fragment FullType on __Type {{ kind name fields(includeDeprecated: true) {{ name args {{ ...InputValue }} type {{ ...TypeRef }} }}
          inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }} enumValues {{ name }} possibleTypes {{ ...TypeRef }} }}
        fragment InputValue on __InputValue {{ name type {{ ...TypeRef }} defaultValue }}
        fragment TypeRef on __Type {{ kind name {deep} }}"
    );
    let served = TestBox::start().await;
    let schema = data(&ask(&served, &tools, json!({})).await);
    let types = schema["__schema"]["types"].as_array().unwrap();
    let names: Vec<_> = types.iter().map(|ty| ty["name"].as_str().unwrap()).collect();
    for name in "Investigation Entity Person Vehicle Place Phone Organization Item Evidence CustodyEntry TimelineEntry \
        Report ChatMessage Alert Watchlist Team Member Node SyncStatus AuditEntry Conflict"
        .split_whitespace()
    {
        assert!(names.contains(&name), "{name}");
    }
    let mut options = crate::support::testbox::plenty();
    options.graphql.introspection = false;
    let closed = TestBox::start_with(options).await;
    for query in [tools.as_str(), "{ __type(name: \"Me\") { name } }"] {
        let answer = ask(&closed, query, json!({})).await;
        assert!(
            answer["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains("graphql.introspection")
        );
    }
    data(&ask(&closed, "{ me { __typename } }", json!({})).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_may_be_as_long_as_the_document_says_and_no_longer() {
    let served = TestBox::start().await;
    let document = blotter::lanes::document();
    let params = document["paths"]["/graphql"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let least = [
        ("query", "{me{name}}"),
        ("operationName", ""),
        ("variables", "{}"),
    ];
    for (name, text) in least {
        let param = params.iter().find(|param| param["name"] == name).unwrap();
        let chars_max = param["schema"]["maxLength"].as_u64().unwrap() as usize;
        for (chars, is_taken) in [(chars_max, true), (chars_max + 1, false)] {
            // Of a name all is said: there is an operation of it.
            let (long, query) = match name {
                "operationName" => (
                    "a".repeat(chars),
                    format!("query {}{{me{{name}}}}", "a".repeat(chars)),
                ),
                _ => (
                    format!("{text}{}", "%0A".repeat(chars - text.len())),
                    "{me{name}}".to_owned(),
                ),
            };
            let encoded = |text: &str| text.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
            let path = match name {
                "query" => format!("/graphql?query={}", encoded(&long)),
                _ => format!("/graphql?query={}&{name}={}", encoded(&query), encoded(&long)),
            };
            let answer = served.get(&path).await;
            match is_taken {
                true => assert_eq!(
                    data(&answer.expect(200).json())["me"]["name"],
                    "test key",
                    "{name}"
                ),
                false => assert_eq!(codes(&answer.expect(400).json()), ["INVALID"], "{name}"),
            }
        }
    }
}
