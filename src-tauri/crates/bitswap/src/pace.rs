//! How fast, and how soon again: the one token bucket and the one exponential backoff.
//!
//! Invariants: both are pure, they are told the time and read no clock. A bucket's mean rate is met
//! to the byte, whatever the size of what passes. A backoff's pause lies between its first and its
//! longest one.

use std::time::{Duration, Instant};

/// As much of a second passes in one burst: a late timer costs no throughput.
const BURST: Duration = Duration::from_millis(100);

/// A token bucket that may go into debt: a block passes whole once nothing is owed, and its bytes
/// are owed from then on. So blocks of any size pass.
#[derive(Debug)]
pub struct Bucket {
    /// Bytes a second.
    rate: u64,
    /// Bytes that may pass now; negative: owed.
    balance: f64,
    updated: Instant,
}

impl Bucket {
    /// `rate` in bytes a second, at least one: a limit of nothing would never end. Begins empty,
    /// without debt.
    pub fn new(rate: u64, now: Instant) -> Self {
        Self {
            rate: rate.max(1),
            balance: 0.0,
            updated: now,
        }
    }

    /// Bytes a second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// From now on; what is owed stays owed.
    pub fn set_rate(&mut self, rate: u64, now: Instant) {
        self.refill(now);
        self.rate = rate.max(1);
    }

    /// May something pass? `Err`: not before then.
    pub fn check(&mut self, now: Instant) -> Result<(), Instant> {
        self.refill(now);
        if self.balance >= 0.0 {
            return Ok(());
        }
        let wait = Duration::from_secs_f64(-self.balance / self.rate as f64);
        // A microsecond more than computed, so that rounding never leaves a debt at the deadline.
        Err(now + wait + Duration::from_micros(1))
    }

    /// So many bytes pass.
    pub fn take(&mut self, bytes: u64) {
        self.balance -= bytes as f64;
    }

    /// For what was taken but did not pass.
    pub fn give_back(&mut self, bytes: u64) {
        self.balance += bytes as f64;
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated);
        self.updated = self.updated.max(now);
        let most = self.rate as f64 * BURST.as_secs_f64();
        self.balance = (self.balance + elapsed.as_secs_f64() * self.rate as f64).min(most);
    }
}

/// Pauses that double with each failure in a row, up to a longest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    doublings: u32,
}

impl Backoff {
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            doublings: 0,
        }
    }

    /// The pause after so many doublings, for callers that count their failures themselves.
    pub fn after(first: Duration, longest: Duration, doublings: u32) -> Duration {
        // 2^31 times the shortest pause in use is longer than any longest one.
        let factor = 1_u32 << doublings.min(31);
        first.saturating_mul(factor).min(longest)
    }

    /// How long the pause is now.
    pub fn pause(&self) -> Duration {
        Self::after(self.first, self.longest, self.doublings)
    }

    /// [`Backoff::pause`], and up to a quarter more by the last bits of `random`, so that programs
    /// that started together don't act together.
    pub fn jittered(&self, random: u64) -> Duration {
        let pause = self.pause();
        pause + pause.mul_f64((random % 256) as f64 / 1024.0)
    }

    /// The next pause is twice as long.
    pub fn grow(&mut self) {
        self.doublings = self.doublings.saturating_add(1);
    }

    /// When this pause is over if it begins now; the next one is twice as long.
    pub fn retry_at(&mut self, now: Instant) -> Instant {
        let at = now + self.pause();
        self.grow();
        at
    }

    /// Begins anew with the first pause.
    pub fn reset(&mut self) {
        self.doublings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_larger_than_the_burst_pass_and_the_mean_rate_is_met() {
        let start = Instant::now();
        let mut now = start;
        let mut bucket = Bucket::new(1000, now);
        for _ in 0..10 {
            if let Err(at) = bucket.check(now) {
                assert!(at > now);
                now = at;
                assert_eq!(bucket.check(now), Ok(()));
            }
            bucket.take(500);
        }
        let took = now - start;
        assert!(took >= Duration::from_millis(4500) && took < Duration::from_millis(4501));
    }

    #[test]
    fn an_idle_bucket_saves_no_more_than_one_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, start);
        let later = start + Duration::from_hours(1);
        assert_eq!(bucket.check(later), Ok(()));
        bucket.take(100);
        assert_eq!(bucket.check(later), Ok(()));
        bucket.take(100);
        let at = bucket.check(later).unwrap_err();
        assert_eq!((at - later).as_millis(), 100);
        bucket.give_back(100);
        assert_eq!(bucket.check(later), Ok(()));
    }

    #[test]
    fn a_debt_is_paid_at_the_new_rate_and_no_rate_is_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(1000, now);
        bucket.take(1000);
        bucket.set_rate(4000, now);
        assert_eq!((bucket.check(now).unwrap_err() - now).as_millis(), 250);
        bucket.set_rate(0, now);
        assert_eq!(bucket.rate(), 1);
        assert_eq!((bucket.check(now).unwrap_err() - now).as_secs(), 1000);
    }

    #[test]
    fn a_clock_that_seems_to_go_back_gives_nothing_twice() {
        let start = Instant::now();
        let now = start + Duration::from_secs(5);
        let mut bucket = Bucket::new(1000, now);
        bucket.take(100);
        assert!(bucket.check(start).is_err());
        assert!(bucket.check(now).is_err());
    }

    #[test]
    fn pauses_double_up_to_the_longest_until_they_begin_anew() {
        let now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(1));
        let mut pauses = || (backoff.retry_at(now) - now).as_secs();
        assert_eq!([pauses(), pauses(), pauses()], [5, 10, 20]);
        assert_eq!([pauses(), pauses(), pauses()], [40, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.pause().as_secs(), 5);
        for _ in 0..100 {
            backoff.grow();
        }
        assert_eq!(backoff.pause().as_secs(), 60);
    }

    #[test]
    fn jitter_adds_less_than_a_quarter() {
        let backoff = Backoff::new(Duration::from_secs(4), Duration::from_mins(1));
        assert_eq!(backoff.jittered(256), Duration::from_secs(4));
        let most = (0..256).map(|random| backoff.jittered(random)).max();
        let most = most.unwrap_or_default();
        assert!(most > Duration::from_millis(4990) && most < Duration::from_secs(5));
    }
}
