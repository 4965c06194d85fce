//! Operations: the header that stays for ever, and the payload that a court's order can erase.

use minicbor::decode::Decoder;

use super::value;
use super::{CodecError, Fault, Read, Writer, Written, decode, encode, exactly, list, map, tuple};
use crate::domain::id::{Hash, LogId, OpId, RecordId, VersionId};
use crate::domain::operation::{Action, Actor, Change, ClockQuality, Header, Payload, Request, Urgency};
use crate::domain::time::{Hlc, Millis};

/// A header: a map whose keys are small numbers, so that a later version can add one and be read by this one.
pub fn encode_header(header: &Header) -> Vec<u8> {
    encode(|e| {
        e.map(12)?;
        e.u8(0)?.u16(header.version)?;
        e.u8(1)?.bytes(&header.id.log.0.0)?;
        e.u8(2)?.u64(header.id.seq)?;
        e.u8(3)?.u64(header.hlc.0)?;
        e.u8(4)?.i64(header.wall.0)?;
        e.u8(5)?.array(3)?;
        optional(e, header.clock.offset_millis)?;
        optional(e, header.clock.checked_at.map(|at| at.0))?;
        e.bytes(&header.clock.boot)?;
        e.u8(6)?.str(header.tenant.as_str())?;
        e.u8(7)?
            .array(2)?
            .str(&header.actor.who)?
            .str(&header.actor.client)?;
        e.u8(8)?.u8(match header.urgency {
            Urgency::Alert => 1,
            Urgency::Ordinary => 2,
        })?;
        e.u8(9)?.str(&header.kind)?;
        e.u8(10)?.bytes(&header.record.bytes())?;
        e.u8(11)?.bytes(&header.content.0)?;
        Ok(())
    })
}

fn optional(e: &mut Writer, number: Option<i64>) -> Written {
    match number {
        Some(number) => e.i64(number)?,
        None => e.null()?,
    };
    Ok(())
}

/// # Errors
/// Bytes that are no header, or one that lacks a member.
pub fn decode_header(bytes: &[u8]) -> Result<Header, CodecError> {
    decode("an operation's header", bytes, read_header)
}

fn read_header(d: &mut Decoder<'_>) -> Read<Header> {
    let mut header = Header {
        version: 0,
        id: OpId {
            log: LogId(Hash::default()),
            seq: 0,
        },
        hlc: Hlc::default(),
        wall: Millis::default(),
        clock: ClockQuality::default(),
        tenant: "unset".parse().expect("a slug"),
        actor: Actor {
            who: String::new(),
            client: String::new(),
        },
        urgency: Urgency::Ordinary,
        kind: String::new(),
        record: RecordId::from_bytes([0; 16]),
        content: Hash::default(),
    };
    let mut found = 0_u32;
    for _ in 0..map(d)? {
        let key = d.u64()?;
        if key < 12 {
            found |= 1 << key;
        }
        match key {
            0 => header.version = d.u16()?,
            1 => header.id.log = LogId(Hash(exactly(d)?)),
            2 => header.id.seq = d.u64()?,
            3 => header.hlc = Hlc(d.u64()?),
            4 => header.wall = Millis(d.i64()?),
            5 => header.clock = read_clock(d)?,
            6 => {
                header.tenant = d
                    .str()?
                    .parse()
                    .map_err(|_| Fault::Meaning("the tenant is no slug"))?
            }
            7 => {
                tuple(d, 2)?;
                header.actor = Actor {
                    who: d.str()?.to_owned(),
                    client: d.str()?.to_owned(),
                };
            }
            8 => {
                header.urgency = if d.u8()? == 1 {
                    Urgency::Alert
                } else {
                    Urgency::Ordinary
                }
            }
            9 => d.str()?.clone_into(&mut header.kind),
            10 => header.record = RecordId::from_bytes(exactly(d)?),
            11 => header.content = Hash(exactly(d)?),
            _ => d.skip()?,
        }
    }
    if found == (1 << 12) - 1 {
        Ok(header)
    } else {
        Err(Fault::Meaning("a member is missing"))
    }
}

fn read_clock(d: &mut Decoder<'_>) -> Read<ClockQuality> {
    tuple(d, 3)?;
    let offset_millis = d.decode::<Option<i64>>()?;
    let checked_at = d.decode::<Option<i64>>()?.map(Millis);
    Ok(ClockQuality {
        offset_millis,
        checked_at,
        boot: exactly(d)?,
    })
}

/// Whether [`decode_payload`] reads back what [`encode_payload`] makes of this.
///
/// # Errors
/// Too many changes, a number that is none, or values that are nested too deep.
pub fn check_payload(payload: &Payload) -> Result<(), CodecError> {
    let checked = changes_fit(payload.changes.len()).and_then(|()| {
        payload
            .changes
            .iter()
            .try_for_each(|change| match &change.action {
                Action::Set(value)
                | Action::Append(value)
                | Action::Add(value)
                | Action::Fix(value)
                | Action::Step(value) => value::check(value, 0),
                Action::Remove | Action::Raise(_) => Ok(()),
            })
    });
    checked.map_err(|fault| fault.of("an operation's payload"))
}

fn changes_fit(count: usize) -> Read<()> {
    match u16::try_from(count) {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::Meaning("an operation has more than 65,535 changes")),
    }
}

/// A payload without its salt.
pub fn encode_payload(payload: &Payload) -> Vec<u8> {
    encode(|e| {
        e.map(1 + u64::from(payload.request.is_some()))?;
        e.u8(0)?.array(payload.changes.len() as u64)?;
        payload
            .changes
            .iter()
            .try_for_each(|change| write_change(e, change))?;
        if let Some(request) = &payload.request {
            e.u8(1)?
                .array(3)?
                .bytes(&request.key.0)?
                .bytes(&request.body.0)?
                .u32(request.operations)?;
        }
        Ok(())
    })
}

fn write_change(e: &mut Writer, change: &Change) -> Written {
    e.array(4)?.str(&change.field)?;
    match &change.action {
        Action::Set(value) => value::write(e.u8(1)?, value)?,
        Action::Append(value) => value::write(e.u8(2)?, value)?,
        Action::Add(value) => value::write(e.u8(3)?, value)?,
        Action::Remove => drop(e.u8(4)?.null()?),
        Action::Fix(value) => value::write(e.u8(5)?, value)?,
        Action::Raise(rank) => drop(e.u8(6)?.u32(*rank)?),
        Action::Step(value) => value::write(e.u8(7)?, value)?,
    }
    e.array(change.seen.len() as u64)?;
    for id in &change.seen {
        e.array(3)?
            .bytes(&id.op.log.0.0)?
            .u64(id.op.seq)?
            .u16(id.change)?;
    }
    Ok(())
}

/// # Errors
/// Bytes that are no payload.
pub fn decode_payload(bytes: &[u8]) -> Result<Payload, CodecError> {
    decode("an operation's payload", bytes, |d| {
        let mut payload = Payload::default();
        for _ in 0..map(d)? {
            match d.u64()? {
                0 => payload.changes = read_changes(d)?,
                1 => {
                    tuple(d, 3)?;
                    let (key, body) = (Hash(exactly(d)?), Hash(exactly(d)?));
                    payload.request = Some(Request {
                        key,
                        body,
                        operations: d.u32()?,
                    });
                }
                _ => d.skip()?,
            }
        }
        Ok(payload)
    })
}

fn read_changes(d: &mut Decoder<'_>) -> Read<Vec<Change>> {
    let changes = list(d, read_change)?;
    changes_fit(changes.len())?;
    Ok(changes)
}

fn read_change(d: &mut Decoder<'_>) -> Read<Change> {
    tuple(d, 4)?;
    let field = d.str()?.to_owned();
    let action = match d.u8()? {
        1 => Action::Set(value::read(d)?),
        2 => Action::Append(value::read(d)?),
        3 => Action::Add(value::read(d)?),
        4 => {
            d.null()?;
            Action::Remove
        }
        5 => Action::Fix(value::read(d)?),
        6 => Action::Raise(d.u32()?),
        7 => Action::Step(value::read(d)?),
        _ => return Err(Fault::Meaning("an action is unknown")),
    };
    let seen = list(d, |d| {
        tuple(d, 3)?;
        let log = LogId(Hash(exactly(d)?));
        Ok(VersionId {
            op: log.at(d.u64()?),
            change: d.u16()?,
        })
    })?;
    Ok(Change { field, action, seen })
}

#[cfg(test)]
mod tests {
    use super::{check_payload, decode_header, decode_payload, encode_header, encode_payload};
    use crate::domain::id::{Hash, LogId, RecordId, VersionId};
    use crate::domain::operation::{Action, Actor, Change, ClockQuality, Header, Payload, Request, Urgency};
    use crate::domain::time::{Hlc, Millis};
    use crate::domain::value::Value;

    fn header() -> Header {
        Header {
            version: 1,
            id: LogId(Hash([1; 32])).at(9),
            hlc: Hlc(77),
            wall: Millis(-3),
            clock: ClockQuality {
                offset_millis: Some(-12),
                checked_at: None,
                boot: [2; 16],
            },
            tenant: "metro".parse().unwrap(),
            actor: Actor {
                who: "user:1".into(),
                client: "rest".into(),
            },
            urgency: Urgency::Alert,
            kind: "case".into(),
            record: RecordId::from_bytes([3; 16]),
            content: Hash([4; 32]),
        }
    }

    #[test]
    fn a_header_reads_back() {
        assert_eq!(decode_header(&encode_header(&header())), Ok(header()));
    }

    #[test]
    fn a_header_cut_anywhere_is_refused() {
        let bytes = encode_header(&header());
        for end in 0..bytes.len() {
            assert!(decode_header(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_payload_reads_back() {
        let seen = vec![VersionId {
            op: LogId(Hash([5; 32])).at(1),
            change: 2,
        }];
        let actions = [
            Action::Set(Value::Int(1)),
            Action::Append(Value::Null),
            Action::Add(Value::text("t")),
            Action::Remove,
            Action::Fix(Value::Bool(true)),
            Action::Raise(2),
            Action::Step(Value::List(vec![])),
        ];
        let changes = actions
            .into_iter()
            .map(|action| Change::new("f", action).seeing(seen.clone()))
            .collect();
        let request = Some(Request {
            key: Hash([6; 32]),
            body: Hash([7; 32]),
            operations: 3,
        });
        let payload = Payload { changes, request };
        assert_eq!(check_payload(&payload), Ok(()));
        assert_eq!(decode_payload(&encode_payload(&payload)), Ok(payload));
    }

    #[test]
    fn what_is_checked_is_what_can_be_read_back() {
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let values = [63, 64, 65, 66].map(nested);
        for value in values
            .into_iter()
            .chain([f64::NAN, 0.0, f64::INFINITY].map(Value::Float))
        {
            let changes = vec![Change::new("f", Action::Set(value.clone()))];
            let payload = Payload {
                changes,
                request: None,
            };
            let is_read = decode_payload(&encode_payload(&payload)).is_ok();
            assert_eq!(check_payload(&payload).is_ok(), is_read, "{value:?}");
        }
    }
}
