//! A process in which requests panic: each is answered with a 500 that names the request, and the process goes on. Nothing in
//! the program panics to order, so the process is this test binary, which serves routes that do beside the real ones.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::http::Response;
use blotter::lanes::http::answer::Answer;
use blotter::lanes::http::ask::Ask;
use blotter::lanes::http::route::{Route, Visit};
use blotter::lanes::http::{Beside, Lanes, Options, router};
use blotter::server::limits::Limits;
use blotter::server::{listener, serve};
use blotter::services::events::{Feed, FeedOptions};
use blotter::services::failure::Outcome;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use crate::support::desk::TestDesk;
use crate::support::process::get_plain;

/// Says that this process is the server.
const CHILD: &str = "BLOTTER_TEST_PANICKING";

fn asked(_: &Lanes, _: &Ask) -> Outcome<Answer> {
    panic!("where it may wait for the disk");
}

async fn visited(_: Lanes, _: Visit) -> Outcome<Response<axum::body::Body>> {
    panic!("where it must not wait");
}

/// Serves until its standard input ends, if it was asked to; else it is no test.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_serves_routes_that_panic() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let desk = TestDesk::open();
    let stop = CancellationToken::new();
    let feed = Feed::new(Arc::clone(desk.services().store()), FeedOptions::default()).unwrap();
    let beside = Beside::new(drop, stop.clone());
    let lanes = Lanes::new(
        desk.services().clone(),
        desk.finder(),
        feed,
        beside,
        Options::default(),
    );
    let mut routes = blotter::lanes::routes();
    routes.push(Route::get("/asked", "Panics").open().answer(asked));
    routes.push(Route::get("/visited", "Panics").open().visit(visited));
    let listener = listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    println!("\n{}", listener.local_addr().unwrap());
    let ended = stop.clone();
    std::thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        ended.cancel();
    });
    serve(
        listener,
        None,
        router(&lanes, routes, blotter::lanes::ui::router::lost()),
        Limits::default(),
        stop,
    )
    .await;
}

#[test]
fn a_panic_in_a_request_is_a_500_with_its_id_and_the_process_lives() {
    let own = std::env::current_exe().unwrap();
    let name = "operation::panicking::a_process_that_serves_routes_that_panic";
    let mut child = Command::new(own)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| line.unwrap());
    let address = lines.find(|line| line.starts_with("127.0.0.1:")).unwrap();
    for path in ["/asked", "/visited", "/asked"] {
        let told = get_plain(&address, path);
        assert_eq!(told.status, 500, "{told:?}");
        let (body, head): (Json, _) = (told.json(), &told.head);
        assert_eq!(body["errors"][0]["code"], "UNEXPECTED_ERROR", "{told:?}");
        let id = body["meta"]["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{told:?}");
        assert!(
            !told.body.contains("wait"),
            "nothing of its cause goes out: {told:?}"
        );
    }
    assert_eq!(
        get_plain(&address, "/v1/cases").status,
        401,
        "others are answered"
    );
    drop(child.stdin.take());
    lines.for_each(drop);
    assert!(child.wait().unwrap().success(), "it stops in order");
}
