//! What is found, in which order, and how it is shown.

use blotter::search::document::{DocChange, SearchDoc};
use blotter::search::index::IndexError;
use blotter::search::page::{MatchedBy, Search};

use super::{Box, NOW_MS, doc, person, search};

fn desk() -> Vec<SearchDoc> {
    vec![
        doc(1, "INV-2026-1847", |text| {
            text.title = "Robbery at the corner shop".to_owned();
            text.body = "Two men in a black sedan robbed the cashier <at gunpoint> & fled north.".to_owned();
            text.status = "open".to_owned();
            text.level = "high".to_owned();
            text.office = "7".to_owned();
            text.tags = vec!["Armed".to_owned(), "robbery".to_owned()];
            text.identifiers = vec!["2026-007-0042".to_owned()];
            text.case_ids = vec!["INV-2026-1847".to_owned()];
            text.classification = "restricted".to_owned();
        }),
        doc(2, "INV-2025-0012", |text| {
            text.title = "Stolen sedan".to_owned();
            text.body =
                "A red sedan was taken; the black paint of another car was found on the fence.".to_owned();
            text.status = "closed".to_owned();
            text.office = "9".to_owned();
            text.created_ms = NOW_MS - 86_400_000 * 500;
        }),
        person(3, "Katherine O'Brien"),
        person(4, "Maria de la Cruz"),
        doc(5, "ENT-5", |text| {
            text.kind = "entity/vehicle".to_owned();
            text.title = "Black Ford".to_owned();
            text.plates = vec!["ABO 1285".to_owned()];
        }),
        doc(6, "ENT-4491", |text| {
            text.kind = "entity/phone".to_owned();
            text.title = "Phone of the caller".to_owned();
            text.phones = vec!["+1 212 555 0147".to_owned()];
        }),
    ]
}

#[test]
fn an_officers_words_find_the_record() {
    let test = Box::with(desk());
    let check = |text: &str, expected: &[&str]| assert_eq!(test.ids(text), expected, "{text}");
    check("inv-2026-1847", &["INV-2026-1847"]);
    check("INV 2026 1847", &["INV-2026-1847"]);
    check("1847", &["INV-2026-1847"]);
    check("12", &["INV-2025-0012"]);
    check("2026-007-0042", &["INV-2026-1847"]);
    check("4491", &["ENT-4491"]);
    check("robberies", &["INV-2026-1847"]);
    check("black sedan", &["INV-2025-0012", "INV-2026-1847"]);
    check("\"black sedan\"", &["INV-2026-1847"]);
    check("sedan -red", &["INV-2026-1847"]);
    check("sed", &["INV-2025-0012", "INV-2026-1847"]);
    check("sedan status:open", &["INV-2026-1847"]);
    check("status:open,closed tag:armed", &["INV-2026-1847"]);
    check("kind:person", &["ENT-4", "ENT-3"]);
    check("kind:entity black", &["ENT-5"]);
    check("priority:high office:7 case:inv-2026-1847", &["INV-2026-1847"]);
    check("sedan created:..2025-03", &["INV-2025-0012"]);
    check("sedan classification:Restricted", &["INV-2026-1847"]);
    check("number:2026-007-0042", &["INV-2026-1847"]);
    check("case_number:1847,12", &["INV-2025-0012", "INV-2026-1847"]);
    check("-number:1847 sedan", &["INV-2025-0012"]);
    check("number:4491", &["ENT-4491"]);
    check("case_number:4491", &[]);
    check("year:2025 gunpoint", &["INV-2026-1847"]);
    check("ABO1285", &["ENT-5"]);
    check("abo 1285", &["ENT-5"]);
    check("A80-I2B5", &["ENT-5"]);
    check("O128", &["ENT-5"]);
    check("0147", &["ENT-4491"]);
    check("555-0147", &["ENT-4491"]);
    check("(212) 555-0147", &["ENT-4491"]);
    check("212 555 0147", &["ENT-4491"]);
    check("kate obrien", &["ENT-3"]);
    check("Catherine O’Brien", &["ENT-3"]);
    check("O Brien, Kathryn", &["ENT-3"]);
    check("brien", &["ENT-3"]);
    check("delacruz", &["ENT-4"]);
    check("Cruz, Maria", &["ENT-4"]);
    check("Cruz, M", &["ENT-4"]);
    check("seadn robbed", &["INV-2026-1847"]);
}

#[test]
fn each_hit_says_why() {
    let test = Box::with(desk());
    let check = |text: &str, expected: MatchedBy| {
        let page = test.search(text);
        assert_eq!(page.hits[0].matched_by[0], expected, "{text}: {:?}", page.hits[0]);
    };
    check("1847", MatchedBy::Id);
    check("katherine", MatchedBy::Name);
    check("cathrine", MatchedBy::Sound);
    check("katya", MatchedBy::Nickname);
    check("abo-1285", MatchedBy::Plate);
    check("AB01285", MatchedBy::PlateLookAlike);
    check("212 555 0147", MatchedBy::Phone);
    check("gunpoint", MatchedBy::Text);
    check("gunpiont", MatchedBy::Typo);
}

#[test]
fn snippets_mark_what_matched_and_escape_the_rest() {
    let test = Box::with(desk());
    assert_eq!(
        test.search("gunpoint robbery").hits[0].snippet,
        "Two men in a black sedan robbed the cashier &lt;at <mark>gunpoint</mark>&gt; &amp; fled north."
    );
    let long = format!(
        "{} the tattooed man {}",
        "and so on ".repeat(100),
        "until dawn ".repeat(100)
    );
    let test = Box::with(vec![doc(1, "INV-2026-0001", |text| text.body = long)]);
    let snippet = &test.search("tattoo man").hits[0].snippet;
    assert!(
        snippet.starts_with("… ") && snippet.ends_with(" …") && snippet.len() < 300,
        "{snippet}"
    );
    assert!(
        snippet.contains("the <mark>tattooed</mark> <mark>man</mark> until"),
        "{snippet}"
    );
}

#[test]
fn a_snippet_tells_fields_apart_and_roles_where_they_match() {
    let test = Box::with(vec![doc(1, "INV-2026-0001", |text| {
        text.body = "Glass was broken.\n\n31 Wharf Street\nHarbor Chandlery".to_owned();
        text.asides = vec!["lead investigator".to_owned(), "victim".to_owned()];
    })]);
    for (query, expected) in [
        (
            "wharf",
            "Glass was broken. · 31 <mark>Wharf</mark> Street · Harbor Chandlery",
        ),
        ("investigators", "lead <mark>investigator</mark>"),
    ] {
        assert_eq!(test.search(query).hits[0].snippet, expected, "{query}");
    }
}

#[test]
fn nothing_matches_all_words_so_some_are_shown_and_better_ones_suggested() {
    let test = Box::with(desk());
    let page = test.search("sedan helicopter");
    assert!(page.is_relaxed);
    assert_eq!(page.total, 2);
    let page = test.search("red helicopter pier sedan");
    assert_eq!((page.is_relaxed, page.total), (true, 1));
    let page = test.search("black katherine");
    assert_eq!(
        (page.total, page.is_relaxed),
        (0, false),
        "both are there, but not together"
    );
    let page = test.search("zzzz");
    assert_eq!((page.total, page.is_relaxed), (0, false));
    let page = test.search("\"katherina\"");
    assert_eq!(page.suggestions, ["katherine"]);
}

#[test]
fn ids_stand_before_names_before_text() {
    let test = Box::with(vec![
        doc(1, "INV-2026-0001", |text| {
            text.body = "seen with Baker near 300 Main".to_owned()
        }),
        person(2, "Anna Baker"),
        doc(300, "INV-2026-0300", |text| text.title = "Baker".to_owned()),
    ]);
    assert_eq!(test.ids("baker"), ["ENT-2", "INV-2026-0300", "INV-2026-0001"]);
    assert_eq!(test.ids("300"), ["INV-2026-0300", "INV-2026-0001"]);
}

#[test]
fn pages_follow_one_another_while_the_index_changes() {
    let test = Box::with((1..=95).map(|number| person(number, "John Smith")).collect());
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = test
            .index
            .search(&Search {
                cursor,
                ..search("smith john")
            })
            .unwrap();
        seen.extend(page.hits.iter().map(|hit| hit.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        test.add(vec![person(1000 + seen.len() as u64, "John Smith")]);
    }
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((seen.len(), distinct.len()), (95, 95));
}

#[test]
fn a_cursor_of_another_search_is_refused() {
    let test = Box::with((1..=50).map(|number| person(number, "John Smith")).collect());
    let cursor = test.search("smith").cursor;
    assert!(cursor.is_some());
    for cursor in [
        cursor,
        Some("AAAA".to_owned()),
        Some("€".to_owned()),
        Some(String::new()),
    ] {
        let outcome = test.index.search(&Search {
            cursor,
            ..search("john")
        });
        assert!(matches!(outcome, Err(IndexError::BadCursor)));
    }
}

#[test]
fn facets_count_what_matches() {
    let test = Box::with(desk());
    let page = test
        .index
        .search(&Search {
            with_facets: true,
            ..search("sedan")
        })
        .unwrap();
    let counts = |name: &str| {
        let facet = page.facets.iter().find(|facet| facet.name == name).unwrap();
        facet
            .counts
            .iter()
            .map(|(value, count)| format!("{value}={count}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(counts("kind"), "case=2");
    assert_eq!(counts("status"), "closed=1 open=1");
    assert_eq!(counts("tag"), "armed=1 robbery=1");
    assert_eq!(counts("office"), "7=1 9=1");
    assert_eq!(counts("year"), "2025=2");
}

#[test]
fn a_prefix_has_no_hidden_cap() {
    let people = (0..300)
        .map(|number| person(number, &format!("Ann Qua{}{}", letters(number), "x")))
        .collect();
    let test = Box::with(people);
    assert_eq!(test.search("qua").total, 300);
    assert_eq!(test.search("ann qua").total, 300);
}

fn letters(number: u64) -> String {
    [number / 26, number % 26]
        .map(|part| char::from(b'a' + u8::try_from(part).unwrap()))
        .iter()
        .collect()
}

#[test]
fn the_last_change_of_a_record_is_what_is_found() {
    let test = Box::with(vec![person(1, "Old Name")]);
    test.add(vec![person(1, "New Name"), person(1, "Newest Name")]);
    assert_eq!(test.search("name").total, 1);
    assert_eq!(test.search("\"old\"").total, 0);
    test.index
        .apply(vec![DocChange::Delete(person(1, "").id)], 9)
        .unwrap();
    assert_eq!(test.search("name").total, 1, "not committed yet");
    assert!(test.index.commit().unwrap());
    assert!(!test.index.commit().unwrap());
    assert_eq!((test.search("name").total, test.index.position()), (0, 9));
    test.index.purge().unwrap();
    assert_eq!(test.index.documents(), 0);
}

#[test]
fn no_query_breaks_the_search() {
    let test = Box::with(desk());
    let long = "black ".repeat(5000);
    let joined = "black-".repeat(5000);
    let odd = [
        "\u{0}",
        "\"",
        "-",
        ":",
        "kind:",
        "((((",
        "*",
        "a*b?",
        "\u{202e}x",
        "ﷺ",
        "👮",
        "é",
        "\\",
        "kind:\u{0}",
        "''",
    ];
    for text in odd.into_iter().chain([long.as_str(), joined.as_str()]) {
        let page = test
            .index
            .search(&Search {
                with_facets: true,
                limit: usize::MAX,
                ..search(text)
            })
            .unwrap();
        assert_eq!(page.is_cut, text == long, "{text:?}");
    }
    assert_eq!(test.index.health(), blotter::search::index::Health::Sound);
}
