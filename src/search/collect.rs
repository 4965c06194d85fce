//! One pass over the matching documents: their number, the best of them after a place, and the counts of facets.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, ColumnValues, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};

/// Ages up to which a document gets these points for being recent: days, points.
const RECENT: [(i64, u32); 7] = [(7, 10), (30, 9), (90, 8), (180, 7), (365, 6), (730, 4), (1825, 2)];
const DAY_MS: i64 = 86_400_000;
/// The columns that are counted, in the order of [`Found::facets`].
pub(super) const FACETS: [&str; 4] = ["kind_shown", "status", "tag", "office"];

/// A place in the order of results: more points first, then the newer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) points: u32,
    pub(super) id: u128,
}

/// What is collected.
pub(super) struct Ranked {
    pub(super) limit: usize,
    /// Only documents after this one are kept (all are counted).
    pub(super) after: Option<Rank>,
    pub(super) now_ms: i64,
    pub(super) with_facets: bool,
}

/// What was found: a segment's part, and the whole.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) total: u64,
    /// The most points that any match has.
    pub(super) best_points: u32,
    /// The best, best first.
    pub(super) top: Vec<(Rank, DocAddress)>,
    pub(super) facets: [HashMap<String, u64>; FACETS.len()],
    pub(super) years: HashMap<i64, u64>,
}

pub(super) struct RankedSegment {
    limit: usize,
    after: Option<Rank>,
    now_ms: i64,
    ordinal: SegmentOrdinal,
    updated: Arc<dyn ColumnValues<i64>>,
    id_high: Arc<dyn ColumnValues<u64>>,
    id_low: Arc<dyn ColumnValues<u64>>,
    heap: BinaryHeap<Reverse<(Rank, DocId)>>,
    total: u64,
    best_points: u32,
    counts: Vec<Option<(StrColumn, Vec<u64>)>>,
    years: Option<(Column<i64>, HashMap<i64, u64>)>,
}

impl Collector for Ranked {
    type Fruit = Found;
    type Child = RankedSegment;

    fn for_segment(
        &self,
        ordinal: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<RankedSegment> {
        let columns = segment.fast_fields();
        let mut counts = Vec::new();
        let mut years = None;
        if self.with_facets {
            for facet in FACETS {
                let column = columns.str(facet)?;
                counts.push(column.map(|column| {
                    let zeros = vec![0; column.dictionary().num_terms()];
                    (column, zeros)
                }));
            }
            years = Some((columns.i64("year")?, HashMap::new()));
        }
        Ok(RankedSegment {
            limit: self.limit,
            after: self.after,
            now_ms: self.now_ms,
            ordinal,
            updated: columns.column_first_or_default("updated")?,
            id_high: columns.column_first_or_default("id_high")?,
            id_low: columns.column_first_or_default("id_low")?,
            heap: BinaryHeap::new(),
            total: 0,
            best_points: 0,
            counts,
            years,
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Result<Found, TantivyError>>) -> tantivy::Result<Found> {
        let mut whole = Found::default();
        for segment in segments {
            let segment = segment?;
            whole.total += segment.total;
            whole.best_points = whole.best_points.max(segment.best_points);
            whole.top.extend(segment.top);
            for (counts, more) in whole.facets.iter_mut().zip(segment.facets) {
                for (value, count) in more {
                    *counts.entry(value).or_default() += count;
                }
            }
            for (year, count) in segment.years {
                *whole.years.entry(year).or_default() += count;
            }
        }
        whole.top.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        whole.top.truncate(self.limit);
        Ok(whole)
    }
}

impl SegmentCollector for RankedSegment {
    type Fruit = Result<Found, TantivyError>;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "scores are sums of small whole numbers"
    )]
    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        self.count(doc);
        let points = score as u32 + recency(self.now_ms, self.updated.get_val(doc));
        self.best_points = self.best_points.max(points);
        let full = self.heap.len() == self.limit;
        let worst = self.heap.peek().map_or(0, |Reverse((rank, _))| rank.points);
        if self.limit == 0 || full && points < worst || self.after.is_some_and(|after| points > after.points)
        {
            return;
        }
        let id = u128::from(self.id_high.get_val(doc)) << 64 | u128::from(self.id_low.get_val(doc));
        let rank = Rank { points, id };
        if self.after.is_some_and(|after| rank >= after) {
            return;
        }
        self.heap.push(Reverse((rank, doc)));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    fn harvest(self) -> Self::Fruit {
        let mut found = Found {
            total: self.total,
            best_points: self.best_points,
            ..Found::default()
        };
        let address = |doc| DocAddress::new(self.ordinal, doc);
        found.top = self
            .heap
            .into_iter()
            .map(|Reverse((rank, doc))| (rank, address(doc)))
            .collect();
        for (facet, counted) in found.facets.iter_mut().zip(self.counts) {
            let Some((column, counts)) = counted else { continue };
            for (ordinal, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
                let mut value = String::new();
                column.ord_to_str(ordinal, &mut value)?;
                facet.insert(value, count);
            }
        }
        found.years = self.years.map(|(_, years)| years).unwrap_or_default();
        Ok(found)
    }
}

impl RankedSegment {
    fn count(&mut self, doc: DocId) {
        for (column, counts) in self.counts.iter_mut().flatten() {
            for ordinal in column.ords().values_for_doc(doc) {
                if let Some(count) = usize::try_from(ordinal)
                    .ok()
                    .and_then(|ordinal| counts.get_mut(ordinal))
                {
                    *count += 1;
                }
            }
        }
        if let Some((column, years)) = &mut self.years
            && let Some(year) = column.first(doc)
        {
            *years.entry(year).or_default() += 1;
        }
    }
}

fn recency(now_ms: i64, updated_ms: i64) -> u32 {
    let days = now_ms.saturating_sub(updated_ms) / DAY_MS;
    RECENT
        .iter()
        .find(|(age, _)| days <= *age)
        .map_or(0, |(_, points)| *points)
}
