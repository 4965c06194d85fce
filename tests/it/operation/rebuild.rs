//! Views and index are made anew under a live server: every read is answered meanwhile, and every write is there afterwards.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blotter::app::folder::Folder;
use blotter::app::node::Node;
use blotter::cli::order::{Answer, Backend, Envelope, Order};
use blotter::config::Config;
use serde_json::{Value as Json, json};

use crate::support::process::{Place, Served, UNHURRIED};

fn create(served: &Served, key: &str, title: &str) -> String {
    let made = served.post("/v1/cases", key, &json!({"title": title}));
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["data"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn reads_and_writes_go_on_while_a_live_server_is_rebuilt() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve_with(&UNHURRIED, &[]);
    let first = create(&served, &key, "Quagmire at the quarry");
    for nth in 0..200 {
        create(&served, &key, &format!("Case {nth} of many"));
    }
    let searched = served.get("/v1/search?q=quagmire&consistency=wait", Some(&key));
    assert!(searched.1.contains(&first), "{searched:?}");
    let (ended, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut written = Vec::new();
    let rebuilt = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                let read = served.get(&format!("/v1/cases/{first}"), Some(&key));
                assert_eq!(read.0, 200, "{read:?}");
                let found = served.get("/v1/search?q=quagmire", Some(&key));
                assert!(found.0 == 200 && found.1.contains(&first), "{found:?}");
                reads.fetch_add(2, Ordering::AcqRel);
            }
        });
        let writing = scope.spawn(|| {
            let mut written = Vec::new();
            while !ended.load(Ordering::Acquire) {
                written.push(create(&served, &key, "Written meanwhile"));
            }
            written
        });
        let rebuilt: Vec<_> = ["views", "index", "all"]
            .map(|what| place.run(&["rebuild", what]))
            .into();
        ended.store(true, Ordering::Release);
        reading.join().unwrap();
        written = writing.join().unwrap();
        rebuilt
    });
    for ended in &rebuilt {
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.out.contains("made anew"), "{ended:?}");
    }
    println!(
        "{} reads, {} writes while three rebuilds ran",
        reads.into_inner(),
        written.len()
    );
    for id in written.iter().chain([&first]) {
        assert_eq!(served.get(&format!("/v1/cases/{id}"), Some(&key)).0, 200);
    }
    let found = served.get("/v1/search?q=meanwhile&consistency=wait&limit=1", Some(&key));
    let found: Json = serde_json::from_str(&found.1).unwrap();
    assert_eq!(found["meta"]["total"], written.len(), "{found}");
    assert_eq!(served.terminate().0, 0);
    let verified = place.run(&["verify", "--json"]).json();
    assert_eq!(verified["clean"], true, "{verified}");
    let leftovers = ["views.anew", "search.anew", "search.old"].map(|name| place.data().join(name).exists());
    assert_eq!(leftovers, [false; 3]);
}

#[test]
fn long_work_tells_its_steps_over_the_socket() {
    let place = Place::with_node();
    let served = place.serve();
    let mut socket = UnixStream::connect(place.data().join("admin.sock")).unwrap();
    let order = json!({"tenant": null, "order": {"rebuild": {"views": true, "index": true}}});
    writeln!(socket, "{order}").unwrap();
    let mut steps = Vec::new();
    let lines = BufReader::new(socket).lines();
    let done = lines
        .map(|line| serde_json::from_str::<Json>(&line.unwrap()).unwrap())
        .find(|answer| {
            steps.extend(answer["going"]["what"].as_str().map(str::to_owned));
            answer["going"].is_null()
        })
        .unwrap();
    assert!(done["done"]["operations"].as_u64().unwrap() > 1, "{done}");
    assert!(steps.contains(&"folding the log".to_owned()), "{steps:?}");
    assert_eq!(served.terminate().0, 0);
}

#[test]
fn a_rebuild_with_no_server_tells_the_same() {
    let place = Place::with_node();
    place.key();
    let rebuilt = place.run(&["rebuild", "--json"]).json();
    assert!(rebuilt["operations"].as_u64().unwrap() > 1, "{rebuilt}");
    assert_eq!(place.run(&["verify", "--json"]).json()["clean"], true);
}

/// Two at once wrote the same files.
#[test]
fn a_second_rebuild_waits_for_the_first() {
    let place = Place::with_node();
    let node = Node::open(Folder::new(place.data()), &Config::default()).unwrap();
    let node = Arc::new(node);
    let rebuild = || {
        let order = Order::Rebuild {
            views: true,
            index: true,
        };
        Backend::new(&node, None).perform(Envelope { tenant: None, order }, &mut |_| ())
    };
    let first = node.rebuilding.lock().unwrap();
    let refused = rebuild();
    assert!(
        matches!(&refused, Answer::Refused(why) if why.message.contains("running already")),
        "{refused:?}"
    );
    drop(first);
    assert!(matches!(rebuild(), Answer::Done(_)));
}
