//! Time as the record knows it: wall times in milliseconds, the clock that tests replace, and the hybrid logical clock.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Millis(pub i64);

impl Millis {
    /// Later by so many milliseconds.
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// From RFC 3339 (`2026-03-17T21:14:22.5+01:00`); a leap second counts as the one before it. `None`: not in that form, or
    /// outside the years 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        // What reads it takes other forms of ISO 8601 too.
        let digits_as_0 = |c: char| {
            if c.is_ascii_digit() {
                '0'
            } else {
                c.to_ascii_uppercase()
            }
        };
        let form: String = text.chars().map(digits_as_0).collect();
        let clock = form.strip_prefix("0000-00-00")?.strip_prefix(['T', ' '])?;
        let rest = clock.strip_prefix("00:00:00")?;
        let offset = rest
            .strip_prefix(".0")
            .map_or(rest, |digits| digits.trim_start_matches('0'));
        if !matches!(offset, "Z" | "+00:00" | "-00:00") {
            return None;
        }
        let pieces = Pieces::parse(text).ok()?;
        let (local, offset) = (
            pieces.date().to_datetime(pieces.time()?),
            pieces.to_numeric_offset()?,
        );
        let millis = i64::try_from(local.duration_since(EPOCH).as_millis()).ok()?;
        let millis = millis - i64::from(offset.seconds()) * 1_000;
        let is_day = offset.seconds().abs() < 24 * 3600;
        (is_day && (YEAR_1..YEAR_10000).contains(&millis)).then_some(Self(millis))
    }

    /// The calendar year in UTC.
    pub fn year(self) -> i16 {
        self.civil().map_or(1970, DateTime::year)
    }

    /// What a calendar and a clock in UTC show.
    fn civil(self) -> Option<DateTime> {
        EPOCH.checked_add(SignedDuration::from_millis(self.0)).ok()
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const YEAR_1: i64 = -62_135_596_800_000;
const YEAR_10000: i64 = 253_402_300_800_000;

/// RFC 3339 in UTC with milliseconds: `2026-03-17T21:14:22.500Z`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(civil) => write!(f, "{civil:.3}Z"),
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

    /// The last stamp of the same millisecond: what is written together is stamped within one.
    #[must_use]
    pub fn last_of_its_moment(self) -> Self {
        Self(self.0 | 0xffff)
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
        for (given, kept) in [
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.25-00:30", "1970-01-01T00:29:59.250Z"),
            ("2026-06-30t23:59:60z", "2026-06-30T23:59:59.000Z"),
            ("2026-03-17T22:14:22.123456789+23:59", "2026-03-16T22:15:22.123Z"),
        ] {
            assert_eq!(
                Millis::parse(given).map(|time| time.to_string()).as_deref(),
                Some(kept)
            );
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "2026-03-17",
            "2026-03-17T22:14:22",
            "yesterday",
            "2026-03-17T22:14:22+24:00",
            "2026-03-17T22:14:22+01:60",
            "2026-03-17T22:14:22+0100",
            "2026-03-17T22:14:22,5Z",
            "2026-03-17T22:14:22.Z",
            "2026-03-17T22:14:22Z01:00",
            "2026-03-17T22:14:22.1234567890Z",
            "2026-03-17T24:00:00Z",
            "2026-03-17T22:14Z",
            "2026-03-17T22:14:61Z",
            "2026-02-29T22:14:22Z",
            "2026-3-017T22:14:22Z",
            "2026-03-17T+2:14:22Z",
            "9999-12-31T23:59:59-00:01",
            "+002026-03-17T22:14:22Z",
            "2026-03-1é",
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
