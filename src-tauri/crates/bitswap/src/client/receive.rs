//! What peers say and send, and what their silence means.

use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use unixfs::cid::Cid;

use super::limits::{ASK_AGAIN, RETRY_REFUSED};
use super::outbox::Entry;
use super::peer::{Answer, Kind, PeerSlot, Sent};
use super::session::Coverage;
use super::timers::Timer;
use super::want::WantId;
use super::{Client, ClientAction};
use crate::wire::Presence;

impl Client {
    /// Presences from a peer, in the order of its message.
    pub fn on_presences(&mut self, peer: PeerId, presences: &[(Cid, Presence)], now: Instant) {
        let Some(slot) = self.peers.find(&peer) else {
            return;
        };
        for (cid, presence) in presences {
            let id = self.wants.find(cid);
            let sent = id.and_then(|id| self.peers.get(slot)?.sent.get(&id).copied());
            let (Some(id), Some(sent)) = (id, sent) else {
                if let Some(peer) = self.peers.get_mut(slot) {
                    peer.conduct.on_unasked_presence();
                }
                continue;
            };
            if sent.answer == Answer::None
                && sent.flushed
                && let Some(peer) = self.peers.get_mut(slot)
            {
                peer.window
                    .on_rtt(now.saturating_duration_since(sent.at), now);
            }
            match presence {
                Presence::Have => self.on_have(slot, id, sent.answer == Answer::DontHave, now),
                Presence::DontHave => self.on_dont_have(slot, id, now),
            }
        }
        self.lay_blame(slot, now);
        self.report(slot, now);
        self.dirty = true;
    }

    fn on_have(&mut self, slot: PeerSlot, id: WantId, news: bool, now: Instant) {
        let Some(want) = self.wants.get(id) else {
            return;
        };
        let (home, bytes) = (want.home, want.expected());
        let Some(active) = want.active.as_deref() else {
            return;
        };
        let (rare, explored) = (active.holders.is_empty(), active.explored);
        self.set_answer(slot, id, Answer::Have);
        let Some(session) = self.sessions.get_mut(&home) else {
            return;
        };
        match session.members.get_mut(&slot) {
            None => self.join(home, slot, Coverage::Complete, now),
            Some(member) if member.coverage == Coverage::Partial => {
                member.explored |= explored;
                if news && rare {
                    member.news.add(bytes, now);
                }
                self.set_holder(slot, id, true);
            }
            Some(_) => {}
        }
    }

    fn on_dont_have(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        let Some(home) = self.wants.get(id).map(|want| want.home) else {
            return;
        };
        let Some(peer) = self.peers.get(slot) else {
            return;
        };
        let Some(sent) = peer.sent.get(&id).copied() else {
            return;
        };
        if sent.kind == Kind::Block {
            if peer.asked.contains_key(&sent.seq) {
                self.refuse(slot, id, now);
                self.set_answer(slot, id, Answer::DontHave);
                self.on_gateway_refusal(home, slot);
            }
            return;
        }
        self.set_holder(slot, id, false);
        self.set_answer(slot, id, Answer::DontHave);
        self.demote(home, slot, now);
        self.end_look(slot, id, now);
    }

    fn set_answer(&mut self, slot: PeerSlot, id: WantId, answer: Answer) {
        if let Some(sent) = self
            .peers
            .get_mut(slot)
            .and_then(|peer| peer.sent.get_mut(&id))
        {
            sent.answer = answer;
        }
    }

    /// A block whose CID was computed from its bytes.
    pub fn on_block(&mut self, peer: PeerId, cid: Cid, data: Bytes, now: Instant) {
        let slot = self.peers.find(&peer);
        let Some(id) = self.wants.find(&cid) else {
            if let Some(slot) = slot {
                self.on_unwanted_block(slot, &cid, data.len(), now);
            }
            return;
        };
        if let Some(slot) = slot {
            self.settle(slot, id, data.len() as u64, now);
        }
        let Some(want) = self.finish(id, slot, now) else {
            return;
        };
        if let Some(slot) = slot {
            self.lay_blame(slot, now);
        }
        let wanted = want.cid();
        if want.size == 0
            && let Some(home) = self.sessions.get_mut(&want.home)
        {
            home.on_size(data.len());
        }
        for session in want.sessions() {
            self.budget.deliver(data.len() as u64);
            self.actions.push_back(ClientAction::Deliver {
                session,
                peer,
                cid: wanted,
                data: data.clone(),
            });
            let Some(state) = self.sessions.get_mut(&session) else {
                continue;
            };
            state.search.on_block();
            match slot.and_then(|slot| state.members.get_mut(&slot)) {
                Some(member) => {
                    member.delivered = true;
                    member.refusals = 0;
                }
                None => {
                    if let Some(slot) = slot {
                        self.join(session, slot, Coverage::Complete, now);
                    }
                }
            }
        }
        self.dirty = true;
    }

    /// Credits a peer with a block, and looks whether it passed another request over.
    fn settle(&mut self, slot: PeerSlot, id: WantId, bytes: u64, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let asked = peer
            .sent
            .get(&id)
            .copied()
            .filter(|sent| peer.asked.contains_key(&sent.seq));
        let Some(sent) = asked else {
            peer.window.on_late_block();
            if let Some(want) = self.wants.get(id) {
                peer.conduct.take_late(want.digest_number());
            }
            if let Some(limiter) = &mut self.limiter {
                limiter.take(bytes);
            }
            return;
        };
        peer.asked.remove(&sent.seq);
        self.awake.insert(slot);
        peer.window.on_block(sent.bytes.into(), bytes, sent.at, now);
        peer.on_delivery();
        self.budget.unrequest(sent.bytes.into());
        if let Some(limiter) = &mut self.limiter {
            limiter.give_back(sent.bytes.into());
            limiter.take(bytes);
        }
        let overdue_after = peer.window.eta(0, now) * 3 + Duration::from_secs(2);
        let passed_over = peer
            .asked
            .first_key_value()
            .filter(|(seq, _)| **seq < sent.seq)
            .map(|(_, &id)| id);
        if let Some(old) = passed_over
            && peer.wrong.is_empty()
            && let Some(entry) = peer.sent.get(&old)
            && now.saturating_duration_since(entry.at) > overdue_after
        {
            self.refuse(slot, old, now);
        }
    }

    /// The peer sent something that is no Bitswap message.
    pub fn on_bad_message(&mut self, peer: PeerId, now: Instant) {
        if let Some(slot) = self.peers.find(&peer) {
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.conduct.strike(4.0);
            }
            self.report(slot, now);
        }
    }

    pub(super) fn report(&mut self, slot: PeerSlot, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        if peer.conduct.must_report() {
            self.actions
                .push_back(ClientAction::Misbehaved { peer: peer.id });
            let asked: Vec<WantId> = peer.asked.values().copied().collect();
            for id in asked {
                self.unlist(slot, id, now);
            }
            self.dirty = true;
        }
    }

    /// The peer's timer went off: is it stalled, may it be asked again for what it refused?
    pub(super) fn check_peer(&mut self, slot: PeerSlot, now: Instant) {
        self.lay_blame(slot, now);
        self.end_spoilt(slot, now);
        if self
            .peers
            .get(slot)
            .and_then(super::peer::Peer::stalls_at)
            .is_some_and(|at| at <= now)
        {
            self.on_stall(slot, now);
        }
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let is_refused = |sent: &Sent| {
            sent.kind == Kind::Block
                && sent.answer == Answer::DontHave
                && !peer.asked.contains_key(&sent.seq)
        };
        let (mut forgotten, mut forget_at) = (Vec::new(), None);
        for (&id, sent) in peer.sent.iter().filter(|(_, sent)| is_refused(sent)) {
            let until = sent.at + RETRY_REFUSED;
            if until <= now {
                forgotten.push(id);
            } else {
                forget_at = Some(forget_at.map_or(until, |at: Instant| at.min(until)));
            }
        }
        let can_say_more = peer.presences;
        let next = peer
            .stalls_at()
            .into_iter()
            .chain(peer.paused_until.filter(|&at| at > now))
            .chain(forget_at)
            .chain(self.spoilt.next(&peer.id, now))
            .min();
        if let Some(at) = next {
            self.timers.set_earlier(Timer::Peer(slot), at);
        }
        self.awake.insert(slot);
        for id in forgotten {
            self.unlist(slot, id, now);
            if can_say_more {
                self.list(slot, id, now);
            }
        }
        self.report(slot, now);
    }

    /// Says a request once more. Should it only have been slow, two answers come.
    fn ask_again(&mut self, slot: PeerSlot, id: WantId, seq: u64, now: Instant) {
        if let (Some(peer), Some(want)) = (self.peers.get_mut(slot), self.wants.get(id)) {
            peer.conduct.expect_late(want.digest_number());
            // Whatever was wrong comes again.
            peer.wrong.clear();
        }
        self.say(slot, Entry::Want { id, seq }, true, now);
    }

    /// Nothing came in time: what others could deliver is asked of them, the rest is asked for
    /// again.
    fn on_stall(&mut self, slot: PeerSlot, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let silence = peer
            .window
            .silent_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let asked: Vec<(u64, WantId)> = peer.asked.iter().map(|(&seq, &id)| (seq, id)).collect();
        peer.on_stall(now);
        let says_no = peer.says_no();
        for (seq, id) in asked {
            if self.has_alternative(slot, id, now) {
                self.unlist(slot, id, now);
            } else if !says_no {
                // Silence is the only way in which old peers say no.
                self.refuse(slot, id, now);
            } else if silence >= ASK_AGAIN {
                self.ask_again(slot, id, seq, now);
            }
        }
        if let Some(peer) = self.peers.get_mut(slot)
            && silence >= ASK_AGAIN
            && !peer.asked.is_empty()
        {
            peer.window.silent_since = Some(now);
        }
        self.dirty = true;
    }
}
