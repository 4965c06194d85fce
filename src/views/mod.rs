//! What the log means now. Everything here can be deleted and folded again: [`FOLD`] is all that the write thread and every
//! replay need to know of it.

/// In which order operations came here.
pub mod arrivals;
/// Erasures by a court's order, as far as rows follow from their receipts.
pub mod erasures;
/// The files that operations name.
pub mod files;
/// The pure fold: record + operation → record.
pub mod fold;
/// The rows by which records are found, as a function of the record.
pub mod index;
/// Keys of the rows, in the order in which they are scanned.
pub mod keys;
/// The idempotent answers and the audit log's order: views of this node alone.
pub mod local;
/// Numbers that evidence-room clients count by.
pub mod ordinals;
/// Records and the ways to find them.
pub mod records;
/// The hash over all shared rows.
pub mod root;
/// The words by which evidence-room clients find records.
pub mod words;

use crate::domain::operation::Operation;
use crate::domain::record::Record;
use crate::store::database::Rows;
use crate::store::error::StoreError;
use crate::store::session::Fold;

/// The version of all views together: the fold's rules and the rows made of them.
const VIEWS_VERSION: u32 = 12;

/// How operations become rows.
pub const FOLD: Fold = Fold {
    version: (fold::FOLD_VERSION << 16) | VIEWS_VERSION,
    apply,
    answer: local::remember_answer,
};

fn apply(rows: &mut Rows<'_>, log: u32, operation: &Operation) -> Result<Option<Record>, StoreError> {
    if operation.header.kind == local::AUDIT_ENTRY {
        local::note_audit(rows, log, operation)?;
        Ok(None)
    } else {
        arrivals::note(rows, log, operation)?;
        let record = records::apply(rows, log, operation)?;
        ordinals::note(rows, log, operation, &record)?;
        Ok(Some(record))
    }
}
