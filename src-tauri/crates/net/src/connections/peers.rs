//! The peers that are connected now: by which addresses, what they run, how far they are. Forgotten
//! when they leave.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

use bitswap::PeerStats;
use if_watch::IpNet;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use crate::PeerInfo;
use crate::address::{self, Scope};

/// Characters kept of what a peer says it is.
const MAX_AGENT_CHARS: usize = 64;
/// Any will do where the port doesn't matter; 0 is not a target everywhere.
const SOME_PORT: u16 = 9;

#[derive(Debug, Default)]
pub(crate) struct Peers(HashMap<PeerId, Peer>);

#[derive(Debug, Default)]
struct Peer {
    connections: HashMap<ConnectionId, Connection>,
    agent: Option<String>,
    rtt: Option<Duration>,
    /// Bytes exchanged with it when one of its connections was first found silent.
    moved: Option<u64>,
}

#[derive(Debug)]
struct Connection {
    address: Multiaddr,
    inbound: bool,
    relayed: bool,
    since: Instant,
    /// The address of this machine that it hangs on.
    local: Option<IpAddr>,
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

fn local_of(endpoint: &ConnectedPoint) -> Option<IpAddr> {
    match endpoint {
        ConnectedPoint::Listener { local_addr, .. } => address::ip(local_addr),
        ConnectedPoint::Dialer { address, .. } => from_where(address::ip(address)?),
    }
}

/// The address from which this machine sends to that one now. Nothing is sent: a UDP socket that
/// has a target only picks its way.
fn from_where(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((target, SOME_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
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

    /// Relayed connections that are older than `punch_time`, and those that a direct connection,
    /// older than `settling`, has replaced.
    pub(crate) fn relayed(
        &self,
        now: Instant,
        settling: Duration,
        punch_time: Duration,
    ) -> Vec<Relayed> {
        let mut done = Vec::new();
        for (peer, state) in &self.0 {
            let age = |known: &Connection| now.saturating_duration_since(known.since);
            let mut direct = state.connections.values().filter(|known| !known.relayed);
            let is_replaced = direct.any(|known| age(known) >= settling);
            for (connection, known) in &state.connections {
                if known.relayed && (is_replaced || age(known) >= punch_time) {
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

    /// That connection goes over a relay, is older than `punch_time`, and there is no direct
    /// connection.
    pub(crate) fn is_still_relayed(
        &self,
        peer: &PeerId,
        id: ConnectionId,
        now: Instant,
        punch_time: Duration,
    ) -> bool {
        let Some(state) = self.0.get(peer).filter(|state| !state.is_direct()) else {
            return false;
        };
        let known = state.connections.get(&id);
        known.is_some_and(|known| {
            known.relayed && now.saturating_duration_since(known.since) >= punch_time
        })
    }

    /// Where the peer is to whom we opened that connection; `None`: it was opened by the peer, or
    /// goes over a relay.
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

    /// Those of them over which nothing has moved either since this was last asked: where a line is
    /// slow, an answer may wait for long behind what is under way. `moved` says how many bytes were
    /// exchanged with a peer so far.
    pub(crate) fn dead_since(
        &mut self,
        then: Instant,
        moved: impl Fn(&PeerId) -> u64,
    ) -> Vec<ConnectionId> {
        let mut dead = Vec::new();
        for (id, peer) in &mut self.0 {
            let is_silent = |connection: &Connection| connection.heard.is_some_and(|at| at < then);
            let silent = peer.connections.iter();
            let silent: Vec<ConnectionId> = silent
                .filter(|(_, connection)| is_silent(connection))
                .map(|(id, _)| *id)
                .collect();
            let now = (!silent.is_empty()).then(|| moved(id));
            if std::mem::replace(&mut peer.moved, now) == now {
                dead.extend(silent);
            }
        }
        dead
    }

    /// Connections that hang on an address of this machine's, or lead into its network.
    pub(crate) fn through(&self, network: &IpNet) -> Vec<ConnectionId> {
        self.those(|connection| {
            let remote = address::ip(&connection.address);
            connection.local == Some(network.addr())
                || remote.is_some_and(|ip| network.contains(&ip))
        })
    }

    fn those(&self, fits: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        let connections = self.0.values().flat_map(|peer| &peer.connections);
        let those = connections.filter(|(_, connection)| fits(connection));
        those.map(|(id, _)| *id).collect()
    }

    /// Peers out there to whom we opened every connection, the one that is connected longest first;
    /// not those of the last moment.
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

    /// Where it is connected straight.
    pub(crate) fn direct_addresses(&self, peer: &PeerId) -> impl Iterator<Item = &Multiaddr> {
        let connections = self.0.get(peer).into_iter();
        let connections = connections.flat_map(|peer| peer.connections.values());
        let direct = connections.filter(|known| !known.relayed);
        direct.map(|known| &known.address)
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

#[cfg(test)]
mod tests {
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    use super::*;

    fn to(address: &str) -> ConnectedPoint {
        ConnectedPoint::Dialer {
            address: address.parse().unwrap(),
            role_override: Endpoint::Dialer,
            port_use: PortUse::Reuse,
        }
    }

    #[test]
    fn who_is_silent_is_dead_unless_something_moves() {
        let mut peers = Peers::default();
        let [one, other] = [(); 2].map(|()| PeerId::random());
        let [first, second] = [1, 2].map(ConnectionId::new_unchecked);
        for (peer, id) in [(one, first), (other, second)] {
            peers.connected(peer, id, &to("/ip4/127.0.0.1/tcp/1"));
        }
        let before = Instant::now();
        peers.answers_no_pings(&other, second);
        for (moved, dead) in [(5, &[][..]), (6, &[]), (6, &[first])] {
            assert_eq!(peers.dead_since(before, |_| moved), dead);
        }
        peers.pinged(&one, first, Duration::ZERO);
        assert_eq!(peers.dead_since(before, |_| 6), []);
    }

    #[test]
    fn whoever_stays_relayed_for_long_cannot_be_reached() {
        let relay = PeerId::random();
        let [relayed, direct] = [1, 2].map(ConnectionId::new_unchecked);
        let peer = PeerId::random();
        let mut peers = Peers::default();
        let over_relay = format!("/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit");
        peers.connected(peer, relayed, &to(&over_relay));
        let punch_time = Duration::from_secs(18);
        let (soon, late) = (Instant::now(), Instant::now() + punch_time);
        assert!(!peers.is_still_relayed(&peer, relayed, soon, punch_time));
        assert!(peers.is_still_relayed(&peer, relayed, late, punch_time));
        peers.connected(peer, direct, &to("/ip4/127.0.0.1/tcp/1"));
        assert!(!peers.is_still_relayed(&peer, relayed, late, punch_time));
        assert!(!peers.is_still_relayed(&peer, direct, late, punch_time));
    }

    #[test]
    fn a_connection_that_we_opened_hangs_on_the_address_from_which_it_goes() {
        let mut peers = Peers::default();
        let id = ConnectionId::new_unchecked(1);
        peers.connected(PeerId::random(), id, &to("/ip4/127.0.0.2/tcp/1"));
        let own = |address: &str| format!("{address}/32").parse().unwrap();
        assert_eq!(peers.through(&own("127.0.0.1")), [id]);
        assert_eq!(peers.through(&own("127.0.0.3")), []);
    }
}
