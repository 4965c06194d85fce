//! A bundle is checked with no data folder: a good one passes, and whatever was changed in it is named.

use std::io::{Cursor, Read, Write};

use blotter::domain::kind::{CASE, ENTITY, EVIDENCE, NOTE, TIMELINE_ENTRY};
use blotter::domain::value::{Fields, Value};
use blotter::services::caller::{Caller, Via};
use blotter::services::export::check::{BundleFault, Checked, check_bundle};
use blotter::store::hash::sha256;
use blotter::store::identity::Stream;
use blotter::store::note::key::VerifierKey;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::court::attach;
use crate::support::desk::TestDesk;

type Members = Vec<(String, Vec<u8>)>;

fn fields(members: &[(&str, &str)]) -> Fields {
    let members = members
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Value::text(*text)));
    members.collect()
}

/// A case with everything, one operation too long for its proof.
fn filled() -> TestDesk {
    let desk = TestDesk::open();
    let (services, owner) = (desk.services(), desk.owner());
    let make = |kind, members: &[(&str, &str)]| {
        let made = services.create(&owner, kind, fields(members), None).unwrap();
        made.first().unwrap().id.to_string()
    };
    let long = "é".repeat(45_000);
    let case = make(&CASE, &[("title", "The harbor fire"), ("description", &long)]);
    make(&ENTITY, &[("kind", "person"), ("display_name", "Ann Other")]);
    let entity = Value::Map(fields(&[("entity_id", "ENT-0001"), ("role", "witness")]));
    let input = Fields::from([("entities".to_owned(), Value::List(vec![entity]))]);
    services.patch(&owner, (&CASE, &case), None, input, None).unwrap();
    let item = [
        ("case_id", "INV-2026-0001"),
        ("type", "document"),
        ("description", "a letter"),
    ];
    let item = make(&EVIDENCE, &item);
    attach(services, &owner, "EVD-0001", b"the letter itself");
    attach(services, &owner, "EVD-0001", b"and its envelope");
    make(
        &TIMELINE_ENTRY,
        &[
            ("case_id", &case),
            ("timestamp", "2026-03-01T10:00:00Z"),
            ("description", "it burned"),
        ],
    );
    make(&NOTE, &[("record_id", &case), ("text", "seen")]);
    make(&NOTE, &[("record_id", &item), ("text", "smells of smoke")]);
    make(&CASE, &[("title", "another case")]);
    desk
}

fn bundle(desk: &TestDesk) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let exported = desk
        .services()
        .export_case(&desk.owner(), "INV-2026-0001", &mut out, &mut |_, _| {})
        .unwrap();
    assert_eq!((exported.records, exported.files), (6, 2));
    out.into_inner()
}

fn check(bytes: &[u8]) -> Result<Checked, BundleFault> {
    check_bundle(Cursor::new(bytes), &[])
}

fn unpack(bytes: &[u8]) -> Members {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut members = Members::new();
    for place in 0..zip.len() {
        let mut member = zip.by_index(place).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        members.push((member.name().unwrap().into_owned(), bytes));
    }
    members
}

fn pack(members: &Members) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn place_of(members: &Members, name: &str) -> usize {
    members
        .iter()
        .position(|(member, _)| member.contains(name))
        .unwrap()
}

#[test]
fn a_good_bundle_passes_and_says_what_is_in_it() {
    let desk = filled();
    let bytes = bundle(&desk);
    let checked = check(&bytes).unwrap();
    assert_eq!(checked.name, "INV-2026-0001");
    assert_eq!((checked.records, checked.operations, checked.files), (6, 9, 2));
    assert_eq!(
        (checked.exported_by.as_str(), checked.keys_are_known),
        ("owner", false)
    );
    assert_eq!(check(&pack(&unpack(&bytes))), Ok(checked));
    let names: Vec<String> = unpack(&bytes).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().any(|name| name.ends_with(".payload")), "{names:?}");

    let store = desk.services().store();
    let keys = [Stream::Records, Stream::Audit].map(|stream| store.verifier_keys(store.log(stream)).unwrap());
    let keys: Vec<VerifierKey> = keys.concat();
    assert!(check_bundle(Cursor::new(&bytes), &keys).unwrap().keys_are_known);
    let fault = check_bundle(Cursor::new(&bytes), &keys[..3]).unwrap_err();
    assert!(fault.member.starts_with("data/keys/"), "{fault}");
}

#[test]
fn a_flipped_byte_in_any_member_is_named() {
    let members = unpack(&bundle(&filled()));
    for (place, (name, bytes)) in members.iter().enumerate() {
        let own = name.split_once('/').unwrap().1;
        for at in (0..7).map(|step| step * (bytes.len() - 1) / 6) {
            let mut changed = members.clone();
            changed[place].1[at] ^= 1;
            let fault = check(&pack(&changed)).unwrap_err();
            // A wrong hash in the list of tag files is found at the file that it is of.
            assert!(
                fault.member == own || own == "tagmanifest-sha256.txt",
                "{name} at {at}: {fault}"
            );
        }
    }
}

/// The manifests as somebody makes them who changed a member and knows the format.
fn forge(members: &mut Members) {
    for (manifest, payload) in [("/manifest-sha256.txt", true), ("/tagmanifest-sha256.txt", false)] {
        let place = place_of(members, manifest);
        let lines = members.iter().filter_map(|(name, bytes)| {
            let path = name.split_once('/')?.1;
            let listed = path.starts_with("data/") == payload && path != "tagmanifest-sha256.txt";
            listed.then(|| (path.to_owned(), sha256(&[bytes])))
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        let text: String = lines
            .iter()
            .map(|(path, hash)| format!("{hash}  {path}\n"))
            .collect();
        members[place].1 = text.into_bytes();
    }
}

#[test]
fn manifests_made_to_fit_do_not_help_a_forger() {
    let desk = filled();
    let good = unpack(&bundle(&desk));
    let fault_of = |change: &dyn Fn(&mut Members)| {
        let mut members = good.clone();
        change(&mut members);
        forge(&mut members);
        check(&pack(&members)).unwrap_err()
    };
    let edit = |name: &'static str, from: &'static str, to: &'static str| {
        move |members: &mut Members| {
            let place = place_of(members, name);
            let text = String::from_utf8(members[place].1.clone()).unwrap();
            assert!(text.contains(from), "{name}");
            members[place].1 = text.replacen(from, to, 1).into_bytes();
        }
    };
    let told = fault_of(&edit("README.txt", "agency", "agenda"));
    assert_eq!(
        told.to_string(),
        "export.tlog-proof: it signs for another manifest"
    );
    let told = fault_of(&edit("records/entity", "Ann Other", "Eve Other"));
    assert!(
        told.to_string()
            .contains("not what the operations of the record make"),
        "{told}"
    );
    let told = fault_of(&edit("bag-info.txt", "metro", "harbor"));
    assert_eq!(told.member, "bag-info.txt");
    let told = fault_of(&|members| {
        for (name, _) in members {
            *name = name.replacen("-0001", "-0002", 1);
        }
    });
    assert_eq!(told.to_string(), "INV-2026-0002: its case is called otherwise");
    let told = fault_of(&|members| {
        let place = place_of(members, "data/files/");
        members[place].1 = b"another letter".to_vec();
    });
    assert!(told.member.starts_with("data/files/"), "{told}");
    let told = fault_of(&|members| {
        members.remove(place_of(members, ".tlog-proof"));
    });
    assert!(told.member.starts_with("data/"), "{told}");
    let told = fault_of(&|members| {
        members.remove(place_of(members, ".payload"));
    });
    assert!(told.member.starts_with("data/records/case/"), "{told}");
    let told = fault_of(&|members| {
        members.insert(
            1,
            (
                "INV-2026-0001/data/confession.txt".to_owned(),
                b"I did it".to_vec(),
            ),
        );
    });
    assert!(
        told.to_string().contains("data/confession.txt") || told.member == "export.tlog-proof",
        "{told}"
    );

    // Another node's bundle of another case, under this one's name.
    let other = unpack(&bundle(&filled()));
    let told = fault_of(&|members| {
        let proof = place_of(members, "export.tlog-proof");
        members[proof].1 = other[place_of(&other, "export.tlog-proof")].1.clone();
    });
    assert_eq!(told.member, "export.tlog-proof");
}

#[test]
fn a_file_is_called_lost_by_its_agency_alone() {
    let good = unpack(&bundle(&filled()));
    let file = place_of(&good, "data/files/");
    let name = good[file].0.rsplit('/').next().unwrap().to_owned();
    let record = "0192d3b8-0000-7000-8000-000000000000";
    let fault_of = |list: String| {
        let mut members = good.clone();
        members[file] = ("INV-2026-0001/data/lost-files.txt".to_owned(), list.into_bytes());
        forge(&mut members);
        check(&pack(&members)).unwrap_err().to_string()
    };
    let told = fault_of(format!("{name}  {record}  is not there\n"));
    assert_eq!(told, "export.tlog-proof: it signs for another manifest");
    let other = sha256(&[b"another"]);
    let told = fault_of(format!("{other}  {record}  is not there\n"));
    assert!(told.contains("no operation names"), "{told}");
    for list in ["", "lost\n", &format!("{name}  somewhere  gone\n")] {
        let told = fault_of(list.to_owned());
        assert!(told.starts_with("data/lost-files.txt: a line"), "{list}: {told}");
    }
}

#[test]
fn a_zip_that_is_cut_compressed_or_leads_elsewhere_is_refused() {
    let bytes = bundle(&filled());
    for end in (0..16).map(|step| step * (bytes.len() - 1) / 15) {
        let fault = check(&bytes[..end]).unwrap_err();
        assert_eq!(fault.member, "the zip", "{end}");
    }
    let members = unpack(&bytes);
    for name in [
        "../x",
        "/etc/passwd",
        "INV-2026-0001/../../x",
        "INV-2026-0001/data\\x",
        "elsewhere/data/x",
        "C:/x",
    ] {
        let mut members = members.clone();
        members.push((name.to_owned(), b"x".to_vec()));
        let fault = check(&pack(&members)).unwrap_err();
        assert!(
            fault.member == "the zip" || fault.member == name,
            "{name}: {fault}"
        );
    }
    // Said to be deflated, in both headers of the first member; and said to be larger than it is.
    let first = |from: &[u8], at: usize, value: &[u8]| {
        let mut bytes = from.to_vec();
        let central = bytes
            .windows(4)
            .position(|window| window == b"PK\x01\x02")
            .unwrap();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes[central + at + 2..central + at + 2 + value.len()].copy_from_slice(value);
        bytes
    };
    let fault = check(&first(&bytes, 8, &[8, 0])).unwrap_err();
    assert!(fault.to_string().contains("compressed"), "{fault}");
    let fault = check(&first(&bytes, 22, &[0xff, 0xff, 0xff, 0x7f])).unwrap_err();
    assert!(
        fault.to_string().contains("size") || fault.member == "the zip",
        "{fault}"
    );
}

#[test]
fn a_byte_changed_anywhere_in_the_zip_is_found_or_means_nothing() {
    let bytes = bundle(&filled());
    let members = unpack(&bytes);
    let mut harmless = 0;
    for at in (0..200).map(|step| step * (bytes.len() - 1) / 199) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        if check(&changed).is_ok() {
            assert!(unpack(&changed) == members, "byte {at}");
            harmless += 1;
        }
    }
    assert!(harmless < 20, "{harmless} of 200");
}

#[test]
fn changed_records_leave_as_lines_in_the_order_of_the_log() {
    let desk = filled();
    let since = desk.services().now();
    desk.clock.advance(1000);
    let patch = |title: &str, case: &str| {
        let input = fields(&[("title", title)]);
        desk.services()
            .patch(&desk.owner(), (&CASE, case), None, input, None)
            .unwrap();
    };
    patch("second case first", "INV-2026-0002");
    patch("first case then", "INV-2026-0001");
    let mut out = Vec::new();
    let count = desk
        .services()
        .export_since(&desk.owner(), since, &mut out, &mut |_, _| {})
        .unwrap();
    let lines = String::from_utf8(out).unwrap();
    let titles: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| record["fields"]["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(count, 2);
    assert_eq!(titles, ["second case first", "first case then"]);
}

#[test]
fn the_report_of_a_case_and_notes_on_its_entities_are_in_the_bundle_of_who_may_read_them() {
    let desk = filled();
    let (services, owner) = (desk.services(), desk.owner());
    services.seed_categories(&owner).unwrap();
    let Value::Map(report) = Value::from(serde_json::json!({
        "description": "smoke over the harbor", "location": {"x": 8.54, "y": 47.37},
        "category": {"category_id": 5}, "reporter": {"name": "A", "phone": "+41446681800"},
    })) else {
        unreachable!()
    };
    services.file_report(&owner, report, None, sha256(&[])).unwrap();
    let message = Value::Map(fields(&[("text", "it spreads")]));
    services.send_messages(&owner, "1", vec![message], None).unwrap();
    let opened = services.open_case(&owner, "1", Fields::new(), None).unwrap();
    let case = opened.first().unwrap().id.to_string();
    let witness = Value::Map(fields(&[("entity_id", "ENT-0001"), ("role", "witness")]));
    let input = Fields::from([("entities".to_owned(), Value::List(vec![witness]))]);
    services.patch(&owner, (&CASE, &case), None, input, None).unwrap();
    let note = fields(&[("record_id", "ENT-0001"), ("text", "moved away")]);
    services.create(&owner, &NOTE, note, None).unwrap();
    let status = fields(&[("status", "resolved")]);
    services.change_report(&owner, "1", None, status, None).unwrap();

    let kinds = |caller: &Caller| {
        let mut out = Cursor::new(Vec::new());
        let exported = services
            .export_case(caller, &case, &mut out, &mut |_, _| {})
            .unwrap();
        let checked = check(out.get_ref()).unwrap();
        assert_eq!(checked.records, exported.records);
        let members = unpack(out.get_ref()).into_iter();
        let mut kinds: Vec<String> = members
            .filter_map(|(name, _)| Some(name.split_once("data/records/")?.1.split_once('/')?.0.to_owned()))
            .collect();
        kinds.sort();
        kinds.join(" ")
    };
    assert_eq!(kinds(&owner), "case chat-message entity note report");
    let key = |scopes: &[&str]| {
        let input = serde_json::json!({"name": "program", "lanes": ["query"], "scopes": scopes});
        let Value::Map(input) = Value::from(input) else {
            unreachable!()
        };
        let key = services.create_key(&owner, input).unwrap().key;
        let via = Via::of("rest", "test");
        services.admit_key(&key, via).unwrap()
    };
    // The note is about a person, whom the key does not read.
    assert_eq!(kinds(&key(&["cases:read", "evidence:read"])), "case");
    let all = key(&["cases:read", "evidence:read", "entities:read", "reports:read"]);
    assert_eq!(kinds(&all), "case chat-message entity note report");
}
