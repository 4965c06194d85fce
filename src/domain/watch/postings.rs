//! Which entries stand under a key: pairs in one sorted row, with those that were added since beside it, and a filter of bits
//! that says of most keys at once that nothing stands there.

use std::collections::BTreeSet;

/// A key, hashed: two may fall together, so what is found is judged.
pub(super) type Key = u32;

/// Bits of the filter for each pair; of 16 keys that nobody has, one is looked up for nothing.
const BITS_PER_PAIR: usize = 16;
/// Pairs beside the sorted row until they are sorted in: so many, and a part of the row.
const FRESH_MIN: usize = 4_096;
const FRESH_PART: usize = 8;

/// Pairs of key and entry.
#[derive(Debug, Default)]
pub(super) struct Postings {
    sorted: Vec<(Key, u32)>,
    fresh: BTreeSet<(Key, u32)>,
    /// A power of two of bits, in words.
    filter: Vec<u64>,
}

impl Postings {
    /// The entry stands under the key.
    pub(super) fn add(&mut self, key: Key, entry: u32) {
        if self.fresh.insert((key, entry)) {
            self.mark(key);
        }
    }

    /// Whether it is time to sort in what was added.
    pub(super) fn is_due(&self) -> bool {
        self.fresh.len() > FRESH_MIN.max(self.sorted.len() / FRESH_PART)
    }

    /// Sorts in what was added, without entries that are gone.
    pub(super) fn settle(&mut self, stands: impl Fn(u32) -> bool) {
        let fresh = std::mem::take(&mut self.fresh);
        self.sorted.extend(fresh);
        self.sorted.retain(|(_, entry)| stands(*entry));
        self.sorted.sort_unstable();
        self.sorted.dedup();
        self.sorted.shrink_to_fit();
        let bits = (self.sorted.len().max(FRESH_MIN) * BITS_PER_PAIR).next_power_of_two();
        self.filter = vec![0; bits / 64];
        for place in 0..self.sorted.len() {
            self.mark(self.sorted[place].0);
        }
    }

    /// Hands over the entries under the key.
    pub(super) fn find(&self, key: Key, found: &mut Vec<u32>) {
        let Some((word, bit)) = self
            .place(key)
            .filter(|(word, bit)| self.filter[*word] & bit != 0)
        else {
            return;
        };
        debug_assert!(self.filter[word] & bit != 0);
        let first = self.sorted.partition_point(|(known, _)| *known < key);
        let here = self.sorted[first..].iter().take_while(|(known, _)| *known == key);
        found.extend(here.map(|(_, entry)| *entry));
        found.extend(
            self.fresh
                .range((key, 0)..=(key, u32::MAX))
                .map(|(_, entry)| *entry),
        );
    }

    /// The memory that they take.
    pub(super) fn bytes(&self) -> usize {
        /// A pair in a tree, with its share of the node.
        const FRESH_BYTES: usize = 16;
        self.sorted.capacity() * size_of::<(Key, u32)>()
            + self.fresh.len() * FRESH_BYTES
            + self.filter.len() * 8
    }

    fn mark(&mut self, key: Key) {
        if self.filter.is_empty() {
            self.filter = vec![0; FRESH_MIN * BITS_PER_PAIR / 64];
        }
        if let Some((word, bit)) = self.place(key) {
            self.filter[word] |= bit;
        }
    }

    fn place(&self, key: Key) -> Option<(usize, u64)> {
        let bits = self.filter.len() * 64;
        // The filter's length is a power of two.
        let at = usize::try_from(key).ok()? & bits.checked_sub(1)?;
        Some((at / 64, 1 << (at % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::Postings;

    #[test]
    fn entries_are_found_before_and_after_they_are_sorted_in() {
        let mut postings = Postings::default();
        let find = |postings: &Postings, key| {
            let mut found = Vec::new();
            postings.find(key, &mut found);
            found
        };
        assert!(find(&postings, 7).is_empty());
        for entry in 0..10_000 {
            postings.add(entry % 100 * 7_919, entry);
            if postings.is_due() {
                postings.settle(|_| true);
            }
        }
        assert_eq!(find(&postings, 7_919).len(), 100);
        postings.settle(|entry| entry % 2 == 0);
        assert_eq!(find(&postings, 7_919).len(), 0);
        assert_eq!(find(&postings, 2 * 7_919).len(), 100);
        assert!(find(&postings, 3).is_empty());
    }
}
