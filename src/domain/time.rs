//! Time as the record knows it: wall times in milliseconds, the clock that tests replace, and the hybrid logical clock.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Millis(pub i64);

impl Millis {
    /// Later by so many milliseconds.
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// From RFC 3339 (`2026-03-17T21:14:22.5+01:00`). `None`: not in that form, or outside the years 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 3339 demands an offset; jiff would also take a bracketed zone, which is not of that form.
        if text.len() > 40 || text.contains('[') {
            return None;
        }
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        let millis = timestamp.as_millisecond();
        (YEAR_1..YEAR_10000).contains(&millis).then_some(Self(millis))
    }

    /// The calendar year in UTC.
    pub fn year(self) -> i16 {
        self.timestamp()
            .map_or(1970, |t| t.to_zoned(jiff::tz::TimeZone::UTC).year())
    }

    fn timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_millisecond(self.0).ok()
    }
}

const YEAR_1: i64 = -62_135_596_800_000;
const YEAR_10000: i64 = 253_402_300_800_000;

/// RFC 3339 in UTC with milliseconds: `2026-03-17T21:14:22.500Z`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Some(timestamp) => write!(f, "{timestamp:.3}"),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// Where the present time comes from. Nothing else in the program asks the system for it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall time.
    fn now(&self) -> Millis;
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for the time"
    )]
    fn now(&self) -> Millis {
        Millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// A hybrid logical clock (Kulkarni et al., 2014): 48 bits of milliseconds, 16 bits of counter. It never runs backwards,
/// stays close to the wall clock, and orders an operation after everything that its author had seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The stamp of the next local operation, later than `self` whatever the wall clock says.
    #[must_use]
    pub fn tick(self, now: Millis) -> Self {
        // A wall clock beyond the year 6400 is wrong; half of the numbers are left to count on from there.
        let millis = u64::try_from(now.0).unwrap_or(0).min((1 << 47) - 1);
        Self((millis << 16).max(self.0.saturating_add(1)))
    }

    /// What to remember after an operation of another log was seen.
    #[must_use]
    pub fn witness(self, other: Self) -> Self {
        self.max(other)
    }

    /// The first stamp of a moment.
    pub fn first_of(moment: Millis) -> Self {
        Self(u64::try_from(moment.0).unwrap_or(0).min((1 << 48) - 1) << 16)
    }

    /// The wall-clock part.
    pub fn millis(self) -> Millis {
        Millis(i64::try_from(self.0 >> 16).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::{Hlc, Millis};

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        let time = Millis::parse("2026-03-17T22:14:22.5+01:00").unwrap();
        assert_eq!(time.to_string(), "2026-03-17T21:14:22.500Z");
        assert_eq!(Millis::parse(&time.to_string()), Some(time));
        assert_eq!(time.year(), 2026);
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "2026-03-17",
            "2026-03-17T22:14:22",
            "yesterday",
            "2026-03-17T22:14:22+01:00[Europe/Berlin]",
        ] {
            assert_eq!(Millis::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_hybrid_clock_never_runs_backwards() {
        let first = Hlc::default().tick(Millis(1_000));
        let second = first.tick(Millis(500));
        assert!(second > first);
        assert_eq!(second.millis(), Millis(1_000));
        assert!(second.tick(Millis(-5)) > second);
        assert_eq!(second.tick(Millis(2_000)).millis(), Millis(2_000));
    }
}
