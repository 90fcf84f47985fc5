//! Bytes that are not what was asked for: which block they were sent for, and how long that peer is
//! not asked for that block again.
//!
//! A disk that rots makes an honest peer send other bytes under a good name, each time it is asked.
//! Nobody can tell at once which request they answer, but the others are answered in time: when no
//! more requests are left than wrong blocks came, these are they. The same wrong bytes count against
//! a peer once, however often they come; that many blocks are wrong is what makes an enemy (see
//! [`Conduct`](super::peer::Conduct)).
//!
//! Invariants: a wrong block is laid to no request that went out after it came; a peer has no more
//! wrong blocks here than unanswered requests; what is remembered is bounded, the longest past
//! forgotten first.

use std::collections::HashMap;
use std::time::Instant;

use libp2p::PeerId;
use unixfs::cid::Cid;

use super::Client;
use super::limits::{MAX_SPOILT, SPOILT, SPOILT_MAX};
use super::peer::{Answer, Peer, PeerSlot, Sent};
use super::session::Coverage;
use super::timers::Timer;
use super::want::{WantId, digest_number};
use crate::pace::Backoff;

/// A wrong block of which it is not yet known for which other it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    at: Instant,
    bytes: usize,
}

impl Wrong {
    /// Was it sent in place of what this asks for?
    pub(super) fn may_answer(&self, sent: &Sent) -> bool {
        sent.flushed && sent.at <= self.at
    }
}

/// Who has something else under a block's name.
#[derive(Debug, Default)]
pub(super) struct Spoilt(HashMap<(PeerId, u64), Entry>);

#[derive(Debug)]
struct Entry {
    /// Not asked for until then.
    until: Instant,
    /// How often it was so.
    times: u32,
    /// Its end was not yet acted upon.
    lasts: bool,
}

impl Spoilt {
    /// The peer has other bytes for the block of this digest. When it may be asked again.
    fn insert(&mut self, peer: PeerId, digest: u64, now: Instant) -> Instant {
        if self.0.len() >= MAX_SPOILT
            && !self.0.contains_key(&(peer, digest))
            && let Some(first) = self.0.iter().min_by_key(|(_, entry)| entry.until)
        {
            let first = *first.0;
            self.0.remove(&first);
        }
        let entry = self.0.entry((peer, digest)).or_insert(Entry {
            until: now,
            times: 0,
            lasts: false,
        });
        entry.until = now + Backoff::after(SPOILT, SPOILT_MAX, entry.times);
        entry.times = entry.times.saturating_add(1);
        entry.lasts = true;
        entry.until
    }

    fn contains(&self, peer: &PeerId, digest: u64, now: Instant) -> bool {
        !self.0.is_empty()
            && self
                .0
                .get(&(*peer, digest))
                .is_some_and(|entry| now < entry.until)
    }

    /// When the peer may be asked again for the next of its blocks.
    pub(super) fn next(&self, peer: &PeerId, now: Instant) -> Option<Instant> {
        let own = self.0.iter().filter(|((other, _), _)| other == peer);
        let ends = own.map(|(_, entry)| entry.until);
        ends.filter(|until| *until > now).min()
    }

    /// May the peer be asked again for something since this was last asked?
    fn take_ended(&mut self, peer: &PeerId, now: Instant) -> bool {
        let own = self.0.iter_mut().filter(|((other, _), _)| other == peer);
        let ended = own.filter(|(_, entry)| entry.lasts && entry.until <= now);
        ended.map(|(_, entry)| entry.lasts = false).count() > 0
    }
}

impl Client {
    /// The peer said that it does not have the block, or has something else under its name.
    pub(super) fn lacks(&self, peer: &Peer, id: WantId, now: Instant) -> bool {
        peer.said(id) == Answer::DontHave || self.is_spoilt(peer, id, now)
    }

    pub(super) fn is_spoilt(&self, peer: &Peer, id: WantId, now: Instant) -> bool {
        let want = self.wants.get(id);
        want.is_some_and(|want| self.spoilt.contains(&peer.id, want.digest_number(), now))
    }

    /// A block came that nobody wants: late, sent for another, or out of malice.
    pub(super) fn on_unwanted_block(
        &mut self,
        slot: PeerSlot,
        cid: &Cid,
        bytes: usize,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        let digest = digest_number(cid.hash().digest());
        if peer.conduct.take_late(digest) {
            return;
        }
        let answers = peer.asked.values().filter_map(|id| peer.sent.get(id));
        if peer.wrong.len() < answers.filter(|sent| sent.flushed).count() {
            peer.conduct.on_wrong_block(digest);
            peer.wrong.push(Wrong { at: now, bytes });
            // Whatever it is, it is not silence.
            peer.window.on_wrong_block(now);
            self.lay_blame(slot, now);
        } else {
            peer.conduct.on_unwanted_block(bytes);
        }
        self.report(slot, now);
    }

    /// Finds for which requests the wrong blocks were sent, as far as that can be told.
    pub(super) fn lay_blame(&mut self, slot: PeerSlot, now: Instant) {
        while let Some((wrong, blamed)) = self.next_blame(slot) {
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.wrong.retain(|other| !wrong.contains(other));
            }
            for id in blamed {
                self.spoil(slot, id, now);
            }
        }
    }

    /// Wrong blocks that must be the answers to these requests. To none: their requests were answered
    /// all the same.
    fn next_blame(&self, slot: PeerSlot) -> Option<(Vec<Wrong>, Vec<WantId>)> {
        let peer = self.peers.get(slot)?;
        let suspects = |wrong: &Wrong| {
            let asked = peer.asked.values().copied();
            let suspects =
                asked.filter(|id| peer.sent.get(id).is_some_and(|sent| wrong.may_answer(sent)));
            suspects.collect::<Vec<WantId>>()
        };
        let last = suspects(peer.wrong.last()?);
        if last.len() <= peer.wrong.len() {
            return Some((peer.wrong.clone(), last));
        }
        peer.wrong.iter().find_map(|wrong| {
            // A disk that rots seldom changes the size.
            let fits = |id: &WantId| {
                let size = self.wants.get(*id).map_or(0, |want| want.size);
                size as usize == wrong.bytes
            };
            let fitting: Vec<WantId> = suspects(wrong).into_iter().filter(fits).collect();
            let same = peer.wrong.iter().filter(|other| other.bytes == wrong.bytes);
            let same: Vec<Wrong> = same.copied().collect();
            (!fitting.is_empty() && fitting.len() <= same.len()).then_some((same, fitting))
        })
    }

    /// The peer has other bytes for this block: others are asked, and it for everything else.
    fn spoil(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        let (Some(peer), Some(want)) = (self.peers.get(slot), self.wants.get(id)) else {
            return;
        };
        let until = self.spoilt.insert(peer.id, want.digest_number(), now);
        self.timers.set_earlier(Timer::Peer(slot), until);
        // This request has its answer: none of the others goes with it.
        let others = self
            .peers
            .get_mut(slot)
            .map(|peer| std::mem::take(&mut peer.wrong));
        self.unlist(slot, id, now);
        if let (Some(peer), Some(others)) = (self.peers.get_mut(slot), others) {
            peer.wrong = others;
        }
        self.dirty = true;
    }

    /// What a peer had spoilt may be asked of it again: where it holds a part, it is asked whether it
    /// has it.
    pub(super) fn end_spoilt(&mut self, slot: PeerSlot, now: Instant) {
        let Some(peer) = self.peers.get(slot) else {
            return;
        };
        if !self.spoilt.take_ended(&peer.id, now) {
            return;
        }
        for id in &peer.sessions {
            let session = self.sessions.get_mut(id);
            let member = session.and_then(|session| session.members.get_mut(&slot));
            if let Some(member) = member.filter(|member| member.coverage == Coverage::Partial) {
                member.behind = true;
                self.short.insert(*id);
            }
        }
    }
}
