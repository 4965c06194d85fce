//! Every log in the journal from its first operation on: places without a gap, a clock that grows, payloads that are what their
//! headers say, and each signed head over exactly the leaves before it.

use std::collections::BTreeMap;

use crate::domain::id::{Hash, LogId};
use crate::domain::time::Hlc;
use crate::store::commit::logs::decode_seal;
use crate::store::commit::replay::operation;
use crate::store::error::StoreError;
use crate::store::identity::origin;
use crate::store::journal::{Group, JournalError, JournalReader, OwnedEntry, Position};
use crate::store::merkle::{Frontier, leaf_hash};
use crate::store::note::checkpoint::{Checkpoint, verify as verify_note};
use crate::store::note::key::{Algorithm, VerifierKey};
use crate::store::verify::{Report, Stage};

/// What was found of one log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogReport {
    /// The log.
    pub log: LogId,
    /// Its operations.
    pub operations: u64,
    /// Its root over them.
    pub root: Hash,
    /// Signed heads that were verified.
    pub heads: u64,
    /// What is wrong first; nothing behind it was checked.
    pub fault: Option<String>,
}

#[derive(Default)]
struct Chain {
    edge: Frontier,
    hlc: Hlc,
    heads: u64,
    /// Its last operation is under a signed head.
    sealed: bool,
    fault: Option<String>,
}

pub(super) fn verify(
    journal: &JournalReader,
    public: &[u8; 32],
    progress: &mut dyn FnMut(Stage),
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut chains: BTreeMap<LogId, Chain> = BTreeMap::new();
    let end = journal.end();
    let mut groups = journal.scan(Position::START);
    while groups.position() < end {
        match groups.next() {
            None => break,
            Some(Ok(group)) => {
                report.groups += 1;
                check_group(&group, public, &mut chains, &mut report);
                progress(Stage::Journal(group.end, end));
            }
            Some(Err(error @ (JournalError::Damaged { .. } | JournalError::Version { .. }))) => {
                // What follows can't be told from garbage.
                report.faults.push(error.to_string());
                break;
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
    for (log, chain) in chains {
        if chain.fault.is_none() && !chain.sealed {
            report.faults.push(format!(
                "log {log}: no signed head stands over its last operation"
            ));
        }
        if let Some(fault) = &chain.fault {
            report.faults.push(format!("log {log}: {fault}"));
        }
        report.logs.push(LogReport {
            log,
            operations: chain.edge.size(),
            root: chain.edge.root(),
            heads: chain.heads,
            fault: chain.fault,
        });
    }
    Ok(report)
}

fn check_group(group: &Group, public: &[u8; 32], chains: &mut BTreeMap<LogId, Chain>, report: &mut Report) {
    for entry in &group.entries {
        if let Err(fault) = check_entry(entry, chains) {
            report.faults.push(format!("{}: {fault}", entry.position));
        }
    }
    let notes = match decode_seal(&group.seal) {
        Ok(notes) => notes,
        Err(fault) => return report.faults.push(format!("group {}: {fault}", group.number)),
    };
    for note in notes {
        if let Err(fault) = check_head(&note, public, chains) {
            report.faults.push(format!("group {}: {fault}", group.number));
        }
    }
}

/// An entry must be the next operation of its log. The error is one that can't be laid to any log.
fn check_entry(entry: &OwnedEntry, chains: &mut BTreeMap<LogId, Chain>) -> Result<(), StoreError> {
    let header = crate::store::codec::decode_header(&entry.header)?;
    let chain = chains.entry(header.id.log).or_default();
    if chain.fault.is_some() {
        return Ok(());
    }
    let seq = chain.edge.size() + 1;
    chain.fault = if header.id.seq != seq {
        Some(format!("operation {} stands where {seq} belongs", header.id.seq))
    } else if header.hlc <= chain.hlc {
        Some(format!(
            "the clock of operation {seq} is not after the one before"
        ))
    } else {
        operation(entry).err().map(|error| error.to_string())
    };
    if chain.fault.is_none() {
        drop(chain.edge.append(leaf_hash(&entry.header, &header.content)));
        chain.hlc = header.hlc;
        chain.sealed = false;
    }
    Ok(())
}

/// A signed head must be over exactly the leaves so far. The error is one that can't be laid to any log.
fn check_head(note: &str, public: &[u8; 32], chains: &mut BTreeMap<LogId, Chain>) -> Result<(), StoreError> {
    let unknown = || StoreError::Damaged("a signed head of a log that is not here".into());
    let line = note.lines().next().unwrap_or_default();
    let id = line.rsplit('/').next().and_then(|id| id.parse().ok());
    let id = id.map(LogId).ok_or_else(unknown)?;
    let chain = chains.get_mut(&id).ok_or_else(unknown)?;
    if chain.fault.is_some() {
        return Ok(());
    }
    let size = chain.edge.size();
    let key = VerifierKey::new(origin(id), Algorithm::Ed25519, public)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    match verify_note(note, &[key]) {
        Err(error) => chain.fault = Some(format!("the head over operation {size}: {error}")),
        Ok(head) if head != Checkpoint::new(origin(id), size, chain.edge.root()) => {
            chain.fault = Some(format!(
                "the head of size {} is not over the {size} operations before it",
                head.size()
            ));
        }
        Ok(_) => {
            chain.heads += 1;
            chain.sealed = true;
        }
    }
    Ok(())
}
