//! Time as the record knows it: wall times in milliseconds, the clock that tests replace, and the hybrid logical clock.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

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
        let (day, rest) = text.split_at_checked(10)?;
        let clock = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, rest) = clock.split_at_checked(8)?;
        let offset_at = rest.find(['Z', 'z', '+', '-'])?;
        let (fraction, offset) = rest.split_at(offset_at);
        let [year, month, day] = numbers(day, '-')?;
        let [hour, minute, second] = numbers(clock, ':')?;
        let nanos = match fraction.strip_prefix('.') {
            None if fraction.is_empty() => 0,
            Some(digits) if (1..=9).contains(&digits.len()) => {
                number(digits)? * 10_i32.pow(9 - u32::try_from(digits.len()).ok()?)
            }
            _ => return None,
        };
        let part = |number: i32| i8::try_from(number).ok();
        let second = if second == 60 { 59 } else { second };
        let (hour, minute, second) = (part(hour)?, part(minute)?, part(second)?);
        let year = i16::try_from(year).ok()?;
        let local = DateTime::new(year, part(month)?, part(day)?, hour, minute, second, nanos).ok()?;
        let millis = i64::try_from(local.duration_since(EPOCH).as_millis()).ok()?;
        let millis = millis - offset_millis(offset)?;
        (YEAR_1..YEAR_10000).contains(&millis).then_some(Self(millis))
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

fn number(digits: &str) -> Option<i32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// Three numbers, of two digits each but the first one, which has what is left.
fn numbers(text: &str, between: char) -> Option<[i32; 3]> {
    let (rest, third) = text.rsplit_once(between)?;
    let (first, second) = rest.rsplit_once(between)?;
    let pairs = second.len() == 2 && third.len() == 2;
    pairs
        .then(|| Some([number(first)?, number(second)?, number(third)?]))
        .flatten()
}

/// `Z`, `+01:00`, `-05:30`: less than a day.
fn offset_millis(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minutes = (hours < 24 && minutes < 60).then_some(i64::from(hours) * 60 + i64::from(minutes))?;
    Some(if sign == "-" { -minutes } else { minutes } * 60_000)
}

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
            "2026-03-17T22:14:22+25:00",
            "2026-03-17T22:14:22+01:60",
            "2026-03-17T22:14:22+0100",
            "2026-03-17T22:14:22,5Z",
            "2026-03-17T22:14:22.Z",
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
