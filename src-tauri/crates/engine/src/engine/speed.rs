//! The task that tells the network which speed limits count now.
//!
//! It looks at the clock of this machine, as its owner reads it, and sleeps while nothing is
//! scheduled.

use std::time::Duration;

use jiff::Zoned;
use tokio::sync::Notify;

use crate::settings::Config;
use crate::settings::schedule::{Limits, limits_at};
use net::Net;

/// The longest sleep: after a suspend or a changed clock the limits are wrong for no longer.
const MAX_SLEEP: Duration = Duration::from_mins(10);

/// Tells the limits now and while it runs. `read` gives the settings; `changed` tells when they are
/// others.
pub(super) async fn run(net: &Net, changed: &Notify, read: impl Fn() -> Config) {
    let mut told = None;
    loop {
        let config = read();
        let now = Zoned::now();
        let limits = limits_at(usual(&config), config.schedule, &now);
        if told.replace(limits) != Some(limits) {
            net.set_limits(limits.upload, limits.download).await;
        }
        let Some(schedule) = config.schedule else {
            changed.notified().await;
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep(schedule.until_change(&now).min(MAX_SLEEP)) => {}
            () = changed.notified() => {}
        }
    }
}

/// Tells the limits that count at this moment.
pub(super) async fn set(net: &Net, config: &Config) {
    let limits = limits_at(usual(config), config.schedule, &Zoned::now());
    net.set_limits(limits.upload, limits.download).await;
}

fn usual(config: &Config) -> Limits {
    Limits {
        upload: config.net.limits.upload,
        download: config.net.limits.download,
    }
}
