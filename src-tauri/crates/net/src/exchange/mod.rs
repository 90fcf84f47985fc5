//! Sessions, the dials that they ask for, and blocks in both directions.
//!
//! [`Exchange`] is told who is said to have what and who is connected, and answers with [`Step`]s.
//!
//! | file | owns |
//! |---|---|
//! | `session` `sessions` | both ends of a fetch: wants in, verified blocks out |
//! | `dial` | the dials that sessions ask for |
//! | `serve` | blocks for others, by question and answer |

pub(crate) mod dial;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod sessions;

use std::collections::HashMap;

use bitswap::{SessionId, Want};
use bytes::Bytes;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;
use unixfs::cid::Cid;

use self::dial::{Dialer, Named, Target};
use self::serve::{Answer, Blocks, Question};
use self::session::{Request, Search, Session, SessionEvent};
use self::sessions::Sessions;
use crate::connections::peers::Peers;
use crate::connections::trust::behaviour::Behaviour as Trust;
use crate::limits::{ENOUGH_SOURCES, WAITING_COMMANDS};
use crate::meter::Meter;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) sessions: Sessions,
    dialer: Dialer,
    blocks: Blocks,
    meter: Meter,
    requests: mpsc::Receiver<Request>,
    requester: mpsc::Sender<Request>,
}

/// Sessions, which outlive a network that broke.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) sessions: Sessions,
    /// What sessions ask, and the end of it that each gets.
    requests: mpsc::Receiver<Request>,
    requester: mpsc::Sender<Request>,
}

impl Default for Open {
    fn default() -> Self {
        let (requester, requests) = mpsc::channel(WAITING_COMMANDS);
        Self {
            sessions: Sessions::default(),
            requests,
            requester,
        }
    }
}

impl Open {
    /// Opens one; `None` when too many are open.
    pub(crate) fn open(
        &mut self,
        root: Cid,
        hints: Vec<Multiaddr>,
    ) -> Option<(SessionId, Session)> {
        self.sessions.open(root, hints, self.requester.clone())
    }
}

/// What the exchange has to know of others, and whom it asks.
pub(crate) struct Around<'a> {
    pub(crate) own: PeerId,
    pub(crate) peers: &'a Peers,
    pub(crate) trust: &'a Trust,
    pub(crate) bitswap: &'a mut bitswap::Behaviour,
}

/// What comes in from our side.
#[derive(Debug)]
pub(crate) enum Event {
    Answer(Answer),
    Request(Request),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Step {
    Dial(DialOpts),
    /// The session has sources enough: it needs no search any more.
    Enough(SessionId),
    /// A peer that a session asks for has no known address.
    FindPeer(SessionId, PeerId),
}

impl Exchange {
    pub(crate) fn new(open: Open, blocks: Blocks, meter: Meter) -> Self {
        Self {
            sessions: open.sessions,
            dialer: Dialer::default(),
            blocks,
            meter,
            requests: open.requests,
            requester: open.requester,
        }
    }

    /// What outlives it.
    pub(crate) fn into_open(self) -> Open {
        Open {
            sessions: self.sessions,
            requests: self.requests,
            requester: self.requester,
        }
    }

    /// Goes on with a session that was open before the network broke.
    pub(crate) fn reopen(&self, bitswap: &mut bitswap::Behaviour, session: SessionId) {
        bitswap.open_session(session);
        bitswap.want(session, self.sessions.wants(session));
    }

    pub(crate) fn want(
        &mut self,
        bitswap: &mut bitswap::Behaviour,
        session: SessionId,
        wants: Vec<Want>,
    ) {
        self.sessions.want(session, &wants);
        bitswap.want(session, wants);
    }

    pub(crate) fn unwant(
        &mut self,
        bitswap: &mut bitswap::Behaviour,
        session: SessionId,
        cids: &[Cid],
    ) {
        self.sessions.unwant(session, cids);
        bitswap.unwant(session, cids);
    }

    /// What a session asks next, or what was answered to a peer's question.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            Some(answer) = self.blocks.next() => Some(Event::Answer(answer)),
            Some(request) = self.requests.recv() => Some(Event::Request(request)),
            else => None,
        }
    }

    /// `None` when too many are open.
    pub(crate) fn open(
        &mut self,
        bitswap: &mut bitswap::Behaviour,
        root: Cid,
        hints: Vec<Multiaddr>,
    ) -> Option<(SessionId, Session)> {
        let (id, session) = self.sessions.open(root, hints, self.requester.clone())?;
        bitswap.open_session(id);
        Some((id, session))
    }

    /// A session names another place to look at.
    pub(crate) fn add_hint(
        &mut self,
        around: &mut Around<'_>,
        session: SessionId,
        address: Multiaddr,
    ) -> Vec<Step> {
        self.sessions.add_hint(session, address.clone());
        let targets = dial::targets(&[address]);
        self.believe(around, session, &targets);
        self.connect_all(around, session, targets, Named::Here)
    }

    /// Who takes part in the sessions for a root, and what part of it each has.
    pub(crate) fn holders(
        &self,
        bitswap: &bitswap::Behaviour,
        root: &Cid,
    ) -> HashMap<PeerId, Option<f64>> {
        let sessions = self.sessions.of_root(root);
        sessions.flat_map(|id| bitswap.holdings(id)).collect()
    }

    /// After a nudge: lets go of bytes that others let go of, and closes sessions that ended. Gives
    /// those.
    pub(crate) fn collect(&mut self, bitswap: &mut bitswap::Behaviour) -> Vec<SessionId> {
        let (released, closed) = self.sessions.collect();
        if released > 0 {
            bitswap.release(released);
        }
        for session in &closed {
            bitswap.close_session(session.id);
            bitswap.release(session.held);
            self.dialer.forget(session.id);
        }
        closed.into_iter().map(|session| session.id).collect()
    }

    /// A wanted block came. `is_peer`: not from a gateway.
    pub(crate) fn received(
        &mut self,
        session: SessionId,
        (peer, is_peer): (PeerId, bool),
        cid: Cid,
        data: Bytes,
    ) {
        self.meter.received(peer, data.len() as u64);
        let event = SessionEvent::Block { peer, cid, data };
        self.sessions.block(session, event);
        if is_peer {
            self.sessions.add_source(session, peer);
        }
    }

    /// A peer's want needs to know something of our blocks.
    pub(crate) fn ask(&mut self, question: Question) {
        self.blocks.ask(question);
    }

    /// Whoever keeps the blocks answers.
    pub(crate) fn answered(&mut self, bitswap: &mut bitswap::Behaviour, answer: Answer) {
        match answer {
            Answer::Found { ticket, found } => bitswap.answer_lookup(ticket, found),
            Answer::Block { ticket, data } => bitswap.answer_read(ticket, data),
        }
        self.blocks.pump();
    }

    /// Peers that are quickly asked: those in the link, and those on this network.
    pub(crate) fn look_nearby(
        &mut self,
        around: &mut Around<'_>,
        session: SessionId,
        devices: Vec<Target>,
    ) -> Vec<Step> {
        let hints = dial::targets(self.sessions.hints(session));
        self.believe(around, session, &hints);
        let mut steps = Vec::new();
        for (targets, r#where) in [(hints, Search::Hints), (devices, Search::Lan)] {
            if !targets.is_empty() {
                self.sessions.searching(session, r#where);
                steps.extend(self.connect_all(around, session, targets, Named::Here));
            }
        }
        steps
    }

    /// These came up on this network just now.
    pub(crate) fn meet(
        &mut self,
        around: &mut Around<'_>,
        session: SessionId,
        devices: Vec<Target>,
    ) -> Vec<Step> {
        self.sessions.searching(session, Search::Lan);
        self.connect_all(around, session, devices, Named::Here)
    }

    /// These peers are said to have the sessions' content.
    pub(crate) fn found(
        &mut self,
        around: &mut Around<'_>,
        sessions: &[SessionId],
        targets: &[Target],
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        for session in sessions {
            self.believe(around, *session, targets);
            steps.extend(self.connect_all(around, *session, targets.to_vec(), Named::Elsewhere));
        }
        steps
    }

    fn believe(&mut self, around: &Around<'_>, session: SessionId, targets: &[Target]) {
        for target in targets {
            if let Target::Peer(peer, _) = target
                && *peer != around.own
                && !around.trust.is_blocked(peer)
            {
                self.sessions.add_known(session, *peer);
            }
        }
    }

    /// Connects the session to peers that are believed to have its content.
    fn connect_all(
        &mut self,
        around: &mut Around<'_>,
        session: SessionId,
        targets: Vec<Target>,
        named: Named,
    ) -> Vec<Step> {
        if !self.sessions.contains(session) {
            return Vec::new();
        }
        let mut steps = Vec::new();
        for target in targets {
            match target {
                Target::Peer(peer, _) if peer == around.own || around.trust.is_blocked(&peer) => {}
                Target::Peer(peer, _) if around.peers.is_direct(&peer) => {
                    steps.extend(self.join(around, session, peer));
                }
                target => self.dialer.ask(session, target, named),
            }
        }
        steps.extend(self.dials());
        steps
    }

    /// A connected peer is believed to have the session's content. Over a relay it is no source
    /// yet.
    fn join(&mut self, around: &mut Around<'_>, session: SessionId, peer: PeerId) -> Option<Step> {
        around.bitswap.add_providers(session, &[peer]);
        self.sessions.add_known(session, peer);
        let is_enough = around.peers.is_direct(&peer)
            && self.sessions.add_source(session, peer) >= ENOUGH_SOURCES;
        is_enough.then_some(Step::Enough(session))
    }

    /// Dials for which there is room.
    pub(crate) fn dials(&mut self) -> Vec<Step> {
        std::iter::from_fn(|| self.dialer.next())
            .map(Step::Dial)
            .collect()
    }

    pub(crate) fn connected(
        &mut self,
        around: &mut Around<'_>,
        id: ConnectionId,
        peer: PeerId,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        for session in self.dialer.connected(id, peer) {
            if self.sessions.contains(session) {
                steps.extend(self.join(around, session, peer));
            }
        }
        steps.extend(self.dials());
        steps
    }

    pub(crate) fn dial_failed(
        &mut self,
        around: &mut Around<'_>,
        id: ConnectionId,
        error: &DialError,
    ) -> Vec<Step> {
        let Some((peer, sessions)) = self.dialer.failed(id) else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for session in sessions {
            if around.peers.contains(&peer) {
                steps.extend(self.join(around, session, peer));
            } else if let DialError::NoAddresses = error {
                steps.push(Step::FindPeer(session, peer));
            }
        }
        steps
    }
}
