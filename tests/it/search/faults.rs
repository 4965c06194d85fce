//! The index on a disk that is full, read-only, or loses power: searches go on with what they saw, a start succeeds, and
//! afterwards searches find everything again. Nothing is put aside that is whole.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use blotter::search::document::{DocChange, SearchDoc};
use blotter::search::index::{Health, Index};
use tempfile::TempDir;

use super::damage::{DOCS, assert_equal_to_source, catch_up, copy, files, source};
use super::{open, search};
use crate::support::power::Dice;
use crate::support::scale;

const SECTOR_BYTES: usize = 512;

fn upsert(doc: SearchDoc) -> DocChange {
    DocChange::Upsert(Box::new(doc))
}

/// The first third of the source, committed and checkpointed.
fn begun(place: &Path) -> Index {
    let index = open(place);
    let third = source().into_iter().take(DOCS as usize / 3);
    index.apply(third.map(upsert).collect(), 1).unwrap();
    index.commit().unwrap();
    index.checkpoint().unwrap();
    index
}

fn assert_sees_the_first_third(index: &Index) {
    assert_eq!(index.documents(), DOCS / 3);
    assert_eq!(index.search(&search("sedan")).unwrap().total, DOCS / 3);
}

/// A small file system in memory, unmounted when it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, and loud, where mounting is not permitted.
    fn mount(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mounted = mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path());
        if !mounted {
            println!("INDEX: A FULL AND A READ-ONLY DISK WERE NOT TRIED: nothing can be mounted here");
        }
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).output());
    }
}

fn mount(words: &[&str], folder: &Path) -> bool {
    let done = Command::new("mount").args(words).arg(folder).output();
    done.is_ok_and(|done| done.status.success())
}

#[test]
fn a_full_disk_costs_nothing_but_time() {
    let Some(disk) = SmallDisk::mount(8 << 20) else {
        return;
    };
    let index = begun(disk.path());
    let ballast = disk.path().join("ballast");
    let mut fillings = 0;
    for room in [0, 4096, 40_000] {
        fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
        let full = fs::metadata(&ballast).unwrap().len();
        fs::File::options()
            .write(true)
            .open(&ballast)
            .unwrap()
            .set_len(full.saturating_sub(room))
            .unwrap();
        let mut failed = false;
        // Each round writes all documents again, so that what is left of the disk does not last.
        for round in 0..40 {
            let changes = source().into_iter().take(DOCS as usize / 3).map(upsert).collect();
            failed = index
                .apply(changes, 1 + round % 2)
                .and_then(|()| index.commit())
                .is_err();
            if failed {
                break;
            }
        }
        fillings += u32::from(failed);
        assert!(failed, "{room} bytes lasted for 40 commits");
        assert_eq!(index.health(), Health::Suspect);
        assert_sees_the_first_third(&index);
        // It may succeed or not; a start too.
        drop(index.recover());
        assert_eq!(index.search(&search("sedan")).unwrap().total % (DOCS / 3), 0);
        fs::remove_file(&ballast).unwrap();
        index.recover().unwrap();
        let third = source().into_iter().take(DOCS as usize / 3).map(upsert);
        index.apply(third.collect(), 1).unwrap();
        index.commit().unwrap();
        assert_sees_the_first_third(&index);
    }
    fs::write(&ballast, vec![1; 8 << 20]).unwrap_err();
    drop(index);
    let index = open(disk.path());
    assert_eq!(
        index.search(&search("sedan")).unwrap().total,
        DOCS / 3,
        "a start on a full disk"
    );
    assert!(
        !disk.path().join("index.damaged").exists(),
        "a whole index was put aside"
    );
    fs::remove_file(&ballast).unwrap();
    index.recover().unwrap();
    catch_up(&index);
    assert_equal_to_source(&index, "after a full disk");
    println!("index: a full disk, {fillings} times; searches went on, and every start succeeded");
}

#[test]
fn a_read_only_disk_is_searched() {
    let Some(disk) = SmallDisk::mount(32 << 20) else {
        return;
    };
    drop(begun(disk.path()));
    assert!(mount(&["-o", "remount,ro"], disk.path()));
    let index = open(disk.path());
    assert_sees_the_first_third(&index);
    assert_eq!((index.health(), index.position()), (Health::Suspect, 1));
    index.recover().unwrap_err();
    assert_sees_the_first_third(&index);
    assert!(mount(&["-o", "remount,rw"], disk.path()));
    index.recover().unwrap();
    catch_up(&index);
    assert_equal_to_source(&index, "writable again");
}

#[test]
fn a_commit_that_can_not_be_written_is_made_up_for() {
    let place = tempfile::tempdir().unwrap();
    let index = begun(place.path());
    // The new head of the index is written beside the old one: there, every byte is refused as on a full disk.
    let new = place.path().join("index/meta.new");
    symlink("/dev/full", &new).unwrap();
    index.apply(vec![DocChange::Delete(source()[0].id)], 2).unwrap();
    index.commit().unwrap_err();
    assert_eq!(index.health(), Health::Suspect);
    assert_sees_the_first_third(&index);
    fs::remove_file(&new).unwrap();
    assert_eq!(index.recover().unwrap(), 1, "the last commit that was whole");
    catch_up(&index);
    assert_equal_to_source(&index, "after a commit that failed");
}

/// What a loss of power leaves of a folder: of what came or changed since `durable`, anything.
fn leave(durable: &Path, seen: &Path, to: &Path, dice: &mut Dice) {
    fs::create_dir_all(to).unwrap();
    let name = |file: PathBuf| file.file_name().unwrap().to_owned();
    let names: BTreeSet<_> = files(durable).into_iter().chain(files(seen)).map(name).collect();
    for name in names {
        let (before, after) = (
            fs::read(durable.join(&name)).ok(),
            fs::read(seen.join(&name)).ok(),
        );
        let kept = match (before, after) {
            (before, after) if before == after => before,
            (before, _) if dice.one_in(3) => before,
            (_, after) if dice.one_in(2) => after,
            (_, after) => after.map(|bytes| torn(bytes, dice)),
        };
        if let Some(bytes) = kept {
            fs::write(to.join(&name), bytes).unwrap();
        }
    }
    // It is another boot of the machine that finds this.
    let note = to.join("blotter-trust");
    if let Ok(text) = fs::read_to_string(&note) {
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&note, format!("another-boot\n{rest}")).unwrap();
    }
}

/// Some sectors are zero, and the end may be missing.
fn torn(mut bytes: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for sector in bytes.chunks_mut(SECTOR_BYTES) {
        if dice.one_in(2) {
            sector.fill(0);
        }
    }
    if dice.one_in(3) {
        bytes.truncate(dice.below(bytes.len() as u64 + 1) as usize);
    }
    bytes
}

#[test]
fn a_loss_of_power_costs_nothing_but_time() {
    let losses = 40 * scale();
    let mut went_on = 0;
    for seed in 0..losses {
        let mut dice = Dice::new(seed ^ 0x1DE8);
        let place = tempfile::tempdir().unwrap();
        let durable = place.path().join("durable");
        let index = begun(place.path());
        copy(&place.path().join("index"), &durable);
        for step in 0..1 + dice.below(12) {
            let from = dice.below(DOCS) as usize;
            let some = source().into_iter().skip(from).take(1 + dice.below(80) as usize);
            index.apply(some.map(upsert).collect(), 2 - step % 2).unwrap();
            if dice.one_in(2) {
                index.commit().unwrap();
            }
            if dice.one_in(5) {
                index.verify().unwrap();
            }
            if dice.one_in(4) {
                index.checkpoint().unwrap();
                fs::remove_dir_all(&durable).unwrap();
                copy(&place.path().join("index"), &durable);
            }
        }
        let found = tempfile::tempdir().unwrap();
        leave(
            &durable,
            &place.path().join("index"),
            &found.path().join("index"),
            &mut dice,
        );
        drop(index);
        let index = open(found.path());
        went_on += u64::from(index.position() > 0);
        catch_up(&index);
        assert_equal_to_source(&index, &format!("seed {seed}"));
    }
    println!(
        "index: {losses} losses of power, {went_on} went on from a commit, the others were made anew; all equal to the source"
    );
}
