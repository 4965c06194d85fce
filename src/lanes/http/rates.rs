//! How often a credential may ask: a token bucket each. A large body that has to be taken apart counts as several requests.

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
    burst: NonZeroU32,
    /// Of a body, what counts as one request more.
    large_bytes: u64,
    clock: DefaultClock,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rates({} buckets)", self.buckets.len())
    }
}

impl Rates {
    /// Full buckets of `burst` requests, filled by `per_second`; zero counts as one. A body counts as one request more for
    /// each `large_bytes`.
    pub fn new(per_second: u32, burst: u32, large_bytes: usize) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let burst = at_least_one(burst);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(burst);
        Self {
            burst,
            large_bytes: large_bytes.max(1) as u64,
            buckets: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Takes tokens of the caller's bucket for a request with a body of this length.
    ///
    /// # Errors
    /// `Busy`, with the seconds until there are enough.
    pub fn take(&self, caller: &Caller, body_bytes: u64) -> Outcome<()> {
        self.take_tokens(caller, self.large(body_bytes).saturating_add(1))
    }

    /// The same for a body whose length was not said before it was read.
    ///
    /// # Errors
    /// `Busy`, with the seconds until there are enough.
    pub fn take_body(&self, caller: &Caller, bytes: u64) -> Outcome<()> {
        self.take_tokens(caller, self.large(bytes))
    }

    fn large(&self, bytes: u64) -> u32 {
        u32::try_from(bytes / self.large_bytes).unwrap_or(u32::MAX)
    }

    /// Nobody needs more tokens than a full bucket has.
    fn take_tokens(&self, caller: &Caller, tokens: u32) -> Outcome<()> {
        let (Some(credential), Some(tokens)) = (caller.record(), NonZeroU32::new(tokens)) else {
            return Ok(());
        };
        let taken = self.buckets.check_key_n(&credential, tokens.min(self.burst));
        let Ok(taken) = taken else { return Ok(()) };
        taken.map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Failure::Busy(
                u32::try_from(wait.as_secs())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
            )
        })
    }
}
