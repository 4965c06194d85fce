//! Two sides measured back to back, in rounds. A disk that answers more than twice as slowly at one moment of a round as at
//! another has changed under it, and the round is discarded where it writes.

use std::path::Path;
use std::time::Duration;

use super::disk;

/// Rounds are repeated until so many are kept, or twice as many were run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds<'f> {
    pub(super) wanted: usize,
    pub(super) folder: &'f Path,
}

/// What the two sides gave in the round whose ratio is the median.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) ours: f64,
    pub(super) theirs: f64,
}

impl Pair {
    pub(super) fn ratio(self) -> f64 {
        self.ours / self.theirs
    }
}

impl Rounds<'_> {
    /// `None` if the disk never kept still for a whole round.
    pub(super) async fn run(
        self,
        ours: impl AsyncFn() -> std::io::Result<f64>,
        theirs: impl AsyncFn() -> std::io::Result<f64>,
    ) -> std::io::Result<Option<Pair>> {
        let mut kept = Vec::new();
        for _ in 0..self.wanted * 2 {
            let before = self.probe()?;
            let ours = ours().await?;
            let between = self.probe()?;
            let theirs = theirs().await?;
            let probes = [before, between, self.probe()?];
            if is_still(&probes) {
                kept.push(Pair { ours, theirs });
            }
            if kept.len() == self.wanted {
                break;
            }
        }
        Ok(median(kept))
    }

    /// The same for two sides that write nothing: whatever the disk does, each round counts.
    pub(super) async fn run_reads(
        self,
        ours: impl AsyncFn() -> std::io::Result<f64>,
        theirs: impl AsyncFn() -> std::io::Result<f64>,
    ) -> std::io::Result<Option<Pair>> {
        let mut kept = Vec::new();
        for _ in 0..self.wanted {
            let (ours, theirs) = (ours().await?, theirs().await?);
            kept.push(Pair { ours, theirs });
        }
        Ok(median(kept))
    }

    fn probe(self) -> std::io::Result<Duration> {
        disk::probe(self.folder).map_err(std::io::Error::other)
    }
}

fn median(mut kept: Vec<Pair>) -> Option<Pair> {
    kept.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    kept.get(kept.len() / 2).copied()
}

fn is_still(probes: &[Duration]) -> bool {
    let (low, high) = (probes.iter().min(), probes.iter().max());
    low.zip(high).is_some_and(|(low, high)| *high <= *low * 2)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::{Rounds, is_still};

    #[test]
    fn a_disk_that_changed_is_noticed() {
        let probes = |times: [u64; 3]| times.map(Duration::from_millis);
        assert!(is_still(&probes([2, 3, 4])));
        assert!(!is_still(&probes([2, 5, 3])));
    }

    #[tokio::test]
    async fn the_median_round_counts() {
        let folder = tempfile::tempdir().unwrap();
        let rounds = Rounds {
            wanted: 3,
            folder: folder.path(),
        };
        let round = Cell::new(0.0);
        let ours = async || {
            round.set(round.get() + 1.0);
            Ok(round.get())
        };
        let pair = rounds.run(ours, async || Ok(2.0)).await.unwrap();
        assert!(pair.is_none_or(|pair| pair.theirs == 2.0 && pair.ratio() >= 0.5));
    }
}
