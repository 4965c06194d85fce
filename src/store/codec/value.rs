//! Field values. Two tags of our own, so that a value says what it is: 60001 a time in milliseconds, 37 (registered) a UUID.

use minicbor::data::{Tag, Type};
use minicbor::decode::Decoder;

use super::{CodecError, Fault, Read, Writer, Written, array, decode, encode, exactly, map};
use crate::domain::id::RecordId;
use crate::domain::time::Millis;
use crate::domain::value::{Fields, Value};

const TIME: Tag = Tag::new(60_001);
const UUID: Tag = Tag::new(37);

/// Lists and maps inside each other, at most; deeper is refused.
const DEPTH_MAX: u32 = 64;
const TOO_DEEP: Fault = Fault::Meaning("values are nested too deep");
const NO_NUMBER: Fault = Fault::Meaning("a number is infinite or none");

/// A value alone.
pub fn encode_value(value: &Value) -> Vec<u8> {
    encode(|encoder| write(encoder, value))
}

/// # Errors
/// Bytes that [`encode_value`] does not write.
pub fn decode_value(bytes: &[u8]) -> Result<Value, CodecError> {
    decode("a value", bytes, read)
}

pub(super) fn write(encoder: &mut Writer, value: &Value) -> Written {
    match value {
        Value::Null => encoder.null()?,
        Value::Bool(truth) => encoder.bool(*truth)?,
        Value::Int(number) => encoder.i64(*number)?,
        Value::Float(number) => encoder.f64(*number)?,
        Value::Text(text) => encoder.str(text)?,
        Value::Time(time) => encoder.tag(TIME)?.i64(time.0)?,
        Value::Id(id) => encoder.tag(UUID)?.bytes(&id.bytes())?,
        Value::Bytes(bytes) => encoder.bytes(bytes)?,
        Value::List(list) => {
            encoder.array(list.len() as u64)?;
            list.iter().try_for_each(|member| write(encoder, member))?;
            encoder
        }
        Value::Map(fields) => {
            encoder.map(fields.len() as u64)?;
            // §4.2.1 orders keys by their encoded bytes: for text, the shorter first.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| (name.len(), *name));
            for (name, member) in sorted {
                write(encoder.str(name)?, member)?;
            }
            encoder
        }
    };
    Ok(())
}

/// Whether [`read`] takes what [`write`] makes of this.
pub(super) fn check(value: &Value, depth: u32) -> Read<()> {
    if depth > DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    match value {
        Value::Float(number) if !number.is_finite() => Err(NO_NUMBER),
        Value::List(list) => list.iter().try_for_each(|member| check(member, depth + 1)),
        Value::Map(fields) => fields.values().try_for_each(|member| check(member, depth + 1)),
        _ => Ok(()),
    }
}

pub(super) fn read(decoder: &mut Decoder<'_>) -> Read<Value> {
    nested(decoder, 0)
}

fn nested(decoder: &mut Decoder<'_>, depth: u32) -> Read<Value> {
    if depth > DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    Ok(match decoder.datatype()? {
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::Bool => Value::Bool(decoder.bool()?),
        Type::F64 => match decoder.f64()? {
            number if number.is_finite() => Value::Float(number),
            _ => return Err(NO_NUMBER),
        },
        Type::String => Value::Text(decoder.str()?.to_owned()),
        Type::Bytes => Value::Bytes(decoder.bytes()?.to_vec()),
        Type::Tag => match decoder.tag()? {
            TIME => Value::Time(Millis(decoder.i64()?)),
            UUID => Value::Id(RecordId::from_bytes(exactly(decoder)?)),
            _ => return Err(Fault::Meaning("a tag is unknown")),
        },
        Type::Array => {
            let mut members = Vec::new();
            for _ in 0..array(decoder)? {
                members.push(nested(decoder, depth + 1)?);
            }
            Value::List(members)
        }
        Type::Map => {
            let mut fields = Fields::new();
            for _ in 0..map(decoder)? {
                let name = decoder.str()?.to_owned();
                if fields.insert(name, nested(decoder, depth + 1)?).is_some() {
                    return Err(Fault::Meaning("a name stands twice in one map"));
                }
            }
            Value::Map(fields)
        }
        _ => Value::Int(decoder.i64()?),
    })
}

#[cfg(test)]
mod tests {
    use super::{decode_value, encode_value};
    use crate::domain::id::RecordId;
    use crate::domain::time::Millis;
    use crate::domain::value::{Fields, Value};

    #[test]
    fn every_kind_of_value_reads_back() {
        let inner = Fields::from([
            ("time".to_owned(), Value::Time(Millis(-5))),
            ("id".to_owned(), Value::Id(RecordId::from_bytes([7; 16]))),
            ("bytes".to_owned(), Value::Bytes(vec![0, 255])),
        ]);
        let value = Value::List(vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Float(-0.5),
            Value::text("näme"),
            Value::Map(inner),
        ]);
        assert_eq!(decode_value(&encode_value(&value)), Ok(value));
    }

    #[test]
    fn a_bomb_of_nested_arrays_is_refused_without_deep_recursion() {
        assert!(decode_value(&vec![0x81; 1_000_000]).is_err());
    }

    #[test]
    fn a_length_that_no_bytes_follow_takes_no_memory() {
        assert!(decode_value(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn map_keys_are_in_the_deterministic_order() {
        let map = Fields::from([("b".to_owned(), Value::Null), ("aa".to_owned(), Value::Null)]);
        assert_eq!(
            encode_value(&Value::Map(map)),
            [0xa2, 0x61, b'b', 0xf6, 0x62, b'a', b'a', 0xf6]
        );
    }
}
