//! Keys of the rows: parts in the order in which they are scanned. Text ends with a zero byte, numbers are big-endian.

use crate::domain::id::{RecordId, TenantId};
use crate::domain::time::Hlc;

/// A key as it grows.
#[derive(Clone, Debug, Default)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins with text.
    pub fn text(text: &str) -> Self {
        Self::default().and_text(text)
    }

    /// Begins with a tenant.
    pub fn tenant(tenant: &TenantId) -> Self {
        Self::text(tenant.as_str())
    }

    /// Begins with a record.
    pub fn record(id: RecordId) -> Self {
        Self::default().and_record(id)
    }

    /// Text and its end. A zero inside would end it early, so it becomes a one.
    #[must_use]
    pub fn and_text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().map(|byte| byte.max(1)));
        self.0.push(0);
        self
    }

    /// A record id.
    #[must_use]
    pub fn and_record(mut self, id: RecordId) -> Self {
        self.0.extend(id.bytes());
        self
    }

    /// A clock.
    #[must_use]
    pub fn and_hlc(self, hlc: Hlc) -> Self {
        self.and_u64(hlc.0)
    }

    /// A number.
    #[must_use]
    pub fn and_u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// A number with a sign, negative ones first.
    #[must_use]
    pub fn and_i64(self, number: i64) -> Self {
        self.and_u64(number.cast_unsigned() ^ (1 << 63))
    }

    /// A log's number.
    #[must_use]
    pub fn and_u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The record id at the end of a key.
pub fn last_record(key: &[u8]) -> Option<RecordId> {
    key.last_chunk().copied().map(RecordId::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn keys_sort_as_their_parts_do() {
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
        let keys: Vec<_> = numbers
            .iter()
            .map(|number| Key::default().and_i64(*number).bytes())
            .collect();
        assert!(keys.is_sorted());
        assert!(Key::text("a").and_text("z").bytes() < Key::text("ab").and_text("a").bytes());
    }
}
