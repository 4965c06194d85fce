//! The journal's bytes: whatever is changed in them is named, or falls under the tail rule; it never comes back
//! as somebody's words.

use std::path::PathBuf;

use blotter::store::journal::{JournalError, Position};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};

use super::model::{Words, open, read_all};
use crate::support::power::{Dice, PowerDisk};

/// A small journal of several segments: its files, its groups, its end.
struct Small {
    files: Vec<(PathBuf, Vec<u8>)>,
    groups: Vec<(Words, Vec<Position>)>,
    end: Position,
    /// Where the last group begins.
    last: Position,
}

fn small() -> Small {
    let disk = PowerDisk::new(0);
    let (mut journal, _) = open(disk.clone(), None).expect("an empty disk opens");
    let mut dice = Dice::new(11);
    let mut last = journal.end();
    let mut erased = Vec::new();
    while last.segment() < 3 || erased.len() < 8 {
        last = journal.end();
        let positions = Words::throw(&mut dice)
            .append(&mut journal)
            .expect("a healthy disk takes it");
        erased.extend(positions.first().copied());
    }
    journal.erase(&erased[..2]).expect("a healthy disk erases");
    Small {
        files: disk.files(),
        groups: read_all(&journal),
        end: journal.end(),
        last,
    }
}

/// Opens the changed files and holds what comes back against what was written.
fn check(small: &Small, files: &[(PathBuf, Vec<u8>)], at: Position) {
    match open(PowerDisk::with_files(files), None) {
        Ok((journal, _)) => {
            let found = read_all(&journal);
            assert!(at >= small.last, "a change at {at} was not noticed");
            assert!(
                found.len() + 1 >= small.groups.len(),
                "a change at {at} took more than the last group"
            );
            assert!(
                small.groups.starts_with(&found),
                "a change at {at} gave words that nobody wrote"
            );
        }
        Err(JournalError::Damaged { position, .. }) => {
            assert!(
                position.segment().abs_diff(at.segment()) <= 1,
                "a change at {at} was named {position}"
            );
        }
        Err(error) => panic!("a change at {at} gave: {error}"),
    }
    // With the end known to be durable, the tail rule has nothing left to excuse.
    if let Ok((journal, _)) = open(PowerDisk::with_files(files), Some(small.end)) {
        let reader = journal.reader();
        for (words, positions) in &small.groups {
            for (entry, position) in words.entries.iter().zip(positions) {
                match reader.read(*position) {
                    Ok(read) => assert_eq!((&read.header, &read.erasable), (&entry.0, &entry.1)),
                    Err(error) => assert!(matches!(error, JournalError::Damaged { .. }), "{at}: {error}"),
                }
            }
        }
        let found: Vec<_> = reader.scan(Position::START).map_while(Result::ok).collect();
        assert!(
            found.len() < small.groups.len(),
            "a change at {at} was not noticed by a scan"
        );
        assert!(
            found.iter().map(Words::of).eq(small
                .groups
                .iter()
                .map(|group| group.0.clone())
                .take(found.len()))
        );
    } else {
        assert!(at.segment() == small.end.segment());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let small = small();
    let erased: Vec<Position> = small
        .groups
        .iter()
        .flat_map(|(words, positions)| words.entries.iter().zip(positions))
        .filter(|(entry, _)| entry.1.is_none())
        .map(|(_, position)| *position)
        .collect();
    let mut flips = 0;
    for file in 0..small.files.len() {
        for byte in 0..small.files[file].1.len() {
            let at = Position::new(file as u32 + 1, byte as u32);
            // What stands in place of erased bytes is not looked at.
            if erased_bytes_hold(&small, &erased, at) {
                continue;
            }
            let mut files = small.files.clone();
            files[file].1[byte] ^= 1 << (byte % 8);
            check(&small, &files, at);
            flips += 1;
        }
    }
    assert!(flips > 5000);
    println!("journal: {flips} flipped bits");
}

fn erased_bytes_hold(small: &Small, erased: &[Position], at: Position) -> bool {
    erased.iter().any(|entry| {
        let bytes = &small.files[entry.segment() as usize - 1].1;
        let start = entry.offset() as usize;
        let length = |from: usize| {
            u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]])
        };
        let from = entry.offset() + 17 + length(start);
        at.segment() == entry.segment() && (from..from + length(start + 4)).contains(&at.offset())
    })
}

#[test]
fn a_lost_sector_is_noticed() {
    let small = small();
    for file in 0..small.files.len() {
        for sector in (0..small.files[file].1.len()).step_by(512) {
            let mut files = small.files.clone();
            let end = files[file].1.len().min(sector + 512);
            let lost = &mut files[file].1[sector..end];
            if lost.iter().all(|byte| *byte == 0) {
                continue;
            }
            lost.fill(0);
            // The sector may begin before the last group; then the group before it is hurt too.
            check(
                &small,
                &files,
                Position::new(file as u32 + 1, end as u32 - 1).min(small.end),
            );
        }
    }
}

#[test]
fn a_shortened_journal_is_cut_at_a_group_or_refused() {
    let small = small();
    for file in 0..small.files.len() {
        for length in 0..small.files[file].1.len() {
            let mut files = small.files.clone();
            files[file].1.truncate(length);
            assert!(open(PowerDisk::with_files(&files), Some(small.end)).is_err() || file + 1 < files.len());
            match open(PowerDisk::with_files(&files), None) {
                Ok((journal, _)) => {
                    assert_eq!(
                        file + 1,
                        files.len(),
                        "segment {} cut at {length} was not noticed",
                        file + 1
                    );
                    assert!(small.groups.starts_with(&read_all(&journal)));
                }
                Err(error) => assert!(matches!(error, JournalError::Damaged { .. }), "{error}"),
            }
        }
        let mut files = small.files.clone();
        files.remove(file);
        assert!(open(PowerDisk::with_files(&files), Some(small.end)).is_err());
    }
}

#[test]
fn stored_bytes_never_pass_for_a_group() {
    let small = small();
    let disk = PowerDisk::with_files(&small.files);
    let (mut journal, _) = open(disk.clone(), None).unwrap();
    // Whole groups of this very journal, stored as somebody's payload, in a commit that is then torn.
    let copied = small.files[2].1[64..].to_vec();
    let words = Words {
        entries: vec![(copied.clone(), Some(copied))],
        seal: Vec::new(),
    };
    words.append(&mut journal).unwrap();
    let end = journal.end();
    let mut files = disk.files();
    let file = &mut files[end.segment() as usize - 1].1;
    let length = file.len();
    file[length - 1] ^= 1;
    let (journal, recovered) = open(PowerDisk::with_files(&files), None).unwrap();
    assert!(recovered.torn_bytes > 0 || recovered.end == small.end);
    assert_eq!(read_all(&journal), small.groups);
}

#[test]
fn a_position_that_is_no_end_of_a_group_is_refused() {
    let small = small();
    for offset in 65..small.end.offset() + 50 {
        let at = Position::new(small.end.segment(), offset);
        let is_end = at == small.end || read_ends(&small).contains(&at);
        let disk = PowerDisk::with_files(&small.files);
        assert_eq!(open(disk.clone(), Some(at)).is_ok(), is_end, "{at}");
        assert_eq!(disk.files(), small.files);
    }
}

fn read_ends(small: &Small) -> Vec<Position> {
    let (journal, _) = open(PowerDisk::with_files(&small.files), None).expect("what is whole opens");
    journal
        .reader()
        .scan(Position::START)
        .map(|group| group.expect("what is whole can be read").end)
        .collect()
}

proptest! {
    #[test]
    fn whatever_is_appended_comes_back(
        groups in vec((vec((vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..700)), 0..5), vec(any::<u8>(), 0..60)), 0..20)
    ) {
        let disk = PowerDisk::new(0);
        let (mut journal, _) = open(disk.clone(), None).unwrap();
        let mut written = Vec::new();
        for (entries, seal) in groups {
            let entries = entries.into_iter().map(|(header, erasable)| (header, Some(erasable))).collect();
            let words = Words { entries, seal };
            let positions = words.append(&mut journal).unwrap();
            written.push((words, positions));
        }
        assert_eq!(read_all(&journal), written);
        drop(journal);
        assert_eq!(read_all(&open(disk, None).unwrap().0), written);
    }
}
