//! Everything that is held, held against what is newly looked for: in pieces, between which the follower does its other work,
//! and from where it was after a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::watch::index::Likely;
use crate::services::failure::Outcome;
use crate::services::watch::facts::{self, WATCHED};
use crate::services::watch::lists::{Hit, Lists};
use crate::store::database::{Direction, Read};
use crate::views::index::Order;
use crate::views::records;

/// Records looked at in one piece: a few milliseconds.
const RECORDS_PER_PIECE: usize = 200;

/// How far a sweep has come: the last record that was looked at.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Cursor {
    agency: usize,
    kind: usize,
    after: Option<Vec<u8>>,
}

/// One sweep.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The entries that came up to this arrival.
    pub(super) upto: u64,
    pub(super) cursor: Cursor,
    lists: Lists,
    agencies: Vec<TenantId>,
    /// Matches of each entry so far.
    counts: BTreeMap<(RecordId, Box<str>), usize>,
}

/// What a piece of a sweep found.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// What matches, with the record that the match is about.
    pub(super) hits: Vec<(RecordId, Hit)>,
    /// Entries that match more than is alerted about: each is told once.
    pub(super) too_many: Vec<Hit>,
    /// Nothing is left.
    pub(super) is_last: bool,
}

impl Sweep {
    /// Over these lists and entries, from a place on.
    pub(super) fn new(
        rows: &impl Read,
        upto: u64,
        sources: &BTreeSet<RecordId>,
        cursor: Cursor,
    ) -> Outcome<Self> {
        let mut lists = Lists::default();
        for source in sources {
            lists.refresh(rows, *source)?;
        }
        Ok(Self {
            upto,
            cursor,
            agencies: lists.agencies().cloned().collect(),
            lists,
            counts: BTreeMap::new(),
        })
    }

    /// The next piece.
    pub(super) fn piece(&mut self, rows: &impl Read, likely: Likely, alerts_max: usize) -> Outcome<Piece> {
        let mut piece = Piece::default();
        let Some((tenant, kind)) = self.place() else {
            piece.is_last = true;
            return Ok(piece);
        };
        let (mut ids, mut last) = (Vec::new(), None);
        let order = (Order::Created, Direction::Up);
        let from = self.cursor.after.as_ref();
        records::list(rows, (&tenant, kind), order, from, &mut |key, id| {
            last = Some(key.to_vec());
            ids.push(id);
            ids.len() < RECORDS_PER_PIECE
        })?;
        for id in &ids {
            let Some(record) = records::get(rows, *id)? else {
                continue;
            };
            let (Some(facts), Some(about)) = (facts::of(&record), facts::about(&record)) else {
                continue;
            };
            for hit in self.lists.find(&tenant, &facts, likely) {
                let count = self
                    .counts
                    .entry((hit.source, hit.sought.value.clone()))
                    .or_default();
                *count += 1;
                match *count {
                    count if count <= alerts_max => piece.hits.push((about, hit)),
                    count if count == alerts_max + 1 => piece.too_many.push(hit),
                    _ => {}
                }
            }
        }
        if ids.len() < RECORDS_PER_PIECE {
            self.cursor.kind += 1;
            self.cursor.after = None;
            if self.cursor.kind == WATCHED.len() {
                (self.cursor.agency, self.cursor.kind) = (self.cursor.agency + 1, 0);
            }
        } else {
            self.cursor.after = last;
        }
        Ok(piece)
    }

    fn place(&self) -> Option<(TenantId, &'static Kind)> {
        let tenant = self.agencies.get(self.cursor.agency)?;
        Some((tenant.clone(), WATCHED[self.cursor.kind]))
    }
}
