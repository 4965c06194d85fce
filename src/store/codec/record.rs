//! A record's row in the views. The same record has the same bytes on every node: the state root is a hash over them.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::decode::Decoder;

use super::value;
use super::{CodecError, Fault, Read, Writer, Written, decode, encode, exactly, list, tuple};
use crate::domain::id::{Hash, LogId, OpId, RecordId, VersionId};
use crate::domain::operation::Merge;
use crate::domain::record::{Field, Record, Stamp, Version};
use crate::domain::time::Hlc;

const MERGES: [Merge; 6] = [
    Merge::Mv,
    Merge::Append,
    Merge::OrSet,
    Merge::Once,
    Merge::Lattice,
    Merge::Guarded,
];

/// A row. The record's id is its key and stands not in it; logs stand once and are pointed at by their place.
pub fn encode_record(record: &Record) -> Vec<u8> {
    let logs: Vec<LogId> = logs_of(record).into_iter().collect();
    let place = |log: LogId| {
        logs.binary_search(&log)
            .expect("every log named in the record was gathered") as u64
    };
    let id = |e: &mut Writer, id: &VersionId| -> Written {
        e.array(3)?
            .u64(place(id.op.log))?
            .u64(id.op.seq)?
            .u16(id.change)?;
        Ok(())
    };
    encode(|e| {
        e.array(8)?.str(&record.kind)?.str(record.tenant.as_str())?;
        e.array(logs.len() as u64)?;
        logs.iter().try_for_each(|log| e.bytes(&log.0.0).map(drop))?;
        for stamp in [record.created, record.updated] {
            e.array(3)?
                .u64(stamp.hlc.0)?
                .u64(place(stamp.op.log))?
                .u64(stamp.op.seq)?;
        }
        e.u64(record.version)?;
        e.array(record.heads.len() as u64)?;
        for (log, seq) in &record.heads {
            e.array(2)?.u64(place(*log))?.u64(*seq)?;
        }
        e.array(record.fields.len() as u64)?;
        for ((name, merge), field) in &record.fields {
            let number = MERGES
                .iter()
                .position(|kind| kind == merge)
                .expect("all six kinds are listed");
            e.array(4)?
                .str(name)?
                .u64(number as u64)?
                .array(field.versions.len() as u64)?;
            for version in &field.versions {
                e.array(4)?;
                id(e, &version.id)?;
                value::write(e.u64(version.hlc.0)?, &version.value)?;
                e.array(version.follows.len() as u64)?;
                version.follows.iter().try_for_each(|followed| id(e, followed))?;
            }
            e.array(field.awaited.len() as u64)?;
            field.awaited.iter().try_for_each(|awaited| id(e, awaited))?;
        }
        Ok(())
    })
}

fn logs_of(record: &Record) -> BTreeSet<LogId> {
    let mut logs: BTreeSet<LogId> = record.heads.keys().copied().collect();
    logs.extend([record.created.op.log, record.updated.op.log]);
    for field in record.fields.values() {
        logs.extend(field.awaited.iter().map(|id| id.op.log));
        for version in &field.versions {
            logs.insert(version.id.op.log);
            logs.extend(version.follows.iter().map(|id| id.op.log));
        }
    }
    logs
}

/// # Errors
/// Bytes that [`encode_record`] does not write.
pub fn decode_record(id: RecordId, bytes: &[u8]) -> Result<Record, CodecError> {
    decode("a record's row", bytes, |d| read_record(id, d))
}

fn read_record(id: RecordId, d: &mut Decoder<'_>) -> Read<Record> {
    tuple(d, 8)?;
    let kind = d.str()?.to_owned();
    let tenant = d
        .str()?
        .parse()
        .map_err(|_| Fault::Meaning("the tenant is no slug"))?;
    let logs = list(d, |d| Ok(LogId(Hash(exactly(d)?))))?;
    let created = read_stamp(d, &logs)?;
    let updated = read_stamp(d, &logs)?;
    let version = d.u64()?;
    let heads = list(d, |d| {
        tuple(d, 2)?;
        let op = read_op(d, &logs)?;
        Ok((op.log, op.seq))
    })?;
    let fields = list(d, |d| read_field(d, &logs))?;
    Ok(Record {
        id,
        kind,
        tenant,
        created,
        updated,
        version,
        heads: heads.into_iter().collect::<BTreeMap<_, _>>(),
        fields: fields.into_iter().collect(),
    })
}

fn read_op(d: &mut Decoder<'_>, logs: &[LogId]) -> Read<OpId> {
    let place = usize::try_from(d.u64()?).ok();
    let log = place
        .and_then(|place| logs.get(place))
        .ok_or(Fault::Meaning("a log is not listed"))?;
    Ok(log.at(d.u64()?))
}

fn read_id(d: &mut Decoder<'_>, logs: &[LogId]) -> Read<VersionId> {
    tuple(d, 3)?;
    Ok(VersionId {
        op: read_op(d, logs)?,
        change: d.u16()?,
    })
}

fn read_stamp(d: &mut Decoder<'_>, logs: &[LogId]) -> Read<Stamp> {
    tuple(d, 3)?;
    Ok(Stamp {
        hlc: Hlc(d.u64()?),
        op: read_op(d, logs)?,
    })
}

fn read_field(d: &mut Decoder<'_>, logs: &[LogId]) -> Read<((String, Merge), Field)> {
    tuple(d, 4)?;
    let name = d.str()?.to_owned();
    let merge = usize::try_from(d.u64()?)
        .ok()
        .and_then(|number| MERGES.get(number).copied());
    let merge = merge.ok_or(Fault::Meaning("a merge kind is unknown"))?;
    let versions = list(d, |d| {
        tuple(d, 4)?;
        let id = read_id(d, logs)?;
        let hlc = Hlc(d.u64()?);
        let value = value::read(d)?;
        Ok(Version {
            id,
            hlc,
            value,
            follows: list(d, |d| read_id(d, logs))?,
        })
    })?;
    let awaited = list(d, |d| read_id(d, logs))?.into_iter().collect();
    Ok(((name, merge), Field { versions, awaited }))
}
