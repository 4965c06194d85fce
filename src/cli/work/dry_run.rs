//! What a dry run of an import must remember. Each of its commits is taken back, so a later one that refers to a record of an
//! earlier one, or changes it, is told again what that was. The records lie in a temporary file; in memory are some bytes a
//! record.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use serde_json::Value as Json;

use crate::services::import::BatchRow;

/// How references to records of the file begin.
const REFERENCE: &str = "ext:";

/// The records that would have been made.
pub(super) struct Remembered {
    file: BufWriter<File>,
    bytes: u64,
    hasher: RandomState,
    /// By the hash of an external id.
    places: HashMap<u64, Vec<Place>>,
}

/// One record in the file.
#[derive(Clone, Copy)]
struct Place {
    at: u64,
    length: usize,
    /// Of its bytes: what is said again is not kept again.
    content: u64,
}

impl Remembered {
    /// Nothing yet.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile()?),
            bytes: 0,
            hasher: RandomState::new(),
            places: HashMap::new(),
        })
    }

    /// Keeps the records of a row that would have gone in.
    pub(super) fn keep(&mut self, row: &[BatchRow]) -> io::Result<()> {
        for record in row {
            let bytes = serde_json::to_vec(record)?;
            let content = self.hasher.hash_one(&bytes);
            let places = self
                .places
                .entry(self.hasher.hash_one(&record.external_id))
                .or_default();
            if places.iter().any(|place| place.content == content) {
                continue;
            }
            places.push(Place {
                at: self.bytes,
                length: bytes.len(),
                content,
            });
            self.file.write_all(&bytes)?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    /// All that these rows refer to or change, and what that refers to, in the order in which it was kept.
    pub(super) fn before(&mut self, rows: &[Vec<BatchRow>]) -> io::Result<Vec<BatchRow>> {
        self.file.flush()?;
        let mut found: BTreeSet<(u64, usize)> = BTreeSet::new();
        let mut open: Vec<u64> = rows
            .iter()
            .flatten()
            .flat_map(|record| self.named(record))
            .collect();
        let mut records = HashMap::new();
        while let Some(id) = open.pop() {
            for place in self.places.get(&id).cloned().unwrap_or_default() {
                if found.insert((place.at, place.length)) {
                    let record = self.read(place)?;
                    open.extend(self.named(&record));
                    records.insert(place.at, record);
                }
            }
        }
        Ok(found.iter().filter_map(|(at, _)| records.remove(at)).collect())
    }

    fn read(&mut self, place: Place) -> io::Result<BatchRow> {
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(place.at))?;
        let mut bytes = vec![0; place.length];
        file.read_exact(&mut bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// The hashes of a record's own id and of those that it refers to.
    fn named(&self, record: &BatchRow) -> Vec<u64> {
        let mut named = vec![self.hasher.hash_one(&record.external_id)];
        let mut values = vec![&record.data];
        while let Some(value) = values.pop() {
            match value {
                Json::String(text) => {
                    let id = text.strip_prefix(REFERENCE);
                    named.extend(id.map(|id| self.hasher.hash_one(id)));
                }
                Json::Array(list) => values.extend(list),
                Json::Object(members) => values.extend(members.values()),
                _ => {}
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{BatchRow, Remembered};

    fn record(external_id: &str, refers_to: &str) -> BatchRow {
        BatchRow {
            kind: "case".to_owned(),
            external_id: external_id.to_owned(),
            data: json!({"title": external_id, "linked": [{"id": format!("ext:{refers_to}")}]}),
            once: false,
        }
    }

    #[test]
    fn what_rows_refer_to_is_told_again_in_order_and_nothing_else() {
        let mut remembered = Remembered::new().unwrap();
        let [office, town, case, other] = [
            record("office", "town"),
            record("town", "nowhere"),
            record("case", "office"),
            record("other", "nowhere"),
        ];
        remembered.keep(&[town.clone(), office.clone()]).unwrap();
        remembered.keep(&[case.clone(), other]).unwrap();
        remembered.keep(std::slice::from_ref(&case)).unwrap();
        let note = record("note", "case");
        assert_eq!(remembered.before(&[vec![note]]).unwrap(), [town, office, case]);
        assert_eq!(remembered.before(&[vec![record("new", "none")]]).unwrap(), []);
    }
}
