//! Bytes on disk: operations and record rows in CBOR (RFC 8949, deterministic encoding §4.2), drawn in `docs/FORMATS.md`.
//!
//! Decoders take hostile bytes: definite lengths only, nesting bounded, no memory before the bytes that fill it are there.

mod operation;
mod record;
mod value;

use minicbor::decode::Decoder;
use minicbor::encode::Encoder;

pub use operation::{check_payload, decode_header, decode_payload, encode_header, encode_payload};
pub use record::{decode_record, encode_record};
pub use value::{decode_value, encode_value};

/// Bytes that are not what they were read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} can't be decoded: {why}")]
pub struct CodecError {
    what: &'static str,
    why: String,
}

/// Why a part can't be decoded.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Cbor(#[from] minicbor::decode::Error),
    #[error("a length is not given in advance")]
    Indefinite,
    #[error("{0} bytes follow the end")]
    Trailing(usize),
    #[error("{0}")]
    Meaning(&'static str),
}

impl Fault {
    fn of(self, what: &'static str) -> CodecError {
        CodecError {
            what,
            why: self.to_string(),
        }
    }
}

type Read<T> = Result<T, Fault>;

/// A vector never refuses bytes, so encoding into one can't fail.
type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;
type Writer = Encoder<Vec<u8>>;

fn encode(write: impl FnOnce(&mut Writer) -> Written) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(512));
    write(&mut encoder).expect("a vector takes all that is written to it");
    encoder.into_writer()
}

fn decode<T>(
    what: &'static str,
    bytes: &[u8],
    read: impl FnOnce(&mut Decoder<'_>) -> Read<T>,
) -> Result<T, CodecError> {
    let mut decoder = Decoder::new(bytes);
    let result = read(&mut decoder).and_then(|value| match bytes.len() - decoder.position() {
        0 => Ok(value),
        rest => Err(Fault::Trailing(rest)),
    });
    result.map_err(|fault| fault.of(what))
}

fn array(decoder: &mut Decoder<'_>) -> Read<u64> {
    decoder.array()?.ok_or(Fault::Indefinite)
}

fn map(decoder: &mut Decoder<'_>) -> Read<u64> {
    decoder.map()?.ok_or(Fault::Indefinite)
}

/// An array of exactly so many members: a row whose shape is fixed by its format version.
fn tuple(decoder: &mut Decoder<'_>, members: u64) -> Read<()> {
    match array(decoder)? {
        count if count == members => Ok(()),
        _ => Err(Fault::Meaning("a row has another number of members")),
    }
}

fn list<T>(decoder: &mut Decoder<'_>, mut read: impl FnMut(&mut Decoder<'_>) -> Read<T>) -> Read<Vec<T>> {
    let count = array(decoder)?;
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(read(decoder)?);
    }
    Ok(members)
}

fn exactly<const N: usize>(decoder: &mut Decoder<'_>) -> Read<[u8; N]> {
    decoder
        .bytes()?
        .try_into()
        .map_err(|_| Fault::Meaning("a hash or an id has another length"))
}
