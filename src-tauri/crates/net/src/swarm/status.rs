//! Gathers what the rooms know into the network's [`Status`].

use std::collections::BTreeSet;

use libp2p::PeerId;
use libp2p::kad::Mode;

use super::Network;
use crate::address::is_relayed;
use crate::dht::find::DhtKind;
use crate::dht::routing;
use crate::listen;
use crate::status::Status;

impl Network {
    pub(super) fn status(&mut self) -> Status {
        let peer = *self.swarm.local_peer_id();
        let own = self
            .swarm
            .listeners()
            .filter(|address| !is_relayed(address));
        let listen = listen::presentable(own, peer);
        let external = listen::presentable(self.swarm.external_addresses(), peer);
        let here = self.here();
        let ladder = self.reachability.ladder(&here);
        let nearby = self.nearby();
        let mut kads = self.swarm.behaviour_mut().kads();
        let lan_peers = kads.get(DhtKind::Local).map(routing::size);
        let kad = kads.public;
        let dht_server = kad.as_ref().is_some_and(|kad| kad.mode() == Mode::Server);
        Status {
            peer,
            listen,
            external,
            peers: self.connections.peers.len(),
            dht_peers: kad.map(routing::size),
            lan_peers,
            dht_server,
            reachability: ladder.reachability(),
            rungs: ladder.rungs(),
            nearby,
            router: ladder.ports.as_ref().and_then(|ports| ports.router.clone()),
            mappings: ladder.ports.map(|ports| ports.mappings).unwrap_or_default(),
            relays: ladder.relays.unwrap_or_default(),
            addresses: self.reachability.address_checks(&here),
            check: self.reachability.last_check(),
            private_network: self.key.is_set(),
            services: self.web.statuses(),
            fault: self.lasting.fault.clone(),
        }
    }

    /// Devices that made themselves known on this network, and connected ones with an address of
    /// it.
    pub(super) fn nearby(&self) -> Vec<(PeerId, Option<String>)> {
        if self.reachability.is_this_machine_only() {
            return Vec::new();
        }
        let mut nearby: BTreeSet<PeerId> = self.connections.peers.nearby().collect();
        nearby.extend(self.local.devices.peers());
        let agent = |peer| (peer, self.connections.peers.agent(&peer));
        nearby.into_iter().map(agent).collect()
    }
}
