//! Bodies of several parts that are too many, too long, cut off or not what they say; pictures that grow when they are opened.

use std::io::Write;

use crate::hostile::{Siege, files_of, resident_bytes};
use crate::reports::{BOUNDARY, parted};

const FILES: &str = "/v1/evidence/EVD-0001/files";
const IMAGES: &str = "/v1/reports/1/images";

fn media() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A part with this head.
fn headed(head: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// About what, the media type, the body, the status.
type Case = (&'static str, String, Vec<u8>, u16);

fn too_much() -> Vec<Case> {
    vec![
        (
            "10,000 files",
            media(),
            parted(&vec![("files", Some("a.txt"), b"x".as_slice()); 10_000]),
            400,
        ),
        (
            "10,000 parts of data",
            media(),
            parted(&vec![("data", None, b"{}".as_slice()); 10_000]),
            400,
        ),
        (
            "10,000 parts of no name",
            media(),
            parted(&vec![("other", None, b"x".as_slice()); 10_000]),
            400,
        ),
        (
            "a head of a megabyte",
            media(),
            headed(&format!("x-long: {}", "n".repeat(1 << 20)), b"x"),
            400,
        ),
        (
            "a head without an end",
            media(),
            format!("--{BOUNDARY}\r\n{}", "a: b\r\n".repeat(100_000)).into_bytes(),
            400,
        ),
        (
            "data as long as a file",
            media(),
            parted(&[("data", None, &[b' '; (1 << 20) + 1])]),
            413,
        ),
        (
            "data too deep",
            media(),
            parted(&[("data", None, "[".repeat(10_000).as_bytes())]),
            400,
        ),
        (
            "a part of no name",
            media(),
            headed("content-disposition: form-data", b"x"),
            400,
        ),
        (
            "a part of no form",
            media(),
            headed("content-type: text/plain", b"x"),
            400,
        ),
        ("nothing", media(), Vec::new(), 400),
    ]
}

fn broken() -> Vec<Case> {
    let whole = parted(&[("files", Some("a.txt"), b"hello")]);
    let tail = format!("--{BOUNDARY}--\r\n").len();
    vec![
        ("no boundary", "multipart/form-data".into(), whole.clone(), 415),
        (
            "an empty boundary",
            "multipart/form-data; boundary=\"\"".into(),
            whole.clone(),
            415,
        ),
        (
            "a boundary that never comes",
            "multipart/form-data; boundary=elsewhere".into(),
            whole.clone(),
            400,
        ),
        (
            "no last boundary",
            media(),
            whole[..whole.len() - tail].to_vec(),
            400,
        ),
        (
            "cut off in a part",
            media(),
            whole[..whole.len() / 2].to_vec(),
            400,
        ),
        (
            "cut off in a boundary",
            media(),
            whole[..whole.len() - tail + 4].to_vec(),
            400,
        ),
    ]
}

#[tokio::test]
async fn a_body_of_parts_that_is_no_good_is_refused_and_leaves_nothing() {
    let siege = Siege::begin().await;
    for (about, media, body, status) in too_much().into_iter().chain(broken()) {
        for path in [FILES, IMAGES] {
            let mut connection = siege.test.connect().await;
            let request = siege.request(path, &[("content-type", &media)], body.clone());
            siege
                .refused(&mut connection, request, status, &format!("{about} {path}"))
                .await;
        }
    }
    siege.untouched().await;
}

#[tokio::test]
async fn a_files_name_is_kept_without_what_misleads() {
    let siege = Siege::begin().await;
    for (name, kept) in [
        ("gpj.\u{202e}exe", "gpj.exe"),
        ("../../../etc/passwd", "passwd"),
        ("C:\\x\\y.jpg", "y.jpg"),
        ("Zürich 👩🏽‍🚒.heic", "Zürich 👩🏽‍🚒.heic"),
        (&"n".repeat(1 << 20), &"n".repeat(200)),
    ] {
        let body = headed(
            &format!("content-disposition: form-data; name=\"files\"; filename=\"{name}\""),
            name.as_bytes(),
        );
        let made = siege
            .test
            .send(siege.request(FILES, &[("content-type", &media())], body))
            .await
            .expect(201)
            .data();
        let files = made["files"].as_array().unwrap();
        assert_eq!(files.last().unwrap()["name"], kept, "{name:?}");
    }
}

/// A PNG of this many pixels a side, all of one colour: a few kilobytes that are gigabytes when they are opened.
fn png_of(side: u32) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 {
                    crc >> 1 ^ 0xedb8_8320
                } else {
                    crc >> 1
                }
            })
        };
        !bytes.iter().fold(!0, step)
    };
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let named = [name.as_slice(), data].concat();
        [
            &(data.len() as u32).to_be_bytes()[..],
            &named,
            &crc(&named).to_be_bytes(),
        ]
        .concat()
    };
    let mut head = [side.to_be_bytes(), side.to_be_bytes()].concat();
    head.extend([1, 0, 0, 0, 0]);
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &[0x78, 1, 3, 0, 0, 0, 0, 1]),
        chunk(b"IEND", b""),
    ]
    .concat()
}

#[tokio::test]
async fn a_picture_that_grows_when_it_is_opened_takes_no_memory() {
    let siege = Siege::begin().await;
    let before = resident_bytes();
    for side in [20_000, 65_535, i32::MAX as u32] {
        let body = parted(&[("files", Some("a.png"), &png_of(side))]);
        let mut connection = siege.test.connect().await;
        let answer = connection
            .send(siege.request(IMAGES, &[("content-type", &media())], body))
            .await;
        assert!(
            matches!(answer.status, 200 | 400 | 415),
            "{side}: {:?}",
            answer.json()
        );
    }
    let grown = resident_bytes().saturating_sub(before);
    println!("three bombs, memory grew by {} KiB", grown >> 10);
    assert!(grown < 100 << 20, "{grown}");
    let mut zip = Vec::new();
    zip.write_all(b"PK\x03\x04").unwrap();
    zip.resize(10_000, 0);
    let kept = files_of(&siege.test);
    for (about, bytes) in [
        ("a zip", zip.as_slice()),
        ("a page", b"<html><script>alert(1)</script>"),
        (
            "a drawing",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        ),
        ("a GIF", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
        ("the beginning of a JPEG", b"\xff\xd8"),
        ("nothing", b""),
    ] {
        let body = parted(&[("files", Some("a.jpg"), bytes)]);
        let mut connection = siege.test.connect().await;
        let request = siege.request(IMAGES, &[("content-type", &media())], body);
        siege.refused(&mut connection, request, 415, about).await;
    }
    assert_eq!(files_of(&siege.test), kept);
}
