//! The logs known here as the write thread holds them: next places, clocks and Merkle edges. They go into the rows with each
//! group, so rows that come back from a crash know how far they are.

use std::collections::BTreeMap;

use minicbor::{Decoder, Encoder};

use crate::domain::id::{Hash, LogId, OpId};
use crate::domain::operation::{ClockQuality, Header};
use crate::domain::time::{Hlc, Millis};
use crate::store::database::{Direction, Read, Rows};
use crate::store::error::StoreError;
use crate::store::identity::{Identity, Stream, origin};
use crate::store::merkle::{Frontier, TileRoot};
use crate::store::note::checkpoint::Checkpoint;
use crate::store::note::sign::Ed25519Signer;
use crate::store::tables::Table;

/// One log known here.
struct Log {
    /// Its short name in rows of this node, by first appearance in the journal.
    number: u32,
    /// The last place given out or read, and its clock; ahead of `edge` while a group is gathered.
    seq: u64,
    hlc: Hlc,
    /// The Merkle edge over what is durable.
    edge: Frontier,
}

/// Every log known here, and the keys of the two that this node writes.
pub struct Logs {
    logs: BTreeMap<LogId, Log>,
    own: [LogId; 2],
    signers: [Ed25519Signer; 2],
    boot: [u8; 16],
}

/// The trees as they are once a group is durable.
pub(in crate::store) struct Grown {
    edges: BTreeMap<LogId, Frontier>,
    tiles: Vec<(LogId, TileRoot)>,
}

impl Logs {
    /// Of a node that knows no log yet.
    pub(in crate::store) fn new(identity: &Identity) -> Self {
        Self {
            logs: BTreeMap::new(),
            own: Stream::ALL.map(|stream| identity.log(stream)),
            signers: Stream::ALL.map(|stream| identity.signer(stream)),
            boot: [0; 16],
        }
    }

    /// As the rows know them.
    pub(in crate::store) fn open(
        identity: &Identity,
        rows: &Rows<'_>,
        boot: [u8; 16],
    ) -> Result<Self, StoreError> {
        let mut logs = BTreeMap::new();
        let mut fault = None;
        rows.scan(
            Table::Logs,
            &[],
            &[],
            Direction::Up,
            &mut |key, row| match decode_row(key, row) {
                Ok((id, log)) => logs.insert(id, log).is_none(),
                Err(error) => {
                    fault = Some(error);
                    false
                }
            },
        )?;
        if let Some(error) = fault {
            return Err(error);
        }
        Ok(Self {
            logs,
            boot,
            ..Self::new(identity)
        })
    }

    /// The log, known from now on if it was not.
    fn known(&mut self, id: LogId) -> &mut Log {
        let number = u32::try_from(self.logs.len()).unwrap_or(u32::MAX);
        let new = || Log {
            number,
            seq: 0,
            hlc: Hlc::default(),
            edge: Frontier::new(),
        };
        self.logs.entry(id).or_insert_with(new)
    }

    /// The short name of a log in rows of this node.
    pub(in crate::store) fn number(&mut self, id: LogId) -> u32 {
        self.known(id).number
    }

    /// Gives out the next place of an own log. One clock runs through all logs known here.
    pub(in crate::store) fn next(&mut self, stream: Stream, now: Millis) -> (OpId, Hlc) {
        let latest = self.logs.values().map(|log| log.hlc).max().unwrap_or_default();
        let id = self.own[stream as usize];
        let log = self.known(id);
        log.hlc = latest.tick(now);
        log.seq += 1;
        (id.at(log.seq), log.hlc)
    }

    pub(in crate::store) fn place(&self, stream: Stream) -> (u64, Hlc) {
        let log = self.logs.get(&self.own[stream as usize]);
        log.map_or_else(Default::default, |log| (log.seq, log.hlc))
    }

    /// Back to an earlier place. A log without any is unknown again, so that numbers go by first appearance in the journal,
    /// as a replay will give them out.
    pub(in crate::store) fn rewind(&mut self, stream: Stream, (seq, hlc): (u64, Hlc)) {
        let id = self.own[stream as usize];
        if seq == 0 {
            self.logs.remove(&id);
        } else {
            let log = self.known(id);
            (log.seq, log.hlc) = (seq, hlc);
        }
    }

    /// Nothing since the last durable group was given out.
    pub(in crate::store) fn rewind_all(&mut self) {
        self.logs.retain(|_, log| log.edge.size() > 0);
        for log in self.logs.values_mut() {
            log.seq = log.edge.size();
        }
    }

    pub(in crate::store) fn clock_quality(&self) -> ClockQuality {
        ClockQuality {
            boot: self.boot,
            ..ClockQuality::default()
        }
    }

    /// The trees with these leaves, each the next of its log.
    pub(in crate::store) fn grow(&self, leaves: impl IntoIterator<Item = (LogId, Hash)>) -> Grown {
        let mut grown = Grown {
            edges: BTreeMap::new(),
            tiles: Vec::new(),
        };
        for (id, leaf) in leaves {
            let before = || {
                self.logs
                    .get(&id)
                    .map_or_else(Frontier::new, |log| log.edge.clone())
            };
            let tiles = grown.edges.entry(id).or_insert_with(before).append(leaf);
            grown.tiles.extend(tiles.into_iter().map(|tile| (id, tile)));
        }
        grown
    }

    /// The signed heads of the own logs that grew.
    pub(in crate::store) fn seal(&self, grown: &Grown) -> Vec<u8> {
        let own = self.own.iter().zip(&self.signers);
        let notes = own.filter_map(|(id, signer)| {
            let edge = grown.edges.get(id)?;
            Some(
                signer
                    .sign(&Checkpoint::new(origin(*id), edge.size(), edge.root()))
                    .to_string(),
            )
        });
        encode_seal(&notes.collect::<Vec<_>>())
    }

    /// The group is durable: the trees are these now.
    pub(in crate::store) fn settle(&mut self, grown: Grown, rows: &mut Rows<'_>) -> Result<(), StoreError> {
        for (id, tile) in grown.tiles {
            let number = self.number(id);
            let key = [&number.to_be_bytes()[..], &[tile.row], &tile.place.to_be_bytes()].concat();
            rows.put(Table::Tiles, &key, &tile.hash.0)?;
        }
        for (id, edge) in grown.edges {
            let log = self.known(id);
            log.edge = edge;
            rows.put(Table::Logs, &id.0.0, &encode_row(log))?;
        }
        Ok(())
    }

    /// An operation was read from the journal: it must be the next of its log.
    pub(in crate::store) fn replayed(&mut self, header: &Header) -> Result<(), StoreError> {
        let log = self.known(header.id.log);
        log.seq += 1;
        log.hlc = log.hlc.max(header.hlc);
        if log.seq == header.id.seq {
            return Ok(());
        }
        Err(StoreError::Damaged(format!(
            "operation {} stands where {} belongs",
            header.id, log.seq
        )))
    }
}

/// A log as the rows know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRow {
    /// Its short name in other rows of this node.
    pub number: u32,
    /// Its Merkle edge; the size is the last place.
    pub edge: Frontier,
}

/// What the rows know of a log; `None` of one that has no operation here.
///
/// # Errors
/// The disk failed, or the row is damaged.
pub fn log_row(rows: &impl Read, id: LogId) -> Result<Option<LogRow>, StoreError> {
    let row = rows.get(Table::Logs, &id.0.0)?;
    let log = row.map(|row| decode_row(&id.0.0, &row)).transpose()?;
    Ok(log.map(|(_, log)| LogRow {
        number: log.number,
        edge: log.edge,
    }))
}

/// The operations of all logs known here.
///
/// # Errors
/// The disk failed, or a row is damaged.
pub fn operations(rows: &impl Read) -> Result<u64, StoreError> {
    let mut counted = Ok(0);
    rows.scan(Table::Logs, &[], &[], Direction::Up, &mut |key, row| {
        let log = decode_row(key, row);
        counted = log.and_then(|(_, log)| Ok(counted.clone()? + log.edge.size()));
        counted.is_ok()
    })?;
    counted
}

fn encode_row(log: &Log) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    let edge = log.edge.encode();
    e.array(3)
        .and_then(|e| e.u32(log.number)?.u64(log.hlc.0)?.bytes(&edge))
        .expect("a vector takes all");
    e.into_writer()
}

fn decode_row(key: &[u8], row: &[u8]) -> Result<(LogId, Log), StoreError> {
    let damaged = |why: String| StoreError::Damaged(format!("a row of logs: {why}"));
    let id = key
        .try_into()
        .map_err(|_| damaged("its key is no log id".into()))?;
    let mut d = Decoder::new(row);
    let parts = d.array().and_then(|_| Ok((d.u32()?, d.u64()?, d.bytes()?)));
    let (number, hlc, edge) = parts.map_err(|error| damaged(error.to_string()))?;
    let edge = Frontier::decode(edge).map_err(|error| damaged(error.to_string()))?;
    Ok((
        LogId(Hash(id)),
        Log {
            number,
            seq: edge.size(),
            hlc: Hlc(hlc),
            edge,
        },
    ))
}

fn encode_seal(notes: &[String]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.array(notes.len() as u64).expect("a vector takes all");
    for note in notes {
        e.str(note).expect("a vector takes all");
    }
    e.into_writer()
}

/// The signed checkpoints in a group's seal.
///
/// # Errors
/// Bytes that are no seal.
pub fn decode_seal(seal: &[u8]) -> Result<Vec<String>, StoreError> {
    let mut d = Decoder::new(seal);
    let notes = d
        .array_iter::<String>()
        .and_then(Iterator::collect::<Result<Vec<_>, _>>);
    notes.map_err(|error| StoreError::Damaged(format!("a group's seal: {error}")))
}
