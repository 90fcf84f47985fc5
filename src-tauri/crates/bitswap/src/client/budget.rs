//! How much may be on its way: the consumer's back-pressure and the person's download limit.
//!
//! Always true: requested plus delivered but unreleased bytes stay within the budget, except that one block may be asked
//! for when there is nothing else, so that a budget below a block's size slows down but never stops.

use std::time::{Duration, Instant};

use super::limits::LIMIT_BURST;

#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    requested: u64,
    unreleased: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            requested: 0,
            unreleased: 0,
        }
    }

    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let used = self.requested + self.unreleased;
        used == 0 || used + bytes <= self.total
    }

    pub(super) fn request(&mut self, bytes: u64) {
        self.requested += bytes;
    }

    pub(super) fn unrequest(&mut self, bytes: u64) {
        self.requested = self.requested.saturating_sub(bytes);
    }

    pub(super) fn deliver(&mut self, bytes: u64) {
        self.unreleased += bytes;
    }

    pub(super) fn release(&mut self, bytes: u64) {
        self.unreleased = self.unreleased.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(super) fn requested(&self) -> u64 {
        self.requested
    }

    pub(super) fn in_use(&self) -> u64 {
        self.requested + self.unreleased
    }
}

/// A token bucket that may go into debt by one request: large blocks pass, and the average is exact.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// Bytes/s; `None`: no limit.
    rate: Option<u64>,
    level: f64,
    at: Option<Instant>,
}

impl Limiter {
    pub(super) fn set_rate(&mut self, rate: Option<u64>, now: Instant) {
        self.refill(now);
        // 1 byte/s at the least: a limit of nothing would never end.
        self.rate = rate.map(|rate| rate.max(1));
        self.level = self.level.min(self.burst());
    }

    pub(super) fn may_take(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.rate.is_none() || self.level > 0.0
    }

    /// Takes what was asked for, or corrects it afterwards: negative gives back.
    pub(super) fn take(&mut self, bytes: i64) {
        if self.rate.is_some() {
            self.level = (self.level - bytes as f64).min(self.burst());
        }
    }

    /// When [`Limiter::may_take`] turns true.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        let rate = self.rate?;
        let missing = (1.0 - self.level).max(0.0);
        self.at?
            .checked_add(Duration::try_from_secs_f64(missing / rate as f64).ok()?)
    }

    fn burst(&self) -> f64 {
        self.rate.map_or(0.0, |rate| {
            (rate as f64 * LIMIT_BURST.as_secs_f64()).max(1.0)
        })
    }

    fn refill(&mut self, now: Instant) {
        if let Some(rate) = self.rate {
            let passed = self
                .at
                .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
            self.level = (self.level + passed.as_secs_f64() * rate as f64).min(self.burst());
        }
        self.at = self.at.max(Some(now));
    }
}
