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
//! later find nothing to do. A block that is ready to be sent is no want any more: only a cancel
//! takes it back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use unixfs::cid::Cid;

use super::again::Round;
use super::pipe::{Pipe, Reading, Totals};
use crate::limits::{FEELERS, MAX_LOOKED_UP, MAX_WANTLIST, TURN_BYTES};
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
    /// The peer was told that we don't have it, and has not asked again.
    pub(super) is_told: bool,
    /// We had a block that was not what it should be.
    is_lost: bool,
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
    /// Standing wants of which more than a look is needed, to be tried the next time.
    pub(super) feelers: usize,

    pub(super) presences: Vec<(Cid, Presence)>,
    pub(super) pipe: Pipe,

    /// Bytes this peer may still be sent in its turn; negative: it had more than its share.
    pub(super) deficit: i64,
    pub(super) has_turn: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Ledger {
    pub(super) fn new(version: Version, epoch: u64, totals: Totals<'_>, now: Instant) -> Self {
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
            feelers: FEELERS,
            presences: Vec::new(),
            pipe: Pipe::new(totals, now),
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
            want.is_told = false;
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
                is_told: false,
                is_lost: false,
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

    /// The block has turned up: a standing want is looked up once more, now (true) or when the
    /// look-up under way is over.
    pub(super) fn refresh(&mut self, cid: Cid) -> bool {
        match self.wants.get_mut(&cid).map(|want| &mut want.state) {
            Some(state @ State::Standing) => {
                *state = State::Fresh;
                self.push_fresh(cid);
                true
            }
            Some(State::Looking { again }) => {
                *again = true;
                false
            }
            _ => false,
        }
    }

    /// Any block may have turned up: standing wants are looked up once more, those first that stand
    /// the longest. False: there are none.
    pub(super) fn refresh_all(&mut self, round: Round) -> bool {
        let mut is_any = false;
        for cid in std::mem::take(&mut self.standing) {
            let want = self.wants.get_mut(&cid);
            let Some(want) = want.filter(|want| want.state == State::Standing) else {
                continue;
            };
            if round == Round::All || want.is_lost {
                want.state = State::Fresh;
                self.push_fresh(cid);
                is_any = true;
            } else {
                self.standing.push_back(cid);
            }
        }
        is_any
    }

    /// Some wants to look up next, which are looked up from now on.
    pub(super) fn take_fresh(&mut self) -> Vec<Cid> {
        let mut cids = Vec::new();
        while cids.len() < MAX_LOOKED_UP
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

    /// The peer takes a want back, wherever it is.
    pub(super) fn cancel(&mut self, cid: &Cid) -> Option<Want> {
        self.pipe.take_back(cid);
        self.end(cid)
    }

    /// Ends a want.
    pub(super) fn end(&mut self, cid: &Cid) -> Option<Want> {
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

    /// Says that we don't have it, if the peer asked for that word since, and keeps the want until the
    /// block turns up. If that may just have happened, it is looked up `again` instead.
    pub(super) fn deny(&mut self, cid: Cid, again: bool) {
        let Some(want) = self.wants.get_mut(&cid) else {
            return;
        };
        if again {
            want.state = State::Fresh;
            self.push_fresh(cid);
        } else {
            let is_told = std::mem::replace(&mut want.is_told, true);
            let send_dont_have = want.send_dont_have && !is_told;
            self.refuse(cid, send_dont_have);
            self.stand(cid);
        }
    }

    /// The same of what we had, and is not what it should be.
    pub(super) fn lose(&mut self, cid: Cid) {
        if let Some(want) = self.wants.get_mut(&cid) {
            want.is_lost = true;
        }
        self.deny(cid, false);
    }

    /// The want waits for its block to turn up.
    pub(super) fn stand(&mut self, cid: Cid) {
        if let Some(want) = self.wants.get_mut(&cid) {
            want.state = State::Standing;
            self.standing.push_back(cid);
        }
        if self.standing.len() > 2 * MAX_WANTLIST {
            let wants = &self.wants;
            let mut seen = HashSet::new();
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
    pub(super) fn dequeue(&mut self) -> Option<(Cid, u32, Reading)> {
        let (_, cid) = self.queue.pop_first()?;
        let want = self.wants.get_mut(&cid)?;
        let State::Queued { size, .. } = want.state else {
            return None;
        };
        want.state = State::Reading;
        Some((cid, size, self.pipe.begin_read(size)))
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

    /// Panics unless the tables agree. `reading`: sizes of the blocks that are being read. For tests.
    pub(super) fn check(&self, reading: &[u32]) {
        self.pipe.check(reading);
        assert!(self.wants.len() <= MAX_WANTLIST);
        assert!(self.standing.len() <= 2 * MAX_WANTLIST && self.fresh.len() <= 2 * MAX_WANTLIST);
        let fresh: HashSet<&Cid> = self.fresh.iter().collect();
        let standing: HashSet<&Cid> = self.standing.iter().collect();
        let mut queued = 0;
        for (cid, want) in &self.wants {
            match want.state {
                State::Queued { place, .. } => {
                    assert_eq!(self.queue.get(&place), Some(cid));
                    queued += 1;
                }
                State::Fresh => assert!(fresh.contains(cid)),
                State::Looking { .. } => assert!(self.is_looking),
                State::Standing => assert!(standing.contains(cid)),
                State::Reading => {}
            }
        }
        assert_eq!(self.queue.len(), queued);
    }
}
