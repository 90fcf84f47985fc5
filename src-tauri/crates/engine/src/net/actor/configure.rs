//! Other settings while it runs: what changed is applied, and nothing else is touched.

use libp2p::{Multiaddr, PeerId};

use super::Actor;
use crate::net::{NetConfig, address};

impl Actor {
    pub(super) fn configure(&mut self, config: NetConfig) {
        let behaviour = self.swarm.behaviour_mut();
        behaviour.crowd.set_max(config.max_connections_of_network);
        self.trust(&config.trusted);
        self.relays.choose(&config.relays);
        self.uses_relays = config.relay;
        self.use_router(config.nat && !self.this_machine_only);
        self.update_reach();
    }

    /// From now on these are trusted, and no others.
    pub(super) fn trust(&mut self, peers: &[Multiaddr]) {
        let peers = peers.iter().cloned();
        self.trusted = peers
            .filter_map(|address| address::split_peer(address).1)
            .collect();
    }

    pub(super) fn is_trusted(&self, peer: &PeerId) -> bool {
        self.trusted.contains(peer)
    }
}
