//! How fast blocks may leave, all peers together.

use std::time::{Duration, Instant};

use crate::limits::LIMIT_BURST;

/// A token bucket that may go into debt: a block is let through whole once nothing is owed, and its bytes are owed then.
/// So blocks of any size pass, and the mean rate is met to the byte.
#[derive(Debug)]
pub(super) struct Limiter {
    /// Bytes a second.
    rate: u64,
    /// Bytes that may leave now; negative: owed.
    balance: f64,
    updated: Instant,
}

impl Limiter {
    pub(super) fn new(rate: u64, now: Instant) -> Self {
        Self {
            rate: rate.max(1),
            balance: 0.0,
            updated: now,
        }
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// From now on; what is owed stays owed.
    pub(super) fn set_rate(&mut self, rate: u64, now: Instant) {
        self.refill(now);
        self.rate = rate.max(1);
    }

    /// `Err`: not before then.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Instant> {
        self.refill(now);
        if self.balance >= 0.0 {
            return Ok(());
        }
        let wait = Duration::from_secs_f64(-self.balance / self.rate as f64);
        // A nanosecond more than computed, so that rounding never leaves a debt at the deadline.
        Err(now + wait + Duration::from_micros(1))
    }

    pub(super) fn take(&mut self, bytes: u64) {
        self.balance -= bytes as f64;
    }

    /// For what was taken but did not leave.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.balance += bytes as f64;
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated);
        self.updated = now;
        let most = self.rate as f64 * LIMIT_BURST.as_secs_f64();
        self.balance = (self.balance + elapsed.as_secs_f64() * self.rate as f64).min(most);
    }
}
