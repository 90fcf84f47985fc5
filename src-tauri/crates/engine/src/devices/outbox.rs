//! What we offered other devices, whom to ask about it when, and what became of it.
//!
//! | an offer is | until |
//! |---|---|
//! | new | its item is hashed and no earlier one of the device's is new: it is said |
//! | waiting, or being taken | it is asked after, ever less often while nothing changes |
//! | had, declined or refused | a week is over |
//!
//! Whoever can't be asked is away: it is asked again after growing pauses, and at once when it comes
//! back. An offer that the other side doesn't know any more is said again.
//!
//! Pure: it is told the time, and which items are ready.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use libp2p::PeerId;

use super::limits::KEPT;
use super::record::{Fate, Sent};
use net::devices::Stands;

/// While it is being fetched.
const FAST: Duration = Duration::from_secs(1);
/// The longest pause while the person there has not decided: a small message.
const SLOW: Duration = Duration::from_secs(10);
/// Where its item is not hashed yet.
const HASHING: Duration = Duration::from_millis(200);
/// Pauses after a device couldn't be asked.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// What is to be asked of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Offer,
    State,
}

#[derive(Debug, Default)]
pub(super) struct Outbox(BTreeMap<i64, Entry>);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sent: Sent,
    /// It couldn't be asked the last time.
    pub(super) is_away: bool,
    is_asked: bool,
    next: Instant,
    /// While all goes well, and while it is away.
    pace: Backoff,
    retry: Backoff,
}

impl Outbox {
    pub(super) fn put(&mut self, id: i64, sent: Sent, now: Instant) {
        let entry = Entry {
            sent,
            is_away: false,
            is_asked: false,
            next: now,
            pace: Backoff::new(FAST, SLOW),
            retry: Backoff::new(FIRST_RETRY, LAST_RETRY),
        };
        self.0.insert(id, entry);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (i64, &Entry)> {
        self.0.iter().map(|(id, entry)| (*id, entry))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: i64) -> Option<&Sent> {
        self.0.get(&id).map(|entry| &entry.sent)
    }

    pub(super) fn remove(&mut self, ids: &[i64]) {
        self.0.retain(|id, _| !ids.contains(id));
    }

    /// Whatever is to be asked now; it counts as being asked from here on. `is_ready` says whether an
    /// item is hashed.
    pub(super) fn take_due(
        &mut self,
        is_ready: impl Fn(i64) -> bool,
        now: Instant,
    ) -> Vec<(i64, Step)> {
        let mut due = Vec::new();
        // A device hears them one after the other.
        let mut behind: HashSet<PeerId> = HashSet::new();
        for (id, entry) in &mut self.0 {
            let is_new = entry.sent.fate == Fate::New;
            let is_first = !is_new || behind.insert(entry.sent.to.peer);
            if entry.sent.fate.is_final() || entry.is_asked || entry.next > now || !is_first {
                continue;
            }
            if is_new && !entry.sent.item.is_none_or(&is_ready) {
                entry.next = now + HASHING;
                continue;
            }
            entry.is_asked = true;
            let step = if is_new { Step::Offer } else { Step::State };
            due.push((*id, step));
        }
        due
    }

    /// When something is to be asked next.
    pub(super) fn next(&self) -> Option<Instant> {
        let mut behind: HashSet<PeerId> = HashSet::new();
        let waiting = self.0.values().filter(|entry| {
            let is_new = entry.sent.fate == Fate::New;
            let is_first = !is_new || behind.insert(entry.sent.to.peer);
            is_first && !entry.sent.fate.is_final() && !entry.is_asked
        });
        waiting.map(|entry| entry.next).min()
    }

    /// What it said; `None`: it couldn't be asked. Gives what is to be kept, if that is something new.
    pub(super) fn answered(
        &mut self,
        id: i64,
        stands: Option<Stands>,
        now: Instant,
    ) -> Option<Sent> {
        let entry = self.0.get_mut(&id)?;
        entry.is_asked = false;
        let Some(stands) = stands else {
            entry.is_away = true;
            entry.next = now + entry.retry.pause();
            entry.retry.grow();
            return None;
        };
        entry.is_away = false;
        entry.retry.reset();
        let fate = match stands {
            Stands::Waiting => Fate::Waiting,
            Stands::Taking(part) => Fate::Taking(part.min(1000)),
            Stands::Has => Fate::Has,
            Stands::Declined => Fate::Declined,
            Stands::Refused => Fate::Refused,
            Stands::Busy => entry.sent.fate,
            Stands::Unknown => Fate::New,
        };
        let is_other = fate != entry.sent.fate;
        if is_other || matches!(fate, Fate::Taking(_)) {
            entry.pace.reset();
        }
        entry.next = now + entry.pace.pause();
        entry.pace.grow();
        entry.sent.fate = fate;
        is_other.then(|| entry.sent.clone())
    }

    /// The device is there.
    pub(super) fn here(&mut self, peer: &PeerId, now: Instant) {
        for entry in self.0.values_mut() {
            if entry.sent.to.peer == *peer {
                entry.retry.reset();
                entry.next = now;
            }
        }
    }

    /// Those whose time is over, and those whose item is gone before it was told.
    pub(super) fn expired(&self, is_there: impl Fn(i64) -> bool, now: i64) -> Vec<i64> {
        let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        let is_over = |sent: &Sent| {
            let is_gone = !sent.fate.is_final() && !sent.item.is_none_or(&is_there);
            now - sent.at >= kept || is_gone
        };
        let over = self.all().filter(|(_, entry)| is_over(&entry.sent));
        over.map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests;
