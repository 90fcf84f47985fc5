//! A person's desktop without a person: the real window on a screen of its own, its tray, its clipboard, files dragged onto
//! it, and what a test reads and clicks in it.
//!
//! Each [`Desktop`] has its own X server, D-Bus, home and data directory, so that two of them are two computers. The
//! window is driven through WebDriver, by the roles and names that a screen reader would speak ([`place`]); everything
//! that comes from outside the page comes as real X and D-Bus traffic. Nothing waits for a time: [`until`] looks again
//! and again until what was awaited is there.

mod app;
mod browser;
mod desktop;
mod group;
mod helper;
mod keys;
mod pages;
mod place;
mod processes;

use std::time::{Duration, Instant};

pub(crate) use app::Window;
pub(crate) use desktop::Desktop;

/// How long a test waits for anything on a desktop. Reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at what is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until there is something, and fails when [`PATIENCE`] ends first.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Looks until there is something, or the time is over.
fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
