//! Answers what other peers want, fairly and within bounds. Pure: `now` comes in, actions go out.
//!
//! It holds wants, not blocks. Whether we have a block and what its bytes are is asked of the owner
//! by ticket ([`ServerAction::Lookup`], [`ServerAction::Read`]), and bytes are asked for only when
//! the peer's pipe has room for them. Peers take turns (deficit round robin by bytes), so that one
//! with a thousand wants gets no more than one with two; a peer that gives us blocks gets up to
//! twice a turn.
//!
//! Invariants: a peer has at most [`MAX_WANTLIST`](crate::limits::MAX_WANTLIST) wants here; the
//! bytes under way for one peer and for all are bounded; a cancelled block is not sent, unless the
//! connection already has it; a want for what we don't have stays until cancelled, and is answered
//! when [`Server::available`] says so. It does not check that bytes match their CID: the owner did.

mod ledger;
mod pipe;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use libp2p::PeerId;
use unixfs::cid::{Cid, acceptable, implied_block};

use self::ledger::{Added, Ledger, State};
use crate::limits::{
    HAVE_AS_BLOCK_BYTES, MAX_BLOCK_BYTES, MAX_LOOKUPS, MAX_PIPES_BYTES, STALL_TICK, STALL_TIMEOUT,
};
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
    },
    Read {
        peer: PeerId,
        epoch: u64,
        cid: Cid,
        size: u32,
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
    lookups: usize,
    /// Peers with queued wants and room in their pipe, in turn.
    turns: VecDeque<PeerId>,
    /// Peers with presences or blocks that may be ready to leave.
    to_flush: VecDeque<PeerId>,
    /// Peers with blocks that wait for company, with the time at which the wait is over.
    batches: VecDeque<(Instant, PeerId)>,
    /// Bytes in all pipes, and being read for peers that have left.
    pipes: u64,
    limiter: Option<Bucket>,
    /// Nothing may be read before then: the upload limit.
    not_before: Option<Instant>,
    /// All pipes together are full. When to look for a peer to drop.
    full_until: Option<Instant>,
    to_drop: Option<PeerId>,
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
            lookups: 0,
            turns: VecDeque::new(),
            to_flush: VecDeque::new(),
            batches: VecDeque::new(),
            pipes: 0,
            limiter: upload_limit.map(|rate| Bucket::new(rate, now)),
            not_before: None,
            full_until: None,
            to_drop: None,
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

    pub fn connected(&mut self, peer: PeerId, version: Version, now: Instant) {
        match self.peers.entry(peer) {
            Entry::Occupied(mut known) => known.get_mut().version = version,
            Entry::Vacant(new) => {
                new.insert(Ledger::new(version, self.next_epoch, now));
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
        // What is being read stays in memory until it is there.
        let reading = self.jobs.values().filter_map(|job| match job {
            Job::Read { epoch, size, .. } if *epoch == ledger.epoch => Some(u64::from(*size)),
            _ => None,
        });
        self.pipes -= ledger.pipe.bytes() - reading.sum::<u64>();
    }

    /// The peer's connection is another one now, or none.
    pub fn connection_lost(&mut self, peer: &PeerId) {
        if let Some(ledger) = self.peers.get_mut(peer) {
            self.pipes -= ledger.pipe.lost();
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
            if ledger.pipe.has_room() {
                self.pipes += ledger.pipe.make_ready(entry.cid, data, now);
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
        let before = ledger.pipe.bytes();
        let want = ledger.remove(cid);
        self.pipes -= before - ledger.pipe.bytes();
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
                ledger.refresh(*cid);
                self.look_up(peer);
            }
        }
    }

    /// Answers [`ServerAction::Lookup`]: what was found of each block, `None` where we don't have it.
    pub fn on_lookup(&mut self, ticket: Ticket, found: &[Option<Found>]) {
        let Some(Job::Lookup { peer, epoch, cids }) = self.jobs.remove(&ticket) else {
            return;
        };
        self.lookups -= 1;
        let Some(ledger) = self
            .peers
            .get_mut(&peer)
            .filter(|ledger| ledger.epoch == epoch)
        else {
            return;
        };
        ledger.is_looking = false;
        let found = found.iter().copied().chain(std::iter::repeat(None));
        for (cid, found) in cids.into_iter().zip(found) {
            let Some(want) = ledger.wants.get(&cid) else {
                continue;
            };
            let (State::Looking { again }, kind) = (want.state, want.kind) else {
                continue;
            };
            let Some(Found { size, sure }) = found else {
                ledger.deny(cid, again);
                continue;
            };
            forget_waiting(&mut self.waiting, &peer, &cid);
            if kind == WantType::Block || size <= HAVE_AS_BLOCK_BYTES || !sure {
                ledger.enqueue(cid, size);
            } else {
                ledger.remove(&cid);
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
        }) = self.jobs.remove(&ticket)
        else {
            return;
        };
        self.pipes -= u64::from(size);
        let data = data.filter(|data| data.len() <= MAX_BLOCK_BYTES);
        let read = data.as_ref().map_or(0, Bytes::len) as u64;
        let ledger = self
            .peers
            .get_mut(&peer)
            .filter(|ledger| ledger.epoch == epoch);
        let mut used = 0;
        if let Some(ledger) = ledger {
            ledger.pipe.end_read(size);
            let wanted = ledger
                .wants
                .get(&cid)
                .filter(|want| want.state == State::Reading)
                .map(|want| want.kind);
            match (data, wanted) {
                // Only whether it is still what it was had to be known.
                (Some(_), Some(WantType::Have)) if read > u64::from(HAVE_AS_BLOCK_BYTES) => {
                    ledger.remove(&cid);
                    ledger.presences.push((cid, Presence::Have));
                }
                (Some(data), Some(_)) => {
                    ledger.remove(&cid);
                    self.pipes += ledger.pipe.make_ready(cid, data, now);
                    used = read;
                }
                (None, Some(_)) => {
                    ledger.deny(cid, false);
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
        self.pipes -= bytes;
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

    /// The next time at which [`Server::on_deadline`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let batch = self.batches.front().map(|(at, _)| *at);
        let limit = self.not_before.filter(|_| !self.turns.is_empty());
        batch.into_iter().chain(limit).chain(self.full_until).min()
    }

    pub fn on_deadline(&mut self, now: Instant) {
        if self.not_before.is_some_and(|at| at <= now) {
            self.not_before = None;
        }
        if self.full_until.is_some_and(|at| at <= now) {
            self.full_until = None;
            self.look_for_stalled(now);
        }
        while let Some((at, peer)) = self.batches.front().copied() {
            if at > now {
                break;
            }
            self.batches.pop_front();
            self.to_flush.push_back(peer);
        }
    }

    /// Everybody waits for memory: whoever has held it the longest without taking anything has to
    /// go.
    fn look_for_stalled(&mut self, now: Instant) {
        if self.pipes < MAX_PIPES_BYTES {
            return;
        }
        let stalled = self.peers.iter_mut().filter_map(|(id, ledger)| {
            let since = ledger.pipe.stalled_since()?;
            (now >= since + STALL_TIMEOUT).then_some((since, id, ledger))
        });
        if let Some((_, id, ledger)) = stalled.min_by_key(|(since, ..)| *since) {
            // Its connection takes a moment to close.
            ledger.pipe.took(now);
            self.to_drop = Some(*id);
        }
    }

    /// What to do next. To be called until it returns `None`, after every other call.
    pub fn poll(&mut self, now: Instant) -> Option<ServerAction> {
        let drop = self.to_drop.take().map(|peer| ServerAction::Drop { peer });
        drop.or_else(|| self.next_message(now))
            .or_else(|| self.next_lookup())
            .or_else(|| self.next_read(now))
    }

    fn next_message(&mut self, now: Instant) -> Option<ServerAction> {
        while let Some(peer) = self.to_flush.pop_front() {
            let Some(ledger) = self.peers.get_mut(&peer) else {
                continue;
            };
            let blocks = ledger.pipe.hand_over(now);
            let presences = std::mem::take(&mut ledger.presences);
            if !blocks.is_empty() || !presences.is_empty() {
                // There may be more than one message can hold.
                self.to_flush.push_front(peer);
                let message = Outgoing {
                    blocks,
                    presences,
                    ..Outgoing::default()
                };
                return Some(ServerAction::Send { peer, message });
            }
            if let Some(at) = ledger.pipe.start_timer() {
                self.batches.push_back((at, peer));
            }
        }
        None
    }

    fn next_lookup(&mut self) -> Option<ServerAction> {
        while self.lookups < MAX_LOOKUPS {
            let peer = self.to_look_up.pop_front()?;
            let Some(ledger) = self.peers.get_mut(&peer) else {
                continue;
            };
            ledger.will_look_up = false;
            if ledger.is_looking {
                continue;
            }
            let cids = ledger.take_fresh();
            if cids.is_empty() {
                continue;
            }
            for cid in &cids {
                self.waiting.entry(*cid).or_default().push(peer);
            }
            ledger.is_looking = true;
            self.lookups += 1;
            let job = Job::Lookup {
                peer,
                epoch: ledger.epoch,
                cids: cids.clone(),
            };
            let ticket = self.issue(job);
            return Some(ServerAction::Lookup { ticket, peer, cids });
        }
        None
    }

    fn next_read(&mut self, now: Instant) -> Option<ServerAction> {
        if self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        if self.pipes >= MAX_PIPES_BYTES {
            if !self.turns.is_empty() {
                self.full_until.get_or_insert(now + STALL_TICK);
            }
            return None;
        }
        while let Some(peer) = self.turns.front().copied() {
            let Some(ledger) = self.peers.get_mut(&peer) else {
                self.turns.pop_front();
                continue;
            };
            if !ledger.has_queue() || !ledger.pipe.has_room() {
                // Back when it has both. Unused bytes are not saved up, used ones are remembered.
                ledger.has_turn = false;
                ledger.deficit = ledger.deficit.min(0);
                self.turns.pop_front();
                continue;
            }
            if ledger.deficit <= 0 {
                ledger.deficit += ledger.turn();
                self.turns.rotate_left(1);
                continue;
            }
            if let Some(limiter) = &mut self.limiter
                && let Err(at) = limiter.check(now)
            {
                self.not_before = Some(at);
                return None;
            }
            let Some((cid, size)) = ledger.dequeue() else {
                continue;
            };
            ledger.deficit -= i64::from(size).max(1);
            self.pipes += u64::from(size);
            if let Some(limiter) = &mut self.limiter {
                limiter.take(u64::from(size));
            }
            let job = Job::Read {
                peer,
                epoch: ledger.epoch,
                cid,
                size,
            };
            let ticket = self.issue(job);
            return Some(ServerAction::Read { ticket, peer, cid });
        }
        None
    }

    fn issue(&mut self, job: Job) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.jobs.insert(ticket, job);
        ticket
    }

    fn look_up(&mut self, peer: PeerId) {
        if let Some(ledger) = self.peers.get_mut(&peer)
            && !std::mem::replace(&mut ledger.will_look_up, true)
        {
            self.to_look_up.push_back(peer);
        }
    }

    fn take_turn(&mut self, peer: PeerId) {
        if let Some(ledger) = self.peers.get_mut(&peer)
            && !ledger.has_turn
            && ledger.has_queue()
            && ledger.pipe.has_room()
        {
            ledger.has_turn = true;
            self.turns.push_back(peer);
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
