//! Pressure: where this program holds too much, or hardly a place is left, strangers' connections make
//! room.
//!
//! What a stranger sends and we don't read lies in memory, up to a window for each connection, and
//! neither TCP nor QUIC tells how much that is. So strangers who open connections are let in no
//! more, and those make room whom we miss least: of the network that has most of them first, and of
//! those that exchange nothing. Where it is places that are short, only networks that have several
//! make room, so that whoever comes from another one finds some. What we open ourselves and trusted
//! peers are never refused, and a few strangers never make room: a large download doesn't get in its
//! own way, nor in that of those who fetch from here.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::Origin;
use crate::limits::{FEW_STRANGERS, MAX_CONNECTION_WINDOW, MAX_MEMORY_BYTES, SHED_AT_ONCE};

/// Memory is measured no more often than this: it takes some 20 µs.
const STALE: Duration = Duration::from_millis(100);
/// So many connections of one network are no crowd: a person's own, over TCP and QUIC.
const CROWD: usize = 2;

#[derive(Debug, thiserror::Error)]
#[error("there is too little memory for strangers")]
struct TooLittle;

#[derive(Debug)]
pub(crate) struct Behaviour {
    trusted: HashSet<PeerId>,
    /// Connections that strangers opened.
    strangers: HashMap<ConnectionId, (PeerId, Option<Origin>)>,
    measured: Option<(Instant, usize)>,
    measure: fn() -> usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            trusted: HashSet::new(),
            strangers: HashMap::new(),
            measured: None,
            measure: resident,
        }
    }
}

/// Bytes of physical memory that this program holds; 0 where that can't be told.
fn resident() -> usize {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem)
}

impl Behaviour {
    pub(crate) fn set_trusted(&mut self, trusted: HashSet<PeerId>) {
        self.strangers
            .retain(|_, (peer, _)| !trusted.contains(peer));
        self.trusted = trusted;
    }

    /// Bytes held beyond what may be.
    fn excess(&mut self, now: Instant) -> usize {
        let measured = self.measured;
        let fresh = measured.filter(|(at, _)| now.saturating_duration_since(*at) < STALE);
        let (at, bytes) = fresh.unwrap_or_else(|| (now, (self.measure)()));
        self.measured = Some((at, bytes));
        bytes.saturating_sub(MAX_MEMORY_BYTES)
    }

    /// Strangers are here who could be the cause of it.
    pub(crate) fn is_crowded(&self) -> bool {
        self.strangers.len() > FEW_STRANGERS
    }

    /// Connections to be closed now. `places` are those that others may open; `is_of_use` says with
    /// whom something is exchanged.
    pub(crate) fn shed(
        &mut self,
        now: Instant,
        places: usize,
        is_of_use: impl Fn(&PeerId) -> bool,
    ) -> Vec<ConnectionId> {
        let excess = if self.is_crowded() {
            self.excess(now)
        } else {
            0
        };
        let is_full = self.strangers.len() * 8 > places * 7;
        if excess == 0 && !is_full {
            return Vec::new();
        }
        // None holds more.
        let least = SHED_AT_ONCE.max(excess / MAX_CONNECTION_WINDOW);
        let mut crowds: HashMap<Option<Origin>, usize> = HashMap::new();
        for (_, origin) in self.strangers.values() {
            *crowds.entry(*origin).or_default() += 1;
        }
        let rank = |(id, (peer, origin)): (&ConnectionId, &(PeerId, Option<Origin>))| {
            let crowd = crowds.get(origin).copied().unwrap_or_default();
            let is_of_use = is_of_use(peer);
            let spare = crowd > CROWD || (excess > 0 && !is_of_use);
            spare.then_some((!is_of_use, crowd, *id))
        };
        let mut spare: Vec<_> = self.strangers.iter().filter_map(rank).collect();
        spare.sort_unstable_by(|one, other| other.cmp(one));
        spare.truncate(least.min(self.strangers.len().saturating_sub(FEW_STRANGERS)));
        spare.into_iter().map(|(_, _, id)| id).collect()
    }

    fn admit(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        now: Instant,
    ) -> Result<(), TooLittle> {
        if self.trusted.contains(&peer) {
            return Ok(());
        }
        if self.strangers.len() >= FEW_STRANGERS && self.excess(now) > 0 {
            return Err(TooLittle);
        }
        self.strangers.insert(id, (peer, Origin::of(remote)));
        Ok(())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(id, peer, remote, Instant::now())
            .map_err(ConnectionDenied::new)?;
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
        let gone = match event {
            FromSwarm::ConnectionClosed(closed) => closed.connection_id,
            FromSwarm::ListenFailure(failure) => failure.connection_id,
            _ => return,
        };
        self.strangers.remove(&gone);
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

    const PLACES: usize = 100;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn from(network: usize, host: usize) -> Multiaddr {
        format!("/ip4/8.8.{network}.{host}/tcp/1").parse().unwrap()
    }

    /// A behaviour that finds memory high, with so many connections of each network.
    fn crowded(networks: &[usize]) -> Behaviour {
        let mut pressure = Behaviour {
            measure: || 0,
            ..Behaviour::default()
        };
        let start = Instant::now();
        let mut number = 0;
        for (network, connections) in networks.iter().enumerate() {
            for host in 0..*connections {
                let (peer, remote) = (PeerId::random(), from(network, host));
                pressure.admit(id(number), peer, &remote, start).unwrap();
                number += 1;
            }
        }
        pressure.measured = None;
        pressure.measure = || MAX_MEMORY_BYTES + 1;
        pressure
    }

    #[test]
    fn strangers_are_refused_where_memory_is_low_and_trusted_peers_are_not() {
        let mut pressure = crowded(&[FEW_STRANGERS]);
        let friend = PeerId::random();
        pressure.set_trusted([friend].into());
        let now = Instant::now();
        pressure.admit(id(50), friend, &from(1, 1), now).unwrap();
        let stranger = PeerId::random();
        pressure
            .admit(id(60), stranger, &from(1, 1), now)
            .unwrap_err();
        pressure.measure = || 0;
        pressure
            .admit(id(70), stranger, &from(1, 1), now + STALE)
            .unwrap();
    }

    #[test]
    fn what_is_held_beside_a_few_strangers_is_our_own() {
        let mut pressure = crowded(&[FEW_STRANGERS - 1]);
        let now = Instant::now();
        assert_eq!(pressure.shed(now, PLACES, |_| false), []);
        let stranger = PeerId::random();
        pressure.admit(id(50), stranger, &from(1, 1), now).unwrap();
        assert_eq!(pressure.shed(now, PLACES, |_| false), []);
    }

    #[test]
    fn the_crowd_makes_room_and_those_of_use_stay() {
        let mut pressure = crowded(&[22, 2, 2, 2, 2]);
        let useful: HashSet<PeerId> = pressure.strangers.values().map(|(peer, _)| *peer).collect();
        let now = Instant::now();
        let shed = pressure.shed(now, PLACES, |peer| useful.contains(peer));
        assert_eq!(shed.len(), SHED_AT_ONCE);
        assert!(
            shed.iter()
                .all(|shed| (0..22).any(|number| *shed == id(number)))
        );
        let mut pairs = crowded(&[2; 10]);
        assert_eq!(pairs.shed(now, PLACES, |_| true), []);
        assert_eq!(pairs.shed(now, PLACES, |_| false).len(), 20 - FEW_STRANGERS);
        pairs.measure = || 0;
        assert_eq!(pairs.shed(now + STALE, PLACES, |_| false), []);
    }

    #[test]
    fn networks_with_several_places_make_room_where_few_are_left() {
        let mut pressure = crowded(&[22, 2, 2, 2, 2]);
        pressure.measure = || 0;
        let now = Instant::now();
        assert_eq!(pressure.shed(now, 35, |_| false), []);
        let shed = pressure.shed(now, 34, |_| false);
        assert_eq!(shed.len(), SHED_AT_ONCE);
        assert!(
            shed.iter()
                .all(|shed| (0..22).any(|number| *shed == id(number)))
        );
    }
}
