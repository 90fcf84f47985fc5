//! When what has to be looked at again: at most one moment for each subject, the earliest first.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::SessionId;
use super::peer::PeerSlot;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// Is the peer stalled, is its penalty over, may it be explored again?
    Peer(PeerSlot),
    /// Entries that waited for company go out.
    Flush(PeerSlot),
    /// The session looks for providers, gives up on dials.
    Session(SessionId),
    /// Blocks may be asked for again: the limiter has bytes, or a decision was put off.
    Assign,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Instant, Timer)>,
    at: HashMap<Timer, Instant>,
}

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(old) = self.at.insert(timer, at) {
            self.queue.remove(&(old, timer));
        }
        self.queue.insert((at, timer));
    }

    /// Sets the timer unless it goes off sooner anyway.
    pub(super) fn set_earlier(&mut self, timer: Timer, at: Instant) {
        if self.at.get(&timer).is_none_or(|&old| at < old) {
            self.set(timer, at);
        }
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(old) = self.at.remove(&timer) {
            self.queue.remove(&(old, timer));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|&(at, _)| at)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let &(at, timer) = self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        self.at.remove(&timer);
        Some(timer)
    }
}
