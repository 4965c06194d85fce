//! The published document and the page that shows it.

mod examples;
mod lines;
mod pages;

use std::collections::BTreeSet;

use axum::http::Method;

use crate::support::compare_with_file;
use crate::support::testbox::TestBox;

#[test]
fn the_published_document_is_the_one_that_the_tables_give() {
    let document = blotter::lanes::document();
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let ids: Vec<_> = text
        .lines()
        .filter(|line| line.contains("\"operationId\""))
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    compare_with_file("docs/api/openapi.json", &text);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let about = operation["description"].as_str().unwrap();
            let told = about.starts_with("Needs ")
                && ["curl ", "websocat "]
                    .iter()
                    .any(|tool| about.contains(&format!("```sh\n{tool}")));
            assert!(
                told && !about.contains('{') | about.contains("{\"data\":") | about.contains("{\"query\":"),
                "{method} {path}: {about}"
            );
        }
    }
    let about = document["paths"]["/v1/evidence"]["post"]["description"].as_str();
    let expected = "Needs the scope `evidence:write`.\n\n```sh\ncurl --cacert ca.pem --oauth2-bearer $KEY https://$BOX/v1/evidence \\\n  \
        -H 'content-type: application/json' -d \
        '{\"data\":{\"case_id\":\"INV-2026-0001\",\"type\":\"physical\",\"description\":\"A blue bicycle at pier 4\"}}'\n```";
    assert_eq!(about, Some(expected));
}

#[tokio::test]
async fn the_page_and_all_that_it_needs_come_from_the_box_itself() {
    let test = TestBox::start().await;
    let open = |path: &str| test.send(TestBox::request(Method::GET, path, None, &[], None));
    for path in ["/docs", "/docs/graphql"] {
        let page = open(path).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        let text = String::from_utf8(page.bytes.to_vec()).unwrap();
        let needed: Vec<&str> = text.split('"').filter(|part| part.starts_with('/')).collect();
        assert!(needed.len() >= 3, "{path}: {needed:?}");
        for path in needed {
            let file = open(path).await.expect(200);
            let tag = [("if-none-match", file.header("etag"))];
            if path != "/openapi.json" {
                assert_eq!(file.header("content-encoding"), "br", "{path}");
                test.send(TestBox::request(Method::GET, path, None, &tag, None))
                    .await
                    .expect(304);
            }
        }
        assert!(!text.contains("http://") && !text.contains("https://"));
    }
    open("/docs/assets/nothing.js").await.expect(404);
}
