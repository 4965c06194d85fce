//! Whether the files that records name are there, each as long as its record says. They are looked up and not read: whether the
//! bytes are what they were is for a verification to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Hash, RecordId};
use crate::domain::kind;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::failure::Outcome;
use crate::services::files::hand_out::entries;
use crate::store::database::Snapshot;
use crate::store::verify::LostFile;
use crate::views::{files, records};

impl Services {
    /// How many files records name, and which of them are missing or of another length.
    ///
    /// # Errors
    /// The disk failed.
    pub fn missing_files(&self) -> Outcome<(u64, Vec<LostFile>)> {
        // What is erased meanwhile would be called lost.
        let _whole = self.store.hold_erasing();
        let rows = self.snapshot()?;
        let mut named: Vec<(RecordId, Hash)> = Vec::new();
        files::all(&rows, &mut |record, hash| named.push((record, hash)))?;
        let (mut looked, mut lost) = (BTreeSet::new(), Vec::new());
        for of_record in named.chunk_by(|one, next| one.0 == next.0) {
            let (record, _) = of_record[0];
            let lengths = lengths(&rows, record)?;
            for &(_, hash) in of_record.iter().filter(|(_, hash)| looked.insert(*hash)) {
                let why = match self.files.blobs().len(hash) {
                    Ok(None) => "is not there".to_owned(),
                    Ok(Some(found)) if lengths.get(&hash).is_some_and(|length| *length != found) => {
                        "has another length".to_owned()
                    }
                    Ok(Some(_)) => continue,
                    Err(error) => format!("can't be looked at: {error}"),
                };
                let record = Some(record);
                lost.push(LostFile { hash, record, why });
            }
        }
        Ok((looked.len() as u64, lost))
    }
}

/// The lengths that a record says of its files; it says none of small copies and signatures.
fn lengths(rows: &Snapshot, record: RecordId) -> Outcome<BTreeMap<Hash, u64>> {
    let record = records::get(rows, record)?;
    let entries = record.iter().flat_map(|record| {
        let kind = kind::kind(&record.kind);
        kind.map(|kind| entries(record, kind)).unwrap_or_default()
    });
    let length = |entry: Value| {
        let hash = entry.get("sha256")?.as_text()?.parse().ok()?;
        Some((hash, u64::try_from(entry.get("size")?.as_int()?).ok()?))
    };
    Ok(entries.filter_map(length).collect())
}
