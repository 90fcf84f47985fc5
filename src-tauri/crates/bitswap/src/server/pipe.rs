//! The bytes under way for one peer: being read, waiting for company, or handed to its connection.
//!
//! Invariants: each block is counted by what it is [`Held`] by, from the beginning of its read to
//! the end of its message; how much may be under way follows what the peer takes; a block that is
//! ready leaves, unless it is cancelled.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use unixfs::cid::Cid;

use crate::held::{Account, Held, Total};
use crate::limits::{
    BATCH_BLOCKS, BATCH_BYTES, BATCH_DELAY, BLOCK_OVERHEAD, FIRST_PIPE_BYTES, MAX_PIPE_BYTES,
    MAX_READS, PIPE_TIME, SLOWEST_FRONT,
};

/// Where what is under way for a peer counts: blocks that are read and bytes held for all, and bytes
/// for its network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals<'a> {
    pub(super) reads: &'a Total,
    pub(super) bytes: &'a Total,
    pub(super) network: &'a Total,
}

#[derive(Debug)]
pub(super) struct Pipe {
    /// Blocks being read.
    reads: Account,
    /// Bytes being read, ready, or handed to the connection, with what each block takes besides.
    bytes: Account,
    /// Nothing more is read for the peer above this.
    limit: u64,
    batch: Batch,
    /// The messages that the connection has and has not yet written.
    handed: VecDeque<Handed>,
    /// When the foremost handed message became so.
    front_since: Option<Instant>,
    /// When the connection last took bytes of what was handed to it.
    took_at: Instant,
}

/// A block that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    _one: Held,
    bytes: Held,
}

impl Reading {
    /// What counts for it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.amount()
    }
}

/// Blocks that wait for company.
#[derive(Debug, Default)]
struct Batch {
    ready: VecDeque<Ready>,
    /// Bytes of the blocks.
    bytes: usize,
    since: Option<Instant>,
    /// A timer runs for it.
    is_timed: bool,
}

#[derive(Debug)]
struct Ready {
    cid: Cid,
    data: Bytes,
    held: Held,
}

/// A message with blocks.
#[derive(Debug)]
struct Handed {
    /// Bytes of its blocks.
    bytes: u64,
    held: Vec<Held>,
}

impl Batch {
    fn push(&mut self, block: Ready) {
        self.bytes += block.data.len();
        self.ready.push_back(block);
    }

    fn pop(&mut self) -> Option<Ready> {
        let block = self.ready.pop_front()?;
        self.bytes -= block.data.len();
        Some(block)
    }

    fn remove(&mut self, cid: &Cid) {
        let at = self.ready.iter().position(|ready| ready.cid == *cid);
        if let Some(block) = at.and_then(|at| self.ready.remove(at)) {
            self.bytes -= block.data.len();
        }
    }
}

impl Pipe {
    pub(super) fn new(totals: Totals<'_>, now: Instant) -> Self {
        Self {
            reads: totals.reads.account(),
            bytes: totals.bytes.account_in(totals.network),
            limit: FIRST_PIPE_BYTES,
            batch: Batch::default(),
            handed: VecDeque::new(),
            front_since: None,
            took_at: now,
        }
    }

    /// Bytes being read, ready, or handed to the connection, with what each block takes besides.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// The same of all peers of its network.
    pub(super) fn bytes_of_network(&self) -> u64 {
        self.bytes.network()
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes() < self.limit && self.reads.get() < MAX_READS
    }

    /// A block is read as long as this is kept.
    pub(super) fn begin_read(&self, size: u32) -> Reading {
        Reading {
            _one: self.reads.hold(1),
            bytes: self.bytes.hold(u64::from(size) + BLOCK_OVERHEAD),
        }
    }

    /// The block will leave with the next batch.
    pub(super) fn make_ready(&mut self, cid: Cid, data: Bytes, now: Instant) {
        let held = self.bytes.hold(data.len() as u64 + BLOCK_OVERHEAD);
        self.batch.since.get_or_insert(now);
        self.batch.push(Ready { cid, data, held });
    }

    /// A block that was ready is not wanted any more.
    pub(super) fn take_back(&mut self, cid: &Cid) {
        self.batch.remove(cid);
        if self.batch.ready.is_empty() {
            self.batch.since = None;
            self.batch.is_timed = false;
        }
    }

    /// The next batch of blocks, which leaves when it is full, when nothing more is being read for
    /// it, or when it has waited long enough. A large block makes a batch of its own.
    pub(super) fn hand_over(&mut self, now: Instant) -> Vec<(Cid, Bytes)> {
        let batch = &mut self.batch;
        let is_ripe = self.reads.get() == 0
            || batch.bytes >= BATCH_BYTES
            || batch.ready.len() >= BATCH_BLOCKS
            || batch.since.is_some_and(|since| now >= since + BATCH_DELAY);
        let (mut blocks, mut held) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while is_ripe
            && blocks.len() < BATCH_BLOCKS
            && let Some(front) = batch.ready.front()
            && (blocks.is_empty() || bytes + front.data.len() <= BATCH_BYTES)
            && let Some(block) = batch.pop()
        {
            bytes += block.data.len();
            held.push(block.held);
            blocks.push((block.cid, block.data));
        }
        if !blocks.is_empty() {
            batch.since = (!batch.ready.is_empty()).then_some(now);
            batch.is_timed = false;
            if self.handed.is_empty() {
                self.front_since = Some(now);
                self.took_at = now;
            }
            let bytes = bytes as u64;
            self.handed.push_back(Handed { bytes, held });
        }
        blocks
    }

    /// When the batch is ripe at the latest; told once for each batch.
    pub(super) fn start_timer(&mut self) -> Option<Instant> {
        let since = self.batch.since?;
        let was_timed = std::mem::replace(&mut self.batch.is_timed, true);
        (!was_timed).then(|| since + BATCH_DELAY)
    }

    /// The connection takes bytes of what was handed to it.
    pub(super) fn took(&mut self, now: Instant) {
        self.took_at = now;
    }

    /// It is dealt with as if it had taken something only now.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.took_at = now;
        self.front_since = self.front_since.map(|_| now);
    }

    /// Since when the peer holds up others: it has taken nothing of what its connection has for it,
    /// or takes so little that it is no better.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let front = self.front_since?;
        Some(self.took_at.min(front + SLOWEST_FRONT))
    }

    /// The connection has written the foremost message. Returns the bytes of its blocks.
    pub(super) fn written(&mut self, now: Instant) -> u64 {
        let Some(message) = self.handed.pop_front() else {
            return 0;
        };
        if let Some(since) = self.front_since {
            let held: u64 = message.held.iter().map(Held::amount).sum();
            let rate = held as f64 / now.saturating_duration_since(since).as_secs_f64().max(1e-4);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped, and not negative"
            )]
            let fits = (rate * PIPE_TIME.as_secs_f64()).min(MAX_PIPE_BYTES as f64) as u64;
            self.limit = u64::midpoint(self.limit, fits);
        }
        self.front_since = (!self.handed.is_empty()).then_some(now);
        self.took_at = now;
        message.bytes
    }

    /// The connection is gone, and with it what was handed to it. Some of that did arrive; the peer
    /// asks again for the rest, and has no use for what it has.
    pub(super) fn lost(&mut self) {
        self.handed.clear();
        self.front_since = None;
    }

    /// Blocks that wait for company.
    #[cfg(any(test, fuzzing))]
    pub(super) fn ready(&self) -> impl Iterator<Item = Cid> {
        self.batch.ready.iter().map(|ready| ready.cid)
    }

    /// Panics unless the counts are what is there, of which `reading` is held elsewhere. For tests.
    pub(super) fn check(&self, reading: &[u32]) {
        let amount = |held: &Held| held.amount();
        let read: u64 = reading
            .iter()
            .map(|size| u64::from(*size) + BLOCK_OVERHEAD)
            .sum();
        let ready: u64 = self
            .batch
            .ready
            .iter()
            .map(|ready| amount(&ready.held))
            .sum();
        let handed = self.handed.iter().flat_map(|message| &message.held);
        assert_eq!(self.bytes(), read + ready + handed.map(amount).sum::<u64>());
        assert_eq!(self.reads.get(), reading.len() as u64);
        let lengths = self.batch.ready.iter().map(|ready| ready.data.len());
        assert_eq!(self.batch.bytes, lengths.sum::<usize>());
        assert_eq!(self.batch.since.is_some(), !self.batch.ready.is_empty());
        assert_eq!(self.front_since.is_some(), !self.handed.is_empty());
    }
}
