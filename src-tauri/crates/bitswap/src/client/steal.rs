//! Taking over what was asked of somebody else: from slow peers by robbing, in the last moments by
//! asking twice.
//!
//! A request is robbed from the end of the victim's queue, where it is least likely to be on its
//! way, and cancelled there. What stands first in the queue is probably being sent, so it is left
//! alone unless it is overdue or the session is at its end; then it is asked for twice, the first
//! to deliver wins, and the other is cancelled.

use std::time::{Duration, Instant};

use super::Client;
use super::limits::{ENDGAME, TICK};
use super::peer::PeerSlot;
use super::want::WantId;

/// Requests looked at in one victim's queue.
const MAX_LOOK: usize = 8;
/// Taking over must gain more than this, besides halving the time: answers and cancels cross.
const MIN_GAIN: Duration = Duration::from_millis(100);

/// Time in which a peer has to deliver its first block if others wait for a try.
const TRIAL: Duration = Duration::from_secs(1);

impl Client {
    /// Finds work for an idle peer among what others were asked for.
    pub(super) fn steal(&mut self, thief: PeerSlot, now: Instant) {
        // Each theft lengthens the thief's queue, so this ends; the bound is for peers that look
        // infinitely fast.
        for _ in 0..16 {
            let Some((victim, id, twice)) = self.find_prey(thief, now) else {
                return;
            };
            if !twice {
                self.unlist(victim, id, now);
            }
            if !self.may_request(id, now) {
                return;
            }
            self.ask(thief, id, now);
        }
    }

    /// The request whose takeover gains most: at whom, which, and whether the first asker is kept.
    fn find_prey(&self, thief: PeerSlot, now: Instant) -> Option<(PeerSlot, WantId, bool)> {
        let me = self.peers.get(thief)?;
        let mut best: Option<(Duration, PeerSlot, WantId, bool)> = None;
        for (victim, peer) in self.peers.iter() {
            let wait = peer.window.eta(0, now);
            if victim == thief
                || peer.asked.is_empty()
                || best.is_some_and(|(most, ..)| wait <= most)
            {
                continue;
            }
            let head = peer.asked.first_key_value().map(|(_, &id)| id);
            for &id in peer.asked.values().rev().take(MAX_LOOK) {
                let Some(want) = self.wants.get(id) else {
                    continue;
                };
                if !self.can_serve(thief, id, now)
                    || (me.gateway && !self.gateway_has_place(me, want.home, now))
                {
                    continue;
                }
                let bytes = self.likely(want).into();
                if !me.window.has_room(bytes, true)
                    || wait < me.window.eta(bytes, now) * 2 + MIN_GAIN
                {
                    break;
                }
                let twice = head == Some(id);
                if twice && !self.is_overdue(victim, id, now) {
                    continue;
                }
                best = Some((wait, victim, id, twice));
                break;
            }
        }
        best.map(|(_, victim, id, twice)| (victim, id, twice))
    }

    /// Does this peer probably have the block, and was only one other asked?
    fn can_serve(&self, slot: PeerSlot, id: WantId, now: Instant) -> bool {
        let (Some(want), Some(peer)) = (self.wants.get(id), self.peers.get(slot)) else {
            return false;
        };
        let Some(active) = want.active.as_deref() else {
            return false;
        };
        let complete = self
            .sessions
            .get(&want.home)
            .is_some_and(|session| session.is_complete(slot));
        active.askers.len() == 1
            && !active.askers.contains(&slot)
            && (active.holders.contains(&slot) || complete && !self.lacks(peer, id, now))
    }

    /// Did the request take twice its time, or is it one of the last and late at all?
    fn is_overdue(&self, victim: PeerSlot, id: WantId, now: Instant) -> bool {
        let (Some(want), Some(peer)) = (self.wants.get(id), self.peers.get(victim)) else {
            return false;
        };
        let Some(sent) = peer.sent.get(&id) else {
            return false;
        };
        let age = now.saturating_duration_since(sent.at);
        let rate = peer.window.rate();
        let fair = if rate == 0.0 {
            Duration::from_secs(1)
        } else {
            peer.window.rtt()
                + Duration::try_from_secs_f64(f64::from(sent.bytes) / rate).unwrap_or(Duration::MAX)
        };
        let last = self
            .sessions
            .get(&want.home)
            .is_some_and(|session| session.pending() <= ENDGAME);
        if last {
            age > TICK
        } else {
            age > fair.saturating_mul(2).saturating_add(MIN_GAIN)
        }
    }

    /// Gives a peer that was never tried the place of one that was asked for its first block and
    /// has not delivered for a while. Should that block still come, it is welcome.
    pub(super) fn make_way(&mut self, newcomer: PeerSlot, now: Instant) {
        let untried = |slot| {
            self.peers
                .get(slot)
                .is_some_and(|peer| peer.window.rate() == 0.0 && peer.asked.is_empty())
        };
        if !untried(newcomer) {
            return;
        }
        let silent = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.window.rate() == 0.0);
        let silent = silent.filter_map(|(slot, peer)| Some((peer.window.silent_since?, slot)));
        let Some((since, slot)) = silent
            .min()
            .filter(|(since, _)| now.saturating_duration_since(*since) > TRIAL)
        else {
            return;
        };
        let Some(peer) = self.peers.get_mut(slot) else {
            return;
        };
        peer.window
            .on_failed_trial(now.saturating_duration_since(since));
        let asked: Vec<WantId> = peer.asked.values().copied().collect();
        for id in asked {
            self.unlist(slot, id, now);
        }
        self.awake.insert(newcomer);
        self.dirty = true;
    }

    /// Is there another peer that could be asked at once?
    pub(super) fn has_alternative(&self, slot: PeerSlot, id: WantId, now: Instant) -> bool {
        let Some(want) = self.wants.get(id) else {
            return false;
        };
        let Some(session) = self.sessions.get(&want.home) else {
            return false;
        };
        let Some(active) = want.active.as_deref() else {
            return false;
        };
        session.members.keys().any(|&other| {
            other != slot
                && self.peers.get(other).is_some_and(|peer| {
                    peer.is_usable(now)
                        && (active.holders.contains(&other)
                            || session.is_complete(other) && !self.lacks(peer, id, now))
                })
        })
    }
}
