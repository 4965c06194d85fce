//! Times of the script: `-3d 14:20`, `-45m`, `+90d`, or a date of long ago.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// The present, as the script's times are told from it.
pub(super) struct Present {
    now: Zoned,
}

impl Present {
    pub(super) fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self {
            now: now.to_zoned(zone),
        }
    }

    /// The instant that a text names; `None` if it is no time.
    pub(super) fn instant(&self, text: &str) -> Option<Zoned> {
        if let Some(minutes) = text.strip_prefix('-').and_then(|rest| rest.strip_suffix('m')) {
            return self.now.checked_sub(minutes.parse::<i64>().ok()?.minutes()).ok();
        }
        let (day, clock) = text.split_once(' ')?;
        let clock: Time = format!("{clock}:00").parse().ok()?;
        let day = if day.ends_with('d') {
            self.day(day)?
        } else {
            day.parse().ok()?
        };
        DateTime::from_parts(day, clock)
            .to_zoned(self.now.time_zone().clone())
            .ok()
    }

    /// The day that `-3d` or `+14d` names.
    pub(super) fn day(&self, text: &str) -> Option<Date> {
        let days: i64 = text.strip_suffix('d')?.parse().ok()?;
        self.now.date().checked_add(days.days()).ok()
    }
}

/// RFC 3339 in UTC with milliseconds.
pub(super) fn rfc3339(instant: &Zoned) -> String {
    format!("{:.3}", instant.timestamp())
}

/// A span such as `10m` or `4h`, in seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<i64>().ok().map(|number| number * seconds)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Present, rfc3339, seconds};

    #[test]
    fn times_are_told_from_the_day_of_the_demo() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        let present = Present::new("2026-07-04T12:00:00Z".parse().unwrap(), zone);
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                present.instant(text).map(|instant| rfc3339(&instant)).as_deref(),
                expected,
                "{text}"
            );
        };
        check("-3d 14:20", Some("2026-07-01T18:20:00.000Z"));
        check("-45m", Some("2026-07-04T11:15:00.000Z"));
        check("+60d 00:00", Some("2026-09-02T04:00:00.000Z"));
        check("1998-11-27 18:05", Some("1998-11-27T23:05:00.000Z"));
        check("soon", None);
        check("-3d 25:00", None);
        assert_eq!(present.day("+14d").unwrap().to_string(), "2026-07-18");
        assert_eq!(
            (seconds("10m"), seconds("4h"), seconds("é")),
            (Some(600), Some(14_400), None)
        );
    }
}
