//! How much peers may say: each network of the internet by itself, and all that say much together.
//! What else counts for a network is here, too.
//!
//! Whoever runs a thousand peers has them in a few networks, so a limit for each connection would be
//! none. And where many networks say much they share what one may say, while those that say little
//! never wait for them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::held::Total;
use crate::limits::{INBOUND_AHEAD, INBOUND_MUCH};

/// When all that was said would have been due at the highest rate that is allowed.
#[derive(Debug)]
struct Due {
    since: Instant,
    /// Nanoseconds after that.
    due: AtomicU64,
}

/// What one network said, and all; and what is held for it.
#[derive(Debug)]
pub(crate) struct Allowance {
    own: Due,
    all: Arc<Due>,
    /// Bytes under way to its peers.
    pub(crate) pipes: Total,
}

/// The allowances of all networks that somebody is connected from.
#[derive(Debug)]
pub(crate) struct Allowances {
    networks: HashMap<Option<IpAddr>, Weak<Allowance>>,
    all: Arc<Due>,
}

impl Due {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            due: AtomicU64::new(0),
        }
    }

    fn nanos(&self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.since).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    fn take(&self, cost: Duration, now: Instant) {
        let cost = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        let now = self.nanos(now);
        let later = |due: u64| Some(due.max(now).saturating_add(cost));
        // It never fails: `later` always gives something.
        let _ = self
            .due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    /// How far ahead of its time all is that was said.
    fn ahead(&self, now: Instant) -> Duration {
        let due = self.due.load(Ordering::Relaxed);
        Duration::from_nanos(due.saturating_sub(self.nanos(now)))
    }
}

impl Allowance {
    /// A message came in that takes up so much time.
    pub(crate) fn take(&self, cost: Duration, now: Instant) {
        self.own.take(cost, now);
        self.all.take(cost, now);
    }

    /// How long to wait before the next one is read.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let own = self.own.ahead(now);
        let all = if own < INBOUND_MUCH {
            Duration::ZERO
        } else {
            self.all.ahead(now)
        };
        own.max(all).saturating_sub(INBOUND_AHEAD)
    }
}

impl Allowances {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            networks: HashMap::new(),
            all: Arc::new(Due::new(now)),
        }
    }

    /// What connections from this network share; `None`: those of which no network is told.
    pub(crate) fn of(&mut self, network: Option<IpAddr>, now: Instant) -> Arc<Allowance> {
        if let Some(known) = self.networks.get(&network).and_then(Weak::upgrade) {
            return known;
        }
        self.networks.retain(|_, known| known.strong_count() > 0);
        let new = Arc::new(Allowance {
            own: Due::new(now),
            all: Arc::clone(&self.all),
            pipes: Total::default(),
        });
        self.networks.insert(network, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn what_is_of_one_network_shares_an_allowance() {
        let now = Instant::now();
        let mut all = Allowances::new(now);
        for (one, other, share) in [
            (Some(network(1)), Some(network(1)), true),
            (Some(network(1)), Some(network(2)), false),
            (Some(network(1)), None, false),
            (None, None, true),
        ] {
            let (first, second) = (all.of(one, now), all.of(other, now));
            assert_eq!(Arc::ptr_eq(&first, &second), share, "{one:?} {other:?}");
        }
    }

    #[test]
    fn networks_without_connections_are_forgotten() {
        let now = Instant::now();
        let mut all = Allowances::new(now);
        for n in 0..1000 {
            let _ = all.of(Some(network(n)), now);
        }
        assert_eq!(all.networks.len(), 1);
    }

    #[test]
    fn a_network_waits_for_itself_and_only_who_says_much_for_the_others() {
        let now = Instant::now();
        let mut all = Allowances::new(now);
        let [loud, other, quiet] = [1, 2, 3].map(|number| all.of(Some(network(number)), now));
        loud.take(INBOUND_AHEAD, now);
        assert_eq!(loud.wait(now), Duration::ZERO);
        loud.take(Duration::from_secs(2), now);
        assert_eq!(loud.wait(now), Duration::from_secs(2));
        other.take(INBOUND_MUCH, now);
        assert_eq!(other.wait(now), Duration::from_secs(2) + INBOUND_MUCH);
        quiet.take(INBOUND_MUCH / 2, now);
        assert_eq!(quiet.wait(now), Duration::ZERO);
        let later = now + Duration::from_secs(4);
        assert_eq!(loud.wait(later), Duration::ZERO);
        assert_eq!(other.wait(later), Duration::ZERO);
    }
}
