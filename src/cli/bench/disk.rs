//! What the disk itself gives: one fdatasync, and bare group commits of the size that the server's had.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::disk::{Disk, OpenMode, RealDisk};
use crate::store::error::StoreError;
use crate::store::journal::{Entry, Journal, JournalOptions, JournalReader, Position};

/// The median time of an fdatasync after a write of 4 KiB.
pub(super) fn probe(dir: &Path) -> Result<Duration, StoreError> {
    let path = dir.join("probe");
    let file = RealDisk.open(&path, OpenMode::CreateNew)?;
    let mut times = Vec::new();
    for place in 0..50 {
        let begin = Instant::now();
        file.write_at(place * 4096, &[0; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    RealDisk.remove(&path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// Where the journal of a node ends now.
pub(super) fn journal_end(node: &Path) -> Result<Position, StoreError> {
    Ok(JournalReader::inspect(Arc::new(RealDisk), &node.join("journal"))?.end())
}

/// How many entries the groups had, on average, that a node has committed since its journal ended there.
pub(super) fn entries_a_group(node: &Path, since: Position) -> Result<usize, StoreError> {
    let journal = JournalReader::inspect(Arc::new(RealDisk), &node.join("journal"))?;
    let (mut groups, mut entries) = (0, 0);
    for group in journal.scan(since) {
        groups += 1;
        entries += group?.entries.len();
    }
    Ok((entries + groups / 2) / groups.max(1))
}

/// Entries a second that a journal alone makes durable, in groups of this many entries of this many bytes, for so long.
pub(super) fn bare_groups(
    dir: &Path,
    entries: usize,
    entry_bytes: usize,
    time: Duration,
) -> Result<f64, StoreError> {
    let folder = dir.join("bare");
    let opened = Journal::open(Arc::new(RealDisk), &folder, JournalOptions::default(), None)?;
    let mut journal = opened.0;
    let bytes = vec![0x5a; entry_bytes];
    let group = vec![
        Entry {
            header: &bytes[..entry_bytes / 2],
            erasable: &bytes[entry_bytes / 2..]
        };
        entries
    ];
    let begin = Instant::now();
    let mut written = 0_u32;
    while begin.elapsed() < time {
        journal.append(&group, &[0; 400])?;
        written += u32::try_from(entries).unwrap_or(u32::MAX);
    }
    let rate = f64::from(written) / begin.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&folder)?;
    Ok(rate)
}
