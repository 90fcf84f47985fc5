//! A limit for each subnet, against Sybil and eclipse attacks, in which one network takes all
//! places: connections that others open are bounded for each network that they come from.
//!
//! A /24 of IPv4 or a /56 of IPv6 is what one customer gets; a customer with many addresses must
//! not shut all other peers out, nor must one device in a private network. What comes from this
//! machine is not counted. Trusted peers are always let in: while there are any, a few connections
//! more may finish their handshake, which tells whose they are.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::Origin;
use crate::limits::HANDSHAKES_FOR_TRUSTED;

#[derive(Debug, thiserror::Error)]
#[error("too many connections from one network")]
pub(crate) struct TooMany;

/// Counts inbound connections by network, from the moment they are accepted.
#[derive(Debug)]
pub(crate) struct Behaviour {
    max: u32,
    of_network: HashMap<Origin, u32>,
    counted: HashMap<ConnectionId, Origin>,
    trusted: HashSet<PeerId>,
}

impl Behaviour {
    /// `max` connections that others open from one network.
    pub(crate) fn new(max: u32) -> Self {
        Self {
            max,
            of_network: HashMap::new(),
            counted: HashMap::new(),
            trusted: HashSet::new(),
        }
    }

    /// Connections that stand already stay.
    pub(crate) fn set_max(&mut self, max: u32) {
        self.max = max;
    }

    /// These come in however many are there.
    pub(crate) fn set_trusted(&mut self, trusted: HashSet<PeerId>) {
        self.trusted = trusted;
    }

    /// After the handshake, which told whose connection it is.
    fn admit(&self, id: ConnectionId, peer: &PeerId) -> Result<(), TooMany> {
        let network = self.counted.get(&id);
        let count = network.and_then(|network| self.of_network.get(network));
        let is_over = count.is_some_and(|count| *count > self.max);
        if is_over && !self.trusted.contains(peer) {
            return Err(TooMany);
        }
        Ok(())
    }

    fn count(&mut self, id: ConnectionId, remote: &Multiaddr) -> Result<(), TooMany> {
        let Some(network) = Origin::of(remote) else {
            return Ok(());
        };
        let count = self.of_network.entry(network).or_default();
        let spare = if self.trusted.is_empty() {
            0
        } else {
            HANDSHAKES_FOR_TRUSTED
        };
        if *count >= self.max + spare {
            return Err(TooMany);
        }
        *count += 1;
        self.counted.insert(id, network);
        Ok(())
    }

    fn forget(&mut self, id: ConnectionId) {
        let Some(network) = self.counted.remove(&id) else {
            return;
        };
        if let Some(count) = self.of_network.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.of_network.remove(&network);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.count(id, remote).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(id, &peer).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.forget(connection_id);
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

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u32 = 16;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_network_leaves_room_for_others_and_gives_back_what_it_leaves() {
        let mut limit = Behaviour::new(MAX);
        for number in 0..MAX {
            let from = address(&format!("/ip4/8.8.8.{number}/tcp/1"));
            limit.count(id(number as usize), &from).unwrap();
        }
        let same = address("/ip4/8.8.8.200/tcp/1");
        limit.count(id(1000), &same).unwrap_err();
        limit
            .count(id(1001), &address("/ip4/8.8.9.1/tcp/1"))
            .unwrap();
        limit.forget(id(0));
        limit.count(id(1002), &same).unwrap();
        for number in 0..2000 {
            limit.forget(id(number));
        }
        assert!(limit.of_network.is_empty() && limit.counted.is_empty());
    }

    #[test]
    fn a_trusted_peer_gets_in_where_others_took_all_places() {
        let (friend, stranger) = (PeerId::random(), PeerId::random());
        let mut limit = Behaviour::new(MAX);
        limit.set_trusted([friend].into());
        let from = address("/ip4/8.8.8.8/tcp/1");
        for number in 0..MAX + HANDSHAKES_FOR_TRUSTED {
            limit.count(id(number as usize), &from).unwrap();
        }
        limit.count(id(1000), &from).unwrap_err();
        let last = id(MAX as usize);
        limit.admit(last, &stranger).unwrap_err();
        limit.admit(last, &friend).unwrap();
    }

    #[test]
    fn one_device_leaves_room_for_its_neighbours_and_this_machine_is_not_counted() {
        let mut limit = Behaviour::new(MAX);
        let count = |limit: &mut Behaviour, from: &str| {
            let ids = (0..10 * MAX as usize).map(|number| id(limit.counted.len() * 1000 + number));
            let ids: Vec<ConnectionId> = ids.collect();
            let counted = ids
                .iter()
                .filter(|id| limit.count(**id, &address(from)).is_ok());
            counted.count()
        };
        assert_eq!(count(&mut limit, "/ip4/192.168.1.2/tcp/1"), MAX as usize);
        assert_eq!(count(&mut limit, "/ip4/192.168.1.3/tcp/1"), MAX as usize);
        assert_eq!(count(&mut limit, "/ip4/127.0.0.1/tcp/1"), 10 * MAX as usize);
    }
}
