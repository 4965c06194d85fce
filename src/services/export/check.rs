//! Bundles checked by a stranger: every byte of every member is read, each signature and proof checked, the records made anew
//! from their operations. No data folder is needed. The first thing that is wrong is named.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use sha2::{Digest, Sha256};
use zip::read::{ArchiveOffset, Config, ZipArchive};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipReadOptions};

use crate::domain::id::{Hash, LogId, RecordId};
use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::services::export::bag::{
    DECLARATION, EXPORT_PROOF, INFO, LOST_FILES, MANIFEST, TAG_MANIFEST, base_of, info, lost_of,
};
use crate::services::export::shown::record_text;
use crate::store::hash::sha256;
use crate::store::identity::origin;
use crate::store::note::checkpoint::verify as verify_note;
use crate::store::note::key::{Algorithm, VerifierKey};
use crate::store::note::notary::Proven;
use crate::store::verify::LostFile;
use crate::views::files::named_by;
use crate::views::fold::fold;
use crate::views::local::{AUDIT_ENTRY, audit_fields};

/// No member but a file is longer.
const MEMBER_BYTES_MAX: u64 = 256 << 20;
/// A bundle has no more members.
const MEMBERS_MAX: usize = 5_000_000;
/// The tag files of a bundle: no more and no less.
const TAGS: [&str; 4] = [INFO, "bagit.txt", EXPORT_PROOF, MANIFEST];

/// What a good bundle holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The number of the case.
    pub name: String,
    /// When it was made, by the clock of the node that made it.
    pub exported_at: Millis,
    /// By whom: `user:<id>`, `key:<id>` or `owner`.
    pub exported_by: String,
    /// Records made anew from their operations.
    pub records: u64,
    /// Operations proved.
    pub operations: u64,
    /// Files read.
    pub files: u64,
    /// Files that were not whole where it was made, as it says itself.
    pub lost: Vec<LostFile>,
    /// The keys that it was checked with.
    pub keys: Vec<String>,
    /// They are those that were given, and not only those in the bundle.
    pub keys_are_known: bool,
}

/// The first thing that is wrong with a bundle.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{member}: {what}")]
pub struct BundleFault {
    /// The member, or `the zip`.
    pub member: String,
    /// What is wrong with it.
    pub what: String,
}

type Step<T> = Result<T, BundleFault>;

fn fault(member: &str, what: impl std::fmt::Display) -> BundleFault {
    BundleFault {
        member: member.to_owned(),
        what: what.to_string(),
    }
}

/// Checks a bundle; with `known`, its keys must be among these.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_bundle(bundle: impl Read + Seek, known: &[VerifierKey]) -> Step<Checked> {
    let mut members = Members::open(bundle)?;
    let manifest = members.check_manifests()?;
    let keys = members.keys(known)?;
    members.check_checkpoints(&keys)?;
    let operations = members.operations(&keys)?;
    let records = members.check_records(&operations)?;
    let (files, lost) = members.check_files(&operations)?;
    let entry = members.check_export(&keys, manifest)?;
    members.check_info(&entry, &records)?;
    members.refuse_unread()?;
    Ok(Checked {
        name: members.base,
        exported_at: entry.header.wall,
        exported_by: entry.header.actor.who,
        records: records.len() as u64,
        operations: operations.len() as u64,
        files,
        lost,
        keys: keys.values().flatten().map(ToString::to_string).collect(),
        keys_are_known: !known.is_empty(),
    })
}

/// The members by their names without the bundle's own folder.
struct Members<R> {
    zip: ZipArchive<R>,
    base: String,
    places: BTreeMap<String, usize>,
    /// Bytes and members below `data/`.
    payload: (u64, usize),
    /// Those that a rule has judged beside their hash.
    judged: BTreeSet<String>,
}

type Keys = BTreeMap<LogId, Vec<VerifierKey>>;

impl<R: Read + Seek> Members<R> {
    fn open(bundle: R) -> Step<Self> {
        let bad = |error: ZipError| fault("the zip", error);
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut zip = ZipArchive::with_config(config, bundle).map_err(bad)?;
        zip.validate_header_consistency().map_err(bad)?;
        if zip.len() > MEMBERS_MAX {
            return Err(fault("the zip", "it has more members than any bundle"));
        }
        let (mut places, mut base) = (BTreeMap::new(), None);
        let (mut bytes, mut payload) = (0_u64, (0, 0));
        for place in 0..zip.len() {
            let member = zip.by_index_raw(place).map_err(bad)?;
            let name = member.name().map_err(bad)?.into_owned();
            let (own, path) =
                split(&name).ok_or_else(|| fault("the zip", format!("{name:?} is no name of a member")))?;
            if base.get_or_insert_with(|| own.to_owned()) != own {
                return Err(fault(&name, "it is not in the bundle's folder"));
            }
            if member.compression() != CompressionMethod::Stored || member.encrypted() {
                return Err(fault(
                    path,
                    "it is compressed or encrypted, as no member of a bundle is",
                ));
            }
            bytes = bytes.saturating_add(member.compressed_size());
            if member.size() != member.compressed_size() || bytes > member.central_header_start() {
                return Err(fault(path, "its size is not what it takes in the zip"));
            }
            if path.starts_with("data/") {
                payload = (payload.0 + member.size(), payload.1 + 1);
            }
            places.insert(path.to_owned(), place);
        }
        Ok(Self {
            zip,
            payload,
            base: base.unwrap_or_default(),
            places,
            judged: BTreeSet::new(),
        })
    }

    /// Reads a member a piece at a time; the zip's own checksum is checked at its end.
    fn stream(&mut self, name: &str, take: &mut dyn FnMut(&[u8])) -> Step<()> {
        let place = *self
            .places
            .get(name)
            .ok_or_else(|| fault(name, "it is not there"))?;
        let opened = self.zip.by_index_with_options(place, ZipReadOptions::new());
        let mut member = opened.map_err(|error| fault(name, error))?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match member.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(bytes) => take(&buffer[..bytes]),
                Err(error) => return Err(fault(name, error)),
            }
        }
    }

    fn read(&mut self, name: &str) -> Step<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        self.stream(name, &mut |piece| {
            too_long |= (bytes.len() + piece.len()) as u64 > MEMBER_BYTES_MAX;
            if !too_long {
                bytes.extend_from_slice(piece);
            }
        })?;
        if too_long {
            return Err(fault(name, "it is longer than any member but a file"));
        }
        self.judged.insert(name.to_owned());
        Ok(bytes)
    }

    fn text(&mut self, name: &str) -> Step<String> {
        String::from_utf8(self.read(name)?).map_err(|_| fault(name, "it is not text"))
    }

    fn hash(&mut self, name: &str) -> Step<Hash> {
        let mut digest = Sha256::new();
        self.stream(name, &mut |piece| digest.update(piece))?;
        Ok(Hash(digest.finalize().into()))
    }

    fn below(&self, folder: &str) -> Vec<String> {
        let names = self.places.keys().filter(|name| name.starts_with(folder));
        names.cloned().collect()
    }

    /// Every member is listed, and has the hash that is listed; gives that of the manifest.
    fn check_manifests(&mut self) -> Step<Hash> {
        if self.text("bagit.txt")? != DECLARATION {
            return Err(fault("bagit.txt", "it declares another format"));
        }
        let tags = listed(TAG_MANIFEST, &self.text(TAG_MANIFEST)?)?;
        let manifest = self.text(MANIFEST)?;
        let payload = listed(MANIFEST, &manifest)?;
        if !tags.keys().map(String::as_str).eq(TAGS) {
            return Err(fault(TAG_MANIFEST, "it lists other tag files than a bundle has"));
        }
        for (name, expected) in tags.iter().chain(&payload) {
            if self.hash(name)? != *expected {
                return Err(fault(name, "its bytes are not those that the manifest lists"));
            }
        }
        let is_listed =
            |name: &&String| tags.contains_key(*name) || payload.contains_key(*name) || *name == TAG_MANIFEST;
        if let Some(stray) = self.places.keys().find(|name| !is_listed(name)) {
            return Err(fault(stray, "no manifest lists it"));
        }
        if let Some(outside) = payload.keys().find(|name| !name.starts_with("data/")) {
            return Err(fault(outside, "it is listed as payload and is none"));
        }
        self.judged.insert("data/README.txt".to_owned());
        Ok(sha256(&[manifest.as_bytes()]))
    }

    /// The two keys of each log, by its id.
    fn keys(&mut self, known: &[VerifierKey]) -> Step<Keys> {
        let mut keys = Keys::new();
        for name in self.below("data/keys/") {
            let log = log_of(&name, "data/keys/")?;
            let lines = self.text(&name)?;
            let parsed: Result<Vec<VerifierKey>, _> = lines.lines().map(str::parse).collect();
            let parsed = parsed.map_err(|error| fault(&name, error))?;
            let algorithms: Vec<_> = parsed.iter().map(VerifierKey::algorithm).collect();
            if algorithms != [Algorithm::Ed25519, Algorithm::MlDsa44]
                || parsed.iter().any(|key| *key.name() != origin(log))
            {
                return Err(fault(&name, "these are not the two keys of the log"));
            }
            if let Some(stranger) = parsed
                .iter()
                .find(|key| !known.is_empty() && !known.contains(key))
            {
                let id = stranger.key_id();
                return Err(fault(&name, format!("the key {id:08x} is none of those given")));
            }
            keys.insert(log, parsed);
        }
        Ok(keys)
    }

    fn check_checkpoints(&mut self, keys: &Keys) -> Step<()> {
        for name in self.below("data/checkpoints/") {
            let log = log_of(&name, "data/checkpoints/")?;
            let note = self.text(&name)?;
            let own = keys
                .get(&log)
                .ok_or_else(|| fault(&name, "there is no key of this log"))?;
            // Each key alone, so that both must have signed.
            for key in own {
                verify_note(&note, std::slice::from_ref(key)).map_err(|error| fault(&name, error))?;
            }
        }
        Ok(())
    }

    /// Every operation, proved, in the order of all logs.
    fn operations(&mut self, keys: &Keys) -> Step<Vec<Operation>> {
        let mut operations = Vec::new();
        for name in self.below("data/operations/") {
            let Some(path) = name.strip_suffix(".tlog-proof") else {
                continue;
            };
            let text = self.text(&name)?;
            let log = path
                .strip_prefix("data/operations/")
                .and_then(|path| path.split('/').next());
            let log = log.and_then(|log| log.parse().ok()).map(LogId);
            let own = log.and_then(|log| keys.get(&log));
            let own = own.ok_or_else(|| fault(&name, "there is no key of this log"))?;
            let mut proven = Proven::check(&text, own).map_err(|error| fault(&name, error))?;
            let id = proven.operation.header.id;
            if path != format!("data/operations/{}/{:010}", id.log, id.seq) {
                return Err(fault(&name, "it is the proof of another operation"));
            }
            let head = format!("data/checkpoints/{}.txt", id.log);
            if !self.text(&head)?.starts_with(&proven.checkpoint.text()) {
                return Err(fault(
                    &name,
                    "it stands under another checkpoint than the bundle's",
                ));
            }
            let beside = format!("{path}.payload");
            if self.places.contains_key(&beside) {
                let bytes = self.read(&beside)?;
                proven
                    .take_payload(&bytes)
                    .map_err(|error| fault(&beside, error))?;
            }
            operations.push(proven.operation);
        }
        operations.sort_by_key(|operation| operation.header.stamp());
        Ok(operations)
    }

    /// The records are what their operations make.
    fn check_records(&mut self, operations: &[Operation]) -> Step<Vec<Record>> {
        let mut records: BTreeMap<RecordId, Option<Record>> = BTreeMap::new();
        for operation in operations {
            let record = records.entry(operation.header.record).or_default();
            *record = Some(fold(record.take(), operation));
        }
        let records: Vec<Record> = records.into_values().flatten().collect();
        for record in &records {
            let name = format!("data/records/{}/{}.json", record.kind, record.id);
            if self.text(&name)? != record_text(record) {
                return Err(fault(&name, "it is not what the operations of the record make"));
            }
        }
        Ok(records)
    }

    /// The files are those that the operations name, each under its hash, but for those that the bundle calls lost.
    fn check_files(&mut self, operations: &[Operation]) -> Step<(u64, Vec<LostFile>)> {
        let mut named: BTreeSet<Hash> = operations.iter().flat_map(named_by).collect();
        let lost = match self.places.contains_key(LOST_FILES) {
            false => Vec::new(),
            true => {
                let lost = lost_of(&self.text(LOST_FILES)?);
                lost.ok_or_else(|| fault(LOST_FILES, "a line is not hash, record and what is wrong"))?
            }
        };
        if let Some(stray) = lost.iter().find(|file| !named.remove(&file.hash)) {
            let what = format!("no operation names the file {}", stray.hash);
            return Err(fault(LOST_FILES, what));
        }
        for hash in &named {
            let name = format!("data/files/{hash}");
            if self.hash(&name)? != *hash {
                return Err(fault(&name, "its bytes are not those that the operation names"));
            }
            self.judged.insert(name);
        }
        Ok((named.len() as u64, lost))
    }

    /// The audit log holds the hash of the manifest.
    fn check_export(&mut self, keys: &Keys, manifest: Hash) -> Step<Operation> {
        let text = self.text(EXPORT_PROOF)?;
        let all: Vec<VerifierKey> = keys.values().flatten().cloned().collect();
        let entry = Proven::check(&text, &all)
            .map_err(|error| fault(EXPORT_PROOF, error))?
            .operation;
        let fields = audit_fields(&entry);
        let says =
            |name: &str, wanted: &str| fields.get(name).and_then(|value| value.as_text()) == Some(wanted);
        if entry.header.kind != AUDIT_ENTRY
            || !says("event", "export")
            || !says("manifest", &manifest.to_string())
        {
            return Err(fault(EXPORT_PROOF, "it signs for another manifest"));
        }
        Ok(entry)
    }

    /// The bundle is called as its case, and says of itself what follows from the rest.
    fn check_info(&mut self, entry: &Operation, records: &[Record]) -> Step<()> {
        let case = records.iter().find(|record| record.id == entry.header.record);
        let case = case.ok_or_else(|| fault(EXPORT_PROOF, "it is about a case that is not there"))?;
        if self.base != base_of(case) {
            return Err(fault(&self.base, "its case is called otherwise"));
        }
        if self.text(INFO)? != info(case, entry.header.wall, self.payload) {
            return Err(fault(INFO, "it is not what follows from the rest of the bundle"));
        }
        Ok(())
    }

    /// What has a right hash and no meaning was put there by somebody else.
    fn refuse_unread(&self) -> Step<()> {
        match self.places.keys().find(|name| !self.judged.contains(*name)) {
            Some(stray) => Err(fault(stray, "it belongs to nothing in the bundle")),
            None => Ok(()),
        }
    }
}

/// A member's name as the bundle's folder and the path in it; `None` for names that lead elsewhere.
fn split(name: &str) -> Option<(&str, &str)> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let letters = |c: char| c.is_ascii_graphic() && !"\\:".contains(c);
    (name.chars().all(letters) && name.split('/').all(plain)).then(|| name.split_once('/'))?
}

fn log_of(name: &str, folder: &str) -> Step<LogId> {
    let log = name
        .strip_prefix(folder)
        .and_then(|rest| rest.strip_suffix(".txt"));
    let log = log.and_then(|log| log.parse().ok());
    log.map(LogId).ok_or_else(|| fault(name, "its name is no log"))
}

/// The lines of a manifest by path.
fn listed(manifest: &str, text: &str) -> Step<BTreeMap<String, Hash>> {
    let mut members = BTreeMap::new();
    for line in text.lines() {
        let parts = line.split_once("  ");
        let parts = parts.and_then(|(hash, path)| Some((path.to_owned(), hash.parse().ok()?)));
        let (path, hash) = parts.ok_or_else(|| fault(manifest, "a line is not hash and path"))?;
        if members.insert(path.clone(), hash).is_some() {
            return Err(fault(manifest, format!("it lists {path} twice")));
        }
    }
    Ok(members)
}
