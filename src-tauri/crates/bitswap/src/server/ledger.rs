//! What one peer wants of us, and how far each want has come.
//!
//! | state | meaning | goes on when |
//! |---|---|---|
//! | `Fresh` | nobody has looked yet whether we have it | a look-up is free |
//! | `Looking` | a look-up is under way | it is answered |
//! | `Standing` | we don't have it; the peer still wants it | it becomes available, or the peer asks again |
//! | `Queued` | we have it, or it has to be read to know; it waits for its turn | the peer's turn comes and its pipe has room |
//! | `Reading` | its bytes are being read | they are there: the want is over |
//!
//! A want-have ends with its HAVE. Whatever the state, a cancel ends a want, and answers that come
//! later find nothing to do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use unixfs::cid::Cid;

use super::pipe::Pipe;
use crate::limits::{MAX_WANTLIST, TURN_BYTES};
use crate::wire::{Presence, Version, WantEntry, WantType};

/// Position in the queue: higher priority first, then in the order of asking.
type Place = (Reverse<i32>, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Fresh,
    /// `again`: the block became available after the question was put, so that a no may be
    /// outdated.
    Looking {
        again: bool,
    },
    Standing,
    Queued {
        place: Place,
        size: u32,
    },
    Reading,
}

impl State {
    /// Not known to be here: its turning up matters.
    pub(super) fn is_waiting(self) -> bool {
        matches!(self, Self::Looking { .. } | Self::Standing)
    }
}

#[derive(Debug)]
pub(super) struct Want {
    pub(super) priority: i32,
    pub(super) kind: WantType,
    pub(super) send_dont_have: bool,
    pub(super) state: State,
}

/// What becomes of a new want when the list is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It was taken; the other want had to go for it.
    Taken { displaced: Option<Cid> },
    /// No room: everything in the list is something that we have or are still looking for.
    Refused,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) version: Version,
    /// Tells a peer that came back from the one that tickets were made for.
    pub(super) epoch: u64,
    pub(super) wants: HashMap<Cid, Want>,
    /// Wants to look up, in the order of asking; some may have been cancelled since.
    fresh: VecDeque<Cid>,
    pub(super) is_looking: bool,
    /// Waits for a free look-up.
    pub(super) will_look_up: bool,
    queue: BTreeMap<Place, Cid>,
    next_place: u64,
    /// Standing wants, the oldest first, to make room when the list is full. Holds outdated ones,
    /// swept when it grows.
    standing: VecDeque<Cid>,

    pub(super) presences: Vec<(Cid, Presence)>,
    pub(super) pipe: Pipe,

    /// Bytes this peer may still be sent in its turn; negative: it had more than its share.
    pub(super) deficit: i64,
    pub(super) has_turn: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Ledger {
    pub(super) fn new(version: Version, epoch: u64, now: Instant) -> Self {
        Self {
            version,
            epoch,
            wants: HashMap::new(),
            fresh: VecDeque::new(),
            is_looking: false,
            will_look_up: false,
            queue: BTreeMap::new(),
            next_place: 0,
            standing: VecDeque::new(),
            presences: Vec::new(),
            pipe: Pipe::new(now),
            deficit: 0,
            has_turn: false,
            sent: 0,
            received: 0,
        }
    }

    /// Takes a want in, or what it says now if it was there.
    pub(super) fn add(&mut self, entry: &WantEntry) -> Added {
        if let Some(want) = self.wants.get_mut(&entry.cid) {
            want.send_dont_have |= entry.send_dont_have;
            // Whoever asked for the block still wants it when asking whether we have it.
            if entry.want_type == WantType::Block {
                want.kind = WantType::Block;
            }
            want.priority = entry.priority;
            match want.state {
                State::Standing => {
                    want.state = State::Fresh;
                    self.push_fresh(entry.cid);
                }
                State::Queued { place, size } if place.0.0 != entry.priority => {
                    self.queue.remove(&place);
                    let place = (Reverse(entry.priority), place.1);
                    want.state = State::Queued { place, size };
                    self.queue.insert(place, entry.cid);
                }
                _ => {}
            }
            return Added::Taken { displaced: None };
        }
        let displaced = if self.wants.len() < MAX_WANTLIST {
            None
        } else {
            match self.oldest_standing() {
                Some(cid) => Some(cid),
                None => return Added::Refused,
            }
        };
        if let Some(displaced) = displaced {
            self.wants.remove(&displaced);
        }
        self.wants.insert(
            entry.cid,
            Want {
                priority: entry.priority,
                kind: entry.want_type,
                send_dont_have: entry.send_dont_have,
                state: State::Fresh,
            },
        );
        self.push_fresh(entry.cid);
        Added::Taken { displaced }
    }

    fn push_fresh(&mut self, cid: Cid) {
        // Wants that come and go while a look-up is slow must not pile up.
        if self.fresh.len() >= 2 * MAX_WANTLIST {
            self.fresh.clear();
            self.fresh.extend(
                self.wants
                    .iter()
                    .filter(|(_, want)| want.state == State::Fresh)
                    .map(|(cid, _)| *cid),
            );
        } else {
            self.fresh.push_back(cid);
        }
    }

    /// The block has turned up: a standing want is looked up once more, now or when the look-up
    /// under way is over.
    pub(super) fn refresh(&mut self, cid: Cid) {
        match self.wants.get_mut(&cid).map(|want| &mut want.state) {
            Some(state @ State::Standing) => {
                *state = State::Fresh;
                self.push_fresh(cid);
            }
            Some(State::Looking { again }) => *again = true,
            _ => {}
        }
    }

    /// The wants to look up next, which are looked up from now on.
    pub(super) fn take_fresh(&mut self) -> Vec<Cid> {
        let mut cids = Vec::new();
        while cids.len() < MAX_WANTLIST
            && let Some(cid) = self.fresh.pop_front()
        {
            if let Some(want) = self
                .wants
                .get_mut(&cid)
                .filter(|want| want.state == State::Fresh)
            {
                want.state = State::Looking { again: false };
                cids.push(cid);
            }
        }
        cids
    }

    fn oldest_standing(&mut self) -> Option<Cid> {
        while let Some(cid) = self.standing.pop_front() {
            if self
                .wants
                .get(&cid)
                .is_some_and(|want| want.state == State::Standing)
            {
                return Some(cid);
            }
        }
        None
    }

    /// Ends a want, wherever it is.
    pub(super) fn remove(&mut self, cid: &Cid) -> Option<Want> {
        self.pipe.take_back(cid);
        let want = self.wants.remove(cid)?;
        if let State::Queued { place, .. } = want.state {
            self.queue.remove(&place);
        }
        Some(want)
    }

    /// Says that we don't have it, if the peer asked for that word, and does not keep the want.
    pub(super) fn refuse(&mut self, cid: Cid, send_dont_have: bool) {
        if send_dont_have && self.version.has_presences() {
            self.presences.push((cid, Presence::DontHave));
        }
    }

    /// Says that we don't have it, if the peer asked for that word, and keeps the want until the
    /// block turns up. If that may just have happened, it is looked up `again` instead.
    pub(super) fn deny(&mut self, cid: Cid, again: bool) {
        let Some(want) = self.wants.get_mut(&cid) else {
            return;
        };
        if again {
            want.state = State::Fresh;
            self.push_fresh(cid);
        } else {
            let send_dont_have = want.send_dont_have;
            self.refuse(cid, send_dont_have);
            self.stand(cid);
        }
    }

    fn stand(&mut self, cid: Cid) {
        if let Some(want) = self.wants.get_mut(&cid) {
            want.state = State::Standing;
            self.standing.push_back(cid);
        }
        if self.standing.len() > 2 * MAX_WANTLIST {
            let wants = &self.wants;
            let mut seen = std::collections::HashSet::new();
            self.standing.retain(|cid| {
                wants
                    .get(cid)
                    .is_some_and(|want| want.state == State::Standing)
                    && seen.insert(*cid)
            });
        }
    }

    /// The want waits for its turn to be read.
    pub(super) fn enqueue(&mut self, cid: Cid, size: u32) {
        if let Some(want) = self.wants.get_mut(&cid) {
            let place = (Reverse(want.priority), self.next_place);
            self.next_place += 1;
            want.state = State::Queued { place, size };
            self.queue.insert(place, cid);
        }
    }

    pub(super) fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Takes the next queued want and turns it to `Reading`.
    pub(super) fn dequeue(&mut self) -> Option<(Cid, u32)> {
        let (_, cid) = self.queue.pop_first()?;
        let want = self.wants.get_mut(&cid)?;
        let State::Queued { size, .. } = want.state else {
            return None;
        };
        want.state = State::Reading;
        self.pipe.begin_read(size);
        Some((cid, size))
    }

    /// The connection has written the foremost message. Returns its bytes.
    pub(super) fn written(&mut self, now: Instant) -> u64 {
        let bytes = self.pipe.written(now);
        self.sent += bytes;
        bytes
    }

    /// Bytes of one turn: twice the usual for a peer that gave us as much as it took.
    pub(super) fn turn(&self) -> i64 {
        let given = self.received as f64 / (self.sent as f64 + TURN_BYTES as f64);
        #[expect(clippy::cast_possible_truncation, reason = "between one and two turns")]
        let turn = (TURN_BYTES as f64 * (1.0 + given.min(1.0))) as i64;
        turn
    }
}
