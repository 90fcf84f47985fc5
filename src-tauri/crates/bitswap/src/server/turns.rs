//! What is done next, and for whom: peers take turns to be looked up and read for (deficit round
//! robin by bytes), messages leave when their batch is ripe, and who holds memory that others wait
//! for has to go.

use std::time::Instant;

use libp2p::PeerId;

use super::{Job, Server, ServerAction, Ticket};
use crate::limits::{MAX_ALL_READS, MAX_LOOKUPS, MAX_PIPES_BYTES, STALL_TICK, STALL_TIMEOUT};
use crate::wire::Outgoing;

impl Server {
    /// The next time at which [`Server::on_deadline`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let batch = self.batches.front().map(|(at, _)| *at);
        let limit = self.not_before.filter(|_| !self.turns.is_empty());
        let waits = batch.into_iter().chain(limit).chain(self.full_until);
        waits.chain(self.again.at()).min()
    }

    pub fn on_deadline(&mut self, now: Instant) {
        if self.not_before.is_some_and(|at| at <= now) {
            self.not_before = None;
        }
        if self.full_until.is_some_and(|at| at <= now) {
            self.full_until = None;
            self.look_for_stalled(now);
        }
        if self.again.at().is_some_and(|at| at <= now) {
            self.begin_rounds(now);
        }
        while let Some((at, peer)) = self.batches.front().copied() {
            if at > now {
                break;
            }
            self.batches.pop_front();
            self.to_flush.push_back(peer);
        }
    }

    /// Somebody waits for memory: whoever has held it the longest without taking anything has to go.
    fn look_for_stalled(&mut self, now: Instant) {
        if self.pipes.get() < MAX_PIPES_BYTES / 2 {
            return;
        }
        let stalled = self.peers.iter_mut().filter_map(|(id, ledger)| {
            let since = ledger.pipe.stalled_since()?;
            (now >= since + STALL_TIMEOUT).then_some((since, id, ledger))
        });
        if let Some((_, id, ledger)) = stalled.min_by_key(|(since, ..)| *since) {
            // Its connection takes a moment to close.
            ledger.pipe.forgive(now);
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
        while self.lookups.get() < MAX_LOOKUPS {
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
            let job = Job::Lookup {
                peer,
                epoch: ledger.epoch,
                cids: cids.clone(),
                _one: self.lookups.hold(1),
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
        if self.reads.get() >= MAX_ALL_READS {
            return None;
        }
        if self.pipes.get() >= MAX_PIPES_BYTES {
            if !self.turns.is_empty() {
                self.full_until.get_or_insert(now + STALL_TICK);
            }
            return None;
        }
        let share = self.share_of_network();
        // Peers in a row of whose networks each has its share.
        let mut passed = 0;
        while let Some(peer) = self.turns.front().copied() {
            if passed >= self.turns.len() {
                self.full_until.get_or_insert(now + STALL_TICK);
                return None;
            }
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
            if ledger.pipe.bytes_of_network() >= share {
                self.turns.rotate_left(1);
                passed += 1;
                continue;
            }
            passed = 0;
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
            let Some((cid, size, reading)) = ledger.dequeue() else {
                continue;
            };
            ledger.deficit -= i64::from(size).max(1);
            if let Some(limiter) = &mut self.limiter {
                limiter.take(u64::from(size));
            }
            let job = Job::Read {
                peer,
                epoch: ledger.epoch,
                cid,
                size,
                reading,
            };
            let ticket = self.issue(job);
            return Some(ServerAction::Read { ticket, peer, cid });
        }
        None
    }

    /// Bytes that may be held for the peers of one network: the less room is left, the less, so that
    /// those who take nothing leave some for others.
    fn share_of_network(&self) -> u64 {
        match self.pipes.get() * 8 / MAX_PIPES_BYTES {
            0..4 => MAX_PIPES_BYTES,
            4..6 => MAX_PIPES_BYTES / 8,
            _ => MAX_PIPES_BYTES / 16,
        }
    }

    fn issue(&mut self, job: Job) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.jobs.insert(ticket, job);
        ticket
    }

    pub(super) fn look_up(&mut self, peer: PeerId) {
        if let Some(ledger) = self.peers.get_mut(&peer)
            && !std::mem::replace(&mut ledger.will_look_up, true)
        {
            self.to_look_up.push_back(peer);
        }
    }

    pub(super) fn take_turn(&mut self, peer: PeerId) {
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
