//! The moves from which everything else is made: a want becomes active, is placed in a pool, listed
//! at a peer, asked of it, taken back, finished. Each keeps the tables of wants, peers and sessions
//! in step, whatever the order of calls.

use std::cmp::Reverse;
use std::time::Instant;

use super::limits::{DEFAULT_BLOCK, GATHER, HEARING, LATE};
use super::outbox::Entry;
use super::peer::{Answer, Kind, PeerSlot, Sent};
use super::session::Coverage;
use super::swarm::{mix, rank};
use super::timers::Timer;
use super::want::{Active, Place, UNHEARD, WantId, WantState};
use super::{Client, SessionId};

impl WantState {
    /// The same for as long as the want lives: pools are added up with it.
    pub(super) fn expected(&self) -> u32 {
        if self.size == 0 {
            DEFAULT_BLOCK
        } else {
            self.size
        }
    }
}

impl Client {
    /// Bytes that a block will probably have.
    pub(super) fn likely(&self, want: &WantState) -> u32 {
        let session = self.sessions.get(&want.home);
        session.map_or_else(|| want.expected(), |session| session.likely(want))
    }

    /// Takes a want from its queue. It is asked about at `only`, or at every partial holder of the
    /// session.
    pub(super) fn activate(&mut self, id: WantId, only: Option<PeerSlot>, now: Instant) {
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&want.home) else {
            return;
        };
        if !session
            .queue
            .remove(&(Reverse(want.priority), want.order, id))
        {
            return;
        }
        session.active.insert(id);
        want.active = Some(Box::new(Active {
            askers: Vec::new(),
            holders: Vec::new(),
            listed: Vec::new(),
            place: Place::Asked,
            rank: 0,
            owner: None,
            tie: 0,
            explored: only.is_some(),
            heard_at: None,
        }));
        let partials: Vec<PeerSlot> =
            only.map_or_else(|| session.partials().collect(), |slot| vec![slot]);
        self.await_word(id, now);
        self.rank_want(id);
        self.place(id);
        for slot in partials {
            self.list(slot, id, now);
        }
    }

    /// Puts a want that no peer's list names back into its queue.
    pub(super) fn deactivate(&mut self, id: WantId) {
        if self
            .wants
            .active(id)
            .is_none_or(|active| !active.listed.is_empty())
        {
            return;
        }
        self.displace(id);
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        want.active = None;
        if let Some(session) = self.sessions.get_mut(&want.home) {
            session.active.remove(&id);
            session
                .queue
                .insert((Reverse(want.priority), want.order, id));
        }
    }

    /// Gives partial holders time to say whether they have a want before complete sources are asked
    /// for it: two round trips of the slowest, and the time in which want-haves gather.
    fn await_word(&mut self, id: WantId, now: Instant) {
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        let (Some(active), Some(session)) = (
            want.active.as_deref_mut(),
            self.sessions.get_mut(&want.home),
        ) else {
            return;
        };
        let rtt = |slot| Some(self.peers.get(slot)?.window.rtt());
        if let Some(slowest) = session.partials().filter_map(rtt).max() {
            let at = now + (slowest * 2 + GATHER * 2).min(HEARING);
            active.heard_at = Some(at);
            session.unheard.push_back((at, id));
        }
    }

    /// Places wants anew whose partial holders have had their say.
    pub(super) fn end_hearings(&mut self, session: SessionId, now: Instant) {
        while let Some(state) = self.sessions.get_mut(&session)
            && let Some(&(at, id)) = state.unheard.front()
            && at <= now
        {
            state.unheard.pop_front();
            if let Some(active) = self.wants.active_mut(id)
                && active.heard_at == Some(at)
            {
                active.heard_at = None;
                if active.place != Place::Asked {
                    self.displace(id);
                    self.place(id);
                }
            }
        }
    }

    /// Works out anew whose turn it is to fetch a block first.
    fn rank_want(&mut self, id: WantId) {
        let Some(want) = self.wants.get(id) else {
            return;
        };
        let Some(session) = self.sessions.get(&want.home) else {
            return;
        };
        let digest = want.digest_number();
        let fellows = session
            .partials()
            .filter_map(|slot| Some((slot, self.peers.get(slot)?.number)));
        let (rank, owner) = rank(digest, self.number, fellows);
        // Each fetches its own in an order of its own, so that what reaches others by a detour
        // arrives before they would fetch it; helpers begin where owners end.
        let tie = match owner.and_then(|owner| self.peers.get(owner)) {
            Some(owner) => !mix(digest ^ owner.number.rotate_left(32)),
            None => mix(digest ^ self.number.rotate_left(32)),
        };
        if let Some(active) = self.wants.active_mut(id) {
            active.rank = rank;
            active.owner = owner;
            active.tie = tie;
        }
    }

    /// A fellow came or went.
    pub(super) fn rank_session(&mut self, session: SessionId) {
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let ids: Vec<WantId> = state.active.iter().copied().collect();
        for id in ids {
            let asked = self
                .wants
                .active(id)
                .is_some_and(|active| active.place == Place::Asked);
            self.displace(id);
            self.rank_want(id);
            if !asked {
                self.place(id);
            }
        }
    }

    /// Puts an active want that is asked of nobody into the pools it belongs to.
    pub(super) fn place(&mut self, id: WantId) {
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        let bytes = u64::from(want.expected());
        let chance = mix(want.order ^ self.salt);
        let Some(active) = want.active.as_deref_mut() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&want.home) else {
            return;
        };
        if active.holders.is_empty() {
            let class = if active.heard_at.is_some() {
                UNHEARD
            } else {
                active.rank.min(UNHEARD - 1)
            };
            let key = (Reverse(want.priority), class, active.tie, id);
            session.rare.insert(key);
            if class == 0 || session.asked() == 0 {
                self.fresh.insert(want.home);
            }
            active.place = Place::Rare(key);
            if let Some(member) = active
                .owner
                .and_then(|owner| session.members.get_mut(&owner))
            {
                member.owned_bytes += bytes;
            }
        } else {
            // More than three holders are as good as many.
            let class = u8::try_from(active.holders.len().min(4)).unwrap_or(4);
            let key = (Reverse(want.priority), class, chance, id);
            session.shared.insert(key);
            session.shared_bytes += bytes;
            active.place = Place::Shared(key);
            for &holder in &active.holders {
                if let Some(peer) = self.peers.get_mut(holder) {
                    peer.ready.insert(key);
                    self.awake.insert(holder);
                }
            }
        }
    }

    /// Takes a want out of its pools.
    pub(super) fn displace(&mut self, id: WantId) {
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        let bytes = u64::from(want.expected());
        let Some(active) = want.active.as_deref_mut() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&want.home) else {
            return;
        };
        match std::mem::replace(&mut active.place, Place::Asked) {
            Place::Asked => {}
            Place::Rare(key) => {
                session.rare.remove(&key);
                if let Some(member) = active
                    .owner
                    .and_then(|owner| session.members.get_mut(&owner))
                {
                    member.owned_bytes = member.owned_bytes.saturating_sub(bytes);
                }
            }
            Place::Shared(key) => {
                session.shared.remove(&key);
                session.shared_bytes = session.shared_bytes.saturating_sub(bytes);
                for &holder in &active.holders {
                    if let Some(peer) = self.peers.get_mut(holder) {
                        peer.ready.remove(&key);
                    }
                }
            }
        }
    }

    /// A partial holder says that it has the block (`holds`), or no longer.
    pub(super) fn set_holder(&mut self, slot: PeerSlot, id: WantId, holds: bool) {
        let Some(active) = self.wants.active(id) else {
            return;
        };
        if active.holders.contains(&slot) == holds {
            return;
        }
        let placed = active.place != Place::Asked;
        self.displace(id);
        if let Some(active) = self.wants.active_mut(id) {
            if holds {
                active.holders.push(slot);
            } else {
                active.holders.retain(|&holder| holder != slot);
            }
        }
        if placed {
            self.place(id);
        }
    }

    /// Adds a standing want-have to a peer's list. False: the list is full.
    pub(super) fn list(&mut self, slot: PeerSlot, id: WantId, now: Instant) -> bool {
        let Some(peer) = self.peers.get(slot) else {
            return true;
        };
        if !peer.presences || peer.sent.contains_key(&id) || self.is_spoilt(peer, id, now) {
            return true;
        }
        let (Some(peer), Some(active)) = (self.peers.get_mut(slot), self.wants.active_mut(id))
        else {
            return true;
        };
        if !peer.has_list_room() {
            return false;
        }
        self.seq += 1;
        let seq = self.seq;
        peer.sent.insert(
            id,
            Sent {
                seq,
                kind: Kind::Have,
                answer: Answer::None,
                at: now,
                flushed: false,
                bytes: 0,
            },
        );
        active.listed.push(slot);
        self.say(slot, Entry::Want { id, seq }, false, now);
        true
    }

    /// Asks a peer for the block.
    pub(super) fn ask(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        self.displace(id);
        let known = self.wants.get(id);
        let Some((bytes, digest)) = known.map(|want| (self.likely(want), want.digest_number()))
        else {
            return;
        };
        let (Some(peer), Some(active)) = (self.peers.get_mut(slot), self.wants.active_mut(id))
        else {
            return;
        };
        self.seq += 1;
        let seq = self.seq;
        let answer = peer.said(id);
        if peer
            .sent
            .get(&id)
            .is_some_and(|sent| sent.flushed && answer == Answer::None)
        {
            // The want-have may be answered with the block itself, and this request with another.
            peer.conduct.expect_late(digest);
        }
        if peer
            .sent
            .insert(
                id,
                Sent {
                    seq,
                    kind: Kind::Block,
                    answer,
                    at: now,
                    flushed: false,
                    bytes,
                },
            )
            .is_none()
        {
            active.listed.push(slot);
        }
        active.askers.push(slot);
        peer.asked.insert(seq, id);
        peer.window.on_ask(bytes.into(), now);
        self.budget.request(bytes.into());
        if let Some(limiter) = &mut self.limiter {
            limiter.take(bytes.into());
        }
        if let Some(at) = peer.stalls_at() {
            self.timers.set_earlier(Timer::Peer(slot), at);
        }
        self.say(slot, Entry::Want { id, seq }, true, now);
    }

    /// Takes a want off a peer's list and gives back what was reserved for it. A want that is then
    /// asked of nobody goes back to its pool.
    pub(super) fn unlist(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        self.set_holder(slot, id, false);
        self.unsend(slot, id, now);
        let Some(active) = self.wants.active_mut(id) else {
            return;
        };
        active.listed.retain(|&other| other != slot);
        active.askers.retain(|&other| other != slot);
        if active.place == Place::Asked && active.askers.is_empty() {
            self.place(id);
        }
    }

    /// The peer's half of [`Client::unlist`].
    fn unsend(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let Some(sent) = peer.sent.remove(&id) else {
            return;
        };
        let is_asked = peer.asked.remove(&sent.seq).is_some();
        if is_asked {
            // Should it have been answered by a wrong block, nobody will know.
            if let Some(at) = peer.wrong.iter().position(|wrong| wrong.may_answer(&sent)) {
                peer.wrong.remove(at);
            }
            peer.window.on_withdraw(sent.bytes.into());
            self.budget.unrequest(sent.bytes.into());
            if let Some(limiter) = &mut self.limiter {
                limiter.give_back(sent.bytes.into());
            }
            self.awake.insert(slot);
            if sent.flushed {
                peer.late_until = Some(now + LATE);
                peer.window.on_cancel();
            }
        }
        if sent.flushed
            && let Some(want) = self.wants.get(id)
        {
            if is_asked || sent.answer == Answer::None {
                // A want-have is answered with the block itself where that is small.
                peer.conduct.expect_late(want.digest_number());
            }
            let cid = want.cid();
            self.say(slot, Entry::Cancel(cid), sent.kind == Kind::Block, now);
        }
    }

    /// Removes a want from everywhere. Peers that still look for it are told, except `deliverer`,
    /// who ended it by sending it.
    pub(super) fn finish(
        &mut self,
        id: WantId,
        deliverer: Option<PeerSlot>,
        now: Instant,
    ) -> Option<WantState> {
        self.displace(id);
        let home = self.wants.get(id).map(|want| want.home);
        let listed = self
            .wants
            .active_mut(id)
            .map(|active| std::mem::take(&mut active.listed));
        for slot in listed.unwrap_or_default() {
            if Some(slot) == deliverer
                && let Some(peer) = self.peers.get_mut(slot)
                && let Some(sent) = peer.sent.get_mut(&id)
            {
                // Nothing to cancel: the peer strikes the entry off itself when it sends the block.
                sent.flushed = false;
            }
            self.unsend(slot, id, now);
            if let Some(session) = home.and_then(|home| self.sessions.get_mut(&home))
                && let Some(left) = session.probed.get_mut(&slot)
            {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    session.unprobed.insert(slot);
                }
            }
        }
        let want = self.wants.remove(id)?;
        for name in &want.sessions().collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(name) {
                session
                    .queue
                    .remove(&(Reverse(want.priority), want.order, id));
                session.active.remove(&id);
                session.guests.remove(&id);
                self.short.insert(*name);
            }
        }
        Some(want)
    }

    /// The peer lacks the block, by its own word or because it let the time pass.
    pub(super) fn refuse(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        let Some(want) = self.wants.get(id) else {
            return;
        };
        let home = want.home;
        let was_promised = self
            .peers
            .get(slot)
            .is_some_and(|peer| peer.said(id) == Answer::Have);
        self.unlist(slot, id, now);
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        if was_promised {
            peer.on_breach(now);
            if let Some(until) = peer.paused_until {
                self.timers.set_earlier(Timer::Peer(slot), until);
            }
        }
        let can_say_more = peer.presences;
        if can_say_more {
            // From now on it is asked what it has.
            self.demote(home, slot, now);
        }
        if can_say_more && !was_promised {
            // The list it gets names this block, too.
            self.list(slot, id, now);
        } else {
            // Old peers can't say what they have, and this one's word on it is worth nothing for
            // now: remember the refusal for a while.
            self.seq += 1;
            let sent = Sent {
                seq: self.seq,
                kind: Kind::Block,
                answer: Answer::DontHave,
                at: now,
                flushed: false,
                bytes: 0,
            };
            if let Some(active) = self.wants.active_mut(id)
                && let Some(peer) = self.peers.get_mut(slot)
                && peer.has_list_room()
            {
                peer.sent.insert(id, sent);
                active.listed.push(slot);
            }
            self.timers
                .set_earlier(Timer::Peer(slot), now + super::limits::RETRY_REFUSED);
        }
        self.dirty = true;
    }

    /// A member thought complete turned out to hold a part.
    pub(super) fn demote(&mut self, session: SessionId, slot: PeerSlot, now: Instant) {
        let Some(state) = self.sessions.get_mut(&session) else {
            return;
        };
        let Some(member) = state.members.get_mut(&slot) else {
            return;
        };
        if member.coverage == Coverage::Complete {
            member.coverage = Coverage::Partial;
            state.partial_count += 1;
            member.behind = true;
            self.short.insert(session);
            self.on_fellow(session, slot, now);
        }
    }

    /// A session has one more partial holder.
    pub(super) fn on_fellow(&mut self, session: SessionId, slot: PeerSlot, now: Instant) {
        // What it said before counts from now on.
        let said = self.peers.get(slot).map_or_else(Vec::new, |peer| {
            let has = peer
                .sent
                .iter()
                .filter(|(_, sent)| sent.answer == Answer::Have);
            has.map(|(&id, _)| id).collect()
        });
        for id in said {
            if self.wants.get(id).is_some_and(|want| want.home == session) {
                self.set_holder(slot, id, true);
            }
        }
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        if state.partial_count == 1 {
            let active: Vec<WantId> = state.active.iter().copied().collect();
            for id in active {
                self.await_word(id, now);
            }
        }
        self.rank_session(session);
    }

    /// Queues an entry for a peer.
    pub(super) fn say(&mut self, slot: PeerSlot, entry: Entry, urgent: bool, now: Instant) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        match peer.outbox.push(entry, urgent, now) {
            Some(at) if at <= now => self.to_flush.push_back(slot),
            Some(at) => self.timers.set_earlier(Timer::Flush(slot), at),
            None => {}
        }
    }
}
