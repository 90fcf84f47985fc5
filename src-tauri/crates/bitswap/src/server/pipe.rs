//! The bytes under way for one peer: being read, waiting for company, or handed to its connection.
//!
//! Invariants: what is counted is the sum of these three; how much may be under way follows what
//! the peer takes.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use unixfs::cid::Cid;

use crate::limits::{
    BATCH_BLOCKS, BATCH_BYTES, BATCH_DELAY, FIRST_PIPE_BYTES, MAX_PIPE_BYTES, MAX_READS, PIPE_TIME,
};

#[derive(Debug)]
pub(super) struct Pipe {
    /// Blocks being read.
    reads: usize,
    /// Bytes being read, ready, or handed to the connection.
    bytes: u64,
    /// Nothing more is read for the peer above this.
    limit: u64,
    batch: Batch,
    /// Bytes of the messages that the connection has and has not yet written.
    handed: VecDeque<u64>,
    /// When the foremost handed message became so.
    front_since: Option<Instant>,
    /// When the connection last took bytes of what was handed to it.
    took_at: Instant,
}

/// Blocks that wait for company.
#[derive(Debug, Default)]
struct Batch {
    ready: VecDeque<(Cid, Bytes)>,
    bytes: usize,
    since: Option<Instant>,
    /// A timer runs for it.
    is_timed: bool,
}

impl Pipe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            reads: 0,
            bytes: 0,
            limit: FIRST_PIPE_BYTES,
            batch: Batch::default(),
            handed: VecDeque::new(),
            front_since: None,
            took_at: now,
        }
    }

    /// Bytes being read, ready, or handed to the connection.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.limit && self.reads < MAX_READS
    }

    pub(super) fn begin_read(&mut self, size: u32) {
        self.reads += 1;
        self.bytes += u64::from(size);
    }

    /// The bytes are there, or can't be had.
    pub(super) fn end_read(&mut self, size: u32) {
        self.reads -= 1;
        self.bytes -= u64::from(size);
    }

    /// The block will leave with the next batch. Returns its bytes.
    pub(super) fn make_ready(&mut self, cid: Cid, data: Bytes, now: Instant) -> u64 {
        let bytes = data.len();
        self.batch.since.get_or_insert(now);
        self.batch.bytes += bytes;
        self.bytes += bytes as u64;
        self.batch.ready.push_back((cid, data));
        bytes as u64
    }

    /// A block that was ready is not wanted any more.
    pub(super) fn take_back(&mut self, cid: &Cid) {
        let ready = &mut self.batch.ready;
        if let Some(at) = ready.iter().position(|(ready, _)| ready == cid) {
            let bytes = ready.remove(at).map_or(0, |(_, data)| data.len());
            self.batch.bytes -= bytes;
            self.bytes -= bytes as u64;
        }
    }

    /// The next batch of blocks, which leaves when it is full, when nothing more is being read for
    /// it, or when it has waited long enough. A large block makes a batch of its own.
    pub(super) fn hand_over(&mut self, now: Instant) -> Vec<(Cid, Bytes)> {
        let batch = &mut self.batch;
        let is_ripe = self.reads == 0
            || batch.bytes >= BATCH_BYTES
            || batch.ready.len() >= BATCH_BLOCKS
            || batch.since.is_some_and(|since| now >= since + BATCH_DELAY);
        let mut blocks = Vec::new();
        let mut bytes = 0;
        while is_ripe
            && blocks.len() < BATCH_BLOCKS
            && let Some((_, data)) = batch.ready.front()
            && (blocks.is_empty() || bytes + data.len() <= BATCH_BYTES)
        {
            bytes += data.len();
            blocks.extend(batch.ready.pop_front());
        }
        if !blocks.is_empty() {
            batch.bytes -= bytes;
            batch.since = (!batch.ready.is_empty()).then_some(now);
            batch.is_timed = false;
            if self.handed.is_empty() {
                self.front_since = Some(now);
                self.took_at = now;
            }
            self.handed.push_back(bytes as u64);
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

    /// Since when the peer has taken nothing of what its connection has for it.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        (!self.handed.is_empty()).then_some(self.took_at)
    }

    /// The connection has written the foremost message. Returns its bytes.
    pub(super) fn written(&mut self, now: Instant) -> u64 {
        let Some(bytes) = self.handed.pop_front() else {
            return 0;
        };
        if let Some(since) = self.front_since {
            let rate = bytes as f64 / now.saturating_duration_since(since).as_secs_f64().max(1e-4);
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
        self.bytes -= bytes;
        bytes
    }

    /// The connection is gone, and with it what was handed to it. Some of that did arrive; the peer
    /// asks again for the rest, and has no use for what it has. Returns the bytes.
    pub(super) fn lost(&mut self) -> u64 {
        let bytes = std::mem::take(&mut self.handed).into_iter().sum();
        self.front_since = None;
        self.bytes -= bytes;
        bytes
    }
}
