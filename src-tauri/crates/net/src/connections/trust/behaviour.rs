//! Trust in the swarm: trusted peers are dialled and kept alive; the blocklist, peers and networks,
//! is refused before anything is spoken.
//!
//! A connection from a blocked network is refused when it arrives; one of a blocked peer as soon as
//! the handshake has told whose it is. A peer that gets on the blocklist while it is connected is
//! disconnected. A connection begun under another network key is refused however far it got.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::DeniedUpgrade;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::handler::ConnectionEvent;
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId,
    FromSwarm, NetworkBehaviour, NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Sleep;

use super::Trusted;
use crate::address::DialPolicy;

/// Why a connection is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the person keeps away from this peer")]
    Peer,
    #[error("the person keeps away from this network")]
    Network,
    #[error("begun under another network key")]
    OtherKey,
}

/// Something for the rest of the network to do.
#[derive(Debug)]
pub(crate) enum Event {
    /// A trusted peer is not where it was: others may know where it is.
    Missing(PeerId),
}

#[derive(Debug)]
pub(crate) struct Behaviour {
    trusted: Trusted,
    blocked: HashSet<PeerId>,
    policy: DialPolicy,
    connections: HashMap<PeerId, HashMap<ConnectionId, Multiaddr>>,
    /// Connections before this one were begun under another key.
    first: ConnectionId,
    actions: VecDeque<ToSwarm<Event, bool>>,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(policy: DialPolicy) -> Self {
        Self {
            trusted: Trusted::default(),
            blocked: HashSet::new(),
            policy,
            connections: HashMap::new(),
            first: ConnectionId::new_unchecked(0),
            actions: VecDeque::new(),
            timer: None,
            waker: None,
        }
    }

    /// These are trusted from now on, and no others. Gives those that came or went.
    pub(crate) fn trust(&mut self, peers: &[Multiaddr]) -> BTreeSet<PeerId> {
        let connected = |peer: &PeerId| self.connections.contains_key(peer);
        let changed = self.trusted.set(peers, connected, Instant::now());
        for peer in &changed {
            let keep_alive = self.trusted.contains(peer);
            for id in self
                .connections
                .get(peer)
                .into_iter()
                .flat_map(HashMap::keys)
            {
                self.actions.push_back(ToSwarm::NotifyHandler {
                    peer_id: *peer,
                    handler: NotifyHandler::One(*id),
                    event: keep_alive,
                });
            }
        }
        self.wake();
        changed
    }

    pub(crate) fn is_trusted(&self, peer: &PeerId) -> bool {
        self.trusted.contains(peer)
    }

    pub(crate) fn trusted(&self) -> impl Iterator<Item = PeerId> {
        self.trusted.peers()
    }

    /// Keeps away from these peers, and no others, from now on. Blocked networks are read from
    /// [`DialPolicy`].
    pub(crate) fn block(&mut self, peers: &[PeerId]) {
        self.blocked = peers.iter().copied().collect();
        for (peer, connections) in &self.connections {
            for (id, address) in connections {
                if self.blocked.contains(peer) || self.policy.is_blocked(address) {
                    self.actions.push_back(ToSwarm::CloseConnection {
                        peer_id: *peer,
                        connection: CloseConnection::One(*id),
                    });
                }
            }
        }
        self.wake();
    }

    pub(crate) fn is_blocked(&self, peer: &PeerId) -> bool {
        self.blocked.contains(peer)
    }

    /// Connections begun until now don't count any more, even if they aren't there yet.
    pub(crate) fn renounce_earlier(&mut self) {
        self.first = DialOpts::from(Multiaddr::empty()).connection_id();
    }

    /// Others say that a trusted peer is there.
    pub(crate) fn found(&mut self, peer: &PeerId, addresses: Vec<Multiaddr>) {
        self.trusted.found(peer, addresses, Instant::now());
        self.wake();
    }

    /// This machine is on another network now: trusted peers that aren't connected are dialled at
    /// once.
    pub(crate) fn retry_now(&mut self) {
        self.trusted.retry_now(Instant::now());
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn check(&self, id: ConnectionId, peer: &PeerId, address: &Multiaddr) -> Result<(), Refused> {
        if self.blocked.contains(peer) {
            return Err(Refused::Peer);
        }
        if self.policy.is_blocked(address) {
            return Err(Refused::Network);
        }
        if id < self.first {
            return Err(Refused::OtherKey);
        }
        Ok(())
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        let keep_alive = self.trusted.contains(peer);
        Handler { keep_alive }
    }

    fn dial(&mut self, now: Instant) -> Option<DialOpts> {
        let peer = self.trusted.next(now)?;
        let options = DialOpts::peer_id(peer).condition(PeerCondition::DisconnectedAndNotDialing);
        Some(options.build())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if self.policy.is_blocked(remote) {
            return Err(ConnectionDenied::new(Refused::Network));
        }
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(id, &peer, remote)
            .map_err(ConnectionDenied::new)?;
        Ok(self.handler(&peer))
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let Some(peer) = peer else {
            return Ok(Vec::new());
        };
        if self.blocked.contains(&peer) {
            return Err(ConnectionDenied::new(Refused::Peer));
        }
        Ok(self.trusted.addresses(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(id, &peer, address)
            .map_err(ConnectionDenied::new)?;
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let now = Instant::now();
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let address = endpoint.get_remote_address().clone();
                let connections = self.connections.entry(peer_id).or_default();
                connections.insert(connection_id, address);
                self.trusted.connected(&peer_id, now);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                connection_id,
                ..
            }) => {
                if let Some(connections) = self.connections.get_mut(&peer_id) {
                    connections.remove(&connection_id);
                    if connections.is_empty() {
                        self.connections.remove(&peer_id);
                        self.trusted.lost(&peer_id, now);
                        self.wake();
                    }
                }
            }
            FromSwarm::DialFailure(DialFailure {
                peer_id: Some(peer),
                ..
            }) => {
                if self.trusted.failed(&peer, now) {
                    let missing = ToSwarm::GenerateEvent(Event::Missing(peer));
                    self.actions.push_back(missing);
                }
                self.wake();
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Poll::Ready(action);
            }
            if let Some(opts) = self.dial(Instant::now()) {
                return Poll::Ready(ToSwarm::Dial { opts });
            }
            self.waker = Some(cx.waker().clone());
            let Some(at) = self.trusted.next_at() else {
                self.timer = None;
                return Poll::Pending;
            };
            let (set, timer) = self
                .timer
                .get_or_insert_with(|| (at, Box::pin(tokio::time::sleep_until(at.into()))));
            if *set != at {
                *set = at;
                timer.as_mut().reset(at.into());
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// Keeps a connection with a trusted peer open, used or not.
#[derive(Debug)]
pub(crate) struct Handler {
    keep_alive: bool,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = bool;
    type ToBehaviour = Infallible;
    type InboundProtocol = DeniedUpgrade;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(DeniedUpgrade, ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.keep_alive
    }

    fn on_behaviour_event(&mut self, keep_alive: bool) {
        self.keep_alive = keep_alive;
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        _: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
    }
}
