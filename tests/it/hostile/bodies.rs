//! JSON bodies that are deep, wide, doubled, cut off, packed or in no encoding; names in every script.

use axum::http::Method;
use serde_json::json;

use crate::hostile::Siege;
use crate::support::testbox::TestBox;

const JSON: (&str, &str) = ("content-type", "application/json");

fn titled(literal: &str) -> Vec<u8> {
    format!(r#"{{"data":{{"title":"{literal}"}}}}"#).into_bytes()
}

/// So many members of one object.
fn wide(members: usize) -> Vec<u8> {
    let members: Vec<String> = (0..members).map(|number| format!("\"k{number}\":1")).collect();
    format!("{{\"data\":{{{}}}}}", members.join(",")).into_bytes()
}

/// What is too deep, too wide or too long.
fn too_much() -> Vec<(&'static str, Vec<u8>, u16)> {
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"data\":{{\"form_data\":{}1{}}}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
        .into_bytes()
    };
    let rows = vec![r#"{"kind":"case","data":{"titel":1}}"#; 100_000].join(",");
    vec![
        ("10,000 arrays", deep("[", "]"), 400),
        ("10,000 objects", deep("{\"a\":", "}"), 400),
        ("1,000,000 members", wide(1_000_000), 413),
        ("200,000 members", wide(200_000), 400),
        (
            "a member's name of 4 MB",
            format!("{{\"data\":{{\"{}\":1}}}}", "n".repeat(4_000_000)).into_bytes(),
            400,
        ),
        ("a title of 4 MB", titled(&"t".repeat(4_000_000)), 400),
        ("100,000 rows", format!("{{\"data\":[{rows}]}}").into_bytes(), 400),
    ]
}

/// What is small and wrong all the same.
fn wrong() -> Vec<(&'static str, Vec<u8>, u16)> {
    let utf16: Vec<u8> = r#"{"data":{"title":"x"}}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        (
            "a member twice",
            br#"{"data":{"title":"x","title":"y"}}"#.to_vec(),
            400,
        ),
        (
            "data twice",
            br#"{"data":{"title":"x"},"data":{"title":"y"}}"#.to_vec(),
            400,
        ),
        (
            "a member twice, once escaped",
            br#"{"data":{"title":"x","t\u0069tle":"y"}}"#.to_vec(),
            400,
        ),
        (
            "a number beyond all",
            br#"{"data":{"title":"x","form_data":{"n":1e999}}}"#.to_vec(),
            400,
        ),
        (
            "NaN",
            br#"{"data":{"title":"x","form_data":{"n":NaN}}}"#.to_vec(),
            400,
        ),
        ("half a surrogate pair", titled(r"\ud83d"), 400),
        (
            "a surrogate pair the wrong way round",
            titled(r"\udc00\ud800"),
            400,
        ),
        ("NUL", titled(r"a\u0000b"), 400),
        ("a bell", titled(r"a\u0007b"), 400),
        ("a line break in a line", titled(r"a\nb"), 400),
        ("a C1 control", titled(r"a\u009bb"), 400),
        ("nothing but blanks", titled(r"  \u00a0\u3000 "), 400),
        ("a raw control character", titled("a\u{1}b"), 400),
        ("no UTF-8", b"{\"data\":{\"title\":\"\xff\xfe\"}}".to_vec(), 400),
        (
            "UTF-8 too long",
            b"{\"data\":{\"title\":\"\xc0\xaf\"}}".to_vec(),
            400,
        ),
        (
            "a surrogate in UTF-8",
            b"{\"data\":{\"title\":\"\xed\xa0\x80\"}}".to_vec(),
            400,
        ),
        ("UTF-16", utf16, 400),
        ("cut off", br#"{"data":{"title":"x"#.to_vec(), 400),
        ("more after the end", br#"{"data":{"title":"x"}}{}"#.to_vec(), 400),
        ("nothing", Vec::new(), 400),
        ("blanks", b"   ".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("a string", b"\"data\"".to_vec(), 400),
        ("data as text", br#"{"data":"x"}"#.to_vec(), 400),
        (
            "a prototype",
            br#"{"data":{"title":"x","__proto__":{"title":"y"}}}"#.to_vec(),
            400,
        ),
    ]
}

#[tokio::test]
async fn a_body_that_is_no_good_is_refused_and_its_connection_goes_on() {
    let siege = Siege::begin().await;
    let mut connection = siege.test.connect().await;
    for (about, body, status) in too_much().into_iter().chain(wrong()) {
        let path = if about.contains("rows") {
            "/v1/batch"
        } else {
            "/v1/cases"
        };
        let request = siege.request(path, &[JSON], body);
        siege.refused(&mut connection, request, status, about).await;
    }
    siege.untouched().await;
}

#[tokio::test]
async fn a_packed_body_is_not_unpacked() {
    let siege = Siege::begin().await;
    let mut connection = siege.test.connect().await;
    // The head of a gzip stream; nobody gets as far as its bomb.
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].repeat(100);
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"] {
        let headers = [JSON, ("content-encoding", coding)];
        let request = siege.request("/v1/cases", &headers, packed.clone());
        let answer = siege.refused(&mut connection, request, 415, coding).await;
        assert!(
            answer.messages()[0].contains("content-encoding"),
            "{:?}",
            answer.messages()
        );
        let media = ("content-type", "multipart/form-data; boundary=b");
        let request = siege.request(
            "/v1/evidence/EVD-0001/files",
            &[media, ("content-encoding", coding)],
            packed.clone(),
        );
        siege.refused(&mut connection, request, 415, coding).await;
    }
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json5",
        "multipart/form-data",
    ] {
        let request = siege
            .test
            .send(siege.request("/v1/cases", &[("content-type", media)], b"{}".to_vec()))
            .await;
        assert_eq!(request.status, 415, "{media}");
    }
    siege.untouched().await;
}

const NAMES: &[&str] = &[
    "Ана Петровић",
    "محمد بن سلمان",
    "שרה כהן",
    "王小明",
    "田中 さくら",
    "김민준",
    "सुनीता शर्मा",
    "நளினி",
    "สมชาย",
    "Ἀθηνᾶ",
    "ქეთევან",
    "Մարիամ",
    "ሰላም",
    "Nguyễn Thị Hương",
    "Þórdís Æ. Øster-Łoś",
    "I\u{307}stanbul ılık",
    "ﬁ ﬀ ß ẞ",
    "e\u{301} is é",
    "👩🏽‍🚒 🏳️‍🌈 🇨🇭",
    "𝕱𝖗𝖆𝖐𝖙𝖚𝖗 𐍈",
    "\u{202e}gnp.exe",
    "a\u{200b}b\u{feff}c\u{2066}d",
    "Zalgo\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
    "Robert'); DROP TABLE cases;--",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "%00%n%s",
    "${jndi:ldap://x}",
];

/// What an officer would not type.
const QUERIES: &[&str] = &[
    "q=%00",
    "q=%ff%fe",
    "q=%ed%a0%80",
    "q=%",
    "q=%zz",
    "q=%22",
    "q=((((",
    "q=kind:",
    "q=-",
    "q=**",
    "q=:::",
    "cursor=%00",
];

#[tokio::test]
async fn names_of_every_script_come_back_as_they_were_given() {
    let test = TestBox::start().await;
    for &name in NAMES {
        let data = json!({"kind": "person", "display_name": name, "attributes": {"aliases": [name]}, "tags": [name]});
        let made = test.post("/v1/entities", data).await.expect(201).data();
        assert_eq!(made["display_name"], name);
        let read = test
            .get(&format!("/v1/entities/{}", made["id"].as_str().unwrap()))
            .await
            .expect(200)
            .data();
        assert_eq!(
            (&read["display_name"], &read["tags"][0]),
            (&json!(name), &json!(name))
        );
        let asked: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let found = test
            .get(&format!("/v1/search?q={asked}&consistency=wait&facets=true"))
            .await
            .expect(200);
        let text = String::from_utf8(found.bytes.to_vec()).unwrap();
        assert!(!text.contains("\"snippet\":\"<script"), "{text}");
    }
    for query in QUERIES {
        let answer = test.get(&format!("/v1/search?{query}")).await;
        assert!(matches!(answer.status, 200 | 400), "{query}: {}", answer.status);
    }
    let long = "kate ".repeat(5_000).replace(' ', "%20");
    let answer = test.get(&format!("/v1/search?q={long}")).await;
    assert!(
        matches!(answer.status, 200 | 400 | 414 | 431),
        "{}",
        answer.status
    );
}

#[tokio::test]
async fn paths_and_parameters_that_are_no_good_are_refused() {
    let siege = Siege::begin().await;
    let many: String = (0..1_000).map(|number| format!("p{number}=1&")).collect();
    for (path, status) in [
        ("/v1/cases/%00", 404),
        ("/v1/cases/%ff", 404),
        ("/v1/cases/..%2f..%2fetc%2fpasswd", 404),
        ("/v1/cases/../../etc/passwd", 404),
        ("/v1/cases/%252e%252e", 404),
        ("//v1//cases", 404),
        ("/V1/CASES", 404),
        ("/v1/cases?limit=99999999999999999999", 400),
        ("/v1/cases?limit=-1", 400),
        ("/v1/cases?limit=1&limit=2", 400),
        ("/v1/cases?cursor=AAAA", 400),
        ("/v1/cases?cursor=%00", 400),
        ("/v1/cases?updated_after=0000-00-00T00:00:00Z", 400),
        ("/v1/cases?fields=a%00b", 400),
        ("/v1/cases?sort=__proto__", 400),
        ("/v1/reports?bbox=NaN,NaN,NaN,NaN", 400),
        ("/v1/reports?bbox=inf,1,2,3", 400),
        ("/v1/reports/99999999999999999999", 404),
        ("/v1/evidence/EVD-0001/files/xyz", 404),
        (&format!("/v1/cases?{many}"), 400),
        (&format!("/v1/cases/{}", "x".repeat(20_000)), 404),
    ] {
        let answer = siege.test.get(path).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.json());
        assert!(
            !answer.codes().is_empty() && answer.bytes.len() < 200_000,
            "{path}"
        );
    }
    for method in [Method::TRACE, Method::CONNECT, Method::OPTIONS, Method::PUT] {
        let request = TestBox::request(method.clone(), "/v1/cases", Some(&siege.test.key), &[], None);
        if method != Method::CONNECT {
            siege.test.send(request).await.expect(405);
        }
    }
    siege.untouched().await;
}
