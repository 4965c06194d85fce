//! How often a credential may ask: a token bucket each.

use std::fmt;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::id::RecordId;
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};

/// The buckets. There are never more than credentials, for only admitted ones are counted.
pub struct Rates {
    buckets: DefaultKeyedRateLimiter<RecordId>,
    clock: DefaultClock,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rates({} buckets)", self.buckets.len())
    }
}

impl Rates {
    /// Full buckets of `burst` requests, filled by `per_second`; zero counts as one.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self {
            buckets: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Takes a token of the caller's bucket.
    ///
    /// # Errors
    /// `Busy`, with the seconds until there is one.
    pub fn take(&self, caller: &Caller) -> Outcome<()> {
        let Some(credential) = caller.record() else {
            return Ok(());
        };
        self.buckets.check_key(&credential).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Failure::Busy(
                u32::try_from(wait.as_secs())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
            )
        })
    }
}
