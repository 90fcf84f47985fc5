//! Which of the messages of strangers are looked at now, and which wait. Pure: it is told the time.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use crate::address::Origin;
use crate::limits::{
    DHT_MESSAGES_A_SECOND, DHT_MESSAGES_OF_NETWORK_A_SECOND, DHT_MESSAGES_OF_PEER_A_SECOND,
    MAX_WAITING_DHT_MESSAGES, MAX_WAITING_DHT_MESSAGES_OF_CONNECTION,
};
use crate::quota::Quota;

/// After this everybody has a new share.
pub(super) const STRETCH: Duration = Duration::from_secs(1);

pub(super) struct Pace<E> {
    of_peers: Quota<PeerId>,
    of_networks: Quota<Option<Origin>>,
    /// The networks of connections that others opened. Those of this machine and those that come over
    /// relays are of none, together.
    opened: HashMap<ConnectionId, Option<Origin>>,
    /// In the order in which each has its turn. None is empty.
    waiting: VecDeque<(ConnectionId, VecDeque<(PeerId, E)>)>,
    len: usize,
}

impl<E> Pace<E> {
    pub(super) fn new() -> Self {
        Self {
            of_peers: Quota::new(STRETCH, DHT_MESSAGES_OF_PEER_A_SECOND, u32::MAX),
            of_networks: Quota::new(
                STRETCH,
                DHT_MESSAGES_OF_NETWORK_A_SECOND,
                DHT_MESSAGES_A_SECOND,
            ),
            opened: HashMap::new(),
            waiting: VecDeque::new(),
            len: 0,
        }
    }

    /// Somebody opened a connection.
    pub(super) fn opened(&mut self, id: ConnectionId, network: Option<Origin>) {
        self.opened.insert(id, network);
    }

    /// It closed.
    pub(super) fn gone(&mut self, id: ConnectionId) {
        self.opened.remove(&id);
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.len = self.waiting.iter().map(|(_, queue)| queue.len()).sum();
    }

    /// Gives the message back if it is to be looked at now.
    pub(super) fn admit(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        message: E,
        now: Instant,
    ) -> Option<E> {
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == id);
        if at.is_none() && self.take(peer, id, now) {
            return Some(message);
        }
        if self.len >= MAX_WAITING_DHT_MESSAGES {
            return None;
        }
        let at = at.unwrap_or_else(|| {
            self.waiting.push_back((id, VecDeque::new()));
            self.waiting.len() - 1
        });
        let (_, queue) = &mut self.waiting[at];
        if queue.len() < MAX_WAITING_DHT_MESSAGES_OF_CONNECTION {
            queue.push_back((peer, message));
            self.len += 1;
        }
        None
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.len > 0
    }

    /// Those whose turn it is now: one of each connection after the other.
    pub(super) fn take_turns(&mut self, now: Instant) -> Vec<(PeerId, ConnectionId, E)> {
        let mut taken = Vec::new();
        let mut over = VecDeque::new();
        while let Some((id, mut queue)) = self.waiting.pop_front() {
            let next = queue.front().map(|(peer, _)| *peer);
            if next.is_some_and(|peer| self.take(peer, id, now)) {
                taken.extend(queue.pop_front().map(|(peer, message)| (peer, id, message)));
                if !queue.is_empty() {
                    self.waiting.push_back((id, queue));
                }
            } else {
                over.push_back((id, queue));
            }
        }
        self.waiting = over;
        self.len -= taken.len();
        taken
    }

    /// Whether a message is looked at.
    fn take(&mut self, peer: PeerId, id: ConnectionId, now: Instant) -> bool {
        let network = self.opened.get(&id).copied();
        let has_share = network.is_none_or(|network| self.of_networks.take(network, now));
        has_share && self.of_peers.take(peer, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn network(number: usize) -> Option<Origin> {
        Origin::of(&format!("/ip4/8.8.{number}.1/tcp/1").parse().unwrap())
    }

    #[test]
    fn no_crowd_keeps_others_from_being_heard() {
        let mut pace = Pace::new();
        let (honest, asked) = (PeerId::random(), PeerId::random());
        let crowd: Vec<_> = (0..320)
            .map(|number| (PeerId::random(), connection(number)))
            .collect();
        for (number, (_, id)) in crowd.iter().enumerate() {
            pace.opened(*id, network(number % 40));
        }
        let (stranger, ours) = (connection(1000), connection(1001));
        pace.opened(stranger, network(200));
        let mut now = Instant::now();
        for second in 0..3 {
            let mut heard = u32::try_from(pace.take_turns(now).len()).unwrap();
            for (peer, id) in &crowd {
                for _ in 0..300 {
                    heard += u32::from(pace.admit(*peer, *id, (), now).is_some());
                }
            }
            assert!(heard <= DHT_MESSAGES_A_SECOND, "{heard}");
            let of_stranger = (0..50).filter(|_| pace.admit(honest, stranger, (), now).is_some());
            let of_stranger = of_stranger.count();
            // The crowd is known for one by then.
            assert!(second == 0 || of_stranger == 50, "{of_stranger}");
            let of_asked = (0..500).filter(|_| pace.admit(asked, ours, (), now).is_some());
            assert_eq!(of_asked.count(), DHT_MESSAGES_OF_PEER_A_SECOND as usize);
            assert!(pace.len <= MAX_WAITING_DHT_MESSAGES, "{}", pace.len);
            for id in [stranger, ours] {
                pace.gone(id);
            }
            pace.opened(stranger, network(200));
            now += STRETCH;
        }
    }

    #[test]
    fn what_is_too_much_waits_and_keeps_its_order() {
        let mut pace = Pace::new();
        let (peer, id) = (PeerId::random(), connection(1));
        let mut now = Instant::now();
        let last = DHT_MESSAGES_OF_PEER_A_SECOND + 30;
        let mut heard: Vec<u32> = (0..last)
            .filter_map(|number| pace.admit(peer, id, number, now))
            .collect();
        assert_eq!(heard.len(), DHT_MESSAGES_OF_PEER_A_SECOND as usize);
        now += STRETCH;
        // Who waits is not overtaken.
        assert_eq!(pace.admit(peer, id, last, now), None);
        heard.extend(
            pace.take_turns(now)
                .into_iter()
                .map(|(_, _, number)| number),
        );
        assert!(heard.iter().copied().eq(0..=last));
        assert!(!pace.is_waiting());
        for number in 0..10_000 {
            let _ = pace.admit(peer, id, number, now);
        }
        assert_eq!(pace.len, MAX_WAITING_DHT_MESSAGES_OF_CONNECTION);
        pace.gone(id);
        assert!(!pace.is_waiting() && pace.opened.is_empty());
    }
}
