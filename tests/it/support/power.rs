//! A disk in memory that loses power. What was not synced survives whole, torn at sectors, or not at all; a name
//! that was given or taken without a sync of its folder may or may not be so afterwards. Journal, files and redb
//! all run on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blotter::store::disk::{Disk, DiskFile, OpenMode};

const SECTOR_BYTES: usize = 512;

/// The generator behind a seed (SplitMix64): the same seed, the same accident.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of this seed.
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// Whether one throw in `odds` hits.
    pub(crate) fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct PowerDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    files: Vec<Contents>,
    dirs: BTreeSet<PathBuf>,
    names: Names,
    durable_names: Names,
    pending_names: Vec<NameChange>,
    /// Changes so far: writes, lengths, names, syncs.
    changes: u64,
    /// At which change the power goes.
    fuse: Option<u64>,
    out: bool,
}

type Names = BTreeMap<PathBuf, usize>;

#[derive(Debug, Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Given(PathBuf, usize),
    Taken(PathBuf),
    Renamed(PathBuf, PathBuf, usize),
}

impl PowerDisk {
    /// An empty disk; the seed decides what a loss of power leaves.
    pub(crate) fn new(seed: u64) -> PowerDisk {
        PowerDisk(Arc::new(Mutex::new(State {
            dice: Dice::new(seed),
            files: Vec::new(),
            dirs: BTreeSet::new(),
            names: Names::new(),
            durable_names: Names::new(),
            pending_names: Vec::new(),
            changes: 0,
            fuse: None,
            out: false,
        })))
    }

    /// The power goes at the n-th change from now (the first is 1): that change and all after it fail.
    pub(crate) fn cut_at(&self, change: u64) {
        let mut state = self.state();
        state.fuse = Some(state.changes + change);
    }

    /// Whether the power is out.
    pub(crate) fn is_out(&self) -> bool {
        self.state().out
    }

    /// The power goes, if it is not out yet, and comes back: the disk as it is found then. Handles on this disk
    /// stay dead.
    pub(crate) fn reboot(&self) -> PowerDisk {
        let mut state = self.state();
        state.out = true;
        let seed = state.dice.bits();
        // Some accidents spare everything or nothing; the others decide change by change.
        let mood = Mood::throw(&mut state.dice);
        let State {
            dice,
            files,
            durable_names,
            pending_names,
            ..
        } = &mut *state;
        let mut names = durable_names.clone();
        for change in pending_names.iter().filter(|_| mood.spares(dice)) {
            change.apply(&mut names);
        }
        let found = PowerDisk::new(seed);
        let mut fresh = found.state();
        for contents in files.iter_mut() {
            let left = contents.after_loss(dice, mood);
            fresh.files.push(Contents {
                seen: left.clone(),
                durable: left,
                pending: Vec::new(),
            });
        }
        fresh.dirs = state.dirs.clone();
        fresh.durable_names = names.clone();
        fresh.names = names;
        drop(fresh);
        found
    }

    /// All files with what is read from them now.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(path, id)| (path.clone(), state.files[*id].seen.clone()))
            .collect()
    }

    /// A healthy disk with these files, durable.
    pub(crate) fn with_files(files: &[(PathBuf, Vec<u8>)]) -> PowerDisk {
        let disk = PowerDisk::new(0);
        let mut state = disk.state();
        for (id, (path, bytes)) in files.iter().enumerate() {
            state.files.push(Contents {
                seen: bytes.clone(),
                durable: bytes.clone(),
                pending: Vec::new(),
            });
            state.names.insert(path.clone(), id);
            state.durable_names.insert(path.clone(), id);
            state.dirs.extend(path.ancestors().skip(1).map(Path::to_path_buf));
        }
        drop(state);
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn powered(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.out { Err(no_power()) } else { Ok(state) }
    }

    fn change_names(&self, change: NameChange) -> io::Result<()> {
        let mut state = self.powered()?;
        change.apply(&mut state.names);
        state.pending_names.push(change);
        state.count()
    }
}

impl State {
    /// Counts a change, after it was noted as pending: the one that burns the fuse may survive too.
    fn count(&mut self) -> io::Result<()> {
        self.changes += 1;
        self.out = self.fuse.is_some_and(|fuse| self.changes >= fuse);
        if self.out { Err(no_power()) } else { Ok(()) }
    }

    fn named(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            NameChange::Given(path, id) => {
                names.insert(path.clone(), *id);
            }
            NameChange::Taken(path) => {
                names.remove(path);
            }
            NameChange::Renamed(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        let (NameChange::Given(path, _) | NameChange::Taken(path) | NameChange::Renamed(_, path, _)) = self;
        path.parent() == Some(dir)
    }
}

#[derive(Clone, Copy, Debug)]
enum Mood {
    SparesAll,
    SparesNothing,
    Random,
}

impl Mood {
    fn throw(dice: &mut Dice) -> Mood {
        match dice.below(6) {
            0 => Mood::SparesAll,
            1 => Mood::SparesNothing,
            _ => Mood::Random,
        }
    }

    fn spares(self, dice: &mut Dice) -> bool {
        match self {
            Mood::SparesAll => true,
            Mood::SparesNothing => false,
            Mood::Random => dice.one_in(2),
        }
    }
}

impl Contents {
    fn after_loss(&mut self, dice: &mut Dice, mood: Mood) -> Vec<u8> {
        let mut left = std::mem::take(&mut self.durable);
        for change in self.pending.drain(..) {
            match change {
                Change::Length(length) if mood.spares(dice) => left.resize(length, 0),
                Change::Length(_) => {}
                Change::Write(offset, bytes) => {
                    let torn = matches!(mood, Mood::Random) && dice.one_in(2);
                    if torn {
                        write_sectors(&mut left, offset, &bytes, dice);
                    } else if mood.spares(dice) {
                        write(&mut left, offset, &bytes);
                    }
                    // The length is kept elsewhere than the bytes: it may have grown over bytes that never came.
                    if torn && dice.one_in(3) {
                        let length = left.len().max(offset + bytes.len());
                        left.resize(length, 0);
                    }
                }
            }
        }
        left
    }
}

fn write(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target[offset..end].copy_from_slice(bytes);
}

fn write_sectors(target: &mut Vec<u8>, offset: usize, bytes: &[u8], dice: &mut Dice) {
    let mut at = 0;
    while at < bytes.len() {
        let step = (SECTOR_BYTES - (offset + at) % SECTOR_BYTES).min(bytes.len() - at);
        if dice.one_in(2) {
            write(target, offset + at, &bytes[at..at + step]);
        }
        at += step;
    }
}

fn no_power() -> io::Error {
    io::Error::other("the power is out")
}

impl Disk for PowerDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.powered()?;
        let id = match (state.names.get(path).copied(), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            (Some(id), _) => id,
            (None, OpenMode::Read | OpenMode::ReadWrite) => {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            (None, OpenMode::Create | OpenMode::CreateNew) => {
                if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
                state.files.push(Contents::default());
                let id = state.files.len() - 1;
                drop(state);
                self.change_names(NameChange::Given(path.to_path_buf(), id))?;
                id
            }
        };
        Ok(Arc::new(PowerFile {
            disk: self.clone(),
            id,
        }))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.powered()?
            .dirs
            .extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.powered()?;
        let paths: BTreeSet<&PathBuf> = state.names.keys().chain(&state.dirs).collect();
        let inside = paths.into_iter().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.powered()?.named(from)?;
        self.change_names(NameChange::Renamed(from.to_path_buf(), to.to_path_buf(), id))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.powered()?.named(path)?;
        self.change_names(NameChange::Taken(path.to_path_buf()))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.powered()?;
        state.count()?;
        let (synced, pending) = state
            .pending_names
            .drain(..)
            .partition(|change| change.is_in(dir));
        state.pending_names = pending;
        let synced: Vec<NameChange> = synced;
        for change in synced {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        let state = self.powered()?;
        Ok(state.names.get(path).map(|id| state.files[*id].seen.len() as u64))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        self.powered().map(|_| 1 << 40)
    }
}

#[derive(Debug)]
struct PowerFile {
    disk: PowerDisk,
    id: usize,
}

impl PowerFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.powered()?;
        let contents = &mut state.files[self.id];
        match &change {
            Change::Write(offset, bytes) => write(&mut contents.seen, *offset, bytes),
            Change::Length(length) => contents.seen.resize(*length, 0),
        }
        contents.pending.push(change);
        state.count()
    }
}

impl DiskFile for PowerFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.disk.powered()?;
        let offset = offset as usize;
        let bytes = state.files[self.id].seen.get(offset..offset + buffer.len());
        buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset as usize, bytes.to_vec()))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.powered()?.files[self.id].seen.len() as u64)
    }

    /// Nobody asks on this disk.
    fn changed(&self) -> io::Result<i128> {
        Ok(0)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.change(Change::Length(bytes as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.powered()?;
        state.count()?;
        let Contents { durable, pending, .. } = &mut state.files[self.id];
        for change in pending.drain(..) {
            match change {
                Change::Write(offset, bytes) => write(durable, offset, &bytes),
                Change::Length(length) => durable.resize(length, 0),
            }
        }
        Ok(())
    }
}
