//! Who takes part in a session: providers that were named, peers that said HAVE, fellow
//! downloaders; and the search for more.

use std::time::Instant;

use libp2p::PeerId;
use unixfs::cid::Cid;

use super::limits::{MAX_MEMBERS, MAX_PROBED, PROBES_PER_PEER};
use super::peer::{Answer, Peer, PeerSlot, Sent};
use super::session::{Coverage, Member, Session};
use super::swarm::mix;
use super::timers::Timer;
use super::want::WantId;
use super::{Client, ClientAction, SessionId};
use crate::wire;

/// Blocks that a peer may be about to send, by the numbers of their digests.
#[derive(Debug, Default)]
pub struct UnderWay(Vec<u64>);

impl Client {
    /// Peers believed to have the session's content, connected or not.
    pub fn add_providers(&mut self, id: SessionId, peers: &[PeerId], now: Instant) {
        for peer in peers {
            if *peer == self.config.local {
                continue;
            }
            match self.peers.find(peer) {
                Some(slot) => self.join(id, slot, Coverage::Complete, now),
                None => {
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.add_candidate(*peer);
                    }
                }
            }
        }
        self.dial(id, now);
    }

    /// The peer asks us for these blocks: if we look for one of them ourselves, we are fellow
    /// downloaders.
    pub fn on_wanted(&mut self, peer: PeerId, cids: &[Cid], now: Instant) {
        let Some(slot) = self.peers.find(&peer) else {
            return;
        };
        for cid in cids {
            let Some(home) = self
                .wants
                .find(cid)
                .and_then(|id| self.wants.get(id))
                .map(|want| want.home)
            else {
                continue;
            };
            if !self
                .sessions
                .get(&home)
                .is_some_and(|session| session.members.contains_key(&slot))
            {
                self.join(home, slot, Coverage::Partial, now);
            }
        }
    }

    pub fn connected(&mut self, peer: PeerId, version: wire::Version, now: Instant) {
        if self.peers.find(&peer).is_some() {
            return;
        }
        let slot = self
            .peers
            .insert(peer, version.has_presences(), self.config.max_window);
        if let Some(at) = self.spoilt.next(&peer, now) {
            self.timers.set_earlier(Timer::Peer(slot), at);
        }
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            if self
                .sessions
                .get_mut(&id)
                .is_some_and(|session| session.take_expected(&peer))
            {
                self.join(id, slot, Coverage::Complete, now);
                self.dial(id, now);
            } else {
                self.probe(id, slot, now);
            }
        }
    }

    /// A dial that [`ClientAction::Dial`] asked for came to nothing.
    pub fn dial_failed(&mut self, peer: PeerId, now: Instant) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            if self
                .sessions
                .get_mut(&id)
                .is_some_and(|session| session.take_expected(&peer))
            {
                self.dial(id, now);
            }
        }
    }

    /// These blocks may still come, as the peer was asked for them over another connection.
    pub fn expect_late(&mut self, peer: &PeerId, under_way: UnderWay) {
        let slot = self.peers.find(peer);
        if let Some(peer) = slot.and_then(|slot| self.peers.get_mut(slot)) {
            for digest in under_way.0 {
                peer.conduct.expect_late(digest);
            }
        }
    }

    /// Blocks that the peer may be about to send.
    pub fn under_way(&self, peer: &PeerId) -> UnderWay {
        let slot = self.peers.find(peer);
        let Some(peer) = slot.and_then(|slot| self.peers.get(slot)) else {
            return UnderWay::default();
        };
        let may_come = |(id, sent): (&WantId, &Sent)| {
            let may_come = peer.asked.contains_key(&sent.seq) || sent.answer == Answer::None;
            let want = self.wants.get(*id)?;
            (sent.flushed && may_come).then(|| want.digest_number())
        };
        UnderWay(peer.sent.iter().filter_map(may_come).collect())
    }

    /// May blocks be on their way from the peer that it was asked for?
    pub fn expects(&self, peer: &PeerId, now: Instant) -> bool {
        let slot = self.peers.find(peer);
        let peer = slot.and_then(|slot| self.peers.get(slot));
        peer.is_some_and(|peer| {
            !peer.asked.is_empty() || peer.late_until.is_some_and(|until| now < until)
        })
    }

    pub fn disconnected(&mut self, peer: PeerId, now: Instant) {
        let Some(slot) = self.peers.find(&peer) else {
            return;
        };
        let listed: Vec<_> = self
            .peers
            .get(slot)
            .map_or_else(Vec::new, |p| p.sent.keys().copied().collect());
        for id in listed {
            self.end_look(slot, id, now);
            self.unlist(slot, id, now);
        }
        self.timers.clear(Timer::Peer(slot));
        self.timers.clear(Timer::Flush(slot));
        self.to_flush.retain(|&other| other != slot);
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            let Some(session) = self.sessions.get_mut(&id) else {
                continue;
            };
            session.probed.remove(&slot);
            session.unprobed.remove(&slot);
            let Some(member) = session.members.remove(&slot) else {
                continue;
            };
            session.partial_count -= usize::from(member.coverage == Coverage::Partial);
            // A source that was good is worth a dial.
            let is_dialled = |peer: &Peer| !peer.conduct.reported && !peer.gateway;
            if member.delivered && self.peers.get(slot).is_some_and(is_dialled) {
                session.add_candidate(peer);
            }
            self.rank_session(id);
            self.dial(id, now);
        }
        self.peers.remove(slot);
        self.awake.remove(&slot);
        self.dirty = true;
    }

    /// Who takes part in a session, and what part of what we lack each has, 0 to 1, as far as its
    /// answers tell.
    pub fn holdings(&self, id: SessionId) -> Vec<(PeerId, Option<f64>)> {
        let members = self.sessions.get(&id).map(|session| &session.members);
        let holding = |(slot, member): (&PeerSlot, &Member)| {
            let peer = self.peers.get(*slot)?;
            let part = match member.coverage {
                Coverage::Complete => member.delivered.then_some(1.0),
                Coverage::Partial => peer.part_of_answers(),
            };
            Some((peer.id, part))
        };
        members.into_iter().flatten().filter_map(holding).collect()
    }

    /// Nothing is on its way, and everybody who takes part in a session said of all that is looked
    /// for that they don't have it.
    pub fn is_stuck(&self, id: SessionId, now: Instant) -> bool {
        let Some(session) = self.sessions.get(&id).filter(|session| {
            session.is_starving() && session.shared.is_empty() && !session.rare.is_empty()
        }) else {
            return false;
        };
        let lacks = |slot: PeerSlot, want: WantId| {
            let peer = self.peers.get(slot);
            peer.is_some_and(|peer| self.lacks(peer, want, now))
        };
        session.peers().next().is_some()
            && session
                .rare
                .iter()
                .all(|&(.., want)| session.peers().all(|(slot, _)| lacks(slot, want)))
    }

    /// Lets a connected peer take part in a session.
    pub(super) fn join(&mut self, id: SessionId, slot: PeerSlot, coverage: Coverage, now: Instant) {
        let (Some(session), Some(peer)) = (self.sessions.get_mut(&id), self.peers.get_mut(slot))
        else {
            return;
        };
        if session.members.contains_key(&slot) || session.members.len() >= MAX_MEMBERS {
            return;
        }
        session.probed.remove(&slot);
        session.unprobed.remove(&slot);
        session.search.on_source(now);
        let mut member = Member::new(coverage, now);
        member.gateway = peer.gateway;
        member.behind = coverage == Coverage::Partial;
        self.short.insert(id);
        self.awake.insert(slot);
        session.partial_count += usize::from(member.behind);
        session.members.insert(slot, member);
        peer.sessions.push(id);
        if coverage == Coverage::Partial {
            self.on_fellow(id, slot, now);
        }
        self.schedule_session(id);
        self.dirty = true;
    }

    /// Asks a peer outside the session whether it has some of the session's blocks.
    pub(super) fn probe(&mut self, id: SessionId, slot: PeerSlot, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.probed.len() >= MAX_PROBED
            || session.members.contains_key(&slot)
            || !self.peers.get(slot).is_some_and(|peer| peer.presences)
            || session.pending() == 0
        {
            return;
        }
        session.unprobed.remove(&slot);
        let missing = PROBES_PER_PEER.saturating_sub(session.active.len());
        let queued: Vec<WantId> = session
            .queue
            .iter()
            .take(missing)
            .map(|&(_, _, want)| want)
            .collect();
        for want in queued {
            self.activate(want, None, now);
        }
        self.chance = mix(self.chance);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // The first time about the first blocks, the root among them; later about any.
        let again = session.probed.contains_key(&slot);
        let first = match session.active.last() {
            Some(&last) if again => usize::try_from(self.chance % (last as u64 + 1)).unwrap_or(0),
            _ => 0,
        };
        let wants: Vec<WantId> = session
            .active
            .range(first..)
            .take(PROBES_PER_PEER)
            .copied()
            .collect();
        session.probed.insert(slot, wants.len());
        for want in wants {
            self.list(slot, want, now);
        }
    }

    pub(super) fn probe_all(&mut self, id: SessionId, now: Instant) {
        let slots: Vec<PeerSlot> = self.peers.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.probe(id, slot, now);
        }
    }

    /// Dials providers that are not connected, a few at a time.
    pub(super) fn dial(&mut self, id: SessionId, now: Instant) {
        if let Some(session) = self.sessions.get_mut(&id) {
            while let Some(peer) = session.next_dial(now) {
                self.actions.push_back(ClientAction::Dial { peer });
            }
        }
        self.schedule_session(id);
    }

    pub(super) fn schedule_session(&mut self, id: SessionId) {
        match self.sessions.get(&id).and_then(Session::next_check) {
            Some(at) => self.timers.set(Timer::Session(id), at),
            None => self.timers.clear(Timer::Session(id)),
        }
    }

    pub(super) fn check_session(&mut self, id: SessionId, now: Instant) {
        self.chance = mix(self.chance);
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.expire_dials(now);
        if session.poll_search(self.chance, now) {
            let starving = session.is_starving();
            if starving {
                session.probed.clear();
            }
            self.actions
                .push_back(ClientAction::FindProviders { session: id });
            if starving {
                self.ask_refusers(id, now);
                self.probe_all(id, now);
            }
        }
        self.dial(id, now);
    }
}
