//! Files of records that were lost or that rotted on the disk: each is named, nobody gets other bytes as if they were it, and
//! all that is whole is kept.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use blotter::store::hash::sha256;
use serde_json::json;

use crate::support::process::{Ended, Place, Served, Told};

const SMALL: [(&str, &[u8]); 3] = [
    ("one.txt", b"the bytes of one"),
    ("two.txt", b"the bytes of two"),
    ("three.txt", b"the bytes of three"),
];

fn backup(place: &Place, name: &str) -> (PathBuf, Ended) {
    let to = place.file(name);
    let ended = place.run(&["backup", "--json", "--to", to.to_str().unwrap()]);
    (to, ended)
}

/// The files of a folder, by the paths below it.
fn stored(folder: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(folder.join("files"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let shelves = shelves.filter(|path| !path.ends_with("incoming"));
    let files = shelves.flat_map(|shelf| fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path()));
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// An item of evidence with these files; its id.
fn item_with(served: &Served, key: &str, files: &[(&str, &[u8])]) -> String {
    let case = served.post("/v1/cases", key, &json!({"title": "A case"})).json();
    let item = json!({"case_id": case["data"]["id"], "description": "A knife", "type": "physical"});
    let item = served.post("/v1/evidence", key, &item).json();
    let item = item["data"]["id"].as_str().unwrap();
    for (name, bytes) in files {
        let part =
            format!("--part\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n");
        let body = [part.as_bytes(), bytes, b"\r\n--part--\r\n"].concat();
        let form = "Content-Type: multipart/form-data; boundary=part\r\n";
        let path = format!("/v1/evidence/{item}/files");
        let told = served.ask("POST", &path, Some(key), form, &body).unwrap();
        assert_eq!(told.status, 201, "{told:?}");
    }
    item.to_owned()
}

/// How each file of an item is answered.
fn statuses(served: &Served, key: &str, item: &str, names: &[&str]) -> Vec<u16> {
    let path = |name: &&str| format!("/v1/evidence/{item}/files/{name}");
    names
        .iter()
        .map(|name| served.get(&path(name), Some(key)).0)
        .collect()
}

/// One byte more in one photograph kept every other record out of a backup, and out of what came back from one.
#[test]
fn a_rotted_file_keeps_nothing_else_from_being_copied_brought_back_and_served() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let item = &item_with(&served, &key, &SMALL);
    let files = stored(place.data());
    let names: Vec<&str> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(statuses(&served, &key, item, &names), [200, 200, 200]);

    let whole = fs::read(&files[0]).unwrap();
    fs::write(&files[0], [&whole[..], b"x"].concat()).unwrap();
    fs::remove_file(&files[1]).unwrap();
    assert_eq!(statuses(&served, &key, item, &names), [500, 500, 200]);
    let told = |ended: &Ended| {
        assert_eq!(ended.code, 3, "{ended:?}");
        let report = ended.json();
        let faults = report["faults"].to_string();
        assert_eq!(report["files_lost"], 2, "{report}");
        assert!(
            faults.contains(names[0]) && faults.contains(names[1]) && faults.contains(item),
            "{report}"
        );
        assert!(
            faults.contains("other bytes") || faults.contains("not there"),
            "{report}"
        );
    };
    let (copy, live) = backup(&place, "copy");
    told(&live);
    assert_eq!(served.terminate().0, 0);
    let (packed, here) = backup(&place, "copy.zip");
    told(&here);
    assert_eq!(stored(&copy).len(), 1);
    for from in [&copy, &packed] {
        let from = from.to_str().unwrap();
        told(&place.run(&["restore", from, "--check", "--json"]));
        fs::remove_dir_all(place.data()).unwrap();
        told(&place.run(&["restore", from, "--json"]));
        let served = place.serve();
        assert_eq!(statuses(&served, &key, item, &names), [500, 500, 200]);
        assert_eq!(served.terminate().0, 0);
    }
    // What is put back is whole again.
    fs::create_dir_all(place.data().join("files").join(&names[0][..2])).unwrap();
    fs::write(
        place.data().join("files").join(&names[0][..2]).join(names[0]),
        &whole,
    )
    .unwrap();
    assert_eq!(place.run(&["verify", "--json"]).json()["files_lost"], 1);
}

/// One bit of each, somewhere; the length stays.
fn rot(file: &Path) {
    let open = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    open.read_exact_at(&mut byte, 5).unwrap();
    open.write_all_at(&[byte[0] ^ 1], 5).unwrap();
}

/// Bytes that rotted at the same length went out with 200.
#[test]
fn nobody_gets_other_bytes_of_the_same_length_as_if_they_were_the_file() {
    let long = vec![b'a'; (17 << 20) + 10];
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let item = item_with(
        &served,
        &key,
        &[("long.txt", &long), ("short.txt", b"short and sweet")],
    );
    let mut files = stored(place.data());
    files.sort_by_key(|file| fs::metadata(file).unwrap().len());
    let ask = |file: &Path, headers: &str| -> Told {
        let path = format!(
            "/v1/evidence/{item}/files/{}",
            file.file_name().unwrap().to_str().unwrap()
        );
        served.ask("GET", &path, Some(&key), headers, b"").unwrap()
    };
    let [short, long] = [&files[0], &files[1]];
    let some = "Range: bytes=2-9\r\n";
    assert_eq!(ask(short, "").body, "short and sweet");
    assert_eq!((ask(short, some).status, ask(long, some).status), (206, 206));
    let whole = ask(long, "");
    assert_eq!((whole.status, whole.body.len()), (200, (17 << 20) + 10));

    rot(short);
    rot(long);
    for (file, headers) in [
        (short, ""),
        (short, some),
        (long, some),
        (short, "Range: bytes=0-\r\n"),
    ] {
        let told = ask(file, headers);
        assert_eq!(
            (told.status, told.body.contains("swee")),
            (500, false),
            "{told:?}"
        );
    }
    // A long one has begun before anybody can know; its end is missing, and its client knows by the length.
    for headers in ["", "Range: bytes=0-\r\n"] {
        let told = ask(long, headers);
        assert!(
            told.head
                .contains(&format!("content-length: {}", (17 << 20) + 10)),
            "{}",
            told.head
        );
        assert!(told.body.len() < (17 << 20) + 10, "{} bytes", told.body.len());
    }
    let log = place.log();
    for file in [short, long] {
        let name = file.file_name().unwrap().to_str().unwrap();
        let line = log
            .lines()
            .find(|line| line.contains(name) && line.contains("has other bytes"));
        assert!(line.is_some_and(|line| line.contains(&item)), "{log}");
    }

    // What is put right is given again.
    rot(short);
    rot(long);
    assert_eq!((ask(short, some).status, ask(long, some).status), (206, 206));
    assert_eq!(ask(long, "").body.len(), (17 << 20) + 10);
    assert_eq!(served.terminate().0, 0);
}

/// One lost photograph kept a court from the whole case.
#[test]
fn a_case_is_exported_with_all_that_is_whole_and_names_what_is_not() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let item = item_with(&served, &key, &SMALL);
    let files = stored(place.data());
    rot(&files[0]);
    fs::remove_file(&files[1]).unwrap();
    let lost = [("has other bytes", &files[0]), ("is not there", &files[1])];
    let told = |text: &str| {
        for (why, file) in lost {
            let name = file.file_name().unwrap().to_str().unwrap();
            let line = text
                .lines()
                .find(|line| line.contains(name) && line.contains(why));
            assert!(line.is_some_and(|line| line.contains(&item)), "{text}");
        }
    };
    let bundle = place.file("case.zip");
    let to = bundle.to_str().unwrap();
    let made = place.run(&["export", "case", "INV-2026-0001", "--to", to]);
    assert_eq!((made.code, made.out.contains("1 files")), (3, true), "{made:?}");
    told(&made.out);
    let again = place.file("again.zip");
    let json = place.run(&[
        "export",
        "case",
        "INV-2026-0001",
        "--json",
        "--to",
        again.to_str().unwrap(),
    ]);
    let json = json.json();
    assert_eq!(
        (&json["files"], &json["files_lost"]),
        (&json!(1), &json!(2)),
        "{json}"
    );
    assert_eq!(served.terminate().0, 0);

    // Whoever gets it reads it there, and the rest holds.
    let checked = place.run(&["verify", to]);
    assert_eq!(
        (
            checked.code,
            checked.out.contains("All else is what the agency signed")
        ),
        (3, true),
        "{checked:?}"
    );
    told(&checked.out);
    let mut zip = zip::ZipArchive::new(fs::File::open(&bundle).unwrap()).unwrap();
    let mut text = |name: &str| {
        let mut member = zip.by_name(&format!("INV-2026-0001/data/{name}")).unwrap();
        std::io::read_to_string(&mut member).unwrap()
    };
    let readme = text("README.txt");
    assert!(readme.contains("NOT ALL IS HERE. 2 of the files"), "{readme}");
    told(&readme);
    told(&text("lost-files.txt"));

    // Put back, they are in it, and nothing is said of any that was lost.
    rot(&files[0]);
    fs::write(&files[1], original_of(&files[1])).unwrap();
    let whole = place.file("whole.zip");
    let made = place.run(&["export", "case", "INV-2026-0001", "--to", whole.to_str().unwrap()]);
    assert_eq!((made.code, made.out.contains("3 files")), (0, true), "{made:?}");
    assert_eq!(place.run(&["verify", whole.to_str().unwrap()]).code, 0);
}

/// What was stored under this name.
fn original_of(file: &Path) -> &'static [u8] {
    let name = file.file_name().unwrap().to_str().unwrap();
    let found = SMALL
        .iter()
        .find(|(_, bytes)| sha256(&[bytes]).to_string() == name);
    found.unwrap().1
}

/// It called all well, whatever was gone.
#[test]
fn a_doctor_names_files_that_are_missing_or_of_another_length() {
    let place = Place::with_node();
    let key = place.key();
    let served = place.serve();
    let item = item_with(&served, &key, &SMALL);
    let files = stored(place.data());
    let told = || {
        let ended = place.run(&["doctor"]);
        let said = ended.out.contains("3 of records, each there") && ended.out.contains("All is well.");
        assert_eq!(ended.code == 0, said, "{ended:?}");
        ended
    };
    assert_eq!(told().code, 0);
    rot(&files[2]);
    assert_eq!(told().code, 0, "its bytes are for verify to read");
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], "other").unwrap();
    let faulty = || {
        let ended = told();
        assert!(
            ended.out.contains("fault files        2 of 3 are not whole"),
            "{ended:?}"
        );
        for (file, why) in [(&files[0], "is not there"), (&files[1], "has another length")] {
            let name = file.file_name().unwrap().to_str().unwrap();
            let line = format!("file {name}, which record {item} names, {why}");
            assert!(ended.out.contains(&line), "{ended:?}");
        }
    };
    faulty();
    assert_eq!(served.terminate().0, 0);
    faulty();
}
