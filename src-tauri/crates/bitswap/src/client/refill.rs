//! What is looked for at the moment: a session's window of active wants, and looks beyond it.

use std::cmp::Reverse;
use std::time::Instant;

use super::limits::{EXPLORE_BATCH, MAX_ASKED_AGAIN, MAX_WANTLIST, WINDOW_AHEAD, WINDOW_SHARED};
use super::outbox::Entry;
use super::peer::{Answer, Kind, PeerSlot};
use super::session::Coverage;
use super::swarm::mix;
use super::timers::Timer;
use super::want::WantId;
use super::{Client, SessionId};

impl Client {
    /// Wants that a session may have active.
    pub(super) fn window_of(&self, session: SessionId) -> usize {
        let Some(state) = self.sessions.get(&session) else {
            return 0;
        };
        if state.has_partials() {
            let sharing = self.sessions.values().filter(|s| s.has_partials()).count();
            (WINDOW_SHARED / sharing.max(1)).max(WINDOW_AHEAD / 2)
        } else {
            state.asked() + WINDOW_AHEAD
        }
    }

    /// Activates wants up to the session's window, probes peers that have no probe left, and lists
    /// active wants at partial holders that lack them.
    pub(super) fn refill(&mut self, session: SessionId, now: Instant) {
        let window = self.window_of(session);
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let missing = window.saturating_sub(state.active.len());
        let next: Vec<WantId> = state
            .queue
            .iter()
            .take(missing)
            .map(|&(_, _, id)| id)
            .collect();
        let unprobed: Vec<PeerSlot> = state.unprobed.iter().copied().collect();
        let behind: Vec<PeerSlot> = state
            .members
            .iter()
            .filter(|(_, m)| m.behind)
            .map(|(&slot, _)| slot)
            .collect();
        for id in next {
            self.activate(id, None, now);
        }
        for slot in unprobed {
            self.probe(session, slot, now);
        }
        for slot in behind {
            let Some(state) = self.sessions.get(&session) else {
                return;
            };
            let ids: Vec<WantId> = state.active.iter().copied().collect();
            let all = ids.into_iter().all(|id| self.list(slot, id, now));
            let state = self.sessions.get_mut(&session);
            if let Some(member) = state.and_then(|state| state.members.get_mut(&slot)) {
                member.behind = !all;
            }
        }
    }

    /// Asks an idle partial holder about random wants beyond the windows of its sessions: it may
    /// hold another part.
    pub(super) fn explore(&mut self, slot: PeerSlot, now: Instant) {
        let Some(peer) = self.peers.get(slot) else {
            return;
        };
        if !peer.ready.is_empty() || !peer.asked.is_empty() || !peer.is_usable(now) {
            return;
        }
        let room = (MAX_WANTLIST * 3 / 4).saturating_sub(peer.sent.len());
        for session in peer.sessions.clone() {
            let Some(state) = self.sessions.get_mut(&session) else {
                continue;
            };
            let (Some(&first), Some(&last)) = (state.queue.first(), state.queue.last()) else {
                continue;
            };
            let Some(member) = state.members.get_mut(&slot) else {
                continue;
            };
            if member.coverage != Coverage::Partial || state.active.len() >= 4 * MAX_WANTLIST {
                continue;
            }
            let is_due = member.explore_at <= now;
            if is_due {
                member.on_explore(now);
            }
            self.timers
                .set_earlier(Timer::Peer(slot), member.explore_at);
            for _ in 0..EXPLORE_BATCH.min(room) * usize::from(is_due) {
                self.chance = mix(self.chance);
                let order = first.1 + self.chance % (last.1.max(first.1) - first.1 + 1);
                let Some(state) = self.sessions.get(&session) else {
                    break;
                };
                let next = state.queue.range((Reverse(first.0.0), order, 0)..).next();
                let Some(&(_, _, id)) = next.or(state.queue.first()) else {
                    break;
                };
                self.activate(id, Some(slot), now);
            }
        }
    }

    /// Asks who said no whether that is still so: disks come back, and not everybody tells. The
    /// session waits for nothing else.
    pub(super) fn ask_refusers(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        self.chance = mix(self.chance);
        let mut refused = Vec::new();
        for (slot, peer) in self.peers.iter().filter(|(_, peer)| peer.is_usable(now)) {
            let own = peer.sent.iter().filter(|(want, sent)| {
                let is_refused = sent.kind == Kind::Have && sent.answer == Answer::DontHave;
                is_refused && sent.flushed && session.active.contains(want)
            });
            refused.extend(own.map(|(&id, sent)| (slot, Entry::Want { id, seq: sent.seq })));
        }
        // Other ones each time, if there are so many.
        let first = self.chance % (refused.len().max(1) as u64);
        let count = refused.len().min(MAX_ASKED_AGAIN);
        let some = refused
            .iter()
            .cycle()
            .skip(usize::try_from(first).unwrap_or(0));
        for &(slot, entry) in some.take(count) {
            self.say(slot, entry, false, now);
        }
    }

    /// The peer does not have a want from beyond the window. If nobody has it who was asked, it
    /// goes back to its queue, or becomes one like any other if the window has room for it.
    pub(super) fn end_look(&mut self, slot: PeerSlot, id: WantId, now: Instant) {
        let Some(want) = self.wants.get_mut(id) else {
            return;
        };
        let home = want.home;
        let Some(active) = want.active.as_deref_mut() else {
            return;
        };
        let peers = &self.peers;
        let lacks = |&other: &PeerSlot| {
            other == slot
                || peers
                    .get(other)
                    .is_none_or(|p| p.said(id) == Answer::DontHave)
        };
        if !active.explored || !active.askers.is_empty() || !active.listed.iter().all(lacks) {
            return;
        }
        active.explored = false;
        let listed = active.listed.clone();
        let window = self.window_of(home);
        let Some(state) = self.sessions.get(&home) else {
            return;
        };
        if state.active.len() > window {
            for other in listed {
                self.unlist(other, id, now);
            }
            self.deactivate(id);
        } else {
            let partials: Vec<PeerSlot> = state.partials().collect();
            for other in partials {
                self.list(other, id, now);
            }
        }
    }
}
