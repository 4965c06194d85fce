//! `blotter bench` at its smallest: every row is there, and each says what it should.

use crate::support::process::Place;

#[test]
fn a_hostile_bench_gives_a_row_for_each_abuse() {
    let place = Place::new();
    let folder = place.file("bench");
    let size = "bench --hostile --seconds 1 --rounds 1 --records 20 --json --folder";
    let words: Vec<&str> = size.split(' ').chain([folder.to_str().unwrap()]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    let figures = ended.json();
    let rows = figures["data"].as_array().unwrap();
    assert_eq!(rows.len(), 10, "{rows:?}");
    println!("{:#}", figures["data"]);
    assert!(rows.iter().all(|row| row["ratio"].is_number()), "{rows:?}");
}

#[test]
fn a_drain_of_the_evidence_room_is_measured_both_ways() {
    let place = Place::new();
    let folder = place.file("bench");
    let size = "bench --safe --records 1200 --json --folder";
    let words: Vec<&str> = size.split(' ').chain([folder.to_str().unwrap()]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    let figures = ended.json();
    println!("{:#}", figures["data"]);
    assert_eq!(figures["data"].as_array().unwrap().len(), 2);
}

#[test]
fn boards_are_measured_both_ways_and_bombs_are_refused() {
    let place = Place::new();
    let folder = place.file("bench");
    let size = "bench --graphql --seconds 1 --rounds 1 --json --folder";
    let words: Vec<&str> = size.split(' ').chain([folder.to_str().unwrap()]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    let figures = ended.json();
    println!("{:#}", figures["data"]);
    assert!(figures["data"][0]["ratio"].is_number());
    assert_eq!(
        figures["data"][1]["beside"].as_str().unwrap().split(", ").count(),
        4
    );
}

#[test]
fn a_bench_of_events_tells_of_delivery_and_memory() {
    let place = Place::new();
    let folder = place.file("bench");
    let size = "bench --events 20 --seconds 1 --json --folder";
    let words: Vec<&str> = size.split(' ').chain([folder.to_str().unwrap()]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    let figures = ended.json();
    println!("{:#}", figures["data"]);
    let rows = figures["data"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "by events and by GraphQL: {rows:?}");
    for way in rows.chunks(2) {
        let value = way[0]["value"].as_str().unwrap();
        let (_, counts) = value
            .split_once("ms, ")
            .and_then(|(_, rest)| rest.split_once("ms, "))
            .unwrap();
        let counts: Vec<&str> = counts.split(' ').take(3).collect();
        assert_eq!(counts[0], counts[2], "each hears each once: {value}");
        assert!(way[1]["value"].as_str().unwrap().contains("KB idle"));
    }
}

#[test]
fn the_smallest_bench_gives_every_row() {
    let place = Place::new();
    let folder = place.file("bench");
    let folder = folder.to_str().unwrap();
    let size = "bench --seconds 0 --rounds 1 --records 40 --json --folder";
    let words: Vec<&str> = size.split(' ').chain([folder]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    let figures = ended.json();
    let rows = figures["data"].as_array().unwrap();
    let whats: Vec<&str> = rows.iter().map(|row| row["what"].as_str().unwrap()).collect();
    for part in [
        "fdatasync",
        "32 clients",
        "1 client",
        "GET by id",
        "40 records",
        "searchable",
        "bytes written",
        "clean",
        "kill -9",
        "idle",
        "under load",
    ] {
        assert!(whats.iter().any(|what| what.contains(part)), "{part}: {whats:?}");
    }
    assert!(
        rows.iter().all(|row| !row["value"].as_str().unwrap().is_empty()),
        "{rows:?}"
    );
}
