//! This network's own DHT, `/ipfs/lan/kad/1.0.0`, as Kubo has it beside the public one: its peers
//! are dialled at private addresses only.
//!
//! It is the usual DHT behind a fence. Only connections at addresses of this machine's own networks
//! speak its protocol, so nobody from outside can ask who shares what at home. What it announces
//! are those addresses and no others: the swarm's external ones are not told to it. It always runs
//! as a server, since every peer that can ask it can reach us.

use std::collections::HashMap;
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad::{self, Mode};
use libp2p::swarm::behaviour::{
    ConnectionClosed, ConnectionEstablished, ExternalAddrConfirmed, ExternalAddrExpired,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::DialPolicy;
use crate::dht::paced::Paced;
use crate::dht::records::ProviderStore;

pub(crate) struct LanDht {
    pub(crate) kad: Paced,
    policy: DialPolicy,
    /// Connections within the fence.
    near: HashMap<PeerId, Vec<ConnectionId>>,
    /// Where devices of this network reach us.
    own_addresses: Vec<Multiaddr>,
}

impl LanDht {
    pub(crate) fn new(mut kad: kad::Behaviour<ProviderStore>, policy: DialPolicy) -> Self {
        kad.set_mode(Some(Mode::Server));
        Self {
            kad: Paced::new(kad),
            policy,
            near: HashMap::new(),
            own_addresses: Vec::new(),
        }
    }

    pub(crate) fn own_addresses(&self) -> &[Multiaddr] {
        &self.own_addresses
    }

    /// Where devices of this network reach us, from now on.
    pub(crate) fn set_own_addresses(&mut self, addresses: Vec<Multiaddr>) {
        for addr in &self.own_addresses {
            if !addresses.contains(addr) {
                let gone = ExternalAddrExpired { addr };
                self.kad
                    .on_swarm_event(FromSwarm::ExternalAddrExpired(gone));
            }
        }
        for addr in &addresses {
            if !self.own_addresses.contains(addr) {
                let new = ExternalAddrConfirmed { addr };
                self.kad
                    .on_swarm_event(FromSwarm::ExternalAddrConfirmed(new));
            }
        }
        self.kad
            .kad
            .store_mut()
            .set_own_addresses(addresses.clone());
        self.own_addresses = addresses;
    }

    fn is_near(&self, peer: &PeerId, id: ConnectionId) -> bool {
        let near = self.near.get(peer);
        near.is_some_and(|connections| connections.contains(&id))
    }

    /// How many connections with the peer are within the fence, beside this one.
    fn others(&self, peer: &PeerId, id: ConnectionId) -> usize {
        let near = self.near.get(peer).map_or(&[][..], Vec::as_slice);
        near.iter().filter(|other| **other != id).count()
    }

    fn connected(&mut self, peer: PeerId, id: ConnectionId) {
        self.near.entry(peer).or_default().push(id);
    }

    fn disconnected(&mut self, peer: &PeerId, id: ConnectionId) {
        if let Some(connections) = self.near.get_mut(peer) {
            connections.retain(|other| *other != id);
            if connections.is_empty() {
                self.near.remove(peer);
            }
        }
    }
}

impl NetworkBehaviour for LanDht {
    type ConnectionHandler = Either<THandler<Paced>, dummy::ConnectionHandler>;
    type ToSwarm = kad::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.policy.is_near(remote) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self
            .kad
            .handle_established_inbound_connection(id, peer, local, remote)?;
        self.connected(peer, id);
        Ok(Either::Left(handler))
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let mut known = self
            .kad
            .handle_pending_outbound_connection(id, peer, addresses, role)?;
        known.retain(|address| self.policy.is_near(address));
        self.policy.hear_nearby(&known);
        Ok(known)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.policy.is_near(remote) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self
            .kad
            .handle_established_outbound_connection(id, peer, remote, role, port)?;
        self.connected(peer, id);
        Ok(Either::Left(handler))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ExternalAddrConfirmed(_) | FromSwarm::ExternalAddrExpired(_) => {}
            FromSwarm::ConnectionEstablished(event) => {
                let (peer, id) = (event.peer_id, event.connection_id);
                if self.is_near(&peer, id) {
                    let other_established = self.others(&peer, id);
                    let event = ConnectionEstablished {
                        other_established,
                        ..event
                    };
                    self.kad
                        .on_swarm_event(FromSwarm::ConnectionEstablished(event));
                }
            }
            FromSwarm::ConnectionClosed(event) => {
                let (peer, id) = (event.peer_id, event.connection_id);
                if self.is_near(&peer, id) {
                    self.disconnected(&peer, id);
                    let remaining_established = self.others(&peer, id);
                    let event = ConnectionClosed {
                        remaining_established,
                        ..event
                    };
                    self.kad.on_swarm_event(FromSwarm::ConnectionClosed(event));
                }
            }
            other => self.kad.on_swarm_event(other),
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        let Either::Left(event) = event;
        self.kad.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        while let Poll::Ready(event) = self.kad.poll(context) {
            let event = match event {
                // Any would be drawn from all connections, of which some have no ear for it.
                ToSwarm::NotifyHandler {
                    peer_id,
                    handler: NotifyHandler::Any,
                    event,
                } => {
                    let near = self.near.get(&peer_id).and_then(|near| near.first());
                    let Some(id) = near else { continue };
                    ToSwarm::NotifyHandler {
                        peer_id,
                        handler: NotifyHandler::One(*id),
                        event,
                    }
                }
                other => other,
            };
            return Poll::Ready(event.map_in(Either::Left));
        }
        Poll::Pending
    }
}
