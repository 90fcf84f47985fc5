//! The back-off of a web server: not asked for a while after it failed, longer after each failure
//! in a row, or for as long as the server itself asks. Pure: the time is told.

use std::time::{Duration, Instant};

use bitswap::pace::Backoff;

use super::WebError;

/// First back-off of a server that fails, doubled with each in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// Longest back-off, and that of a server that sent wrong bytes: it may be mended, but not soon.
const MAX_BACKOFF: Duration = Duration::from_mins(10);
/// Failures in a row that may be the content's fault and not the server's, before the back-off
/// begins: gateways look for what they lack until their own time is over.
const TOLERATED_FAILURES: u32 = 4;

/// How a server behaves.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Failures in a row that began no back-off.
    failures: u32,
    /// Back-offs in a row.
    backoffs: u32,
    backoff_until: Option<Instant>,
    problem: Option<WebError>,
}

impl Health {
    pub(super) fn backs_off(&self, now: Instant) -> bool {
        self.backoff_until.is_some_and(|until| until > now)
    }

    /// What it did wrong last, unless it did well since.
    pub(super) fn problem(&self) -> Option<&WebError> {
        self.problem.as_ref()
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Says whether a back-off begins.
    pub(super) fn failed(&mut self, error: &WebError, now: Instant) -> bool {
        let longer = Backoff::after(FIRST_BACKOFF, MAX_BACKOFF, self.backoffs);
        let pause = match error {
            WebError::Lacks => {
                // It answered.
                self.failures = 0;
                return false;
            }
            WebError::Timeout | WebError::Status(500..)
                if self.failures + 1 < TOLERATED_FAILURES =>
            {
                self.failures += 1;
                self.problem = Some(error.clone());
                return false;
            }
            WebError::Wrong | WebError::TooLarge | WebError::NotAllowed | WebError::NotHere => {
                MAX_BACKOFF
            }
            WebError::Busy(Some(pause)) => (*pause).clamp(Duration::from_secs(1), MAX_BACKOFF),
            WebError::Busy(None)
            | WebError::Timeout
            | WebError::Status(_)
            | WebError::Unreachable(_) => longer,
        };
        self.problem = Some(error.clone());
        self.failures = 0;
        self.backoffs += 1;
        self.backoff_until = now.checked_add(pause);
        true
    }

    /// The network is another now, so what failed may work.
    pub(super) fn reset_backoff(&mut self) {
        self.backoffs = 0;
        self.backoff_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backs_off_for(health: &Health, now: Instant) -> u64 {
        let until = health.backoff_until.unwrap_or(now);
        until.saturating_duration_since(now).as_secs()
    }

    #[test]
    fn what_cannot_be_reached_is_left_alone_longer_each_time_and_comes_back() {
        let now = Instant::now();
        let mut health = Health::default();
        let error = WebError::Unreachable("refused".to_owned());
        let pauses: Vec<u64> = (0..9)
            .map(|_| {
                assert!(health.failed(&error, now));
                backs_off_for(&health, now)
            })
            .collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert!(health.backs_off(now) && !health.backs_off(now + MAX_BACKOFF));
        assert_eq!(health.problem(), Some(&error));
        health.succeeded();
        assert_eq!((health.problem(), health.backs_off(now)), (None, false));
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
            assert_eq!(backs_off_for(&health, now), expected);
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
        assert_eq!(backs_off_for(&health, now), 600);
    }

    #[test]
    fn errors_that_may_be_the_contents_fault_are_borne_for_a_while() {
        let now = Instant::now();
        let mut health = Health::default();
        let errors = [WebError::Timeout, WebError::Status(504)];
        let backed_off: Vec<bool> = errors
            .iter()
            .cycle()
            .take(4)
            .map(|error| health.failed(error, now))
            .collect();
        assert_eq!(backed_off, [false, false, false, true]);
        assert!(Health::default().failed(&WebError::Status(403), now));
    }
}
