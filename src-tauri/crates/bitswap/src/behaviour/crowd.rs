//! Who has to make way when connections hold too many bytes of messages that are not whole: those of
//! whom nothing was asked are bounded together, whoever holds the most goes first. What was asked
//! for is bounded by what we ask for; those who hold far more than that make way, too.

use std::cmp::Reverse;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::Behaviour;
use crate::limits::{MAX_UNFINISHED_BYTES, TOO_MANY_UNFINISHED_BYTES};

/// Bytes that a connection holds.
type Holder = (u64, PeerId, ConnectionId);

impl Behaviour {
    /// Closes connections until what the others hold is bearable.
    pub(super) fn make_way(&mut self, now: Instant) {
        let (mut expected, mut others) = (Vec::new(), Vec::new());
        for (peer, state) in &self.peers {
            let held = state.links.iter().filter_map(|link| {
                let bytes = link.unfinished.as_ref()?.get();
                (bytes > 0).then_some((bytes, *peer, link.id))
            });
            if self.client.expects(peer, now) {
                expected.extend(held);
            } else {
                others.extend(held);
            }
        }
        self.relieve(others, MAX_UNFINISHED_BYTES);
        self.relieve(expected, TOO_MANY_UNFINISHED_BYTES);
    }

    fn relieve(&mut self, mut holders: Vec<Holder>, most: u64) {
        let mut all: u64 = holders.iter().map(|(bytes, ..)| bytes).sum();
        holders.sort_unstable_by_key(|(bytes, ..)| Reverse(*bytes));
        for (bytes, peer, id) in holders {
            if all <= most {
                return;
            }
            tracing::debug!(%peer, bytes, "holds memory that others need");
            self.close(peer, id);
            all -= bytes;
        }
    }
}
