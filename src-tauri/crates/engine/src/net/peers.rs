//! The peers that are connected now: by which addresses, what they run, how far they are. Forgotten when they leave.

use std::collections::HashMap;
use std::time::Duration;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::PeerInfo;

/// Characters kept of what a peer says it is.
const MAX_AGENT_CHARS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Peers(HashMap<PeerId, Peer>);

#[derive(Debug, Default)]
struct Peer {
    connections: HashMap<ConnectionId, Connection>,
    agent: Option<String>,
    rtt: Option<Duration>,
}

#[derive(Debug)]
struct Connection {
    address: Multiaddr,
    inbound: bool,
}

impl Peers {
    pub(crate) fn connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let connection = Connection {
            address: endpoint.get_remote_address().clone(),
            inbound: endpoint.is_listener(),
        };
        let peer = self.0.entry(peer).or_default();
        peer.connections.insert(id, connection);
    }

    pub(crate) fn disconnected(&mut self, peer: &PeerId, id: ConnectionId) {
        let Some(known) = self.0.get_mut(peer) else {
            return;
        };
        known.connections.remove(&id);
        if known.connections.is_empty() {
            self.0.remove(peer);
        }
    }

    /// `agent` is a stranger's text: it is cut, and control characters are taken out.
    pub(crate) fn identified(&mut self, peer: &PeerId, agent: &str) {
        if let Some(known) = self.0.get_mut(peer) {
            let clean = agent.chars().filter(|char| !char.is_control());
            known.agent = Some(clean.take(MAX_AGENT_CHARS).collect());
        }
    }

    pub(crate) fn pinged(&mut self, peer: &PeerId, rtt: Duration) {
        if let Some(known) = self.0.get_mut(peer) {
            known.rtt = Some(rtt);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn infos(&self) -> Vec<PeerInfo> {
        let info = |(id, peer): (&PeerId, &Peer)| PeerInfo {
            peer: *id,
            agent: peer.agent.clone(),
            addresses: peer
                .connections
                .values()
                .map(|connection| connection.address.clone())
                .collect(),
            inbound: peer.connections.values().all(|known| known.inbound),
            rtt: peer.rtt,
        };
        self.0.iter().map(info).collect()
    }
}
