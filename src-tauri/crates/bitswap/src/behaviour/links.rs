//! Which of a peer's connections is used.
//!
//! The first one that speaks Bitswap; when it closes or speaks it no more, the next takes over and
//! both machines start afresh on it. So they do when the peer starts afresh over a newer one: the
//! older one is dead, as after a change of networks, and only the peer knows yet.
//!
//! Invariants: a connection is used exactly as long as there is one that speaks Bitswap, and then
//! both machines know the peer, else neither does; nothing is known of peers without a connection.

use std::sync::Arc;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;

use super::{Behaviour, notify};
use crate::client::UnderWay;
use crate::handler::{Command, Support};
use crate::held::Account;
use crate::rate::Allowance;
use crate::wire::Version;

/// A peer with direct connections.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The oldest first.
    pub(super) links: Vec<Link>,
    /// The connection that is used.
    pub(super) chosen: Option<(ConnectionId, Version)>,
    /// That one is told to last.
    is_held: bool,
    /// What it was asked for over connections that are used no more: some may still come.
    under_way: UnderWay,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

/// A direct connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: ConnectionId,
    pub(super) support: Support,
    /// What it holds of unfinished messages, once it has said so.
    pub(super) unfinished: Option<Arc<Account>>,
    /// Its network's.
    allowance: Arc<Allowance>,
}

impl Peer {
    /// The connection to use: the one that is wished for, or is used already, or the first, as far
    /// as they speak Bitswap.
    fn best(&self, wish: Option<ConnectionId>) -> Option<(ConnectionId, Version)> {
        let speaking = || {
            self.links.iter().filter_map(|link| match link.support {
                Support::Yes(version) => Some((link.id, version)),
                Support::Unknown | Support::No => None,
            })
        };
        let find = |id: ConnectionId| speaking().find(|(other, _)| *other == id);
        let used = self.chosen.map(|(id, _)| id);
        let wished = wish.and_then(find);
        wished
            .or_else(|| used.and_then(find))
            .or_else(|| speaking().next())
    }

    fn has(&self, id: ConnectionId) -> bool {
        self.links.iter().any(|link| link.id == id)
    }
}

impl Behaviour {
    pub(super) fn on_established(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        endpoint: &ConnectedPoint,
    ) {
        if !endpoint.is_relayed() {
            let network = (self.config.network_of)(endpoint.get_remote_address());
            let allowance = self.allowances.of(network, Instant::now());
            self.peers.entry(peer).or_default().links.push(Link {
                id,
                support: Support::Unknown,
                unfinished: None,
                allowance,
            });
        }
    }

    pub(super) fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(state) = self.peers.get_mut(&peer) else {
            return;
        };
        state.links.retain(|link| link.id != id);
        let is_gone = state.links.is_empty();
        self.choose(peer, None);
        if is_gone {
            self.peers.remove(&peer);
        }
    }

    pub(super) fn set_support(&mut self, peer: PeerId, id: ConnectionId, support: Support) {
        let links = self.peers.get_mut(&peer).map(|state| &mut state.links);
        if let Some(link) = links.and_then(|links| links.iter_mut().find(|link| link.id == id)) {
            link.support = support;
        }
        self.choose(peer, None);
    }

    pub(super) fn set_unfinished(&mut self, peer: PeerId, id: ConnectionId, held: Arc<Account>) {
        let links = self.peers.get_mut(&peer).map(|state| &mut state.links);
        if let Some(link) = links.and_then(|links| links.iter_mut().find(|link| link.id == id)) {
            link.unfinished = Some(held);
        }
    }

    /// The peer starts afresh over this connection: one that was used longer is left.
    pub(super) fn follow(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(state) = self.peers.get(&peer) else {
            return;
        };
        let place = |id| state.links.iter().position(|link| link.id == id);
        // Only to newer ones, so that two who follow each other come to an end.
        if state
            .chosen
            .is_some_and(|(used, _)| place(id) > place(used))
        {
            self.choose(peer, Some(id));
        }
    }

    /// Uses the best connection from now on. If that is another one, or it speaks otherwise, both
    /// machines start afresh.
    fn choose(&mut self, peer: PeerId, wish: Option<ConnectionId>) {
        let Some(state) = self.peers.get_mut(&peer) else {
            return;
        };
        let (old, new) = (state.chosen, state.best(wish));
        if old == new {
            return;
        }
        let now = Instant::now();
        state.chosen = new;
        if let Some((id, _)) = old {
            state.under_way = self.client.under_way(&peer);
            self.client.disconnected(peer, now);
            if new.is_none_or(|(other, _)| other != id) {
                self.server.connection_lost(&peer);
                if std::mem::take(&mut state.is_held) && state.has(id) {
                    let event = notify(peer, id, Command::Hold(false));
                    self.events.push_back(event);
                }
            }
        }
        if let Some((id, version)) = new {
            let link = state.links.iter().find(|link| link.id == id);
            let network = link.map(|link| link.allowance.pipes.clone());
            let under_way = std::mem::take(&mut state.under_way);
            self.client.connected(peer, version, now);
            self.client.expect_late(&peer, under_way);
            let network = network.unwrap_or_default();
            self.server.connected_from(&network, peer, version, now);
        } else {
            self.server.disconnected(&peer);
        }
        self.update_hold(peer);
    }

    /// A connection is kept while the peer wants something.
    pub(super) fn update_hold(&mut self, peer: PeerId) {
        let Some(state) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some((connection, _)) = state.chosen else {
            return;
        };
        let hold = self.server.is_wanted_by(&peer);
        if std::mem::replace(&mut state.is_held, hold) != hold {
            self.events
                .push_back(notify(peer, connection, Command::Hold(hold)));
        }
    }
}
