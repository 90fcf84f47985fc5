//! The peers that are connected now: by which addresses, what they run, how far they are. Forgotten when they leave.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bitswap::PeerStats;
use if_watch::IpNet;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::PeerInfo;
use super::address::{self, Scope};

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
    relayed: bool,
    since: Instant,
    /// Where the other end got through to, if it came to us.
    local: Option<Multiaddr>,
    /// When it last answered a ping; none: it answers none.
    heard: Option<Instant>,
}

/// A relayed connection to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relayed {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    /// A direct connection stands.
    pub(crate) is_replaced: bool,
}

fn local_of(endpoint: &ConnectedPoint) -> Option<Multiaddr> {
    match endpoint {
        ConnectedPoint::Listener { local_addr, .. } => Some(local_addr.clone()),
        ConnectedPoint::Dialer { .. } => None,
    }
}

impl Connection {
    fn is_near(&self) -> bool {
        address::scope(&self.address) == Scope::Private
    }
}

impl Peer {
    fn is_direct(&self) -> bool {
        self.connections
            .values()
            .any(|connection| !connection.relayed)
    }
}

impl Peers {
    pub(crate) fn connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let connection = Connection {
            address: endpoint.get_remote_address().clone(),
            inbound: endpoint.is_listener(),
            relayed: endpoint.is_relayed(),
            since: Instant::now(),
            local: local_of(endpoint),
            heard: Some(Instant::now()),
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

    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    /// It is connected, and not over a relay alone.
    pub(crate) fn is_direct(&self, peer: &PeerId) -> bool {
        self.0.get(peer).is_some_and(Peer::is_direct)
    }

    /// It is connected straight over TCP, or over QUIC.
    pub(crate) fn is_connected_over(&self, peer: &PeerId, tcp: bool) -> bool {
        let connections = self
            .0
            .get(peer)
            .into_iter()
            .flat_map(|peer| peer.connections.values());
        let mut direct = connections.filter(|known| !known.relayed);
        direct.any(|known| address::is_tcp(&known.address) == tcp)
    }

    pub(crate) fn any_relayed(&self) -> bool {
        let mut connections = self.0.values().flat_map(|peer| peer.connections.values());
        connections.any(|connection| connection.relayed)
    }

    /// Relayed connections that have had their time, `patience`, and those that a direct one, which has had `rest`, has replaced.
    pub(crate) fn relayed(&self, now: Instant, rest: Duration, patience: Duration) -> Vec<Relayed> {
        let mut done = Vec::new();
        for (peer, state) in &self.0 {
            let age = |known: &Connection| now.saturating_duration_since(known.since);
            let mut direct = state.connections.values().filter(|known| !known.relayed);
            let is_replaced = direct.any(|known| age(known) >= rest);
            for (connection, known) in &state.connections {
                if known.relayed && (is_replaced || age(known) >= patience) {
                    done.push(Relayed {
                        peer: *peer,
                        connection: *connection,
                        is_replaced: state.is_direct(),
                    });
                }
            }
        }
        done
    }

    /// Where the peer is to whom we opened that connection; `None`: it was opened by the peer, or goes over a relay.
    pub(crate) fn dialled(&self, peer: &PeerId, id: ConnectionId) -> Option<IpAddr> {
        let known = self.0.get(peer)?.connections.get(&id)?;
        if known.inbound || known.relayed {
            return None;
        }
        address::ip(&known.address)
    }

    pub(crate) fn pinged(&mut self, peer: &PeerId, id: ConnectionId, rtt: Duration) {
        if let Some(known) = self.0.get_mut(peer) {
            known.rtt = Some(rtt);
            if let Some(connection) = known.connections.get_mut(&id) {
                connection.heard = Some(Instant::now());
            }
        }
    }

    pub(crate) fn agent(&self, peer: &PeerId) -> Option<String> {
        self.0.get(peer)?.agent.clone()
    }

    /// It doesn't know what a ping is.
    pub(crate) fn answers_no_pings(&mut self, peer: &PeerId, id: ConnectionId) {
        let known = self.0.get_mut(peer);
        if let Some(connection) = known.and_then(|peer| peer.connections.get_mut(&id)) {
            connection.heard = None;
        }
    }

    /// Connections that have answered nothing since then.
    pub(crate) fn silent_since(&self, then: Instant) -> Vec<ConnectionId> {
        self.those(|connection| connection.heard.is_some_and(|at| at < then))
    }

    /// Connections that hang on an address of this machine's, or lead into its network.
    pub(crate) fn through(&self, network: &IpNet) -> Vec<ConnectionId> {
        self.those(|connection| {
            let local = connection.local.as_ref().and_then(address::ip);
            let remote = address::ip(&connection.address);
            local == Some(network.addr()) || remote.is_some_and(|ip| network.contains(&ip))
        })
    }

    fn those(&self, fits: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        let connections = self.0.values().flat_map(|peer| &peer.connections);
        let those = connections.filter(|(_, connection)| fits(connection));
        those.map(|(id, _)| *id).collect()
    }

    /// Peers out there to whom we opened every connection, the one that is connected longest first; not those of the last moment.
    pub(crate) fn dialled_before(&self, moment: Instant) -> Vec<PeerId> {
        let mut dialled: Vec<(Instant, PeerId)> = Vec::new();
        for (id, peer) in &self.0 {
            let mut connections = peer.connections.values();
            if connections.all(|known| !known.inbound && !known.relayed && !known.is_near())
                && let Some(since) = peer.connections.values().map(|known| known.since).max()
                && since < moment
            {
                dialled.push((since, *id));
            }
        }
        dialled.sort_unstable();
        dialled.into_iter().map(|(_, peer)| peer).collect()
    }

    /// Those that are connected at a private address.
    pub(crate) fn nearby(&self) -> impl Iterator<Item = PeerId> {
        let is_near = |peer: &Peer| {
            let mut connections = peer.connections.values();
            connections.any(|known| !known.relayed && known.is_near())
        };
        let near = self.0.iter().filter(move |(_, peer)| is_near(peer));
        near.map(|(id, _)| *id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `stats`: what was exchanged with them.
    pub(crate) fn infos(
        &self,
        stats: &[PeerStats],
        trusted: impl Fn(&PeerId) -> bool,
    ) -> Vec<PeerInfo> {
        let stats: HashMap<PeerId, &PeerStats> =
            stats.iter().map(|stats| (stats.peer, stats)).collect();
        let info = |(id, peer): (&PeerId, &Peer)| PeerInfo {
            peer: *id,
            agent: peer.agent.clone(),
            addresses: peer
                .connections
                .values()
                .map(|connection| connection.address.clone())
                .collect(),
            inbound: peer.connections.values().all(|known| known.inbound),
            trusted: trusted(id),
            rtt: peer.rtt,
            sent: stats.get(id).map_or(0, |stats| stats.bytes_sent),
            received: stats.get(id).map_or(0, |stats| stats.bytes_received),
        };
        self.0.iter().map(info).collect()
    }
}
