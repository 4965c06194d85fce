//! Every table of the view database: one constant and one line each. Keys and rows are bytes, drawn in `docs/FORMATS.md`.

/// A table of the view database. All can be deleted; the journal says them again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub enum Table {
    /// What the views are: format, fold version, how far into the journal they reach.
    Meta,
    /// Each log known here → its number on this node, its size, its Merkle edge, its clock.
    Logs,
    /// (log number, seq) → where the operation stands in the journal, and its leaf hash.
    Operations,
    /// (log number, row, place) → a complete Merkle tile's root.
    Tiles,
    /// Record id → the record as folded.
    Records,
    /// (record id, clock, log number, seq) → nothing: every operation of a record in order.
    History,
    /// (tenant, scope, value) → record id: display ids, external ids, case numbers, e-mail addresses.
    Names,
    /// (tenant, kind, order, clock, id) → nothing: lists in their orders.
    Lists,
    /// (record id, kind and field, time, id) → nothing: every record that names another one, from the other side.
    Links,
    /// (tenant, number series) → the last number given.
    Numbers,
    /// Idempotency key → the request's body hash and the operations that answered it.
    Answers,
    /// (tenant, clock, seq) → nothing: the audit log in order.
    Audit,
    /// (clock, idempotency key) → nothing: answers by age, so that old ones are found and forgotten.
    AnswerAges,
    /// (hash, record id) → nothing: the files that operations name.
    Files,
    /// User id → how often in a row a sign-in failed, and when last.
    SignIns,
    /// (record id, hash) → nothing: the same files from the record's side.
    FilesOf,
    /// Arrival number → (log number, seq): operations of records in the order in which they came here.
    Arrivals,
    /// (tenant, series, number) → record id, of a change also (log number, seq): what evidence-room clients count by.
    Ordinals,
    /// (record id, series, number if there are several) → number, or (log number, seq): the same from the record's side.
    OrdinalsOf,
    /// (tenant, list, word, record id) → nothing: the words by which evidence-room clients find records.
    Words,
}

impl Table {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::Meta,
        Self::Logs,
        Self::Operations,
        Self::Tiles,
        Self::Records,
        Self::History,
        Self::Names,
        Self::Lists,
        Self::Links,
        Self::Numbers,
        Self::Answers,
        Self::Audit,
        Self::AnswerAges,
        Self::Files,
        Self::SignIns,
        Self::FilesOf,
        Self::Arrivals,
        Self::Ordinals,
        Self::OrdinalsOf,
        Self::Words,
    ];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Logs => "logs",
            Self::Operations => "operations",
            Self::Tiles => "tiles",
            Self::Records => "records",
            Self::History => "history",
            Self::Names => "names",
            Self::Lists => "lists",
            Self::Links => "links",
            Self::Numbers => "numbers",
            Self::Answers => "answers",
            Self::Audit => "audit",
            Self::AnswerAges => "answer-ages",
            Self::Files => "files",
            Self::SignIns => "sign-ins",
            Self::FilesOf => "files-of",
            Self::Arrivals => "arrivals",
            Self::Ordinals => "ordinals",
            Self::OrdinalsOf => "ordinals-of",
            Self::Words => "words",
        }
    }
}
