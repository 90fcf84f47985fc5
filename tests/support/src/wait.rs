//! Waiting for what comes by itself: for conditions, never for times. No test passes or fails by how fast its machine is.

use std::time::{Duration, Instant};

/// Ends a test that hangs: for so long nothing has moved. No verdict, for nothing that works comes near it, however busy the
/// machine is.
pub const HUNG: Duration = Duration::from_mins(10);
/// The same for programs that take it in seconds as an argument.
pub const HUNG_SECONDS: &str = "600";
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two descriptions, each of which may ask a great many.
const DESCRIBE_EVERY: Duration = Duration::from_secs(20);

/// What a test waits for, in words: fixed ones, or what there is instead so far.
pub trait Awaited {
    fn describe(&self) -> String;
}

impl Awaited for &str {
    fn describe(&self) -> String {
        (*self).to_owned()
    }
}

impl<F: Fn() -> String> Awaited for F {
    fn describe(&self) -> String {
        self()
    }
}

/// Looks until there is something. Fails once the description has not changed for as long as [`HUNG`].
pub fn until<T>(what: impl Awaited, mut look: impl FnMut() -> Option<T>) -> T {
    let mut stands = String::new();
    let mut moved = Instant::now();
    loop {
        if let Some(found) = within(DESCRIBE_EVERY, &mut look) {
            return found;
        }
        let now = what.describe();
        if now != stands {
            (stands, moved) = (now, Instant::now());
        }
        let still = moved.elapsed();
        assert!(
            still < HUNG,
            "waited in vain, {still:?} without a move: {stands}"
        );
    }
}

/// Looks until there is something, or the time is over.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
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
