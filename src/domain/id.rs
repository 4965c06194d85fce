//! Names of things: hashes, logs, operations, records, tenants. Each is its own type, so that none is taken for another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

/// A text that is not the written form of the id it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {text:?}")]
pub struct IdError {
    kind: &'static str,
    text: String,
}

impl IdError {
    fn new(kind: &'static str, text: &str) -> Self {
        Self {
            kind,
            text: text.chars().take(80).collect(),
        }
    }
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError::new("SHA-256 digest", text);
        if text.len() != 64 || !text.is_ascii() {
            return Err(error());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or_else(error)?;
            let low = char::from(pair[1]).to_digit(16).ok_or_else(error)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| error())?;
        }
        Ok(Self(hash))
    }
}

/// A node's log in one incarnation: `SHA-256(public key ‖ incarnation)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub Hash);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log:{}", &self.0.to_string()[..12])
    }
}

/// One operation: its log and its place in it (1, 2, 3 … without a gap).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// The log in which it arose.
    pub log: LogId,
    /// Its place there, from 1.
    pub seq: u64,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.log, self.seq)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.log, self.seq)
    }
}

impl FromStr for OpId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError::new("operation id", text);
        let (log, seq) = text.split_once('/').ok_or_else(error)?;
        Ok(Self {
            log: LogId(log.parse()?),
            seq: seq.parse().map_err(|_| error())?,
        })
    }
}

/// One version of a field: the operation that wrote it and which of its changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VersionId {
    /// The operation.
    pub op: OpId,
    /// The place of the change in its payload, from 0.
    pub change: u16,
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.op, self.change)
    }
}

impl FromStr for VersionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError::new("version id", text);
        let (op, change) = text.rsplit_once('/').ok_or_else(error)?;
        Ok(Self {
            op: op.parse()?,
            change: change.parse().map_err(|_| error())?,
        })
    }
}

/// A record, for ever and on every node: a UUIDv7 (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub Uuid);

impl RecordId {
    /// The sixteen bytes in order.
    pub fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// From sixteen bytes in order.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RecordId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // Only the hyphenated form: one record has one written id.
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
            _ => Err(IdError::new("record id", text)),
        }
    }
}

/// An agency, by its slug: 1 to 63 of `a-z 0-9 -`, not beginning or ending with a hyphen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(IdError::new("tenant slug", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, LogId, OpId, RecordId, TenantId, VersionId};

    #[test]
    fn every_id_reads_back_what_it_writes() {
        let op = OpId {
            log: LogId(Hash([0xab; 32])),
            seq: 7,
        };
        assert_eq!(op.to_string().parse(), Ok(op));
        let version = VersionId { op, change: 3 };
        assert_eq!(version.to_string().parse(), Ok(version));
        let record: RecordId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(record.to_string().parse(), Ok(record));
    }

    #[test]
    fn ids_in_other_spellings_are_refused() {
        assert!("01890a5dac96774bbcceb302099a8057".parse::<RecordId>().is_err());
        assert!("ab".repeat(31).parse::<Hash>().is_err());
        assert!("é".repeat(32).parse::<Hash>().is_err());
        for slug in ["", "-a", "a-", "A", "a_b", "a.b", &"a".repeat(64)] {
            assert!(slug.parse::<TenantId>().is_err(), "{slug:?}");
        }
        assert!("metro-major-crimes".parse::<TenantId>().is_ok());
    }
}
