//! When a web server rests: soon after it fails, longer each time, as long as it says if it says so. Pure.

use std::time::{Duration, Instant};

use bitswap::pace::Backoff;

use super::WebError;

/// First rest of a server that fails, doubled with each in a row.
const REST: Duration = Duration::from_secs(5);
/// Longest rest, and that of one that sent wrong bytes: it may be mended, but not soon.
const REST_MAX: Duration = Duration::from_mins(10);
/// Failures in a row that may be the content's fault and not the server's, before it rests: gateways look for what they lack
/// until their own time is over.
const PATIENCE: u32 = 4;

/// How a server behaves.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Failures in a row that did not send it to rest.
    failures: u32,
    /// Rests in a row.
    rests: u32,
    rests_until: Option<Instant>,
    problem: Option<WebError>,
}

impl Health {
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| until > now)
    }

    /// What it did wrong last, unless it did well since.
    pub(super) fn problem(&self) -> Option<&WebError> {
        self.problem.as_ref()
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Says whether it rests from now on.
    pub(super) fn failed(&mut self, error: &WebError, now: Instant) -> bool {
        let longer = Backoff::after(REST, REST_MAX, self.rests);
        let rest = match error {
            WebError::Lacks => {
                // It answered.
                self.failures = 0;
                return false;
            }
            WebError::Timeout | WebError::Status(500..) if self.failures + 1 < PATIENCE => {
                self.failures += 1;
                self.problem = Some(error.clone());
                return false;
            }
            WebError::Wrong | WebError::TooLarge | WebError::NotAllowed | WebError::NotHere => {
                REST_MAX
            }
            WebError::Busy(Some(pause)) => (*pause).clamp(Duration::from_secs(1), REST_MAX),
            WebError::Busy(None)
            | WebError::Timeout
            | WebError::Status(_)
            | WebError::Unreachable(_) => longer,
        };
        self.problem = Some(error.clone());
        self.failures = 0;
        self.rests += 1;
        self.rests_until = now.checked_add(rest);
        true
    }

    /// The network is another now, so what failed may work.
    pub(super) fn forget_rest(&mut self) {
        self.rests = 0;
        self.rests_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests_for(health: &Health, now: Instant) -> u64 {
        let until = health.rests_until.unwrap_or(now);
        until.saturating_duration_since(now).as_secs()
    }

    #[test]
    fn what_cannot_be_reached_rests_longer_each_time_and_comes_back() {
        let now = Instant::now();
        let mut health = Health::default();
        let error = WebError::Unreachable("refused".to_owned());
        let rests: Vec<u64> = (0..9)
            .map(|_| {
                assert!(health.failed(&error, now));
                rests_for(&health, now)
            })
            .collect();
        assert_eq!(rests, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert!(health.rests(now) && !health.rests(now + REST_MAX));
        assert_eq!(health.problem(), Some(&error));
        health.succeeded();
        assert_eq!((health.problem(), health.rests(now)), (None, false));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_within_reason() {
        let now = Instant::now();
        for (asked, expected) in [
            (Some(0), 1),
            (Some(30), 30),
            (Some(u64::MAX), 600),
            (None, 5),
        ] {
            let mut health = Health::default();
            health.failed(&WebError::Busy(asked.map(Duration::from_secs)), now);
            assert_eq!(rests_for(&health, now), expected);
        }
    }

    #[test]
    fn lies_weigh_most_and_lacking_something_weighs_nothing() {
        let now = Instant::now();
        let mut health = Health::default();
        for _ in 0..100 {
            assert!(!health.failed(&WebError::Lacks, now));
        }
        assert_eq!(health.problem(), None);
        assert!(health.failed(&WebError::Wrong, now));
        assert_eq!(rests_for(&health, now), 600);
    }

    #[test]
    fn errors_that_may_be_the_contents_fault_are_borne_for_a_while() {
        let now = Instant::now();
        let mut health = Health::default();
        let errors = [WebError::Timeout, WebError::Status(504)];
        let rested: Vec<bool> = errors
            .iter()
            .cycle()
            .take(4)
            .map(|error| health.failed(error, now))
            .collect();
        assert_eq!(rested, [false, false, false, true]);
        assert!(Health::default().failed(&WebError::Status(403), now));
    }
}
