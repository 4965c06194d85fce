//! The fuzz targets on their seeds, on what fuzzing has found, and on mutations of both: all that the fuzzer checks, without it.

use std::path::{Path, PathBuf};

use crate::support::power::Dice;
use crate::support::scale;

#[path = "../../fuzz/src/targets/mod.rs"]
pub(crate) mod targets;

/// Of all seeds of a target together.
const MUTATIONS: u64 = 1_500;

fn replay(name: &str) {
    let (_, target) = targets::ALL.into_iter().find(|(own, _)| *own == name).unwrap();
    let seeds = files(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(name),
    );
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let (mut dice, each) = (Dice::new(7), MUTATIONS * scale() / seeds.len() as u64);
    for input in &seeds {
        target(input);
        for _ in 0..each {
            target(&mutated(input, &mut dice));
        }
    }
    let found = cache().map_or_else(Vec::new, |cache| {
        files(&cache.join("blotter/fuzz/corpus").join(name))
    });
    found.iter().for_each(|input| target(input));
    println!(
        "fuzz {name}: {} seeds, {each} mutations each; {} inputs that fuzzing found here",
        seeds.len(),
        found.len(),
    );
}

/// Where `fuzz/run` keeps what it finds.
fn cache() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home)
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    // A fuzzer that runs meanwhile may take an input away again.
    files
        .into_iter()
        .filter_map(|file| std::fs::read(file).ok())
        .collect()
}

/// One to four bytes changed, cut off, doubled or put elsewhere.
fn mutated(input: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(3) {
        if bytes.is_empty() {
            break;
        }
        let place = usize::try_from(dice.below(bytes.len() as u64)).unwrap();
        match dice.below(5) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, u8::try_from(dice.below(256)).unwrap()),
            2 => drop(bytes.remove(place)),
            3 => {
                let tail = bytes[place..].to_vec();
                bytes.extend_from_slice(&tail[..tail.len().min(4096)]);
            }
            _ => bytes[place] ^= 1 << dice.below(8),
        }
    }
    bytes
}

#[test]
fn every_target_has_its_folder_of_seeds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, targets::ALL.map(|(name, _)| name));
}

#[test]
fn operations_are_read_or_refused() {
    replay("operation");
}

#[test]
fn checkpoints_are_read_or_refused() {
    replay("checkpoint");
}

#[test]
fn every_search_text_is_understood_somehow() {
    replay("query");
}

#[test]
fn every_file_to_import_is_read_to_its_end() {
    replay("csv");
}

#[test]
fn every_picture_is_recognised_or_refused() {
    replay("image");
}

#[test]
fn every_cursor_leads_into_its_own_list_or_nowhere() {
    replay("cursor");
}

#[test]
fn every_body_of_parts_is_received_or_leaves_nothing() {
    replay("multipart");
}

#[test]
fn every_json_means_what_others_read_in_it() {
    replay("json");
}

#[test]
fn names_and_numbers_are_alike_both_ways() {
    replay("names");
}

#[test]
fn every_request_is_answered_and_none_by_a_fault_of_ours() {
    replay("request");
}

#[test]
fn no_changed_bundle_passes_for_true() {
    replay("bundle");
}
