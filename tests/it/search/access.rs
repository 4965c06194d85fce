//! A reader learns nothing of what he may not read: not a hit, not a count, not a facet, not a suggestion, not a letter.

use blotter::search::document::SearchDoc;
use blotter::search::page::{Reader, Search};

use super::{Box, doc, reader, search};

fn secret(number: u64, tenant: &str, access: &[&str]) -> SearchDoc {
    let mut secret = doc(number, &format!("INV-2026-{number}"), |text| {
        text.title = "Informant Zebrowski".to_owned();
        text.body = "Zebrowski meets the handler".to_owned();
        text.names = vec!["Casimir Zebrowski".to_owned()];
        text.plates = vec![format!("SEC{number}99")];
        text.tags = vec!["covert".to_owned()];
        text.status = "sealed".to_owned();
    });
    secret.tenant = tenant.parse().unwrap();
    secret.access = access.iter().map(|term| (*term).to_owned()).collect();
    secret
}

#[test]
fn what_is_not_readable_is_not_there() {
    let mut docs: Vec<SearchDoc> = (1..30)
        .map(|number| secret(number, "nypd", &["case:1", "office:7"]))
        .collect();
    docs.push(secret(50, "lapd", &["open"]));
    docs.push(secret(51, "nypd", &[]));
    docs.push(doc(99, "INV-2026-0099", |text| {
        text.body = "an open matter".to_owned()
    }));
    let test = Box::with(docs);
    let queries = [
        "zebrowski",
        "zebrowsky",
        "zebrwoski",
        "\"zebrowsk\"",
        "z",
        "casimir zebrowski",
        "covert",
        "tag:covert",
        "SEC199",
        "INV-2026-1",
        "kind:case",
        "status:sealed",
        "created:2025",
        "",
        "informant open",
        "-open",
    ];
    let blind: [Reader; 6] = [
        reader("nypd", &["open"]),
        reader("nypd", &[]),
        reader("nypd", &["case:2", "office:77", "office", "OPEN"]),
        reader("lapd", &["case:1"]),
        reader("nyp", &["d\u{0}case:1"]),
        reader("nypd", &["", "*", "case:"]),
    ];
    for reader in &blind {
        for text in queries {
            let page = test
                .index
                .search(&Search {
                    reader: reader.clone(),
                    with_facets: true,
                    ..search(text)
                })
                .unwrap();
            let shown = format!("{page:?}").to_lowercase();
            for word in ["zebr", "covert", "sealed", "informant", "casimir", "sec1"] {
                assert!(!shown.contains(word), "{reader:?} {text:?} saw {word}: {shown}");
            }
            let open = u64::from(reader.access.contains(&"open".to_owned()));
            assert!(page.total <= open, "{reader:?} {text:?}: {}", page.total);
        }
    }
}

#[test]
fn any_one_of_the_readers_terms_opens() {
    let test = Box::with(vec![
        secret(1, "nypd", &["case:1", "office:7"]),
        secret(2, "nypd", &["open"]),
    ]);
    let check = |access: &[&str], expected: u64| {
        let page = test
            .index
            .search(&Search {
                reader: reader("nypd", access),
                ..search("zebrowski")
            })
            .unwrap();
        assert_eq!(page.total, expected, "{access:?}");
    };
    check(&["office:7"], 1);
    check(&["case:1", "office:7"], 1);
    check(&["open", "case:1"], 2);
    let many: Vec<String> = (0..500).map(|case| format!("case:{case}")).collect();
    check(&many.iter().map(String::as_str).collect::<Vec<_>>(), 1);
}

#[test]
fn a_changed_access_holds_after_the_commit() {
    let test = Box::with(vec![secret(1, "nypd", &["open"])]);
    assert_eq!(test.search("zebrowski").total, 1);
    test.add(vec![secret(1, "nypd", &["case:1"])]);
    assert_eq!(test.search("zebrowski").total, 0);
}
