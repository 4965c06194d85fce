//! The orderly stop: what is in hand is finished, the rest is cut when the time is up.

use blotter::server::Stopped;
use blotter::server::limits::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::{Edge, read_answer, read_to_close, within};

const HELD: &[u8] = b"GET /held HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn a_request_in_hand_is_finished() {
    let edge = Edge::start(Limits::default()).await;
    let mut busy = edge.connect("http/1.1").await;
    let mut idle = edge.connect("h2").await;
    busy.write_all(HELD).await.expect("sent");
    within(edge.begun.acquire()).await.expect("begun").forget();

    let stopping = within(edge.stopped());
    let finishing = async {
        while TcpStream::connect(edge.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        edge.may_end.add_permits(1);
        let (status, text) = read_answer(&mut busy).await;
        assert_eq!((status, text.ends_with("held")), (200, true));
        read_to_close(&mut busy).await;
        read_to_close(&mut idle).await;
    };
    let (stopped, ()) = tokio::join!(stopping, finishing);
    assert_eq!(stopped, Stopped::Drained);
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_cut() {
    let edge = Edge::start(Limits {
        drain_seconds_max: 1,
        ..Limits::default()
    })
    .await;
    let mut busy = edge.connect("http/1.1").await;
    busy.write_all(HELD).await.expect("sent");
    within(edge.begun.acquire()).await.expect("begun").forget();
    assert_eq!(within(edge.stopped()).await, Stopped::Cut);
    assert!(read_to_close(&mut busy).await.is_empty());
}
