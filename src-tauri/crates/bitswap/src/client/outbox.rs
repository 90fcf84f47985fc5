//! What is to be said to one peer: entries gathered into messages, in order, never a CID twice in
//! one message.
//!
//! Requests for blocks and cancels of such requests are urgent and take everything else along;
//! want-haves and their cancels wait for company. An entry that was taken back before it went out
//! costs nothing.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use unixfs::cid::Cid;

use super::limits::{GATHER, MAX_ENTRIES_PER_MESSAGE};
use super::want::WantId;

#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    /// Say what the peer's list holds under this want, if it is still the request numbered `seq`.
    Want {
        id: WantId,
        seq: u64,
    },
    Cancel(Cid),
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    /// When the entries go out.
    due: Option<Instant>,
}

impl Outbox {
    /// Returns when the outbox has to be flushed, if that is news.
    pub(super) fn push(&mut self, entry: Entry, urgent: bool, now: Instant) -> Option<Instant> {
        self.entries.push_back(entry);
        let urgent = urgent || self.entries.len() >= MAX_ENTRIES_PER_MESSAGE;
        let at = if urgent { now } else { now + GATHER };
        if self.due.is_some_and(|due| due <= at) {
            return None;
        }
        self.due = Some(at);
        self.due
    }

    /// When the outbox has to be flushed, if there is anything in it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.entries.is_empty())
    }

    /// Takes the next message's entries out, made into `T` by `make`, which drops what is no longer
    /// wanted. What stays behind is still due.
    pub(super) fn take<T>(&mut self, mut make: impl FnMut(Entry) -> Option<(Cid, T)>) -> Vec<T> {
        let mut message = Vec::new();
        let mut named = HashSet::new();
        while message.len() < MAX_ENTRIES_PER_MESSAGE {
            let Some(&entry) = self.entries.front() else {
                break;
            };
            if let Some((cid, made)) = make(entry) {
                // A second word about a CID, a want-have after a cancel for instance, begins the
                // next message.
                if !named.insert(*cid.hash()) {
                    break;
                }
                message.push(made);
            }
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.due = None;
        }
        message
    }
}
