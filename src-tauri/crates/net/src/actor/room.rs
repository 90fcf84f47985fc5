//! Room for new connections. A search of the DHT opens dozens, which nobody needs a moment later; where all places are taken by
//! such, the next search and the next download would find every door closed until they time out.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::Actor;

/// In a question that was just asked the answer may still come.
const MOMENT: Duration = Duration::from_secs(2);

impl Actor {
    /// When three quarters of all places are taken, those that nobody has use for are closed until half are.
    pub(super) fn make_room(&mut self) {
        let (taken, all) = (self.peers.len(), self.max_connections as usize);
        if taken < all * 3 / 4 {
            return;
        }
        let stats = self.swarm.behaviour().bitswap.peer_stats();
        let exchanging: HashSet<PeerId> = stats
            .iter()
            .filter(|stats| stats.bytes_sent + stats.bytes_received > 0 || stats.wants > 0)
            .map(|stats| stats.peer)
            .collect();
        let Some(moment) = Instant::now().checked_sub(MOMENT) else {
            return;
        };
        let is_needed = |peer: &PeerId| {
            self.is_trusted(peer)
                || self.sessions.uses(peer)
                || self.reachability.uses_relay(peer)
                || exchanging.contains(peer)
        };
        let mut spare = self.peers.dialled_before(moment);
        spare.retain(|peer| !is_needed(peer));
        for peer in spare.into_iter().take(taken - all / 2) {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }
}
