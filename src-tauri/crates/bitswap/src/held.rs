//! What is held for peers, counted by the things that hold it: a count falls when they are dropped,
//! wherever that happens.
//!
//! Invariant: a count is the sum of what is held and not dropped, of one peer, of its network and of
//! all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is held for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Total(Arc<AtomicU64>);

/// Counts what is held for one peer, which is part of what is held for its network, and for all.
#[derive(Debug)]
pub struct Account {
    own: Total,
    network: Total,
    all: Total,
}

/// So much is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    amount: u64,
    totals: [Total; 3],
}

impl Total {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The account of one peer, in a network of its own.
    pub(crate) fn account(&self) -> Account {
        self.account_in(&Self::default())
    }

    /// The account of one peer of that network.
    pub(crate) fn account_in(&self, network: &Self) -> Account {
        Account {
            own: Self::default(),
            network: network.clone(),
            all: self.clone(),
        }
    }

    fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }
}

impl Account {
    pub(crate) fn get(&self) -> u64 {
        self.own.get()
    }

    /// What is held for its network.
    pub(crate) fn network(&self) -> u64 {
        self.network.get()
    }

    /// What is held for all.
    pub(crate) fn all(&self) -> u64 {
        self.all.get()
    }

    pub(crate) fn hold(&self, amount: u64) -> Held {
        let totals = [&self.own, &self.network, &self.all].map(Total::clone);
        for total in &totals {
            total.add(amount);
        }
        Held { amount, totals }
    }
}

impl Held {
    pub(crate) fn amount(&self) -> u64 {
        self.amount
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for total in &self.totals {
            total.subtract(self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_counts_no_more_also_when_its_peer_is_gone() {
        let all = Total::default();
        let network = Total::default();
        let (one, other) = (all.account_in(&network), all.account());
        let (first, second) = (one.hold(5), one.hold(7));
        let third = other.hold(100);
        assert_eq!((one.get(), other.get(), all.get()), (12, 100, 112));
        assert_eq!((one.network(), other.network()), (12, 100));
        drop(first);
        drop(other);
        assert_eq!((one.get(), all.get()), (7, 107));
        drop(one);
        drop((second, third));
        assert_eq!((network.get(), all.get()), (0, 0));
    }
}
