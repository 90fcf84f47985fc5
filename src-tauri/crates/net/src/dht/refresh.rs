//! When the DHTs' tables are refreshed, by a search for our own ID and for IDs of other buckets.
//! Pure: the time is told.

use std::time::{Duration, Instant};

use bitswap::pace::Backoff;

/// Between a new peer in the table and another refresh: others come in meanwhile.
const PAUSE: Duration = Duration::from_secs(1);
/// Refreshes in a row while few peers are known and no new one comes: after 1, 3, 7, 15, 31 and 63
/// seconds.
const MOST: u32 = 6;

/// When to refresh.
#[derive(Debug, Default)]
pub(crate) struct Refresh {
    at: Option<Instant>,
    done: u32,
}

impl Refresh {
    /// A new peer came in.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.at = Some(now + PAUSE);
        self.done = 0;
    }

    /// The table is empty again.
    pub(crate) fn begin_if_idle(&mut self, now: Instant) {
        if self.at.is_none() && self.done < MOST {
            self.at = Some(now + PAUSE);
        }
    }

    pub(crate) fn is_planned(&self) -> bool {
        self.at.is_some()
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// It was done, and `is_needed` again as few are known.
    pub(crate) fn done(&mut self, is_needed: bool, now: Instant) {
        self.done += 1;
        let again = is_needed && self.done < MOST;
        self.at = again.then(|| now + Backoff::after(PAUSE, Duration::MAX, self.done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_known_peers_are_reason_to_look_again_but_not_for_ever() {
        let start = Instant::now();
        let mut refresh = Refresh::default();
        refresh.begin(start);
        let mut refreshes = Vec::new();
        for second in 0..1000 {
            let now = start + Duration::from_secs(second);
            if refresh.is_due(now) {
                refreshes.push(second);
                refresh.done(true, now);
            }
        }
        assert_eq!(refreshes, [1, 3, 7, 15, 31, 63]);
        refresh.begin(start);
        refresh.done(false, start + PAUSE);
        assert!(!refresh.is_planned());
    }

    #[test]
    fn who_can_reach_nobody_tries_again_but_not_for_ever() {
        let start = Instant::now();
        let mut refresh = Refresh::default();
        let mut refreshes = 0;
        for second in 0..1000 {
            let now = start + Duration::from_secs(second);
            refresh.begin_if_idle(now);
            if refresh.is_due(now) {
                refreshes += 1;
                refresh.done(true, now);
            }
        }
        assert_eq!(refreshes, MOST);
    }
}
