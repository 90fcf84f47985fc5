//! Who is asked for what: fills the windows of all peers, the quickest first, block by block.
//!
//! Rarest first: a block that some partial holder has is asked of such a holder; a complete source
//! gives what only it has, and what the holders would take much longer for. Nothing here asks for a
//! block that was asked for already: that is `steal.rs`.

use std::time::{Duration, Instant};

use super::limits::{DEFAULT_BLOCK, TICK};
use super::peer::PeerSlot;
use super::session::{Coverage, Member};
use super::timers::Timer;
use super::want::{PoolKey, UNHEARD, WantId};
use super::{Client, SessionId};

/// What a peer with room in its window could do.
enum Pick {
    Ask(WantId),
    /// There is work, but somebody else should come to it soon.
    Later,
    Nothing,
}

enum Admission {
    Granted,
    /// The consumer's budget or the download limit is used up.
    Full,
    /// What is left of the budget is for quick peers.
    Crowded,
    TooSlow,
}

/// A peer that needs longer for a block is no quick one.
const SLOW: Duration = Duration::from_secs(2);

/// Entries of a pool that are looked at before giving up: those skipped belong to others.
const MAX_LOOK: usize = 24;

/// With so few blocks left to it, an owner probably has asked for them already.
const FEW: u64 = 4;

impl Client {
    /// Brings windows, lists and requests up to date after any number of events. Only peers that
    /// something happened to are looked at, and at each tick all of them.
    pub(super) fn assign(&mut self, now: Instant) {
        let hearing: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, s)| !s.unheard.is_empty())
            .map(|(&id, _)| id)
            .collect();
        for session in hearing {
            self.end_hearings(session, now);
        }
        for session in std::mem::take(&mut self.short) {
            self.refill(session, now);
        }
        for session in std::mem::take(&mut self.fresh) {
            if let Some(state) = self.sessions.get(&session) {
                let complete = state
                    .members
                    .iter()
                    .filter(|(_, m)| m.coverage == Coverage::Complete);
                self.awake.extend(complete.map(|(&slot, _)| slot));
            }
        }
        let tick = std::mem::take(&mut self.tick);
        if tick {
            self.awake.extend(self.peers.iter().map(|(slot, _)| slot));
        }
        let Some(waiting) = self.fill_windows(tick, now) else {
            return;
        };
        let starving: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.is_starving())
            .map(|(&id, _)| id)
            .collect();
        for id in starving {
            if let Some(session) = self.sessions.get_mut(&id)
                && !waiting
            {
                session.retry_soon(now);
                self.schedule_session(id);
            }
        }
    }

    /// Asks for blocks until every window is full or nothing is left to ask for: true if some work
    /// was left to others for now. `None`: the consumer's budget or the download limit ended it;
    /// who is still awake goes on when there is room.
    fn fill_windows(&mut self, tick: bool, now: Instant) -> Option<bool> {
        let mut hungry: Vec<(Duration, PeerSlot)> = Vec::with_capacity(self.awake.len());
        self.awake.retain(|&slot| {
            let peer = self.peers.get(slot).filter(|peer| {
                !peer.sessions.is_empty() && !peer.window.is_full() && peer.is_usable(now)
            });
            hungry.extend(peer.map(|peer| (peer.window.eta(DEFAULT_BLOCK.into(), now), slot)));
            peer.is_some()
        });
        hungry.sort_unstable();
        let (mut idle, mut crowded) = (Vec::new(), Vec::new());
        let mut later = false;
        while !hungry.is_empty() {
            let mut still = Vec::with_capacity(hungry.len());
            for (eta, slot) in hungry {
                match self.pick(slot, now) {
                    Pick::Ask(id) => match self.admit(slot, id, now) {
                        Admission::Granted => {
                            self.ask(slot, id, now);
                            still.push((eta, slot));
                            continue;
                        }
                        Admission::Full => return None,
                        Admission::Crowded => {
                            crowded.push(slot);
                            continue;
                        }
                        Admission::TooSlow => {}
                    },
                    Pick::Later => later = true,
                    Pick::Nothing => {}
                }
                idle.push(slot);
                self.awake.remove(&slot);
            }
            hungry = still;
        }
        if tick {
            for &slot in &idle {
                self.steal(slot, now);
                self.explore(slot, now);
            }
            for &slot in &crowded {
                self.make_way(slot, now);
            }
        }
        // Idle peers look again at each tick while there is something that they could take over.
        let takeover = !idle.is_empty() && self.budget.in_use() > 0;
        if later || takeover || !crowded.is_empty() {
            let heard = self
                .sessions
                .values()
                .filter_map(|session| session.unheard.front());
            let next = heard
                .map(|&(at, _)| at)
                .min()
                .map_or(now + TICK, |at| at.min(now + TICK));
            self.timers.set_earlier(Timer::Assign, next);
        }
        Some(later)
    }

    /// May this peer be asked for the block? A share of the budget is kept for peers that are known
    /// to be quick, and a peer that would end after all others are through is not asked at all.
    fn admit(&mut self, slot: PeerSlot, id: WantId, now: Instant) -> Admission {
        let (Some(want), Some(peer)) = (self.wants.get(id), self.peers.get(slot)) else {
            return Admission::TooSlow;
        };
        let bytes = u64::from(self.likely(want));
        let Some(session) = self
            .sessions
            .get(&want.home)
            .filter(|session| session.members.len() > 1)
        else {
            return if self.may_request(id, now) {
                Admission::Granted
            } else {
                Admission::Full
            };
        };
        let eta = peer.window.eta(bytes, now);
        let is_known = peer.window.rate() > 0.0;
        if is_known && eta > SLOW {
            let others = session
                .members
                .keys()
                .filter(|&&other| other != slot && session.is_complete(other));
            let others = others
                .filter_map(|&other| self.peers.get(other))
                .filter(|other| other.is_usable(now));
            let rate: f64 = others.map(|other| other.window.rate()).sum();
            let left = session.pending() as f64 * bytes as f64;
            if left * 1.5 < rate * eta.saturating_sub(TICK * 10).as_secs_f64() {
                return Admission::TooSlow;
            }
        }
        if (!is_known || eta > SLOW) && !self.budget.has_room(bytes + self.config.budget / 4) {
            return Admission::Crowded;
        }
        if self.may_request(id, now) {
            Admission::Granted
        } else {
            Admission::Full
        }
    }

    pub(super) fn may_request(&mut self, id: WantId, now: Instant) -> bool {
        let bytes = self.wants.get(id).map_or(0, |want| self.likely(want));
        if !self.budget.has_room(bytes.into()) {
            return false;
        }
        let wait = self.limiter.as_mut().map(|limiter| limiter.check(now));
        if let Some(Err(at)) = wait {
            self.timers.set_earlier(Timer::Assign, at);
            return false;
        }
        true
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
                // Among equals what a partial holder has comes first, then the session whose turn
                // it is.
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
        let has_place = !peer.gateway || self.gateway_has_place(peer, want.home, now);
        if has_place && peer.window.has_room(self.likely(want).into(), careful) {
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
            let bytes = self.wants.get(id).map_or(0, |want| self.likely(want));
            peer.window.eta(bytes.into(), now)
        };
        let refused = |id: WantId| self.lacks(peer, id, now);
        let mut found = None;
        let mut deferred = false;
        for &key in state
            .rare
            .iter()
            .filter(|key| !refused(key.3))
            .take(MAX_LOOK)
        {
            let (_, class, _, id) = key;
            if class == UNHEARD && peer.window.asked_bytes() > 0 {
                deferred = true;
                continue;
            }
            let owner = self.wants.active(id).and_then(|active| active.owner);
            let owner = owner.and_then(|owner| state.members.get(&owner));
            // Leave it to its owner, unless that one needs much longer, or never showed that it
            // downloads at all. Its last few are probably on their way to it, and among few it is
            // soon where a helper is: then one at a time.
            let bytes = u64::from(self.wants.get(id).map_or(0, |want| self.likely(want)));
            let is_late = |member: &Member| {
                let left = member.owned_bytes;
                let idle = peer.window.asked_bytes() == 0;
                let factor = if left > bytes * FEW { 3 } else { 8 };
                member.news.is_none()
                    || (idle || left > bytes * FEW * 3)
                        && member.news.eta(left, now) > own_eta(id) * factor
            };
            if class == 0 || class == UNHEARD || owner.is_none_or(is_late) {
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
}

/// Work was left to somebody else for now.
struct Deferred;
