//! Dials under way: as many as a home router stands. What the DHT, relays and strangers have us dial
//! waits for a place; a trusted peer, and what a download asks for, always has one.

use std::collections::HashSet;
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::limits::MAX_PENDING_DIALS;

#[derive(Debug, thiserror::Error)]
#[error("too many connections are being opened")]
pub(crate) struct TooMany;

#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    pending: HashSet<ConnectionId>,
    /// What the person waits for. Bounded by those who ask for it.
    urgent: HashSet<ConnectionId>,
    trusted: HashSet<PeerId>,
}

impl Behaviour {
    /// This dial, which is to begin now, has a place whoever has the others.
    pub(crate) fn urgent(&mut self, id: ConnectionId) {
        self.urgent.insert(id);
    }

    pub(crate) fn set_trusted(&mut self, trusted: HashSet<PeerId>) {
        self.trusted = trusted;
    }

    fn begin(&mut self, id: ConnectionId, peer: Option<PeerId>) -> Result<(), TooMany> {
        let is_trusted = peer.is_some_and(|peer| self.trusted.contains(&peer));
        if is_trusted || self.urgent.contains(&id) {
            return Ok(());
        }
        if self.pending.len() >= MAX_PENDING_DIALS {
            return Err(TooMany);
        }
        self.pending.insert(id);
        Ok(())
    }

    fn end(&mut self, id: ConnectionId) {
        self.pending.remove(&id);
        self.urgent.remove(&id);
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.begin(id, peer).map_err(ConnectionDenied::new)?;
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.end(id);
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::DialFailure(failure) = event {
            self.end(failure.connection_id);
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

    #[test]
    fn a_download_and_a_trusted_peer_have_a_place_where_others_took_all() {
        let id = ConnectionId::new_unchecked;
        let friend = PeerId::random();
        let mut limit = Behaviour::default();
        limit.set_trusted([friend].into());
        for number in 0..MAX_PENDING_DIALS {
            limit.begin(id(number), Some(PeerId::random())).unwrap();
        }
        limit.begin(id(1000), Some(PeerId::random())).unwrap_err();
        limit.begin(id(1001), None).unwrap_err();
        limit.begin(id(1002), Some(friend)).unwrap();
        limit.urgent(id(1003));
        limit.begin(id(1003), None).unwrap();
        limit.end(id(0));
        limit.begin(id(1004), None).unwrap();
        for number in 0..2000 {
            limit.end(id(number));
        }
        assert!(limit.pending.is_empty() && limit.urgent.is_empty());
    }
}
