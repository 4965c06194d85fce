//! The evidence room as clients of another maker's software see it: records by whole numbers, words of lists by whole numbers,
//! seats of licences, transactions over several items. What may be read is judged here as everywhere.

/// Transactions of custody: all items or none.
pub mod custody;
/// From a token and two numbers to a caller.
pub mod door;
/// Items and their changes by number.
pub mod items;
/// Persons who are there already.
pub mod people;
/// Records by their numbers, in one snapshot.
pub mod room;
/// Records given whole, with their notes.
pub mod whole;
/// Words of lists and their numbers.
pub mod words;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::domain::id::{Hash, RecordId, TenantId};
use crate::domain::time::Millis;
use crate::services::safe::door::Badge;
use crate::store::database::memo::Memo;
use crate::store::handle::Store;

/// The rules of the evidence room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafeOptions {
    /// Items can be made by clients, and not by item entry and data import alone.
    pub item_create: bool,
    /// Licences of each agency; 0: as many as anybody wants.
    pub seats: usize,
    /// For how long after a user's last request his seat is his.
    pub seat_held_millis: i64,
}

impl SafeOptions {
    /// Whether who asked then has his seat now. A clock that was set back counts like one that went on.
    fn holds_seat(&self, last: Millis, now: Millis) -> bool {
        now.0.abs_diff(last.0) < self.seat_held_millis.unsigned_abs()
    }
}

impl Default for SafeOptions {
    fn default() -> Self {
        Self {
            item_create: false,
            seats: 0,
            seat_held_millis: 20 * 60_000,
        }
    }
}

/// What is held in memory of the evidence room's clients.
#[derive(Debug)]
pub(crate) struct Safe {
    pub(super) options: SafeOptions,
    /// Whose static tokens are, by their hash.
    pub(super) tokens: Memo<Hash, RecordId>,
    /// What users have on them.
    pub(super) badges: Memo<RecordId, Arc<Badge>>,
    /// Seats of an agency that are kept free.
    pub(super) reserved: Memo<TenantId, usize>,
    /// Who has a seat, and when he asked last. Held for the moment of a count.
    pub(super) seats: Mutex<HashMap<(TenantId, RecordId), Millis>>,
}

impl Safe {
    /// Memory for each: that of some thousand users.
    const KEPT_BYTES_MAX: usize = 1 << 20;

    pub(super) fn new(store: &Store, options: SafeOptions) -> Self {
        Self {
            options,
            tokens: store.memo(Self::KEPT_BYTES_MAX),
            badges: store.memo(Self::KEPT_BYTES_MAX),
            reserved: store.memo(Self::KEPT_BYTES_MAX),
            seats: Mutex::default(),
        }
    }
}
