//! Every table of the view database: one constant and one line each. Keys and rows are bytes, drawn in `docs/FORMATS.md`.

/// A table of the view database. All can be deleted; the journal says them again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// (tenant, kind, order, clock or text, id) → nothing: lists in their orders.
    Lists,
    /// (parent id, kind, time, id) → nothing: what belongs to a record.
    Children,
    /// (tenant, number series) → the last number given.
    Numbers,
    /// Idempotency key → the request's body hash and the operations that answered it.
    Answers,
    /// (tenant, clock, seq) → nothing: the audit log in order.
    Audit,
}

impl Table {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Logs,
        Self::Operations,
        Self::Tiles,
        Self::Records,
        Self::History,
        Self::Names,
        Self::Lists,
        Self::Children,
        Self::Numbers,
        Self::Answers,
        Self::Audit,
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
            Self::Children => "children",
            Self::Numbers => "numbers",
            Self::Answers => "answers",
            Self::Audit => "audit",
        }
    }
}
