//! This machine's own networks, the devices on them, and whether it slept.
//!
//! What follows from another network, the same one again, or an end of sleep, is the swarm task's
//! to do.

pub(crate) mod devices;
pub(crate) mod interfaces;
pub(crate) mod known;
pub(crate) mod mdns;
mod sleep;

use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;

use self::known::Devices;
use self::sleep::Clocks;

/// Listeners come one by one, and what answers devices on a new network takes a moment as well.
const SETTLING: Duration = Duration::from_secs(1);
/// New devices are a reason to search the DHTs anew this often. Each is asked itself, at once.
const SEARCHES: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) devices: Devices,
    /// When to ask this network's devices to make themselves known.
    ask_devices_at: Option<Instant>,
    /// When new devices last were a reason to search anew, and whether there are more.
    searched_at: Option<Instant>,
    has_new: bool,
    clocks: Clocks,
    /// Tells when a network comes or goes. Nobody asks on this machine alone.
    interfaces: Option<IfWatcher>,
}

impl Local {
    pub(crate) fn new(local_only: bool, now: Instant) -> Self {
        let interfaces = || {
            IfWatcher::new()
                .inspect_err(|error| tracing::warn!(%error, "this machine's networks are unknown"))
                .ok()
        };
        Self {
            devices: Devices::default(),
            ask_devices_at: None,
            searched_at: None,
            has_new: false,
            clocks: Clocks::new(now, SystemTime::now()),
            interfaces: (!local_only).then(interfaces).flatten(),
        }
    }

    /// The next network that comes or goes; never, if they are not watched.
    pub(crate) async fn next(&mut self) -> IfEvent {
        match &mut self.interfaces {
            Some(watcher) => loop {
                if let Ok(event) = watcher.select_next_some().await {
                    return event;
                }
            },
            None => std::future::pending().await,
        }
    }

    /// Networks may come and go.
    pub(crate) fn is_watched(&self) -> bool {
        self.interfaces.is_some()
    }

    pub(crate) fn has_timers(&self) -> bool {
        self.ask_devices_at.is_some() || self.has_new
    }

    /// There are new devices.
    pub(crate) fn new_devices(&mut self) {
        self.has_new = true;
    }

    /// They are a reason now to search anew.
    pub(crate) fn take_search(&mut self, now: Instant) -> bool {
        let is_soon = self.searched_at.is_some_and(|at| now < at + SEARCHES);
        let is_due = self.has_new && !is_soon;
        if is_due {
            self.searched_at = Some(now);
            self.has_new = false;
        }
        is_due
    }

    /// Whether this machine slept since this was last asked.
    pub(crate) fn slept(&mut self, now: Instant) -> bool {
        self.clocks.slept(now, SystemTime::now())
    }

    /// We listen somewhere else: devices are to be asked there, when all listeners are there.
    pub(crate) fn listeners_changed(&mut self, now: Instant) {
        self.ask_devices_at = Some(now + SETTLING);
    }

    /// Devices are to be asked now.
    pub(crate) fn take_question(&mut self, now: Instant) -> bool {
        self.ask_devices_at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_new_devices_is_a_reason_to_search_twice_a_minute() {
        let start = Instant::now();
        let mut local = Local::new(true, start);
        let mut searches = Vec::new();
        for tenth in 0..600 {
            local.new_devices();
            let now = start + Duration::from_millis(100 * tenth);
            if local.take_search(now) {
                searches.push(tenth / 10);
            }
        }
        assert_eq!(searches, [0, 30]);
        assert!(local.has_timers());
        assert!(local.take_search(start + Duration::from_mins(2)));
        assert!(!local.has_timers());
        assert!(!local.take_search(start + Duration::from_hours(1)));
    }
}
