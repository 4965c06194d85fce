//! The fuzz targets on their seeds, on what fuzzing has found, and on mutations of both: all that the fuzzer checks, without it.

use std::path::Path;

use crate::support::power::Dice;
use crate::support::scale;

#[path = "../../fuzz/targets.rs"]
mod targets;

const MUTATIONS: u64 = 300;

fn replay(name: &str, target: fn(&[u8])) {
    let mut inputs = Vec::new();
    for folder in ["seeds", "corpus"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz")
            .join(folder)
            .join(name);
        let Ok(files) = std::fs::read_dir(folder) else {
            continue;
        };
        inputs.extend(files.map(|file| std::fs::read(file.unwrap().path()).unwrap()));
    }
    assert!(!inputs.is_empty(), "{name} has no seeds");
    let mut dice = Dice::new(7);
    for input in &inputs {
        target(input);
        for _ in 0..MUTATIONS * scale() {
            target(&mutated(input, &mut dice));
        }
    }
    println!(
        "fuzz {name}: {} inputs, {} mutations each",
        inputs.len(),
        MUTATIONS * scale()
    );
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
fn operations_are_read_or_refused() {
    replay("operation", targets::operation);
}

#[test]
fn checkpoints_are_read_or_refused() {
    replay("checkpoint", targets::checkpoint);
}

#[test]
fn every_search_text_is_understood_somehow() {
    replay("query", targets::query);
}

#[test]
fn every_file_to_import_is_read_to_its_end() {
    replay("csv", targets::csv);
}

#[test]
fn every_picture_is_recognised_or_refused() {
    replay("image", targets::image);
}
