//! Bodies of several parts: what is refused leaves nothing, and a large file does not live in memory.

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::json;
use sha2::{Digest, Sha256, Sha512};

use crate::images::photo;
use crate::reports::{BOUNDARY, Part, parted, report, send_parts, start, upload};
use blotter::services::demo::photo::Scene;

#[tokio::test]
async fn a_refused_upload_keeps_nothing_of_itself() {
    let served = start().await;
    served.post("/v1/reports", report()).await.expect(201);
    let picture = photo(Scene::Plate, "KTR-4471");
    let chat: &[u8] = br#"{"chat":{"messages":[{"txt":"x"}]}}"#;
    let path = "/v1/reports/1/images";
    let good = ("files[]", Some("a.jpg"), picture.as_slice());
    for (parts, status, code) in [
        (
            vec![good, ("files[]", Some("b.jpg"), b"<svg/>".as_slice())],
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            vec![good, ("file", Some("b.jpg"), b"x")],
            400,
            "INPUT_SCHEMA_VIOLATION",
        ),
        (vec![good, ("data", None, chat)], 400, "MISSING_INPUT_DATA"),
        (
            vec![good, ("data", None, b"{".as_slice())],
            400,
            "INPUT_SCHEMA_VIOLATION",
        ),
        (
            vec![good, ("data", None, br#"{"chat":{"messages":{}}}"#.as_slice())],
            400,
            "INPUT_SCHEMA_VIOLATION",
        ),
        (
            vec![(
                "data",
                None,
                br#"{"chat":{"messages":[{"text":"x"}]}}"#.as_slice(),
            )],
            400,
            "NO_FILES_UPLOADED",
        ),
        (
            vec![("files", Some(""), b"".as_slice())],
            400,
            "NO_FILES_UPLOADED",
        ),
        (vec![good; 51], 400, "INPUT_SCHEMA_VIOLATION"),
    ] {
        let refused = send_parts(&served, path, &parts).await.expect(status);
        assert_eq!(refused.codes()[0], code);
    }
    let whole = parted(&[good]);
    let broken = upload(path, &served.key, Body::from(whole[..whole.len() / 2].to_vec()));
    served.send(broken).await.expect(400);
    served.post(path, json!({})).await.expect(415);
    let stranger = served.key_for("elsewhere", &["*"], &["query"]);
    let refused = served
        .send(upload(path, &stranger, Body::from(whole)))
        .await
        .expect(404);
    assert_eq!(refused.codes(), ["REPORT_NOT_FOUND"]);
    assert_eq!(served.services().files().blobs().all().unwrap(), []);
    let read = served.get("/v1/reports/1").await.data();
    assert_eq!(
        (&read["images"], &read["chat"]["messages"]),
        (&json!([]), &json!([]))
    );
}

/// An upload to be refused: where to, its parts, the status, and how each error begins.
type Refused<'p> = (&'p str, Vec<Part<'p>>, u16, Vec<String>);

const IMAGES: &str = "/v1/reports/1/images";
const CHAT: Part<'_> = (
    "data",
    None,
    br#"{"chat": {"messages": [{"txt": "x"}, {"text": "y", "label": 7}], "mood": 1}, "chats": 2}"#,
);
const DRAWING: Part<'_> = ("files", Some("drawing.svg"), b"<svg/>");

fn refused_uploads(picture: &[u8]) -> Vec<Refused<'_>> {
    let good = ("files", Some("good.jpg"), picture);
    let letter = ("files[]", Some("letter.pdf"), b"%PDF-1.7".as_slice());
    let other = ("fils", Some("c.jpg"), picture);
    let cut = ("data", None, br#"{"chat": 1"#.as_slice());
    let both = ["drawing.svg", "letter.pdf"].map(|name| format!("UNSUPPORTED_MEDIA_TYPE {name}: "));
    let of_data = [
        "INPUT_SCHEMA_VIOLATION data.chats: no such",
        "INPUT_SCHEMA_VIOLATION data.chat.mood: no such",
        "INPUT_SCHEMA_VIOLATION data.chat.messages[0].txt: no such",
        "MISSING_INPUT_DATA data.chat.messages[0].text",
        "INPUT_SCHEMA_VIOLATION data.chat.messages[1].label",
    ]
    .map(str::to_owned);
    let [unknown, none, bad, again, data] = [
        "INPUT_SCHEMA_VIOLATION fils: no such part",
        "NO_FILES_UPLOADED a file is needed",
        "INPUT_SCHEMA_VIOLATION data: ",
        "INPUT_SCHEMA_VIOLATION data: expected one part",
        "INPUT_SCHEMA_VIOLATION data: no such part",
    ]
    .map(|begin| vec![begin.to_owned()]);
    vec![
        (
            IMAGES,
            vec![DRAWING, CHAT, good, other, letter],
            415,
            [&both[..], &of_data, &unknown].concat(),
        ),
        (IMAGES, vec![CHAT, good], 400, of_data.to_vec()),
        (IMAGES, vec![CHAT], 400, [&of_data[..], &none].concat()),
        (
            IMAGES,
            vec![DRAWING, cut, letter],
            415,
            [&both[..], &bad].concat(),
        ),
        (
            "/v1/evidence/EVD-0001/files",
            vec![other, CHAT, letter, CHAT],
            400,
            [unknown, again, data].concat(),
        ),
    ]
}

/// Bad files, bad messages and what stood beside them were told one after the other, a request each.
#[tokio::test]
async fn all_faults_of_files_and_data_are_told_at_once() {
    let served = start().await;
    served.post("/v1/reports", report()).await.expect(201);
    served.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "document", "description": "a letter"});
    served.post("/v1/evidence", item).await.expect(201);
    let picture = photo(Scene::Plate, "KTR-4471");
    for (path, parts, status, mut expected) in refused_uploads(&picture) {
        let refused = send_parts(&served, path, &parts).await.expect(status);
        let (codes, messages) = (refused.codes(), refused.messages());
        assert!(status == 400 || codes[0] == "UNSUPPORTED_MEDIA_TYPE", "{codes:?}");
        let told = codes.iter().zip(messages);
        let mut told: Vec<String> = told.map(|(code, message)| format!("{code} {message}")).collect();
        told.sort_unstable();
        expected.sort_unstable();
        let same = told
            .iter()
            .zip(&expected)
            .all(|(told, begin)| told.starts_with(begin));
        assert!(same && told.len() == expected.len(), "{told:#?}\n{expected:#?}");
        assert_eq!(served.services().files().blobs().all().unwrap(), []);
    }
    let mut request = upload(IMAGES, &served.key, Body::from(parted(&[DRAWING, CHAT])));
    let key = "not one".parse().unwrap();
    request.headers_mut().insert("idempotency-key", key);
    let messages = served.send(request).await.expect(415).messages();
    let of_key = |message: &String| message.starts_with("Idempotency-Key");
    assert!(messages.iter().any(of_key) && messages.len() == 7, "{messages:?}");
    let read = served.get("/v1/reports/1").await.data();
    assert_eq!(read["chat"]["messages"], json!([]));
}

#[tokio::test]
async fn a_part_that_is_not_what_its_digest_says_leaves_nothing() {
    let served = start().await;
    served.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "document", "description": "a letter"});
    served.post("/v1/evidence", item).await.expect(201);
    let digests = |bytes: &[u8]| {
        let (short, long) = (Sha256::digest(bytes), Sha512::digest(bytes));
        [("sha-256", short.to_vec()), ("sha-512", long.to_vec())]
            .map(|(name, digest)| format!("{name}=:{}:", STANDARD.encode(digest)))
    };
    let body = |part: &str, of_file: &str, of_data: &str| {
        let file = format!("; name=\"files\"; filename=\"a.txt\"\r\n{of_file}\r\n{part}");
        let data = format!("; name=\"data\"\r\n{of_data}\r\n{{}}");
        let parts =
            [file, data].map(|part| format!("--{BOUNDARY}\r\ncontent-disposition: form-data{part}\r\n"));
        // What stands behind the last part belongs to the body too.
        format!("{}--{BOUNDARY}--\r\nthe end", parts.concat())
    };
    let send = async |body: String, of_body: &str| {
        let mut request = upload("/v1/evidence/EVD-0001/files", &served.key, Body::from(body));
        if !of_body.is_empty() {
            let said = of_body.parse().unwrap();
            request.headers_mut().insert("content-digest", said);
        }
        served.send(request).await
    };
    let line = |said: &str| format!("content-digest: {said}\r\n");
    let ([letter, strong], [other, strongly_other]) = (digests(b"a letter"), digests(b"another letter"));
    let [of_data, _] = digests(b"{}");
    for (of_file, of_part, of_body, named) in [
        (line(&other), String::new(), "", "files: Content-Digest"),
        (line(&strongly_other), String::new(), "", "files: Content-Digest"),
        (
            line(&format!("{letter}, {strongly_other}")),
            String::new(),
            "",
            "files: Content-Digest",
        ),
        (line("sha-256=x"), String::new(), "", "files: Content-Digest"),
        (line(&letter), line(&other), "", "data: Content-Digest"),
        (line(&letter), String::new(), other.as_str(), "Content-Digest"),
        (line(&letter), String::new(), "sha-512", "Content-Digest"),
    ] {
        let refused = send(body("a letter", &of_file, &of_part), of_body)
            .await
            .expect(400);
        assert!(
            refused.messages()[0].starts_with(named),
            "{:?}",
            refused.messages()
        );
        assert_eq!(served.services().files().blobs().all().unwrap(), [], "{named}");
    }
    // Evidence takes no data: it is refused for that alone.
    let refused = send(body("a letter", &line(&letter), &line(&of_data)), "");
    let refused = refused.await.expect(400);
    assert_eq!(refused.messages(), ["data: no such part: files are taken"]);
    let said = line(&format!("{letter}, {strong}, md5=:AA==:"));
    let whole = body("a letter", &said, "").replace("name=\"data\"", "name=\"files\"; filename=\"b.txt\"");
    let [of_body, _] = digests(whole.as_bytes());
    let made = send(whole, &of_body).await.expect(201);
    assert_eq!(made.data()["files"][0]["size"], 8);
}

#[tokio::test]
async fn a_picture_that_is_too_long_is_refused_and_its_connection_goes_on() {
    let served = start().await;
    served.post("/v1/reports", report()).await.expect(201);
    let long = vec![0; (25 << 20) + 1];
    let body = Body::from(parted(&[("files", Some("a.jpg"), &long)]));
    let mut connection = served.connect().await;
    let refused = connection
        .send(upload("/v1/reports/1/images", &served.key, body))
        .await
        .expect(413);
    assert_eq!(refused.codes(), ["PAYLOAD_TOO_LARGE"]);
    let small = Body::from(parted(&[(
        "files",
        Some("a.jpg"),
        &photo(Scene::Plate, "KTR-4471"),
    )]));
    connection
        .send(upload("/v1/reports/1/images", &served.key, small))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_large_file_does_not_live_in_memory() {
    const MEGABYTES: usize = 200;
    let served = start().await;
    served.post("/v1/cases", json!({"title": "x"})).await.expect(201);
    let item = json!({"case_id": "INV-2026-0001", "type": "video", "description": "a recording"});
    served.post("/v1/evidence", item).await.expect(201);
    let head =
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files\"; filename=\"v.bin\"\r\n\r\n");
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    let megabyte = Bytes::from(vec![7; 1 << 20]);
    let pieces = std::iter::once(Bytes::from(head))
        .chain(std::iter::repeat_n(megabyte, MEGABYTES))
        .chain([Bytes::from(tail)]);
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)));
    let before = resident_bytes();
    let made = served
        .send(upload("/v1/evidence/EVD-0001/files", &served.key, body))
        .await
        .expect(201);
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(made.data()["files"][0]["size"], MEGABYTES << 20);
    println!("{MEGABYTES} MiB uploaded, memory grew by {} KiB", grown >> 10);
    assert!(grown < 60 << 20, "memory grew by {grown} bytes");
}

/// The memory of this process, other tests included: they are small beside what is measured.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}
