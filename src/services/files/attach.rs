//! Files become entries of a record, all of a request or none.

use crate::domain::kind::Kind;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::desk::{Desk, refuse_sealed};
use crate::services::failure::{Failure, Fault, Outcome, beside};
use crate::services::files::describe::Described;
use crate::services::files::room::Need;
use crate::services::files::{Arrived, Purpose, Uploaded};
use crate::services::policy::{self, Deed};
use crate::services::{RequestKey, Services, Written, find};
use crate::store::blobs::Held;

/// The fields whose entries are files.
pub(super) const FILE_FIELDS: [&str; 2] = ["files", "images"];

/// The field of a kind in which its files stand.
pub(super) fn field_of(kind: &Kind) -> Option<&'static str> {
    FILE_FIELDS.into_iter().find(|name| kind.field(name).is_some())
}

impl Services {
    /// Whether the caller may add files to a record at all, asked before a byte of them is taken.
    ///
    /// # Errors
    /// `Denied`, `Unknown` if there is no such record for this caller, `Conflict` if it is sealed, `Full`.
    pub fn admit_files(&self, caller: &Caller, kind: &'static Kind, reference: &str) -> Outcome<Record> {
        self.demand(caller, "attach", policy::scope_for(kind, Deed::Write))?;
        let record = find::record(&self.snapshot()?, caller, kind, reference)?;
        refuse_sealed(&record)?;
        self.files.room().demand(Need::Image)?;
        Ok(record)
    }

    /// Adds files to a record, with whatever else `more` does at the desk in the same request.
    ///
    /// # Errors
    /// As [`Services::admit_files`]; `Invalid` with every fault: those that came with the files, no file at all, bytes that are
    /// no picture where pictures are wanted, and those of `more`.
    pub fn attach_files(
        &self,
        caller: &Caller,
        (kind, reference): (&'static Kind, &str),
        arrived: impl Into<Arrived>,
        request: Option<RequestKey>,
        more: impl FnOnce(&mut Desk<'_, '_, '_>, &Record) -> Outcome<()> + Send + 'static,
    ) -> Outcome<Written> {
        let Arrived { uploads, mut faults } = arrived.into();
        if uploads.is_empty() && faults.is_empty() {
            faults.push(Fault::no_file());
        }
        let purpose = if kind.name == "report" {
            Purpose::Picture
        } else {
            Purpose::Evidence
        };
        let (entries, held) = self.describe_all(uploads, purpose, &mut faults)?;
        let reference = reference.to_owned();
        let outcome = self.write(caller, "attach", request, move |desk| {
            policy::demand_for(desk.caller(), kind, Deed::Write)?;
            let record = desk.find(kind, &reference)?;
            refuse_sealed(&record)?;
            let field =
                field_of(kind).ok_or_else(|| Failure::Internal(format!("a {} has no files", kind.name)))?;
            let changes = changes_for(&record, field, entries, &desk.caller().actor().who);
            desk.change(kind, &record, changes)?;
            beside(faults, more(desk, &record))
        });
        self.give_up(held);
        outcome
    }

    /// Describes all uploads, or says what is wrong with each; after a refusal nothing of them is left.
    fn describe_all(
        &self,
        uploads: Vec<Uploaded>,
        purpose: Purpose,
        faults: &mut Vec<Fault>,
    ) -> Outcome<(Vec<Fields>, Vec<Held>)> {
        let (mut entries, mut kept) = (Vec::new(), Vec::new());
        let mut refusal = None;
        for upload in uploads {
            if refusal.is_some() {
                kept.push(upload.held);
                continue;
            }
            match self.files.describe(upload, purpose) {
                Ok(Described {
                    held,
                    thumbnail,
                    entry,
                }) => {
                    entries.push(entry);
                    kept.push(held);
                    kept.extend(thumbnail);
                }
                Err((held, Failure::Invalid(more))) => {
                    kept.push(held);
                    faults.extend(more);
                }
                Err((held, failure)) => {
                    kept.push(held);
                    refusal = Some(failure);
                }
            }
        }
        match refusal {
            None => Ok((entries, kept)),
            Some(failure) => {
                self.give_up(kept);
                Err(failure)
            }
        }
    }
}

/// A file that the record has already is not added again.
fn changes_for(record: &Record, field: &str, entries: Vec<Fields>, who: &str) -> Vec<Change> {
    let mut present: Vec<Value> = record
        .versions(field, Merge::Append)
        .iter()
        .filter_map(|version| version.value.get("sha256").cloned())
        .collect();
    let mut changes = Vec::new();
    for mut entry in entries {
        let Some(hash) = entry.get("sha256").cloned() else {
            continue;
        };
        if present.contains(&hash) {
            continue;
        }
        present.push(hash);
        entry.insert("added_by".to_owned(), Value::text(who));
        changes.push(Change::new(field, Action::Append(Value::Map(entry))));
    }
    changes
}
