//! Who gets a seat: open connections are counted overall and by peer. A seat is given back when it is dropped, which
//! is when the socket is, also after an upgrade to a WebSocket. And who waits at the door: a peer whose connection broke the
//! rules of its protocol shakes hands again after a pause.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The counts of one listener.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Held for a look-up and an addition, never across an await.
    counts: Arc<Mutex<Counts>>,
    overall_max: usize,
    per_peer_max: usize,
}

#[derive(Default, Debug)]
struct Counts {
    overall: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// Why a connection got no seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// All seats are taken.
    #[error("all connections are in use")]
    Full,
    /// This peer has taken its share.
    #[error("the peer has too many connections")]
    PeerFull,
}

/// One counted connection.
#[derive(Debug)]
pub struct Seat {
    counts: Arc<Mutex<Counts>>,
    peer: IpAddr,
}

impl Admission {
    /// Counts from zero up to the given bounds.
    pub fn new(overall_max: usize, per_peer_max: usize) -> Self {
        Self {
            counts: Arc::default(),
            overall_max,
            per_peer_max,
        }
    }

    /// A seat for a connection of this address.
    pub fn take(&self, address: IpAddr) -> Result<Seat, Refused> {
        let peer = network(address);
        let mut counts = lock(&self.counts);
        if counts.overall >= self.overall_max {
            return Err(Refused::Full);
        }
        let of_peer = counts.by_peer.entry(peer).or_default();
        if *of_peer >= self.per_peer_max {
            return Err(Refused::PeerFull);
        }
        *of_peer += 1;
        counts.overall += 1;
        Ok(Seat {
            counts: Arc::clone(&self.counts),
            peer,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.overall -= 1;
        if let Some(of_peer) = counts.by_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                counts.by_peer.remove(&self.peer);
            }
        }
    }
}

/// Peers that broke the rules, and until when they wait for their next handshake.
#[derive(Clone, Debug)]
pub(super) struct Penalties {
    pause: Duration,
    /// Held for a look-up and an insertion, never across an await.
    until: Arc<Mutex<HashMap<IpAddr, Instant>>>,
}

impl Penalties {
    /// Peers that are remembered before those whose pause is over are forgotten.
    const REMEMBERED: usize = 1024;

    pub(super) fn new(pause: Duration) -> Self {
        Self {
            pause,
            until: Arc::default(),
        }
    }

    /// The peer's next handshakes wait.
    pub(super) fn punish(&self, address: IpAddr) {
        let now = Instant::now();
        let mut until = lock(&self.until);
        if until.len() >= Self::REMEMBERED {
            until.retain(|_, until| *until > now);
        }
        until.insert(network(address), now + self.pause);
    }

    /// Returns when the peer may shake hands: at once, unless it was punished a moment ago.
    pub(super) async fn over(&self, address: IpAddr) {
        let until = lock(&self.until).get(&network(address)).copied();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }
}

/// What counts as one peer: an IPv4 address, or the /64 that a host of IPv6 can pick addresses from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::{Admission, Penalties, Refused};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn seats_are_counted_overall_and_by_peer_and_given_back() {
        let admission = Admission::new(3, 2);
        let first = admission.take(ip("10.0.0.1")).unwrap();
        let _second = admission.take(ip("::ffff:10.0.0.1")).unwrap();
        assert_eq!(admission.take(ip("10.0.0.1")).unwrap_err(), Refused::PeerFull);
        let _other = admission.take(ip("10.0.0.2")).unwrap();
        assert_eq!(admission.take(ip("10.0.0.3")).unwrap_err(), Refused::Full);
        drop(first);
        assert!(admission.take(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_peer() {
        let admission = Admission::new(9, 1);
        let _first = admission.take(ip("2001:db8:1:2::1")).unwrap();
        assert_eq!(
            admission.take(ip("2001:db8:1:2:ffff::9")).unwrap_err(),
            Refused::PeerFull
        );
        assert!(admission.take(ip("2001:db8:1:3::1")).is_ok());
    }

    #[tokio::test]
    async fn who_was_punished_waits_and_nobody_else_does() {
        let penalties = Penalties::new(Duration::from_millis(20));
        let begun = Instant::now();
        penalties.punish(ip("10.0.0.1"));
        assert!(penalties.over(ip("10.0.0.2")).now_or_never().is_some());
        penalties.over(ip("::ffff:10.0.0.1")).await;
        assert!(begun.elapsed() >= Duration::from_millis(20));
        assert!(penalties.over(ip("10.0.0.1")).now_or_never().is_some());
    }
}
