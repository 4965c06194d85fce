//! A case with everything that belongs to it, as a bundle that a court checks with the public keys and no node: the records,
//! the files, every operation with its proof, and an entry of the audit log that signs for the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, Write};

use crate::domain::id::{Hash, LogId, OpId, RecordId};
use crate::domain::kind::{self, CASE, CHAT_MESSAGE, EVIDENCE, Kind, NOTE, REPORT, TIMELINE_ENTRY};
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::export::bag::{Bag, EXPORT_PROOF, INFO, LOST_FILES, base_of, info, lost_text};
use crate::services::export::shown::record_text;
use crate::services::failure::{Failure, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::store::database::{Direction, Snapshot};
use crate::store::identity::Stream;
use crate::store::verify::LostFile;
use crate::views::{files, records};

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// Records in it.
    pub records: u64,
    /// Operations with their proofs.
    pub operations: u64,
    /// Files.
    pub files: u64,
    /// Files that are named and not whole, so not in it.
    pub lost: Vec<LostFile>,
    /// Bytes of records, proofs and files.
    pub bytes: u64,
    /// The hash of the manifest, which the audit log holds.
    pub manifest: Hash,
}

/// Who writes where.
struct Writing<'s, W: Write + Seek> {
    services: &'s Services,
    rows: Snapshot,
    bag: Bag<W>,
}

impl Services {
    /// Writes a case with its entities, evidence, timeline, reports, notes and files as a bundle. The audit entry is durable before
    /// this returns. What of its files is not whole is named in it. `tell` hears of so many operations of so many.
    ///
    /// # Errors
    /// `Denied`, `Unknown`; the disk failed, or the one to which the bundle goes.
    pub fn export_case(
        &self,
        caller: &Caller,
        reference: &str,
        out: impl Write + Seek,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Outcome<Exported> {
        for kind in [&CASE, &EVIDENCE] {
            self.demand(caller, "export", policy::scope_for(kind, Deed::Read))?;
        }
        let rows = self.snapshot()?;
        let case = find::record(&rows, caller, &CASE, reference)?;
        let records = belonging(caller, &rows, &case)?;
        let base = base_of(&case);
        let mut writing = Writing {
            services: self,
            rows,
            bag: Bag::begin(out, base)?,
        };
        let (whole, lost) = writing.files(&records)?;
        writing
            .bag
            .add("README.txt", readme(base, &records, &lost).as_bytes())?;
        if !lost.is_empty() {
            let path = LOST_FILES.trim_start_matches("data/");
            writing.bag.add(path, lost_text(&lost).as_bytes())?;
        }
        for record in &records {
            let path = format!("records/{}/{}.json", record.kind, record.id);
            writing.bag.add(&path, record_text(record).as_bytes())?;
        }
        let files = writing.add_files(&whole)?;
        let operations = writing.add_operations(&records, tell)?;
        let (bytes, manifest) = (writing.bag.bytes, writing.bag.end_payload()?);
        let exported = Exported {
            records: records.len() as u64,
            operations,
            files,
            lost,
            bytes,
            manifest,
        };
        writing.sign(caller, &case, &exported)?;
        writing.bag.end()?;
        Ok(exported)
    }
}

/// The case, then what belongs to it or tells of it, as far as the caller may read it: its entities, evidence, timeline,
/// reports with their messages, and the notes on all of these.
fn belonging(caller: &Caller, rows: &Snapshot, case: &Record) -> Outcome<Vec<Record>> {
    let id_in = |value: &Value| value.as_id();
    let entities = case.members("entities").into_iter();
    let entities: Vec<RecordId> = entities
        .filter_map(|member| id_in(member.get("entity_id")?))
        .collect();
    let evidence = naming(rows, &[case.id], (&EVIDENCE, "case_id"))?;
    let timeline = naming(rows, &[case.id], (&TIMELINE_ENTRY, "case_id"))?;
    // The one from which it was opened, then those that became part of it.
    let mut reports: Vec<RecordId> = case.get("report_id").and_then(id_in).into_iter().collect();
    reports.extend(naming(rows, &[case.id], (&REPORT, "case_id"))?);
    reports.dedup();
    let messages = naming(rows, &reports, (&CHAT_MESSAGE, "report_id"))?;
    let noted = [&[case.id], &*entities, &*evidence, &*reports].concat();
    let notes = naming(rows, &noted, (&NOTE, "record_id"))?;
    let mut belonging = vec![case.clone()];
    let mut known = BTreeSet::from([case.id]);
    let ids = [entities, evidence, timeline, reports, messages, notes].concat();
    for id in ids.into_iter().filter(|id| known.insert(*id)) {
        let Some(record) = records::get(rows, id)?.filter(|record| !record.is_expunged()) else {
            continue;
        };
        let has_scope = kind::kind(&record.kind)
            .is_some_and(|kind| policy::has_scope(caller, &policy::scope_for(kind, Deed::Read)));
        if has_scope && find::may_read(rows, caller, &record)? {
            belonging.push(record);
        }
    }
    Ok(belonging)
}

/// The records of this kind that name one of these in this field.
fn naming(rows: &Snapshot, targets: &[RecordId], (kind, field): (&Kind, &str)) -> Outcome<Vec<RecordId>> {
    let mut found = Vec::new();
    for target in targets {
        let link = (kind.name, field);
        records::links(rows, *target, link, Direction::Up, None, &mut |_, id| {
            found.push(id);
            true
        })?;
    }
    Ok(found)
}

impl<W: Write + Seek> Writing<'_, W> {
    /// The files that these records name: those that are whole, which is read of each, and those that are not.
    fn files(&self, records: &[Record]) -> Outcome<(Vec<Hash>, Vec<LostFile>)> {
        let mut named = BTreeMap::new();
        for record in records {
            let files = files::files_of(&self.rows, record.id)?;
            files.into_iter().for_each(|hash| {
                named.entry(hash).or_insert(record.id);
            });
        }
        let (mut whole, mut lost) = (Vec::new(), Vec::new());
        for (hash, record) in named {
            match self.services.files().blobs().damage(hash) {
                None => whole.push(hash),
                Some(why) => lost.push(LostFile {
                    hash,
                    record: Some(record),
                    why,
                }),
            }
        }
        Ok((whole, lost))
    }

    fn add_files(&mut self, whole: &[Hash]) -> Outcome<u64> {
        for hash in whole {
            let file = self.services.files().blobs().open_file(*hash)?;
            let file = file.ok_or_else(|| Failure::Internal(format!("file {hash} is not there any more")))?;
            self.bag.add_file(&file)?;
        }
        Ok(whole.len() as u64)
    }

    /// Every operation with its proof, the checkpoints that they stand under, and the keys of both logs and of theirs.
    fn add_operations(&mut self, records: &[Record], tell: &mut dyn FnMut(u64, u64)) -> Outcome<u64> {
        let store = self.services.store();
        let mut places: BTreeMap<LogId, BTreeSet<u64>> = BTreeMap::new();
        for record in records {
            for (log, seq) in records::history(&self.rows, record.id)? {
                let operation = store.operation(&self.rows, log, seq)?;
                let id = operation.ok_or_else(|| Failure::Internal("an operation is gone".into()))?;
                places.entry(id.header.id.log).or_default().insert(seq);
            }
        }
        let total: usize = places.values().map(BTreeSet::len).sum();
        let mut done = 0;
        for (log, seqs) in &places {
            let head = store.head(&self.rows, *log)?;
            let head = head.ok_or_else(|| Failure::Internal("a log without a head".into()))?;
            let note = head.note.to_string();
            self.bag.add(&format!("checkpoints/{log}.txt"), note.as_bytes())?;
            for seq in seqs {
                let (proof, beside) = store.prove(&self.rows, &head, *seq)?;
                let path = format!("operations/{log}/{seq:010}");
                self.bag
                    .add(&format!("{path}.tlog-proof"), proof.to_string().as_bytes())?;
                if let Some(payload) = beside {
                    self.bag.add(&format!("{path}.payload"), &payload)?;
                }
                done += 1;
                tell(done, total as u64);
            }
        }
        let mut logs: BTreeSet<LogId> = places.into_keys().collect();
        logs.insert(store.log(Stream::Audit));
        for log in logs {
            let keys = store.verifier_keys(log)?;
            let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
            self.bag.add(&format!("keys/{log}.txt"), lines.as_bytes())?;
        }
        Ok(done)
    }

    /// The audit entry with the hash of the manifest, and its proof: it signs for everything below `data/`.
    fn sign(&mut self, caller: &Caller, case: &Record, exported: &Exported) -> Outcome<()> {
        let count = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let event = Event::done("export", Some(case.id))
            .with("manifest", Value::Text(exported.manifest.to_string()))
            .with("operations", count(exported.operations))
            .with("files", count(exported.files));
        let event = match exported.lost.len() {
            0 => event,
            lost => event.with("files_lost", count(lost as u64)),
        };
        let id: OpId = self.services.note_placed(caller, event)?;
        let rows = self.services.snapshot()?;
        let store = self.services.store();
        let head = store.head(&rows, id.log)?;
        let head = head.ok_or_else(|| Failure::Internal("a log without a head".into()))?;
        let (proof, _) = store.prove(&rows, &head, id.seq)?;
        self.bag.tag(EXPORT_PROOF, &proof.to_string())?;
        let entry = store.own_operation(&rows, id.log, id.seq)?;
        let entry = entry.ok_or_else(|| Failure::Internal("an operation is gone".into()))?;
        let info = info(case, entry.header.wall, self.bag.oxum());
        self.bag.tag(INFO, &info)
    }
}

fn readme(base: &str, records: &[Record], lost: &[LostFile]) -> String {
    let lost = match lost.len() {
        0 => String::new(),
        files => {
            let lines: String = lost.iter().map(|file| format!("  {file}\n")).collect();
            format!(
                "NOT ALL IS HERE. {files} of the files that these records name were lost or damaged where the agency\n\
                 keeps them, and are not in this bundle (lost-files.txt has them for programs):\n\n{lines}\n"
            )
        }
    };
    let count = |kind: &str| records.iter().filter(|record| record.kind == kind).count();
    format!(
        "Case {base}, as its agency keeps it\n\n\
         In this bundle: the case, {} entities, {} items of evidence, {} entries of the timeline,\n\
         {} reports with {} messages, {} notes.\n\n\
         {lost}\
         records/      each record as JSON, as its operations make it\n\
         files/        the original bytes of every file, each named by its SHA-256\n\
         operations/   every change of these records, each with the proof that it stands in the agency's log\n\
         checkpoints/  the signed heads of the logs: size and root, signed with Ed25519 and ML-DSA-44\n\
         keys/         the public keys of the logs\n\n\
         Whoever has the program blotter checks all of it without the agency: blotter verify FILE.\n\
         It reads every byte, checks each hash, signature and proof, makes the records anew from the\n\
         operations, and names the first thing that is wrong.\n\n\
         That the keys are the agency's own is not proved by this bundle. Ask the agency for them on another\n\
         way, put them into a file, one a line, and add: --keys FILE. GET /v1/log/keys shows them.\n\n\
         Others check it too: the bundle is a BagIt bag (RFC 8493), the proofs are those of RFC 9162 in the\n\
         forms of C2SP (signed-note, tlog-checkpoint, tlog-proof).\n",
        count("entity"),
        count("evidence"),
        count("timeline-entry"),
        count("report"),
        count("chat-message"),
        count("note"),
    )
}
