//! Over plain HTTP: which paths give the page, to whom, and how it may be kept.

use axum::http::Method;

use crate::support::testbox::TestBox;

const BROWSER: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

#[tokio::test]
async fn every_page_is_the_same_document_under_a_strict_policy() {
    let test = TestBox::start().await;
    let ask = |path: &str| test.send(TestBox::request(Method::GET, path, None, &BROWSER, None));
    let first = ask("/").await.expect(200);
    let paths = [
        "/cases?status=open",
        "/cases/INV-2026-0001",
        "/cases/INV-2026-0001/",
        "/cases/INV-2026-0001/alerts/critical",
        "/evidence/EVD-0001",
        "/evidence/new?case=INV-2026-0001",
        "/entities/ENT-0001",
        "/reports/1",
        "/?q=anything",
    ];
    for path in paths {
        assert_eq!(ask(path).await.expect(200).bytes, first.bytes, "{path}");
    }
    assert_eq!(first.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(first.header("cache-control"), "no-cache");
    let policy = first.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");

    // Nothing but files of its own, for a year: their names change with what they say.
    let text = String::from_utf8(first.bytes.to_vec()).unwrap();
    let files: Vec<&str> = text
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert!(files.len() >= 3 && !text.contains("://"), "{text}");
    let mut bytes = first.bytes.len();
    for path in files {
        let file = ask(path).await.expect(200);
        assert_eq!(
            file.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(file.header("content-encoding"), "br");
        bytes += file.bytes.len();
        let tag = [("if-none-match", file.header("etag"))];
        test.send(TestBox::request(Method::GET, path, None, &tag, None))
            .await
            .expect(304);
    }
    assert!(bytes < 60_000, "{bytes} bytes are loaded before anything is seen");
    ask("/assets/nothing.js").await.expect(404);
}

/// A mistyped address gave browsers JSON.
#[tokio::test]
async fn a_browser_gets_a_page_where_there_is_none() {
    let test = TestBox::start().await;
    let ask = |method, path: &str, cookie: &str| {
        let headers = [BROWSER[0], ("cookie", cookie)];
        test.send(TestBox::request(method, path, None, &headers, None))
    };
    let first = ask(Method::GET, "/", "").await.expect(200);
    // A session that has ended is no reason to be answered as a program.
    for cookie in ["", "__Host-blotter-session=ended", "other=1"] {
        for path in [
            "/nothing",
            "/cases/INV-2026-0001/alerts",
            "/nothing?x=1",
            "/Cases/1",
        ] {
            let page = ask(Method::GET, path, cookie).await.expect(404);
            assert_eq!(page.bytes, first.bytes, "{path}");
            for name in [
                "content-type",
                "content-security-policy",
                "x-content-type-options",
            ] {
                assert_eq!(page.header(name), first.header(name), "{path}");
            }
        }
        assert_eq!(ask(Method::HEAD, "/nothing", cookie).await.expect(404).bytes, "");
    }
    for path in [
        "/v1/nothing",
        "/v1",
        "/docs/nothing",
        "/graphql/nothing",
        "/api/nothing",
    ] {
        let told = ask(Method::GET, path, "").await;
        assert!(
            [404, 401].contains(&told.status) && told.json().is_object(),
            "{path}"
        );
    }
    let written = ask(Method::POST, "/nothing", "").await.expect(404);
    assert_eq!(written.codes(), ["NOT_FOUND"]);
}

#[tokio::test]
async fn programs_find_what_they_found_before() {
    let test = TestBox::start().await;
    for accept in ["application/json", "*/*"] {
        for path in [
            "/",
            "/cases",
            "/cases/INV-2026-0001",
            "/evidence/new",
            "/entities/ENT-0001",
            "/nothing",
        ] {
            let asked = TestBox::request(Method::GET, path, None, &[("accept", accept)], None);
            assert_eq!(
                test.send(asked).await.expect(404).codes(),
                ["NOT_FOUND"],
                "{path}"
            );
        }
        let asked = TestBox::request(Method::GET, "/reports/1", None, &[("accept", accept)], None);
        assert_eq!(test.send(asked).await.expect(401).codes(), ["UNAUTHORIZED"]);
    }
    test.get("/reports/1").await.expect(404);
    let written = TestBox::request(Method::POST, "/cases/INV-2026-0001", None, &BROWSER, None);
    let refused = test.send(written).await.expect(405);
    assert_eq!(refused.header("allow"), "GET, HEAD");
    assert!(
        !blotter::lanes::document()["paths"]
            .as_object()
            .unwrap()
            .contains_key("/")
    );
}

#[tokio::test]
async fn who_wants_json_more_than_a_page_gets_it() {
    let test = TestBox::start().await;
    for (accept, media) in [
        ("application/json, text/html;q=0.1", "application/json"),
        ("text/html, application/json;q=0.1", "text/html"),
    ] {
        let headers = [("accept", accept)];
        let lost = TestBox::request(Method::GET, "/cases/INV-2026-0001/nowhere", None, &headers, None);
        let lost = test.send(lost).await;
        assert!(
            lost.header("content-type").starts_with(media),
            "{accept}: {lost:?}"
        );
    }
}
