//! Memory pressure: where this program holds too much, strangers' connections make room.
//!
//! What a stranger sends and we don't read lies in memory, up to a window for each connection, and
//! neither TCP nor QUIC tells how much that is. So strangers who open connections are let in no
//! more, and those make room whom we miss least: of the network that has most of them first, and of
//! those that exchange nothing. What we open ourselves and trusted peers are never refused: a large
//! download doesn't get in its own way.

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
use crate::limits::{MAX_MEMORY_BYTES, SHED_AT_ONCE};

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

    fn is_high(&mut self, now: Instant) -> bool {
        let measured = self.measured;
        let fresh = measured.filter(|(at, _)| now.saturating_duration_since(*at) < STALE);
        let (at, bytes) = fresh.unwrap_or_else(|| (now, (self.measure)()));
        self.measured = Some((at, bytes));
        bytes > MAX_MEMORY_BYTES
    }

    /// Connections to be closed now. `is_of_use` says with whom something is exchanged.
    pub(crate) fn shed(
        &mut self,
        now: Instant,
        is_of_use: impl Fn(&PeerId) -> bool,
    ) -> Vec<ConnectionId> {
        if self.strangers.is_empty() || !self.is_high(now) {
            return Vec::new();
        }
        let mut crowds: HashMap<Option<Origin>, usize> = HashMap::new();
        for (_, origin) in self.strangers.values() {
            *crowds.entry(*origin).or_default() += 1;
        }
        let rank = |(id, (peer, origin)): (&ConnectionId, &(PeerId, Option<Origin>))| {
            let crowd = crowds.get(origin).copied().unwrap_or_default();
            let is_of_use = is_of_use(peer);
            (!is_of_use || crowd > CROWD).then_some((!is_of_use, crowd, *id))
        };
        let mut spare: Vec<_> = self.strangers.iter().filter_map(rank).collect();
        spare.sort_unstable_by(|one, other| other.cmp(one));
        spare.truncate(SHED_AT_ONCE);
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
        if self.is_high(now) {
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

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn from(network: usize, host: usize) -> Multiaddr {
        format!("/ip4/8.8.{network}.{host}/tcp/1").parse().unwrap()
    }

    /// A behaviour that finds memory low, with so many connections of two networks, and later high.
    fn crowded(many: usize, few: usize) -> Behaviour {
        let mut pressure = Behaviour {
            measure: || 0,
            ..Behaviour::default()
        };
        let start = Instant::now();
        for number in 0..many + few {
            let network = usize::from(number >= many);
            let (peer, remote) = (PeerId::random(), from(network, number % 250));
            pressure.admit(id(number), peer, &remote, start).unwrap();
        }
        pressure.measured = None;
        pressure.measure = || usize::MAX;
        pressure
    }

    #[test]
    fn strangers_are_refused_where_memory_is_low_and_trusted_peers_are_not() {
        let mut pressure = crowded(1, 0);
        let friend = PeerId::random();
        pressure.set_trusted([friend].into());
        let now = Instant::now();
        pressure.admit(id(5), friend, &from(1, 1), now).unwrap();
        let stranger = PeerId::random();
        pressure
            .admit(id(6), stranger, &from(1, 1), now)
            .unwrap_err();
        pressure.measure = || 0;
        pressure
            .admit(id(7), stranger, &from(1, 1), now + STALE)
            .unwrap();
    }

    #[test]
    fn the_crowd_makes_room_and_those_of_use_stay() {
        let mut pressure = crowded(22, 2);
        let useful: HashSet<PeerId> = pressure.strangers.values().map(|(peer, _)| *peer).collect();
        let now = Instant::now();
        let shed = pressure.shed(now, |peer| useful.contains(peer));
        assert_eq!(shed.len(), SHED_AT_ONCE);
        assert!(
            shed.iter()
                .all(|shed| (0..22).any(|number| *shed == id(number)))
        );
        let mut few = crowded(0, 2);
        assert_eq!(few.shed(now, |_| true), []);
        assert_eq!(few.shed(now, |_| false).len(), 2);
        few.measure = || 0;
        assert_eq!(few.shed(now + STALE, |_| false), []);
    }
}
