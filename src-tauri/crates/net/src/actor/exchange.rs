//! Sessions, the peers found for them, and blocks in both directions.

use std::collections::HashMap;
use std::time::Instant;

use bitswap::{Event, SessionId};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;
use unixfs::cid::Cid;

use super::Actor;
use crate::NetError;
use crate::commands::Command;
use crate::exchange::dial::{self, Target};
use crate::exchange::serve::{Answer, Question};
use crate::exchange::session::{Search, Session, SessionEvent};
use crate::limits::{ENOUGH_SOURCES, MAX_BLOCKED_PEERS};

impl Actor {
    pub(super) fn open_session(
        &mut self,
        root: Cid,
        hints: Vec<Multiaddr>,
        commands: mpsc::Sender<Command>,
    ) -> Result<Session, NetError> {
        let opened = self.sessions.open(root, hints, commands);
        let (id, session) = opened.ok_or(NetError::TooManySessions)?;
        self.swarm.behaviour_mut().bitswap.open_session(id);
        self.web.gateways.open(id, Instant::now());
        self.look_nearby(id);
        Ok(session)
    }

    pub(super) fn add_hint(&mut self, session: SessionId, address: Multiaddr) {
        self.sessions.add_hint(session, address.clone());
        let targets = dial::targets(&[address]);
        self.believe(session, &targets);
        self.connect_all(session, targets);
    }

    /// Who takes part in the sessions for a root, and what part of it each has.
    pub(super) fn holders(&self, root: &Cid) -> HashMap<PeerId, Option<f64>> {
        let bitswap = &self.swarm.behaviour().bitswap;
        let sessions = self.sessions.of_root(root);
        sessions.flat_map(|id| bitswap.holdings(id)).collect()
    }

    /// Sessions that ended, and bytes that others let go of.
    pub(super) fn collect_sessions(&mut self) {
        let (released, closed) = self.sessions.collect();
        let behaviour = self.swarm.behaviour_mut();
        if released > 0 {
            behaviour.bitswap.release(released);
        }
        for session in &closed {
            behaviour.bitswap.close_session(session.id);
            behaviour.bitswap.release(session.held);
            self.finder.forget(&mut behaviour.dhts(), session.id);
            self.dialer.forget(session.id);
        }
        for session in closed {
            self.leave_web(session.id);
        }
    }

    /// There is a new way to find peers: try it for those who have none.
    pub(super) fn search_for_hungry(&mut self) {
        self.finder.begin_anew();
        for session in self.sessions.hungry() {
            self.find_providers(session);
        }
    }

    pub(super) fn on_bitswap(&mut self, event: Event) {
        match event {
            Event::Block {
                session,
                peer,
                cid,
                data,
            } => {
                self.meter.received(peer, data.len() as u64);
                let event = SessionEvent::Block { peer, cid, data };
                self.sessions.block(session, event);
                if !self.web.gateways.contains(&peer) {
                    self.sessions.add_source(session, peer);
                }
            }
            Event::FindProviders { session } => self.find_providers(session),
            Event::Lookup { ticket, cids, .. } => {
                self.blocks.ask(Question::Sizes { ticket, cids });
            }
            Event::Read { ticket, peer, cid } => {
                self.blocks.ask(Question::Block { ticket, peer, cid });
            }
            Event::Misbehaved { peer } => {
                if !self.rest_gateway(&peer) {
                    self.keep_away(peer);
                }
            }
            Event::Ask {
                gateway,
                blocks,
                cancels,
            } => self.web.gateways.ask(gateway, blocks, &cancels),
        }
    }

    pub(super) fn on_answer(&mut self, answer: Answer) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        match answer {
            Answer::Sizes { ticket, sizes } => bitswap.answer_lookup(ticket, sizes),
            Answer::Block { ticket, data } => bitswap.answer_read(ticket, data),
        }
        self.blocks.pump();
    }

    /// Peers that are quickly asked: those in the link, and those on this network.
    pub(super) fn look_nearby(&mut self, session: SessionId) {
        let hints = dial::targets(self.sessions.hints(session));
        self.believe(session, &hints);
        let devices = self.lan.targets();
        for (targets, r#where) in [(hints, Search::Hints), (devices, Search::Lan)] {
            if !targets.is_empty() {
                self.sessions.searching(session, r#where);
                self.connect_all(session, targets);
            }
        }
    }

    /// These peers are said to have the session's content.
    pub(super) fn believe(&mut self, session: SessionId, targets: &[Target]) {
        for target in targets {
            if let Target::Peer(peer, _) = target
                && peer != self.swarm.local_peer_id()
                && !self.swarm.behaviour().trust.is_blocked(peer)
            {
                self.sessions.add_known(session, *peer);
            }
        }
    }

    fn find_providers(&mut self, session: SessionId) {
        self.look_nearby(session);
        let Some(root) = self.sessions.root(session) else {
            return;
        };
        let behaviour = self.swarm.behaviour_mut();
        if behaviour.kad.is_enabled() {
            let mut dhts = behaviour.dhts();
            let now = Instant::now();
            let known = self.finder.search(&mut dhts, session, &root, now);
            self.sessions.searching(session, Search::Dht);
            self.believe(session, &known);
            self.connect_all(session, known);
        }
        self.search_web(session, root);
    }

    /// Connects the session to peers that are believed to have its content.
    pub(super) fn connect_all(&mut self, session: SessionId, targets: Vec<Target>) {
        if !self.sessions.contains(session) {
            return;
        }
        for target in targets {
            match target {
                Target::Peer(peer, _)
                    if peer == *self.swarm.local_peer_id()
                        || self.swarm.behaviour().trust.is_blocked(&peer) => {}
                Target::Peer(peer, _) if self.peers.is_direct(&peer) => self.join(session, peer),
                target => self.dialer.ask(session, target),
            }
        }
        self.dial_waiting();
    }

    /// A connected peer is believed to have the session's content. Over a relay it is no source yet.
    fn join(&mut self, session: SessionId, peer: PeerId) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        bitswap.add_providers(session, &[peer]);
        self.sessions.add_known(session, peer);
        if self.peers.is_direct(&peer) && self.sessions.add_source(session, peer) >= ENOUGH_SOURCES
        {
            let mut dhts = self.swarm.behaviour_mut().dhts();
            self.finder.forget(&mut dhts, session);
        }
    }

    pub(super) fn dial_waiting(&mut self) {
        while let Some(options) = self.dialer.next() {
            let id = options.connection_id();
            if let Err(error) = self.swarm.dial(options) {
                self.on_dial_failed(id, &error);
            }
        }
    }

    pub(super) fn on_connected(&mut self, id: ConnectionId, peer: PeerId) {
        for session in self.dialer.connected(id, peer) {
            if self.sessions.contains(session) {
                self.join(session, peer);
            }
        }
        self.dial_waiting();
    }

    pub(super) fn on_dial_failed(&mut self, id: ConnectionId, error: &DialError) {
        let Some((peer, sessions)) = self.dialer.failed(id) else {
            return;
        };
        for session in sessions {
            if self.peers.contains(&peer) {
                self.join(session, peer);
            } else if let DialError::NoAddresses = error {
                let mut dhts = self.swarm.behaviour_mut().dhts();
                self.finder.find_peer(&mut dhts, session, peer);
            }
        }
    }

    /// Disconnects a peer and lets it in no more; when too many are kept away, the first is forgiven.
    fn keep_away(&mut self, peer: PeerId) {
        tracing::info!(%peer, "broke the rules of the exchange and is kept away");
        let blocked = &mut self.swarm.behaviour_mut().blocked;
        if blocked.block_peer(peer) {
            self.kept_away.push_back(peer);
        }
        if self.kept_away.len() > MAX_BLOCKED_PEERS
            && let Some(first) = self.kept_away.pop_front()
        {
            blocked.unblock_peer(first);
        }
    }
}
