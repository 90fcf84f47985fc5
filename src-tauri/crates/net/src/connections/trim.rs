//! Trimming, the connection manager's prune: places for new connections. A search of the DHT opens
//! dozens that have no use a moment later; where such connections take all places, the next search
//! and the next download fail until they time out.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bitswap::PeerStats;
use libp2p::PeerId;

use super::Connections;

/// In a question that was just asked the answer may still come.
const MOMENT: Duration = Duration::from_secs(2);

impl Connections {
    /// Three quarters of all places are taken.
    pub(crate) fn is_to_be_trimmed(&self) -> bool {
        self.peers.len() >= self.max * 3 / 4
    }

    /// Connections without use, to be closed until half of all places are taken.
    pub(crate) fn spare(
        &self,
        now: Instant,
        stats: &[PeerStats],
        is_needed: impl Fn(&PeerId) -> bool,
    ) -> Vec<PeerId> {
        let exchanging: HashSet<PeerId> = stats
            .iter()
            .filter(|stats| stats.bytes_sent + stats.bytes_received > 0 || stats.wants > 0)
            .map(|stats| stats.peer)
            .collect();
        let Some(moment) = now.checked_sub(MOMENT) else {
            return Vec::new();
        };
        let mut spare = self.peers.dialled_before(moment);
        spare.retain(|peer| !is_needed(peer) && !exchanging.contains(peer));
        spare.truncate(self.peers.len().saturating_sub(self.max / 2));
        spare
    }
}
