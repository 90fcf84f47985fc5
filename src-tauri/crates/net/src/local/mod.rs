//! This machine's own networks, the devices on them, and whether it slept.
//!
//! What follows from another network, the same one again, or an end of sleep, is the swarm task's
//! to do.

pub(crate) mod devices;
pub(crate) mod interfaces;
pub(crate) mod known;
mod sleep;

use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;

use self::known::Devices;
use self::sleep::Clocks;

/// Listeners come one by one, and what answers devices on a new network takes a moment as well.
const SETTLING: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) devices: Devices,
    /// When to ask this network's devices to make themselves known.
    ask_devices_at: Option<Instant>,
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
        self.ask_devices_at.is_some()
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
