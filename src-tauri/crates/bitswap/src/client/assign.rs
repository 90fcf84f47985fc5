//! Who is asked for what: fills the windows of all peers, the quickest first, block by block.
//!
//! A block that some partial holder has is asked of such a holder; a complete source gives what only it has, and what the
//! holders would take much longer for. Nothing here asks for a block that was asked for already: that is `steal.rs`.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::limits::{EXPLORE_BATCH, MAX_WANTLIST, TICK, WINDOW_AHEAD, WINDOW_SHARED};
use super::peer::{Answer, PeerSlot};
use super::session::Standing;
use super::swarm::mix;
use super::timers::Timer;
use super::want::{PoolKey, WantId, WantState};
use super::{Client, SessionId};

/// What a peer with room in its window could do.
enum Pick {
    Ask(WantId),
    /// There is work, but somebody else should come to it soon.
    Later,
    Nothing,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Filled {
    /// The consumer's budget or the download limit is used up.
    Limited,
    /// Some work was left to others for now.
    Waiting,
    /// Windows are full, or there is nothing that could be asked for.
    Dry,
}

/// Entries of a pool that are looked at before giving up: those skipped belong to others or were refused.
const MAX_LOOK: usize = 24;

impl Client {
    /// Brings windows, lists and requests up to date after any number of events.
    pub(super) fn assign(&mut self, now: Instant) {
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for &session in &sessions {
            self.refill(session, now);
        }
        let outcome = self.fill_windows(now);
        if outcome == Filled::Limited {
            return;
        }
        for session in sessions {
            self.explore(session, now);
            if let Some(state) = self.sessions.get_mut(&session)
                && outcome == Filled::Dry
                && state.is_starving()
            {
                state.hurry(now);
                self.schedule_session(session);
            }
        }
    }

    /// Activates wants up to the session's window, and lists active ones at partial holders that lack them.
    fn refill(&mut self, session: SessionId, now: Instant) {
        let sharing = self.sessions.values().filter(|s| s.has_partials()).count();
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let window = if state.has_partials() {
            (WINDOW_SHARED / sharing.max(1)).max(WINDOW_AHEAD / 2)
        } else {
            state.asked() + WINDOW_AHEAD
        };
        let missing = window.saturating_sub(state.active.len());
        let next: Vec<WantId> = state
            .queue
            .iter()
            .take(missing)
            .map(|&(_, _, id)| id)
            .collect();
        for id in next {
            self.activate(id, None, now);
        }
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let behind: Vec<PeerSlot> = state
            .members
            .iter()
            .filter(|(_, m)| m.behind)
            .map(|(&slot, _)| slot)
            .collect();
        for slot in behind {
            let Some(state) = self.sessions.get(&session) else {
                return;
            };
            let ids: Vec<WantId> = state.active.iter().copied().collect();
            let all = ids.into_iter().all(|id| self.list(slot, id, now));
            if let Some(member) = self
                .sessions
                .get_mut(&session)
                .and_then(|s| s.members.get_mut(&slot))
            {
                member.behind = !all;
            }
        }
    }

    /// Asks for blocks until every window is full or nothing is left to ask for.
    fn fill_windows(&mut self, now: Instant) -> Filled {
        let mut hungry: Vec<(Duration, PeerSlot)> = self
            .peers
            .iter()
            .filter(|(_, peer)| {
                !peer.sessions.is_empty() && !peer.window.is_full() && peer.is_usable(now)
            })
            .map(|(slot, peer)| (peer.window.eta(0, now), slot))
            .collect();
        hungry.sort_unstable();
        let mut idle = Vec::new();
        let mut later = false;
        while !hungry.is_empty() {
            let mut still = Vec::with_capacity(hungry.len());
            for (eta, slot) in hungry {
                match self.pick(slot, now) {
                    Pick::Ask(id) => {
                        if !self.may_request(id, now) {
                            return Filled::Limited;
                        }
                        self.ask(slot, id, now);
                        still.push((eta, slot));
                    }
                    Pick::Later => {
                        later = true;
                        idle.push(slot);
                    }
                    Pick::Nothing => idle.push(slot),
                }
            }
            hungry = still;
        }
        let stealing = !idle.is_empty() && self.budget.in_use() > 0;
        if stealing && self.steal_at.is_none_or(|at| at <= now) {
            self.steal_at = Some(now + TICK);
            for slot in idle {
                self.steal(slot, now);
            }
        }
        if later || stealing {
            self.timers.set_earlier(Timer::Assign, now + TICK);
        }
        if later { Filled::Waiting } else { Filled::Dry }
    }

    pub(super) fn may_request(&mut self, id: WantId, now: Instant) -> bool {
        let bytes = self.wants.get(id).map_or(0, WantState::expected);
        if !self.budget.has_room(bytes.into()) {
            return false;
        }
        if self.limiter.may_take(now) {
            return true;
        }
        if let Some(at) = self.limiter.ready_at() {
            self.timers.set_earlier(Timer::Assign, at);
        }
        false
    }

    fn pick(&mut self, slot: PeerSlot, now: Instant) -> Pick {
        let Some(peer) = self.peers.get_mut(slot) else {
            return Pick::Nothing;
        };
        // Sessions take turns at a peer.
        peer.sessions.rotate_left(1);
        let Some(peer) = self.peers.get(slot) else {
            return Pick::Nothing;
        };
        let ready = peer.ready.first().copied();
        let mut best = ready;
        let mut later = false;
        for session in &peer.sessions {
            if !self
                .sessions
                .get(session)
                .is_some_and(|state| state.is_complete(slot))
            {
                continue;
            }
            match self.pick_complete(*session, slot, now) {
                // Among equals what a partial holder has comes first, then the session whose turn it is.
                Ok(Some(key)) if best.is_none_or(|best| key.0 < best.0) => best = Some(key),
                Ok(_) => {}
                Err(Deferred) => later = true,
            }
        }
        let Some((.., id)) = best else {
            return if later { Pick::Later } else { Pick::Nothing };
        };
        let Some(want) = self.wants.get(id) else {
            return Pick::Nothing;
        };
        let careful = self
            .sessions
            .get(&want.home)
            .is_some_and(|state| state.members.len() > 1);
        if peer.window.has_room(want.expected().into(), careful) {
            Pick::Ask(id)
        } else {
            Pick::Nothing
        }
    }

    /// What a complete source of the session should be asked for next.
    fn pick_complete(
        &self,
        session: SessionId,
        slot: PeerSlot,
        now: Instant,
    ) -> Result<Option<PoolKey>, Deferred> {
        let (Some(state), Some(peer)) = (self.sessions.get(&session), self.peers.get(slot)) else {
            return Ok(None);
        };
        let own_eta = |id: WantId| {
            let bytes = self.wants.get(id).map_or(0, WantState::expected);
            peer.window.eta(bytes.into(), now)
        };
        let refused = |id: WantId| peer.said(id) == Answer::DontHave;
        let mut found = None;
        let mut deferred = false;
        for &key in state.rare.iter().take(MAX_LOOK) {
            let (_, rank, _, id) = key;
            if refused(id) {
                continue;
            }
            let owner = self.wants.active(id).and_then(|active| active.owner);
            let owner = owner.and_then(|owner| state.members.get(&owner));
            // Leave it to its owner, unless that one needs much longer.
            if rank == 0 || owner.is_none_or(|m| m.news.eta(m.owned_bytes, now) > own_eta(id) * 3) {
                found = Some(key);
                break;
            }
            deferred = true;
        }
        if let Some(&key) = state.shared.iter().find(|key| !refused(key.3))
            && found.is_none_or(|found| key.0 < found.0)
        {
            // Leave it to the partial holders, unless they need much longer.
            if self.shared_eta(session) > own_eta(key.3) * 2 + TICK {
                found = Some(key);
            } else {
                deferred = true;
            }
        }
        if found.is_none() && deferred {
            Err(Deferred)
        } else {
            Ok(found)
        }
    }

    /// Time in which the partial holders will have sent what they have and we lack.
    fn shared_eta(&self, session: SessionId) -> Duration {
        let Some(state) = self.sessions.get(&session) else {
            return Duration::ZERO;
        };
        let rate: f64 = state
            .partials()
            .filter_map(|slot| Some(self.peers.get(slot)?.window.rate()))
            .sum();
        if rate < 1.0 {
            return Duration::from_millis(500);
        }
        Duration::try_from_secs_f64(state.shared_bytes as f64 / rate).unwrap_or(Duration::MAX)
    }

    /// Asks idle partial holders about random wants beyond the window: they may hold another part of the content.
    fn explore(&mut self, session: SessionId, now: Instant) {
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        if state.queue.is_empty() || state.active.len() >= 4 * MAX_WANTLIST {
            return;
        }
        let idle: Vec<PeerSlot> = state
            .members
            .iter()
            .filter(|(_, m)| m.standing == Standing::Partial)
            .filter(|(slot, _)| {
                self.peers
                    .get(**slot)
                    .is_some_and(|p| p.ready.is_empty() && p.asked.is_empty() && p.is_usable(now))
            })
            .map(|(&slot, _)| slot)
            .collect();
        for slot in idle {
            let Some(state) = self.sessions.get_mut(&session) else {
                return;
            };
            let Some(member) = state.members.get_mut(&slot) else {
                continue;
            };
            let due = member.explore_at <= now;
            if due {
                member.on_explore(now);
            }
            self.timers
                .set_earlier(Timer::Peer(slot), member.explore_at);
            if !due {
                continue;
            }
            let (Some(&first), Some(&last)) = (state.queue.first(), state.queue.last()) else {
                return;
            };
            let room = self
                .peers
                .get(slot)
                .map_or(0, |p| (MAX_WANTLIST * 3 / 4).saturating_sub(p.sent.len()));
            for _ in 0..EXPLORE_BATCH.min(room) {
                self.chance = mix(self.chance);
                let order = first.1 + self.chance % (last.1.max(first.1) - first.1 + 1);
                let Some(state) = self.sessions.get(&session) else {
                    return;
                };
                let next = state
                    .queue
                    .range((Reverse(first.0.0), order, 0)..)
                    .next()
                    .or(state.queue.first());
                let Some(&(_, _, id)) = next else { break };
                self.activate(id, Some(slot), now);
            }
        }
    }
}

/// Work was left to somebody else for now.
struct Deferred;
