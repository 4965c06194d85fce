//! What is indexed: one document a record, or one for each kind of its readers. The caller decides what of a record is searched and who may read it.

use serde::{Deserialize, Serialize};

use crate::domain::id::{RecordId, TenantId};

/// One record as it is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDoc {
    /// The record.
    pub id: RecordId,
    /// The agency; nothing crosses from one to another.
    pub tenant: TenantId,
    /// Who may read it: one of these terms must be the reader's (`open`, `office:7`, `case:…`). None: nobody.
    pub access: Vec<String>,
    /// What is searched and shown.
    pub text: DocText,
}

/// The words of a record, by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocText {
    /// `case`, `entity/person`, `evidence`, …: each part is found by `kind:`, the last one is counted.
    pub kind: String,
    /// `INV-2026-1847`.
    pub display_id: String,
    /// One line.
    pub title: String,
    /// Free text: description, notes, chat.
    pub body: String,
    /// Words of the record's own making, such as roles: found as those of the body, shown only where they matched.
    #[serde(default)]
    pub asides: Vec<String>,
    /// Names and aliases of persons and organizations, each whole.
    pub names: Vec<String>,
    /// Number plates.
    pub plates: Vec<String>,
    /// Phone numbers.
    pub phones: Vec<String>,
    /// Case numbers, VINs, barcodes, numbers of papers, external ids.
    pub identifiers: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// `open`, …; empty if the kind has none.
    pub status: String,
    /// Priority or risk level; empty if the kind has none.
    pub level: String,
    /// The office that holds it; empty if none.
    pub office: String,
    /// Who may read it, in its own word or its case's; empty if neither has one.
    pub classification: String,
    /// The cases it belongs to, by internal id and by display id.
    pub case_ids: Vec<String>,
    /// When it arose, in ms since 1970.
    pub created_ms: i64,
    /// When it was last changed, in ms since 1970.
    pub updated_ms: i64,
}

/// One change of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocChange {
    /// The record is now this.
    Upsert(Box<SearchDoc>),
    /// The record of the change before is also this, to others: no reader may be let in to both.
    Also(Box<SearchDoc>),
    /// The record is not searched any more.
    Delete(RecordId),
}
