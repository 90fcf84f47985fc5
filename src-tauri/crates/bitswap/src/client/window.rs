//! How fast one peer delivers, how far away it is, and so how many bytes to ask of it at a time.
//!
//! The window is rate × (round trip + a short queue). While the window is what holds the peer back,
//! its measured rate times the longer time exceeds what is asked for, so the window grows by at
//! least half each round trip; once the link is full, the rate stops growing and the queue at the
//! peer settles at [`QUEUE_TIME`]. A slow peer therefore never holds more than drains in about that
//! time, or one block.

use std::time::{Duration, Instant};

use super::limits::{
    FIRST_WINDOW, MAX_ASKED, MAX_DRAIN, MAX_USEFUL_RTT, MIN_ROUND, QUEUE_TIME, RTT_MEMORY,
};

#[derive(Debug)]
pub(super) struct Window {
    max: u64,
    /// Bytes/s; 0 until something was delivered.
    rate: f64,
    rtt: Option<Duration>,
    /// Lowest round trip of the current [`RTT_MEMORY`].
    rtt_now: Option<Duration>,
    rtt_since: Option<Instant>,
    /// Running measurement of the rate: when it began, bytes since, and whether the peer ever ran
    /// out of requests.
    round_since: Option<Instant>,
    round_bytes: u64,
    round_idle: bool,
    asked_bytes: u64,
    asked_blocks: usize,
    /// Blocks that may come although they were taken back: if they are asked for again just then,
    /// they look far too quick.
    suspect: u8,
    /// Since when the peer owes blocks without having delivered any.
    pub(super) silent_since: Option<Instant>,
}

impl Window {
    /// `max`: bytes that are never exceeded.
    pub(super) fn new(max: u64) -> Self {
        Self {
            max,
            rate: 0.0,
            rtt: None,
            rtt_now: None,
            rtt_since: None,
            round_since: None,
            round_bytes: 0,
            round_idle: false,
            asked_bytes: 0,
            asked_blocks: 0,
            suspect: 0,
            silent_since: None,
        }
    }

    /// May a block of `bytes` be asked for? `careful`: nothing is known yet and there are others to
    /// ask, so one at a time.
    pub(super) fn has_room(&self, bytes: u64, careful: bool) -> bool {
        if self.asked_blocks == 0 {
            return true;
        }
        if self.asked_blocks >= MAX_ASKED || (careful && self.rate == 0.0) {
            return false;
        }
        let after = self.asked_bytes + bytes;
        after <= self.limit() || (self.asked_blocks == 1 && self.drain_time(after) <= MAX_DRAIN)
    }

    /// No block of any size could be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.asked_blocks >= MAX_ASKED
            || (self.asked_blocks > 1 && self.asked_bytes >= self.limit())
    }

    pub(super) fn limit(&self) -> u64 {
        if self.rate == 0.0 {
            return FIRST_WINDOW.min(self.max);
        }
        let rtt = self.rtt().min(MAX_USEFUL_RTT);
        to_bytes(self.rate * (rtt + rtt.max(QUEUE_TIME)).as_secs_f64()).min(self.max)
    }

    pub(super) fn on_ask(&mut self, bytes: u64, now: Instant) {
        if self.asked_blocks == 0 {
            self.silent_since = Some(now);
            self.round_since = Some(now);
            self.round_bytes = 0;
            // The first answer's wait is a round trip, not a lack of bandwidth.
            self.round_idle = true;
        }
        self.asked_bytes += bytes;
        self.asked_blocks += 1;
    }

    /// A request that went out was taken back.
    pub(super) fn on_cancel(&mut self) {
        self.suspect = self.suspect.saturating_add(1).min(8);
    }

    /// A block came that had been taken back.
    pub(super) fn on_late_block(&mut self) {
        self.suspect = self.suspect.saturating_sub(1);
    }

    /// A block came that was not asked for, maybe in place of one that was.
    pub(super) fn on_wrong_block(&mut self, now: Instant) {
        self.silent_since = (self.asked_blocks > 0).then_some(now);
    }

    /// The peer made us wait for its first `bytes` and lost its turn: it is slower than that.
    pub(super) fn on_failed_trial(&mut self, waited: Duration) {
        self.rate = (self.asked_bytes as f64 / waited.as_secs_f64().max(0.1) / 4.0).max(1.0);
    }

    /// A request ended without a block.
    pub(super) fn on_withdraw(&mut self, bytes: u64) {
        self.asked_bytes = self.asked_bytes.saturating_sub(bytes);
        self.asked_blocks = self.asked_blocks.saturating_sub(1);
        if self.asked_blocks == 0 {
            self.silent_since = None;
        }
    }

    /// `expected` bytes were asked for at `asked_at`, `bytes` came.
    pub(super) fn on_block(&mut self, expected: u64, bytes: u64, asked_at: Instant, now: Instant) {
        self.on_withdraw(expected);
        if self.suspect > 0 {
            self.suspect -= 1;
            self.round_since = Some(now);
            self.round_bytes = 0;
            self.silent_since = (self.asked_blocks > 0).then_some(now);
            return;
        }
        self.on_rtt(now.saturating_duration_since(asked_at), now);
        self.silent_since = (self.asked_blocks > 0).then_some(now);
        self.round_bytes += bytes;
        let Some(since) = self.round_since else {
            return;
        };
        let elapsed = now.saturating_duration_since(since);
        let ran_dry = self.asked_blocks == 0;
        let rtt = self.rtt().min(MAX_USEFUL_RTT);
        // A round that began with nothing under way has its first block after a whole round trip, and all that was asked
        // for along with it right behind: with the first alone, the window of a peer that runs dry would never grow.
        let enough = if self.round_idle {
            rtt * 3 / 2
        } else {
            rtt / 2
        };
        let whole = ran_dry && (self.rate == 0.0 || self.round_idle && elapsed >= MIN_ROUND);
        if elapsed < MIN_ROUND.max(enough) && !whole {
            self.round_idle |= ran_dry;
            return;
        }
        let sample = self.round_bytes as f64 / elapsed.as_secs_f64().max(1e-6);
        if self.rate == 0.0 {
            self.rate = sample;
        } else if sample > self.rate {
            self.rate = f64::midpoint(self.rate, sample);
        } else if !self.round_idle && !ran_dry {
            self.rate = 0.75 * self.rate + 0.25 * sample;
        }
        self.round_since = Some(now);
        self.round_bytes = 0;
        self.round_idle = ran_dry;
    }

    pub(super) fn on_rtt(&mut self, sample: Duration, now: Instant) {
        let sample = sample.max(Duration::from_micros(100));
        self.rtt_now = Some(self.rtt_now.map_or(sample, |rtt| rtt.min(sample)));
        self.rtt = Some(self.rtt.map_or(sample, |rtt| rtt.min(sample)));
        let since = *self.rtt_since.get_or_insert(now);
        if now.saturating_duration_since(since) > RTT_MEMORY {
            self.rtt = self.rtt_now.take();
            self.rtt_since = Some(now);
        }
    }

    /// The peer let us down: begin again with one block at a time and what it really did.
    pub(super) fn on_stall(&mut self) {
        self.rate = (self.rate / 4.0).max(1.0);
    }

    /// Bytes/s; 0 if unknown.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    pub(super) fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(Duration::from_millis(100))
    }

    pub(super) fn asked_bytes(&self) -> u64 {
        self.asked_bytes
    }

    /// Expected time until `bytes` more than what is asked for now would be here.
    pub(super) fn eta(&self, bytes: u64, now: Instant) -> Duration {
        let silence = self
            .silent_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let expected = if self.rate == 0.0 {
            // Unknown peers look worth a try, but no better than an ordinary one.
            self.rtt() + Duration::from_millis(300)
        } else {
            self.rtt() + self.drain_time(self.asked_bytes + bytes)
        };
        // Who is silent for longer than expected stays so for as long again.
        expected.max(silence)
    }

    fn drain_time(&self, bytes: u64) -> Duration {
        if self.rate == 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(bytes as f64 / self.rate)
            .unwrap_or(Duration::MAX)
            .min(Duration::from_hours(1))
    }
}

/// Rates and times multiply to small positive numbers of bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is never negative"
)]
pub(super) fn to_bytes(bytes: f64) -> u64 {
    bytes as u64
}
