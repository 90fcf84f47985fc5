//! Where the swarm listens, and when it listens again at what closed by itself: a socket that broke,
//! an address that is away for a while.

use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(super) struct Listening {
    /// By the addresses that are to be listened at.
    open: Vec<(Multiaddr, ListenerId)>,
    /// When it is tried again.
    again: Option<Instant>,
    backoff: Backoff,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            again: None,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }
}

impl Listening {
    pub(super) fn is_at(&self, address: &Multiaddr) -> bool {
        self.open.iter().any(|(known, _)| known == address)
    }

    pub(super) fn opened(&mut self, address: Multiaddr, id: ListenerId) {
        self.open.push((address, id));
    }

    /// An address could not be listened at, or a listener closed by itself. Listeners of others, such
    /// as relays, are not told apart by whoever calls.
    pub(super) fn closed(&mut self, id: ListenerId, now: Instant) {
        let before = self.open.len();
        self.open.retain(|(_, open)| *open != id);
        if self.open.len() < before {
            self.failed(now);
        }
    }

    pub(super) fn failed(&mut self, now: Instant) {
        if self.again.is_none() {
            self.again = Some(self.backoff.retry_at(now));
        }
    }

    /// Takes out what is not to be listened at any more.
    pub(super) fn take_others(&mut self, wanted: &[Multiaddr]) -> Vec<ListenerId> {
        let (stay, go) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|(address, _)| wanted.contains(address));
        self.open = stay;
        go.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn has_timers(&self) -> bool {
        self.again.is_some()
    }

    /// Whether it is time to try again.
    pub(super) fn take_again(&mut self, now: Instant) -> bool {
        self.again.take_if(|again| *again <= now).is_some()
    }

    /// All that is wanted is listened at.
    pub(super) fn is_complete(&mut self) {
        self.again = None;
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_by_itself_is_tried_again_with_longer_and_longer_pauses() {
        let mut listening = Listening::default();
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().unwrap();
        let (ours, of_relay) = (ListenerId::next(), ListenerId::next());
        listening.opened(address.clone(), ours);
        let start = Instant::now();
        listening.closed(of_relay, start);
        assert!(listening.is_at(&address) && !listening.has_timers());
        listening.closed(ours, start);
        assert!(!listening.is_at(&address) && !listening.take_again(start));
        let mut now = start;
        for _ in 0..20 {
            now += LONGEST_PAUSE;
            assert!(listening.take_again(now));
            listening.failed(now);
        }
        assert!(!listening.take_again(now + LONGEST_PAUSE / 2));
        listening.opened(address.clone(), ListenerId::next());
        listening.is_complete();
        assert!(!listening.has_timers());
        assert_eq!(listening.take_others(&[address]), []);
        assert_eq!(listening.take_others(&[]).len(), 1);
    }
}
