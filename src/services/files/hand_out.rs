//! Files given out. Who may read a record may read its files, by that record only: a hash alone opens nothing.

use std::fmt::Display;

use crate::domain::id::{Hash, RecordId};
use crate::domain::kind::{EVIDENCE, Kind};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};
use crate::services::files::attach::field_of;
use crate::services::find;
use crate::services::images::label::{Label, label_svg};
use crate::services::policy::{self, Deed};
use crate::store::blobs::BlobReader;

/// A file to be sent.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// Its bytes.
    pub bytes: BlobReader,
    /// Their hash.
    pub hash: Hash,
    /// One that names it.
    pub record: RecordId,
    /// Recognised by content.
    pub media_type: String,
    /// What its sender called it.
    pub name: Option<String>,
}

impl StoredFile {
    /// Refuses a file whose bytes are not what they were. It is read whole, unless it was before.
    ///
    /// # Errors
    /// `Internal`: it is damaged, or can't be read.
    pub fn refuse_damaged(&self) -> Outcome<()> {
        match self.bytes.is_whole() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.damaged("has other bytes")),
            Err(error) => Err(self.damaged(format!("can't be read: {error}"))),
        }
    }

    /// Why it can't be given, for the log of the box.
    pub fn damaged(&self, why: impl Display) -> Failure {
        damaged(self.hash, self.record, why)
    }
}

fn damaged(hash: Hash, record: RecordId, why: impl Display) -> Failure {
    Failure::Internal(format!(
        "file {hash}, which record {record} names, {why}: see blotter verify"
    ))
}

/// The file itself or its small copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copy {
    /// The bytes as they came.
    Original,
    /// The small copy for screens.
    Thumbnail,
}

/// The entries of a record's files, in order.
pub fn entries(record: &Record, kind: &Kind) -> Vec<Value> {
    let versions = field_of(kind).map_or(&[][..], |field| record.versions(field, Merge::Append));
    versions.iter().map(|version| version.value.clone()).collect()
}

impl Services {
    /// A file of a record.
    ///
    /// # Errors
    /// `Denied`; `Unknown` if the caller may not read the record, if it does not name the file, or if there is no such copy.
    pub fn hand_out_file(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        hash: Hash,
        copy: Copy,
    ) -> Outcome<StoredFile> {
        self.demand(caller, "read-file", policy::scope_for(kind, Deed::Read))?;
        let rows = self.snapshot()?;
        let record = find::record(&rows, caller, kind, reference)?;
        let wanted = hash.to_string();
        let entry = entries(&record, kind)
            .into_iter()
            .find(|entry| entry.get("sha256").and_then(Value::as_text) == Some(&wanted))
            .ok_or(Failure::Unknown("file"))?;
        let event = Event::done("read-file", Some(record.id)).with("sha256", Value::Text(wanted));
        self.note_read_of(caller, &rows, &record, event)?;
        self.stored_file(record.id, &entry, copy)
    }

    /// The file that an entry of a record names.
    pub(in crate::services) fn stored_file(
        &self,
        record: RecordId,
        entry: &Value,
        copy: Copy,
    ) -> Outcome<StoredFile> {
        let text = |name: &str| entry.get(name).and_then(Value::as_text);
        let (member, media_type) = match copy {
            Copy::Original => ("sha256", text("media_type").unwrap_or("application/octet-stream")),
            Copy::Thumbnail => ("thumbnail", "image/jpeg"),
        };
        let hash: Hash = text(member)
            .and_then(|hash| hash.parse().ok())
            .ok_or(Failure::Unknown("file"))?;
        // Its name is known, so its absence is damage, and so is another length: nobody is given other bytes as if they were it.
        let damaged = |why: &str| damaged(hash, record, why);
        let bytes = self.files.blobs().open_file(hash)?;
        let bytes = bytes.ok_or_else(|| damaged("is not there"))?;
        let size = entry.get("size").and_then(Value::as_int);
        if copy == Copy::Original && size.is_some_and(|size| u64::try_from(size) != Ok(bytes.bytes())) {
            return Err(damaged("has another length"));
        }
        Ok(StoredFile {
            bytes,
            hash,
            record,
            media_type: media_type.to_owned(),
            name: text("name").filter(|_| copy == Copy::Original).map(str::to_owned),
        })
    }

    /// The printed label of an item of evidence, as SVG.
    ///
    /// # Errors
    /// `Denied`; `Unknown`; `Invalid` for a barcode that no label holds.
    pub fn draw_label(&self, caller: &Caller, reference: &str) -> Outcome<String> {
        self.demand(caller, "label", policy::scope_for(&EVIDENCE, Deed::Read))?;
        let rows = self.snapshot()?;
        let item = find::record(&rows, caller, &EVIDENCE, reference)?;
        let case = find::case_of(&rows, &item)?;
        self.note_read_of(caller, &rows, &item, Event::done("label", Some(item.id)))?;
        let display_id = item.text("display_id").unwrap_or_default();
        let day = |at: &Value| {
            at.as_time()
                .map(|at| at.to_string())
                .and_then(|at| at.get(..10).map(str::to_owned))
        };
        let recovered = [
            item.get("recovered_at").and_then(day),
            item.text("recovered_by").map(str::to_owned),
        ];
        let footnote = recovered.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let label = Label {
            display_id,
            case_display_id: case
                .as_ref()
                .and_then(|case| case.text("display_id"))
                .unwrap_or_default(),
            description: item.text("description").unwrap_or_default(),
            barcode: item.text("barcode").unwrap_or(display_id),
            agency: caller.tenant().as_str(),
            footnote: &footnote,
        };
        label_svg(&label).map_err(|error| Failure::wrong("barcode", error.to_string()))
    }
}
