//! Answers what other peers want, fairly and within bounds. Pure: `now` comes in, actions go out.
//!
//! It holds wants, not blocks. Whether we have a block and what its bytes are is asked of the owner
//! by ticket ([`ServerAction::Lookup`], [`ServerAction::Read`]), and bytes are asked for only when
//! the peer's pipe has room for them. Peers take turns (deficit round robin by bytes), so that one
//! with a thousand wants gets no more than one with two; a peer that gives us blocks gets up to
//! twice a turn.
//!
//! Invariants: a peer has at most [`MAX_WANTLIST`](crate::limits::MAX_WANTLIST) wants here; the
//! bytes under way for one peer and for all are bounded; a block that is ready is sent unless it is
//! cancelled before the connection has it; a want for what we don't have stays until cancelled, and
//! is answered when [`Server::available`] says so, or a look finds it. It does not check that bytes
//! match their CID: the owner did.
//!
//! | file | owns |
//! |---|---|
//! | `ledger` | what one peer wants, and how far each want has come |
//! | `pipe` | the bytes under way for it |
//! | `turns` | what is done next, and for whom |
//! | `again` | whether what was not there has turned up |

mod again;
mod check;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod ledger;
mod pipe;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use libp2p::PeerId;
use unixfs::cid::{Cid, acceptable, implied_block};

use self::again::Again;
use self::ledger::{Added, Ledger, State};
use self::pipe::{Reading, Totals};
use crate::held::{Account, Held, Total};
use crate::limits::{HAVE_AS_BLOCK_BYTES, MAX_BLOCK_BYTES, MAX_PIPES_BYTES};
use crate::pace::Bucket;
use crate::wire::{Outgoing, Presence, Version, WantEntry, WantType};

/// Correlates a question with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A block that may be served, as far as can be told without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the block.
    pub size: u32,
    /// Its file is as it was when it was read. Else nobody is told that we have the block before it
    /// was read again.
    pub sure: bool,
}

/// What the owner of a [`Server`] has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerAction {
    /// Say which of these blocks may be served, and their sizes: [`Server::on_lookup`].
    Lookup {
        ticket: Ticket,
        peer: PeerId,
        cids: Vec<Cid>,
    },
    /// Read this block: [`Server::on_read`].
    Read {
        ticket: Ticket,
        peer: PeerId,
        cid: Cid,
    },
    /// Hand this to the peer's connection, and say when a message with blocks is written:
    /// [`Server::on_written`].
    Send { peer: PeerId, message: Outgoing },
    /// Close the peer's connection: it takes nothing, and others wait for the memory that it holds.
    Drop { peer: PeerId },
}

#[derive(Debug)]
enum Job {
    Lookup {
        peer: PeerId,
        epoch: u64,
        cids: Vec<Cid>,
        _one: Held,
    },
    Read {
        peer: PeerId,
        epoch: u64,
        cid: Cid,
        size: u32,
        reading: Reading,
    },
}

#[derive(Debug)]
pub struct Server {
    peers: HashMap<PeerId, Ledger>,
    /// Who waits for a block: it is being looked up, or was not there.
    waiting: HashMap<Cid, Vec<PeerId>>,
    jobs: HashMap<Ticket, Job>,
    next_ticket: u64,
    next_epoch: u64,
    /// Peers with something to look up, in turn.
    to_look_up: VecDeque<PeerId>,
    /// Look-ups under way.
    lookups: Account,
    /// Peers with queued wants and room in their pipe, in turn.
    turns: VecDeque<PeerId>,
    /// Peers with presences or blocks that may be ready to leave.
    to_flush: VecDeque<PeerId>,
    /// Peers with blocks that wait for company, with the time at which the wait is over.
    batches: VecDeque<(Instant, PeerId)>,
    /// Blocks being read, and bytes in all pipes, those for peers that have left included.
    reads: Total,
    pipes: Total,
    limiter: Option<Bucket>,
    /// Nothing may be read before then: the upload limit.
    not_before: Option<Instant>,
    /// All pipes together are full. When to look for a peer to drop.
    full_until: Option<Instant>,
    to_drop: Option<PeerId>,
    again: Again,
}

impl Server {
    /// `upload_limit` in bytes a second.
    pub fn new(upload_limit: Option<u64>, now: Instant) -> Self {
        Self {
            peers: HashMap::new(),
            waiting: HashMap::new(),
            jobs: HashMap::new(),
            next_ticket: 0,
            next_epoch: 0,
            to_look_up: VecDeque::new(),
            lookups: Total::default().account(),
            turns: VecDeque::new(),
            to_flush: VecDeque::new(),
            batches: VecDeque::new(),
            reads: Total::default(),
            pipes: Total::default(),
            limiter: upload_limit.map(|rate| Bucket::new(rate, now)),
            not_before: None,
            full_until: None,
            to_drop: None,
            again: Again::new(),
        }
    }

    pub fn set_upload_limit(&mut self, bytes_per_sec: Option<u64>, now: Instant) {
        self.not_before = None;
        match (&mut self.limiter, bytes_per_sec) {
            (Some(limiter), Some(rate)) => limiter.set_rate(rate, now),
            (limiter, rate) => *limiter = rate.map(|rate| Bucket::new(rate, now)),
        }
    }

    pub fn upload_limit(&self) -> Option<u64> {
        self.limiter.as_ref().map(Bucket::rate)
    }

    /// In a network of its own.
    pub fn connected(&mut self, peer: PeerId, version: Version, now: Instant) {
        self.connected_from(&Total::default(), peer, version, now);
    }

    /// `network`: where what is held for all peers of its network counts.
    pub(crate) fn connected_from(
        &mut self,
        network: &Total,
        peer: PeerId,
        version: Version,
        now: Instant,
    ) {
        match self.peers.entry(peer) {
            Entry::Occupied(mut known) => known.get_mut().version = version,
            Entry::Vacant(new) => {
                let totals = Totals {
                    reads: &self.reads,
                    bytes: &self.pipes,
                    network,
                };
                new.insert(Ledger::new(version, self.next_epoch, totals, now));
                self.next_epoch += 1;
            }
        }
    }

    /// Forgets the peer and all it wanted.
    pub fn disconnected(&mut self, peer: &PeerId) {
        let Some(ledger) = self.peers.remove(peer) else {
            return;
        };
        for (cid, want) in &ledger.wants {
            if want.state.is_waiting() {
                forget_waiting(&mut self.waiting, peer, cid);
            }
        }
        // It may come back before these places are looked at.
        self.turns.retain(|other| other != peer);
        self.to_look_up.retain(|other| other != peer);
    }

    /// The peer's connection is another one now, or none.
    pub fn connection_lost(&mut self, peer: &PeerId) {
        if let Some(ledger) = self.peers.get_mut(peer) {
            ledger.pipe.lost();
            self.take_turn(*peer);
        }
    }

    /// The peer gave us this many wanted bytes, and has earned a bit more of our upload.
    pub fn credit(&mut self, peer: &PeerId, bytes: u64) {
        if let Some(ledger) = self.peers.get_mut(peer) {
            ledger.received += bytes;
        }
    }

    /// Does the peer want anything of us?
    pub fn is_wanted_by(&self, peer: &PeerId) -> bool {
        self.peers
            .get(peer)
            .is_some_and(|ledger| !ledger.wants.is_empty() || ledger.pipe.bytes() > 0)
    }

    /// Wants that the peer has here.
    pub fn wants_of(&self, peer: &PeerId) -> usize {
        self.peers.get(peer).map_or(0, |ledger| ledger.wants.len())
    }

    pub fn on_wantlist(&mut self, peer: PeerId, entries: &[WantEntry], full: bool, now: Instant) {
        let Some(ledger) = self.peers.get_mut(&peer) else {
            return;
        };
        if full {
            let kept: HashSet<&Cid> = entries
                .iter()
                .filter(|e| !e.cancel)
                .map(|e| &e.cid)
                .collect();
            let gone: Vec<Cid> = ledger
                .wants
                .keys()
                .filter(|cid| !kept.contains(cid))
                .copied()
                .collect();
            for cid in gone {
                self.cancel(&peer, &cid);
            }
        }
        for entry in entries {
            if entry.cancel {
                self.cancel(&peer, &entry.cid);
            } else {
                self.add_want(&peer, entry, now);
            }
        }
        self.look_up(peer);
        self.to_flush.push_back(peer);
    }

    fn add_want(&mut self, peer: &PeerId, entry: &WantEntry, now: Instant) {
        let Some(ledger) = self.peers.get_mut(peer) else {
            return;
        };
        if acceptable(&entry.cid).is_err() {
            // Nothing that we could ever have: no use in keeping it.
            ledger.refuse(entry.cid, entry.send_dont_have);
        } else if let Some(data) = implied_block(&entry.cid) {
            // A peer that asks for them without taking what it gets goes without.
            if ledger.pipe.has_room() && self.pipes.get() < MAX_PIPES_BYTES {
                ledger.pipe.make_ready(entry.cid, data, now);
            }
        } else {
            let was_standing = ledger
                .wants
                .get(&entry.cid)
                .is_some_and(|want| want.state == State::Standing);
            let added = ledger.add(entry);
            if added == Added::Refused {
                ledger.refuse(entry.cid, entry.send_dont_have);
            }
            if was_standing {
                forget_waiting(&mut self.waiting, peer, &entry.cid);
            }
            if let Added::Taken {
                displaced: Some(cid),
            } = added
            {
                forget_waiting(&mut self.waiting, peer, &cid);
            }
        }
    }

    fn cancel(&mut self, peer: &PeerId, cid: &Cid) {
        let Some(ledger) = self.peers.get_mut(peer) else {
            return;
        };
        let want = ledger.cancel(cid);
        if want.is_some_and(|want| want.state.is_waiting()) {
            forget_waiting(&mut self.waiting, peer, cid);
        }
    }

    /// We have these blocks now: whoever still wants one is told, or sent it.
    pub fn available(&mut self, cids: &[Cid]) {
        for cid in cids {
            for peer in self.waiting.remove(cid).unwrap_or_default() {
                let Some(ledger) = self.peers.get_mut(&peer) else {
                    continue;
                };
                if ledger.refresh(*cid) {
                    self.look_up(peer);
                } else {
                    self.waiting.entry(*cid).or_default().push(peer);
                }
            }
        }
    }

    /// Answers [`ServerAction::Lookup`]: what was found of each block, `None` where we don't have it.
    pub fn on_lookup(&mut self, ticket: Ticket, found: &[Option<Found>], now: Instant) {
        let Some(Job::Lookup {
            peer, epoch, cids, ..
        }) = self.jobs.remove(&ticket)
        else {
            return;
        };
        let Some(ledger) = self
            .peers
            .get_mut(&peer)
            .filter(|ledger| ledger.epoch == epoch)
        else {
            return;
        };
        ledger.is_looking = false;
        let found = found.iter().copied().chain(std::iter::repeat(None));
        let mut feelers = ledger.feelers;
        for (cid, found) in cids.into_iter().zip(found) {
            let Some(want) = ledger.wants.get(&cid) else {
                continue;
            };
            let (State::Looking { again }, kind, is_told) = (want.state, want.kind, want.is_told)
            else {
                continue;
            };
            let Some(Found { size, sure }) = found else {
                if again {
                    forget_waiting(&mut self.waiting, &peer, &cid);
                }
                ledger.deny(cid, again);
                self.again.on_missing(now);
                continue;
            };
            if is_told && !sure {
                // It was no good the last time: a few of them tell whether that has changed.
                let Some(left) = feelers.checked_sub(1) else {
                    ledger.stand(cid);
                    continue;
                };
                feelers = left;
            }
            forget_waiting(&mut self.waiting, &peer, &cid);
            if kind == WantType::Block || size <= HAVE_AS_BLOCK_BYTES || !sure {
                ledger.enqueue(cid, size);
            } else {
                ledger.end(&cid);
                ledger.presences.push((cid, Presence::Have));
            }
        }
        self.look_up(peer);
        self.to_flush.push_back(peer);
        self.take_turn(peer);
    }

    /// Answers [`ServerAction::Read`]: the block's bytes, `None` if we don't have it after all.
    pub fn on_read(&mut self, ticket: Ticket, data: Option<Bytes>, now: Instant) {
        let Some(Job::Read {
            peer,
            epoch,
            cid,
            size,
            reading,
        }) = self.jobs.remove(&ticket)
        else {
            return;
        };
        drop(reading);
        let data = data.filter(|data| data.len() <= MAX_BLOCK_BYTES);
        let read = data.as_ref().map_or(0, Bytes::len) as u64;
        let ledger = self
            .peers
            .get_mut(&peer)
            .filter(|ledger| ledger.epoch == epoch);
        let mut used = 0;
        if let Some(ledger) = ledger {
            let want = ledger.wants.get(&cid);
            let wanted = want
                .filter(|want| want.state == State::Reading)
                .map(|want| (want.kind, want.is_told));
            if let Some((_, is_told)) = wanted {
                self.again.on_read(ledger, is_told, data.is_some(), now);
            }
            match (data, wanted) {
                // Only whether it is still what it was had to be known.
                (Some(_), Some((WantType::Have, _))) if read > u64::from(HAVE_AS_BLOCK_BYTES) => {
                    ledger.end(&cid);
                    ledger.presences.push((cid, Presence::Have));
                }
                (Some(data), Some(_)) => {
                    ledger.end(&cid);
                    ledger.pipe.make_ready(cid, data, now);
                    used = read;
                }
                (None, Some(_)) => {
                    ledger.lose(cid);
                    self.waiting.entry(cid).or_default().push(peer);
                }
                (_, None) => {}
            }
            self.to_flush.push_back(peer);
        }
        if let Some(limiter) = &mut self.limiter {
            limiter.give_back(u64::from(size));
            limiter.take(used);
        }
        self.take_turn(peer);
    }

    /// The connection has written the oldest message with blocks that it had for this peer. Returns
    /// the bytes of its blocks.
    pub fn on_written(&mut self, peer: PeerId, now: Instant) -> u64 {
        let Some(ledger) = self.peers.get_mut(&peer) else {
            return 0;
        };
        let bytes = ledger.written(now);
        self.take_turn(peer);
        bytes
    }

    /// The connection has written some of what it has for this peer. To be said about once a second
    /// while it does.
    pub fn on_progress(&mut self, peer: &PeerId, now: Instant) {
        if let Some(ledger) = self.peers.get_mut(peer) {
            ledger.pipe.took(now);
        }
    }
}

fn forget_waiting(waiting: &mut HashMap<Cid, Vec<PeerId>>, peer: &PeerId, cid: &Cid) {
    if let Entry::Occupied(mut peers) = waiting.entry(*cid) {
        peers.get_mut().retain(|other| other != peer);
        if peers.get().is_empty() {
            peers.remove();
        }
    }
}
