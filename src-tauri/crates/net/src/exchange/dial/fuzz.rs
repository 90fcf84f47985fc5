//! Dials of sessions that come and go, for the fuzzer and the tests.

use super::*;
use crate::address::fuzz::{any, peer};
use crate::fuzz_input::Input;

/// No more dials are under way than there are places, whatever waits gets its turn, and nothing is left of sessions that are over.
pub(crate) fn dials(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut dialer = Dialer::default();
    let mut under_way = Vec::new();
    for _ in 0..400 {
        if input.is_over() {
            break;
        }
        let session = SessionId(u64::from(input.byte() % 5));
        match input.below(8) {
            0..4 => {
                let number = input.byte();
                let addresses = (0..input.below(4)).map(|_| any(&mut input)).collect();
                let target = if number < 240 {
                    Target::Peer(peer(number % 24), addresses)
                } else {
                    Target::Anyone(any(&mut input))
                };
                let named = if input.flag() {
                    Named::Here
                } else {
                    Named::Elsewhere
                };
                dialer.ask(session, target, named);
            }
            4 => {
                while let Some(options) = dialer.next() {
                    under_way.push(options.connection_id());
                }
            }
            5 if !under_way.is_empty() => {
                let id = under_way.swap_remove(input.below(under_way.len()));
                dialer.failed(id);
            }
            6 => {
                let id = match under_way.len() {
                    0 => ConnectionId::new_unchecked(usize::MAX),
                    len => under_way.swap_remove(input.below(len)),
                };
                dialer.connected(id, peer(input.byte() % 24));
            }
            _ => dialer.forget(session),
        }
        dialer.check();
    }
    // All that waits has its turn.
    for _ in 0..10_000 {
        while let Some(options) = dialer.next() {
            under_way.push(options.connection_id());
        }
        let Some(id) = under_way.pop() else {
            break;
        };
        dialer.failed(id);
        dialer.check();
    }
    assert!(dialer.waiting.is_empty() && dialer.under_way.is_empty());
}

impl Dialer {
    fn check(&self) {
        assert!(self.under_way.len() <= MAX_DIALS + MAX_URGENT_DIALS);
        for (session, queue) in &self.queues {
            assert!(
                queue.len() <= MAX_WAITING_DIALS + MAX_DIALS + MAX_URGENT_DIALS,
                "{session:?}"
            );
            let turns = self.under_way.values().map(|under_way| under_way.turn);
            assert!(turns.filter(|(of, _)| of == session).count() <= MAX_DIALS_OF_SESSION);
        }
        for (key, attempt) in &self.waiting {
            assert!(!attempt.sessions.is_empty());
            let is_queued = |session: &SessionId| {
                let queue = self.queues.get(session);
                queue.is_some_and(|queue| queue.here.contains(key) || queue.elsewhere.contains(key))
            };
            assert!(
                attempt.sessions.iter().any(is_queued),
                "nobody's turn comes for {key:?}"
            );
            assert!(attempt.target.addresses().len() <= 2 * MAX_PEER_ADDRESSES);
        }
    }
}
