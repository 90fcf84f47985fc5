//! A limit for each subnet, against Sybil and eclipse attacks, in which one network takes all
//! places: connections that others open are bounded for each network that they come from.
//!
//! A /24 of IPv4 or a /56 of IPv6 is what one customer gets; a customer with many addresses must
//! not shut all other peers out, nor must one device in a private network. The fewer places are
//! left, the fewer of them one network gets, so that dozens of networks don't shut others out
//! either; and of handshakes under way, which cost strangers nothing to begin, it gets fewer still.
//! What comes from this machine is not counted. Trusted peers are always let in: while there are
//! any, a few connections more may finish their handshake, which tells whose they are.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

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
use crate::limits::{HANDSHAKES_FOR_TRUSTED, HANDSHAKES_OF_NETWORK, SMALLEST_SHARE};

#[derive(Debug, thiserror::Error)]
#[error("too many connections from one network")]
pub(crate) struct TooMany;

/// Counts inbound connections by network, from the moment they are accepted.
#[derive(Debug)]
pub(crate) struct Behaviour {
    max: u32,
    /// Connections that others may open in all.
    places: u32,
    of_network: HashMap<Origin, Count>,
    counted: HashMap<ConnectionId, Counted>,
    trusted: HashSet<PeerId>,
}

#[derive(Debug, Default)]
struct Count {
    connections: u32,
    /// Those of them that are not finished.
    handshakes: u32,
}

#[derive(Debug)]
struct Counted {
    network: Origin,
    is_open: bool,
}

impl Behaviour {
    /// `max` connections that others open from one network, and `places` in all.
    pub(crate) fn new(max: u32, places: u32) -> Self {
        Self {
            max,
            places,
            of_network: HashMap::new(),
            counted: HashMap::new(),
            trusted: HashSet::new(),
        }
    }

    /// Connections that stand already stay.
    pub(crate) fn set_max(&mut self, max: u32, places: u32) {
        self.max = max;
        self.places = places;
    }

    /// Connections that others may open in all.
    pub(crate) fn places(&self) -> usize {
        self.places as usize
    }

    /// These come in however many are there.
    pub(crate) fn set_trusted(&mut self, trusted: HashSet<PeerId>) {
        self.trusted = trusted;
    }

    /// Connections that one network may have while so many places are taken.
    fn share(&self, taken: usize) -> u32 {
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let share = match taken.saturating_mul(8) / self.places.max(1) {
            0..4 => self.max,
            4..6 => self.max / 2,
            6 => self.max / 4,
            _ => self.max / 8,
        };
        share.max(SMALLEST_SHARE).min(self.max)
    }

    /// After the handshake, which told whose connection it is.
    fn admit(&mut self, id: ConnectionId, peer: &PeerId) -> Result<(), TooMany> {
        // Its own place is not in its way.
        let share = self.share(self.counted.len().saturating_sub(1));
        let Some(counted) = self.counted.get_mut(&id) else {
            return Ok(());
        };
        let Some(count) = self.of_network.get_mut(&counted.network) else {
            return Ok(());
        };
        if count.connections > share && !self.trusted.contains(peer) {
            return Err(TooMany);
        }
        if !std::mem::replace(&mut counted.is_open, true) {
            count.handshakes -= 1;
        }
        Ok(())
    }

    fn count(&mut self, id: ConnectionId, remote: &Multiaddr) -> Result<(), TooMany> {
        let Some(network) = Origin::of(remote) else {
            return Ok(());
        };
        let spare = if self.trusted.is_empty() {
            0
        } else {
            HANDSHAKES_FOR_TRUSTED
        };
        let share = self.share(self.counted.len());
        let handshakes = (self.max / 4).max(HANDSHAKES_OF_NETWORK);
        let count = self.of_network.entry(network).or_default();
        if count.connections >= share + spare || count.handshakes >= handshakes + spare {
            return Err(TooMany);
        }
        count.connections += 1;
        count.handshakes += 1;
        let is_open = false;
        self.counted.insert(id, Counted { network, is_open });
        Ok(())
    }

    fn forget(&mut self, id: ConnectionId) {
        let Some(counted) = self.counted.remove(&id) else {
            return;
        };
        if let Some(count) = self.of_network.get_mut(&counted.network) {
            count.connections -= 1;
            count.handshakes -= u32::from(!counted.is_open);
            if count.connections == 0 {
                self.of_network.remove(&counted.network);
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
    const PLACES: u32 = 1000;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    /// Finishes its handshake, and turns out to be a stranger's.
    fn enter(limit: &mut Behaviour, number: usize, from: &str) -> Result<(), TooMany> {
        limit.count(id(number), &address(from))?;
        let admitted = limit.admit(id(number), &PeerId::random());
        if admitted.is_err() {
            limit.forget(id(number));
        }
        admitted
    }

    #[test]
    fn one_network_leaves_room_for_others_and_gives_back_what_it_leaves() {
        let mut limit = Behaviour::new(MAX, PLACES);
        for number in 0..MAX as usize {
            enter(&mut limit, number, &format!("/ip4/8.8.8.{number}/tcp/1")).unwrap();
        }
        let same = "/ip4/8.8.8.200/tcp/1";
        enter(&mut limit, 1000, same).unwrap_err();
        enter(&mut limit, 1001, "/ip4/8.8.9.1/tcp/1").unwrap();
        limit.forget(id(0));
        enter(&mut limit, 1002, same).unwrap();
        for number in 0..2000 {
            limit.forget(id(number));
        }
        assert!(limit.of_network.is_empty() && limit.counted.is_empty());
    }

    #[test]
    fn the_fewer_places_are_left_the_fewer_one_network_gets() {
        let places = 64;
        let mut limit = Behaviour::new(MAX, places);
        let mut number = 0;
        let mut of_network = |network: u32| {
            let from = format!("/ip4/8.8.{network}.1/tcp/1");
            let all = (0..MAX).filter(|_| {
                number += 1;
                enter(&mut limit, number, &from).is_ok()
            });
            all.count()
        };
        let got: Vec<usize> = (0..10).map(&mut of_network).collect();
        assert_eq!(got, [16, 16, 8, 8, 4, 4, 2, 2, 2, 2]);
    }

    #[test]
    fn handshakes_that_are_never_finished_take_few_places() {
        let mut limit = Behaviour::new(MAX, PLACES);
        let from = address("/ip4/8.8.8.8/tcp/1");
        let begun = (0..MAX as usize).filter(|number| limit.count(id(*number), &from).is_ok());
        assert_eq!(begun.count(), HANDSHAKES_OF_NETWORK as usize);
        limit.forget(id(0));
        enter(&mut limit, 1000, "/ip4/8.8.8.9/tcp/1").unwrap();
        enter(&mut limit, 1001, "/ip4/8.8.8.9/tcp/1").unwrap();
        for number in 0..2000 {
            limit.forget(id(number));
        }
        assert!(limit.of_network.is_empty() && limit.counted.is_empty());
    }

    #[test]
    fn a_trusted_peer_gets_in_where_others_took_all_places() {
        let (friend, stranger) = (PeerId::random(), PeerId::random());
        let mut limit = Behaviour::new(MAX, PLACES);
        limit.set_trusted([friend].into());
        let from = "/ip4/8.8.8.8/tcp/1";
        for number in 0..MAX as usize {
            enter(&mut limit, number, from).unwrap();
        }
        let begun: Vec<ConnectionId> = (100..)
            .map(id)
            .take(HANDSHAKES_FOR_TRUSTED as usize)
            .collect();
        for id in &begun {
            limit.count(*id, &address(from)).unwrap();
        }
        limit.count(id(1000), &address(from)).unwrap_err();
        limit.admit(begun[0], &stranger).unwrap_err();
        limit.admit(begun[0], &friend).unwrap();
    }

    #[test]
    fn one_device_leaves_room_for_its_neighbours_and_this_machine_is_not_counted() {
        let mut limit = Behaviour::new(MAX, PLACES);
        let mut number = 0;
        let mut count = |from: &str| {
            let entered = (0..10 * MAX).filter(|_| {
                number += 1;
                enter(&mut limit, number, from).is_ok()
            });
            entered.count()
        };
        assert_eq!(count("/ip4/192.168.1.2/tcp/1"), MAX as usize);
        assert_eq!(count("/ip4/192.168.1.3/tcp/1"), MAX as usize);
        assert_eq!(count("/ip4/127.0.0.1/tcp/1"), 10 * MAX as usize);
    }
}
