//! Hole punching, within bounds: over a relay a stranger has us dial addresses that it names, all at
//! once and as often as it says so. Where they may lie is [`DialPolicy`](crate::address::DialPolicy)'s
//! to say; here it is how many there may be, and how often.

use std::collections::HashSet;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, dcutr};

use crate::limits::{MAX_HINTS, MAX_PUNCHES, PUNCHES_A_MINUTE, PUNCHES_OF_PEER_A_MINUTE};
use crate::quota::Quota;

#[derive(Debug, thiserror::Error)]
#[error("too many holes are to be punched")]
struct TooMany;

pub(crate) struct Punching {
    inner: dcutr::Behaviour,
    quota: Quota<PeerId>,
    under_way: HashSet<ConnectionId>,
}

impl Punching {
    pub(crate) fn new(local: PeerId) -> Self {
        let minute = Duration::from_mins(1);
        Self {
            inner: dcutr::Behaviour::new(local),
            quota: Quota::new(minute, PUNCHES_OF_PEER_A_MINUTE, PUNCHES_A_MINUTE),
            under_way: HashSet::new(),
        }
    }

    fn admits(&mut self, peer: PeerId, addresses: usize, now: Instant) -> bool {
        addresses <= MAX_HINTS && self.under_way.len() <= MAX_PUNCHES && self.quota.take(peer, now)
    }
}

impl NetworkBehaviour for Punching {
    type ConnectionHandler = THandler<dcutr::Behaviour>;
    type ToSwarm = dcutr::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if self.under_way.contains(&id)
            && let Some(peer) = peer
            && !self.admits(peer, addresses.len(), Instant::now())
        {
            return Err(ConnectionDenied::new(TooMany));
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::DialFailure(failure) => {
                self.under_way.remove(&failure.connection_id);
            }
            FromSwarm::ConnectionEstablished(established) => {
                self.under_way.remove(&established.connection_id);
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let next = self.inner.poll(cx);
        if let Poll::Ready(ToSwarm::Dial { opts }) = &next {
            self.under_way.insert(opts.connection_id());
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_few_addresses_dialled_and_not_often() {
        let mut punching = Punching::new(PeerId::random());
        let (peer, start) = (PeerId::random(), Instant::now());
        assert!(!punching.admits(peer, MAX_HINTS + 1, start));
        let admitted = (0..100).filter(|_| punching.admits(peer, 1, start)).count();
        assert_eq!(admitted, PUNCHES_OF_PEER_A_MINUTE as usize);
        let others = (0..1000).filter(|_| punching.admits(PeerId::random(), 1, start));
        assert_eq!(admitted + others.count(), PUNCHES_A_MINUTE as usize);
        let later = start + Duration::from_mins(1);
        let ids = (0..=MAX_PUNCHES).map(ConnectionId::new_unchecked);
        punching.under_way.extend(ids);
        assert!(!punching.admits(peer, 1, later));
    }
}
