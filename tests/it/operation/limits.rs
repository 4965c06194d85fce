//! Limits are settings: each one that is narrowed here is met by a real server or verb, with words that say how much is taken.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served, Told};

const JSON: &str = "Content-Type: application/json\r\n";

fn wide(members: usize) -> Json {
    (0..members)
        .map(|nth| (format!("k{nth}"), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// So many files of evidence and, if it is not empty, a part `data`.
fn form(files: usize, data: &str) -> Vec<u8> {
    let mut body = String::new();
    for nth in 0..files {
        body += &format!(
            "--part\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{nth}.txt\"\r\n\r\n{nth}\r\n"
        );
    }
    if !data.is_empty() {
        body += &format!("--part\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{data}\r\n");
    }
    (body + "--part--\r\n").into_bytes()
}

#[track_caller]
fn refused(told: &Told, status: u16, words: &str) {
    assert_eq!(told.status, status, "{told:?}");
    assert!(told.body.contains(words), "{words}: {told:?}");
}

fn item(served: &Served, key: &str) -> String {
    let case = served.post("/v1/cases", key, &json!({"title": "A case"})).json();
    let item = json!({"case_id": case["data"]["id"], "description": "A knife", "type": "physical"});
    let item = served.post("/v1/evidence", key, &item);
    assert_eq!(item.status, 201, "{item:?}");
    item.json()["data"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn bodies_and_searches_keep_to_what_is_set() {
    let place = Place::with_node();
    let key = place.key();
    let settings = [
        ("BLOTTER_BODIES_MEMBERS_MAX", "100"),
        ("BLOTTER_BODIES_FILES_MAX", "2"),
        ("BLOTTER_BODIES_FORM_DATA_BYTES_MAX", "4096"),
        ("BLOTTER_BODIES_LARGE_BYTES_MIN", "4096"),
        ("BLOTTER_BODIES_LARGE_AT_ONCE_MAX", "1"),
        ("BLOTTER_SEARCH_TEXT_CHARS_MAX", "20"),
        ("BLOTTER_SEARCH_LIMIT_MAX", "20"),
    ];
    let served = place.serve_with(&settings, &[]);
    let put = |data: &Json| served.post("/v1/cases", &key, data);
    let case = |members| json!({"title": "x", "form_data": wide(members)});
    assert_eq!(put(&case(100)).status, 201);
    refused(&put(&case(101)), 400, "at most 100 members");
    let evidence = item(&served, &key);
    let attach = |body: &[u8]| {
        let form = "Content-Type: multipart/form-data; boundary=part\r\n";
        let path = format!("/v1/evidence/{evidence}/files");
        served.ask("POST", &path, Some(&key), form, body).unwrap()
    };
    assert_eq!(attach(&form(2, "")).status, 201);
    refused(&attach(&form(3, "")), 400, "at most 2 files");
    refused(&attach(&form(1, &" ".repeat(4097))), 413, "4096 bytes");
    let long = json!({"title": "x", "description": "y".repeat(8000)});
    std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| put(&long).status)).collect();
        for status in sent {
            assert_eq!(status.join().unwrap(), 201, "large bodies wait for their turn");
        }
    });
    let find = |query: &str| {
        served
            .ask("GET", &format!("/v1/search?{query}"), Some(&key), "", b"")
            .unwrap()
    };
    assert_eq!(find("q=knife&limit=20").status, 200);
    refused(&find("q=knife&limit=21"), 400, "from 1 to 20");
    refused(
        &find(&format!("q={}", "k".repeat(21))),
        400,
        "at most 20 characters",
    );
}

#[test]
fn who_is_refused_and_cut_off_while_sending_still_gets_the_answer() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve_with(&[("BLOTTER_BODIES_DRAINED_BYTES_MAX", "0")], &[]);
    let long = vec![b' '; 16 << 20];
    let told = served.ask("POST", "/v1/cases", Some(&key), JSON, &long).unwrap();
    refused(&told, 413, "PAYLOAD_TOO_LARGE");
    let form = "Content-Type: multipart/form-data; boundary=part\r\n";
    let path = "/v1/evidence/EVD-0001/files";
    let told = served.ask("POST", path, Some(&key), form, &long).unwrap();
    refused(&told, 404, "EVIDENCE_NOT_FOUND");
}

/// Signs a person in, and gives the cookie.
fn signed_in(served: &Served, email: &str) -> String {
    let body = json!({"data": {"email": email, "password": "twenty-one characters"}}).to_string();
    let told = served.ask("POST", "/v1/session", None, JSON, body.as_bytes());
    let told = told.unwrap();
    assert_eq!(told.status, 201, "{told:?}");
    let mut lines = told.head.lines();
    let cookie = lines.find_map(|line| line.strip_prefix("set-cookie: "));
    cookie.unwrap().split(';').next().unwrap().to_owned()
}

/// What a session is answered.
fn seen(served: &Served, cookie: &str) -> u16 {
    let cookie = format!("Cookie: {cookie}\r\n");
    let told = served.ask("GET", "/v1/session", None, &cookie, b"");
    told.unwrap().status
}

#[test]
fn passwords_and_sessions_keep_to_what_is_set() {
    let place = Place::with_node();
    let settings = [
        ("BLOTTER_AUTH_PASSWORD_BYTES_MIN", "20"),
        ("BLOTTER_AUTH_SESSIONS_PER_USER_MAX", "1"),
        ("BLOTTER_AUTH_HASH_MEMORY_KIB", "8192"),
        ("BLOTTER_AUTH_HASH_PASSES", "1"),
    ];
    let password = place.file("password");
    let add = |text: &str| {
        std::fs::write(&password, text).unwrap();
        let words = ["user", "add", "--email", "a@b.example", "--name", "A"];
        let more = ["--role", "officer", "--password-file", password.to_str().unwrap()];
        place.run_with(&settings, &[&words[..], &more].concat())
    };
    let short = add("nineteen characters");
    assert_eq!(short.code, 1, "{short:?}");
    assert!(short.err.contains("at least 20 bytes"), "{short:?}");
    let made = add("twenty-one characters");
    assert_eq!(made.code, 0, "{made:?}");
    let served = place.serve_with(&settings, &[]);
    let first = signed_in(&served, "a@b.example");
    assert_eq!(seen(&served, &first), 200);
    let second = signed_in(&served, "a@b.example");
    let seen = [&first, &second].map(|session| seen(&served, session));
    assert_eq!(seen, [401, 200], "one session a person");
}

#[test]
fn an_order_that_is_too_long_for_the_admin_socket_is_refused_in_words() {
    let place = Place::with_node();
    let served = place.serve_with(&[("BLOTTER_LIMITS_ADMIN_LINE_BYTES_MAX", "1048576")], &[]);
    let mut socket = UnixStream::connect(place.data().join("admin.sock")).unwrap();
    writeln!(socket, "{}", "x".repeat(3 << 20)).unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert!(
        answer.contains("refused") && answer.contains("limits.admin_line_bytes_max = 1048576"),
        "{answer}"
    );
    assert_eq!(place.run(&["key", "list"]).code, 0, "others are served");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn rows_of_an_import_keep_to_what_is_set() {
    let place = Place::with_node();
    let (file, map) = (place.file("cases.csv"), place.file("cases.toml"));
    std::fs::write(&file, format!("Id,Title\n1,{}\n2,short\n", "t".repeat(1_500))).unwrap();
    std::fs::write(
        &map,
        "format = \"csv\"\n[[record]]\nname = \"case\"\nkind = \"case\"\nexternal_id = \"{Id}\"\n\
         data = { title = \"{Title}\" }\n",
    )
    .unwrap();
    let words = [
        "import",
        file.to_str().unwrap(),
        "--map",
        map.to_str().unwrap(),
        "--json",
    ];
    let summary = place
        .run_with(&[("BLOTTER_IMPORT_CELL_BYTES_MAX", "1024")], &words)
        .json();
    let first = &summary["first_rejected"][0];
    assert_eq!(
        (&summary["created"], &first["line"]),
        (&json!(1), &json!(2)),
        "{summary}"
    );
    assert_eq!(first["reason"], "Title: the cell has 1500 bytes, more than 1024");
}

/// A grey PNG.
fn grey(width: u32, height: u32) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let pixels = image::RgbaImage::from_pixel(width, height, image::Rgba([90, 90, 90, 255]));
    pixels.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

#[test]
fn pictures_beyond_what_is_set_are_kept_without_a_small_copy() {
    let place = Place::with_node();
    let key = place.key();
    let noisy = [grey(300, 300), vec![0; 8_000]].concat();
    for (setting, least, fits, beyond) in [
        ("BLOTTER_IMAGES_SOURCE_BYTES_MAX", "4096", grey(300, 300), noisy),
        (
            "BLOTTER_IMAGES_PIXELS_MAX",
            "1000000",
            grey(1_000, 1_000),
            grey(1_001, 1_000),
        ),
        (
            "BLOTTER_IMAGES_DECODER_BYTES_MAX",
            "16777216",
            grey(1_000, 1_000),
            grey(2_400, 2_000),
        ),
    ] {
        let served = place.serve_with(&[(setting, least)], &[]);
        let evidence = item(&served, &key);
        let kept = |picture: &[u8]| {
            let head = "--part\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\n\r\n";
            let form = [head.as_bytes(), picture, b"\r\n--part--\r\n"].concat();
            let path = format!("/v1/evidence/{evidence}/files");
            let media = "Content-Type: multipart/form-data; boundary=part\r\n";
            let told = served.ask("POST", &path, Some(&key), media, &form).unwrap();
            assert_eq!(told.status, 201, "{setting}: {told:?}");
            let files = told.json()["data"]["files"].clone();
            let hash = files.as_array().unwrap().last().unwrap()["sha256"].clone();
            let file = format!("{path}/{}", hash.as_str().unwrap());
            let get = |path: &str| served.ask("GET", path, Some(&key), "", b"").unwrap().status;
            (get(&file), get(&format!("{file}/thumbnail")))
        };
        assert_eq!(kept(&fits), (200, 200), "{setting}");
        assert_eq!(kept(&beyond), (200, 404), "{setting}");
    }
}

#[test]
fn the_sessions_of_all_keep_to_what_is_set() {
    let place = Place::with_node();
    let password = place.file("password");
    std::fs::write(&password, "twenty-one characters").unwrap();
    for email in ["a@b.example", "c@d.example"] {
        let words = [
            "user", "add", "--email", email, "--name", "A", "--role", "officer",
        ];
        let more = ["--password-file", password.to_str().unwrap()];
        assert_eq!(place.run_with(&[], &[&words[..], &more].concat()).code, 0);
    }
    let served = place.serve_with(&[("BLOTTER_AUTH_SESSIONS_MAX", "1")], &[]);
    let first = signed_in(&served, "a@b.example");
    assert_eq!(seen(&served, &first), 200);
    let second = signed_in(&served, "c@d.example");
    assert_eq!((seen(&served, &first), seen(&served, &second)), (401, 200));
}

#[test]
fn a_queue_that_is_full_refuses_what_it_does_not_keep_and_keeps_what_it_takes() {
    let place = Place::with_node();
    let key = place.key();
    let narrow = [
        ("BLOTTER_STORE_GROUP_REQUESTS_MAX", "1"),
        ("BLOTTER_STORE_QUEUE_REQUESTS_MAX", "16"),
    ];
    let served = place.serve_with(&narrow, &[]);
    let taken: usize = std::thread::scope(|scope| {
        let file = |_| served.post("/v1/cases", &key, &json!({"title": "A case"})).status;
        let clients: Vec<_> = (0..48)
            .map(|_| scope.spawn(move || (0..5).map(file).collect::<Vec<_>>()))
            .collect();
        let answers = clients.into_iter().flat_map(|client| client.join().unwrap());
        let answers: Vec<u16> = answers.collect();
        assert!(
            answers.iter().all(|status| [201, 429].contains(status)),
            "{answers:?}"
        );
        answers.iter().filter(|status| **status == 201).count()
    });
    served.kill();
    let served = place.serve_with(&narrow, &[]);
    let told = served
        .ask("GET", "/v1/cases?limit=500", Some(&key), "", b"")
        .unwrap();
    let kept = told.json()["data"].as_array().unwrap().len();
    assert!(kept == taken && taken >= 16, "{kept} of {taken}");
}
