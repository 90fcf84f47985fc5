//! Whether this machine slept. Pure: both clocks are told.

use std::time::{Duration, Instant, SystemTime};

/// Wall time that passed beyond what a clock that stops in sleep has seen: that was a sleep, not a
/// clock being set right.
const SLEEP: Duration = Duration::from_secs(30);

/// Tells a sleep by two clocks, of which one stops meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    awake: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(crate) fn new(awake: Instant, wall: SystemTime) -> Self {
        Self { awake, wall }
    }

    /// Whether this machine slept since it was last asked.
    pub(crate) fn slept(&mut self, awake: Instant, wall: SystemTime) -> bool {
        let seen = awake.saturating_duration_since(self.awake);
        let passed = wall.duration_since(self.wall).unwrap_or_default();
        *self = Self { awake, wall };
        passed >= seen + SLEEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_told_from_a_slow_machine_and_from_a_clock_set_back() {
        let (awake, wall) = (Instant::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        let mut clocks = Clocks::new(awake, wall);
        assert!(!clocks.slept(awake + second, wall + second));
        let hour = Duration::from_hours(1);
        assert!(!clocks.slept(awake + hour, wall + hour));
        assert!(clocks.slept(awake + hour + second, wall + 2 * hour));
        assert!(!clocks.slept(awake + hour + 2 * second, wall));
    }
}
