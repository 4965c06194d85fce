//! Peers that are slow, greedy or broken don't disturb the others.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use blotter::server::limits::Limits;
use futures_util::future::join_all;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::{Edge, get_on, read_answer, read_to_close, spawn, within};

#[tokio::test]
async fn a_header_of_a_megabyte_is_refused_and_others_go_on() {
    let edge = Edge::start(Limits::default()).await;
    let mut other = edge.connect("http/1.1").await;
    assert_eq!(get_on(&mut other, "/", "keep-alive").await.0, 200);

    let mut greedy = edge.connect("http/1.1").await;
    let head = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let _cut_off = within(greedy.write_all(head.as_bytes())).await;
    let answer = String::from_utf8(read_to_close(&mut greedy).await).expect("text");
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );

    assert_eq!(get_on(&mut other, "/", "keep-alive").await.0, 200);
}

#[tokio::test]
async fn a_header_just_above_the_limit_is_answered_with_431() {
    let edge = Edge::start(Limits::default()).await;
    for (bytes, expected) in [(31 * 1024, 200), (33 * 1024, 431)] {
        let mut stream = edge.connect("http/1.1").await;
        let head = format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n",
            "x".repeat(bytes)
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        assert_eq!(read_answer(&mut stream).await.0, expected, "{bytes} bytes");
    }
}

/// A connection that sends a part of what it should and waits: of the handshake, of a head, of a body, or of reading.
async fn slow_peer(edge: &Edge, at: usize) -> Box<dyn Send> {
    let begin: &[u8] = match at % 4 {
        0 => return Box::new(TcpStream::connect(edge.address).await.expect("a connection")),
        1 => b"GET / HTT",
        2 => b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nx",
        _ => b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n",
    };
    let mut stream = edge.connect("http/1.1").await;
    stream.write_all(begin).await.expect("sent");
    Box::new(stream)
}

#[tokio::test]
async fn two_hundred_slow_peers_dont_stop_a_fast_one() {
    let edge = Edge::start(Limits::default()).await;
    let slow = join_all((0..200).map(|at| slow_peer(&edge, at))).await;
    let mut stream = edge.connect("http/1.1").await;
    for _ in 0..50 {
        assert_eq!(get_on(&mut stream, "/", "keep-alive").await.0, 200);
    }
    // By how much others wait longer is a figure of `blotter bench --hostile`.
    assert_eq!(slow.len(), 200);
}

/// Short times, so that each limit shows within a second or two.
fn impatient() -> Limits {
    Limits {
        handshake_seconds_max: 1,
        head_seconds_max: 1,
        idle_seconds_max: 1,
        body_grace_seconds: 1,
        write_stall_seconds_max: 1,
        ..Limits::default()
    }
}

#[tokio::test]
async fn whoever_is_slow_is_closed() {
    let edge = Edge::start(impatient()).await;
    let no_handshake = async {
        let mut socket = TcpStream::connect(edge.address).await.expect("a connection");
        assert!(read_to_close(&mut socket).await.is_empty());
    };
    let half_a_head = async {
        let mut stream = edge.connect("http/1.1").await;
        stream.write_all(b"GET / HTT").await.expect("sent");
        read_to_close(&mut stream).await;
    };
    let idle = async {
        let mut stream = edge.connect("http/1.1").await;
        assert_eq!(get_on(&mut stream, "/", "keep-alive").await.0, 200);
        assert!(read_to_close(&mut stream).await.is_empty());
    };
    let idle_http2 = async {
        let mut stream = edge.connect("h2").await;
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await
            .expect("sent");
        read_to_close(&mut stream).await;
    };
    let half_a_body = async {
        let mut stream = edge.connect("http/1.1").await;
        let head = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nx";
        stream.write_all(head).await.expect("sent");
        let answer = read_to_close(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    };
    tokio::join!(no_handshake, half_a_head, idle, idle_http2, half_a_body);
}

#[tokio::test]
async fn one_peer_gets_its_share_of_connections_and_no_more() {
    let edge = Edge::start(Limits {
        connections_per_ip_max: 2,
        ..Limits::default()
    })
    .await;
    let _first = edge.connect("http/1.1").await;
    let second = edge.connect("http/1.1").await;
    let mut third = TcpStream::connect(edge.address).await.expect("a connection");
    assert!(read_to_close(&mut third).await.is_empty());
    drop(second);
    let fourth = async {
        loop {
            let config = crate::server::client_config(edge.folder.path(), "http/1.1");
            if edge.try_connect(config).await.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(fourth).await;
}

#[tokio::test]
async fn who_asks_only_to_give_up_is_cut_off_at_whatever_pace() {
    let edge = Edge::start(Limits::default()).await;
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(edge.connect("h2").await))
            .await
            .expect("HTTP/2");
    let ended = spawn(connection);
    let mut asked = 0;
    while asked < 1_000 && sender.ready().await.is_ok() {
        let request = Request::get("https://localhost/held").body(Body::empty());
        let answer = spawn(sender.send_request(request.expect("a request")));
        tokio::select! {
            begun = edge.begun.acquire() => begun.expect("open").forget(),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        // Given up, which resets the stream.
        answer.abort();
        asked += 1;
    }
    println!("cut off after {asked} requests that were given up");
    assert!((100..1_000).contains(&asked), "{asked}");
    let _how = within(ended).await;
    assert_eq!(edge.get("/").await.0, 200, "others go on");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_goes_on() {
    let edge = Edge::start(Limits::default()).await;
    let mut stream = edge.connect("http/1.1").await;
    let (status, text) = get_on(&mut stream, "/panic", "keep-alive").await;
    assert_eq!(status, 500);
    assert!(
        text.contains("UNEXPECTED_ERROR")
            && text.contains("request_id")
            && !text.contains("as the test wants"),
        "{text}"
    );
    assert_eq!(get_on(&mut stream, "/", "keep-alive").await.0, 200);
}
