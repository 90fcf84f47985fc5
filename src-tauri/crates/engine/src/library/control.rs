//! Stopping, pausing and watching work that goes on in other threads.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Lets somebody else pause and end a piece of work. It looks here between any two chunks.
#[derive(Debug, Default)]
pub struct Control {
    wish: AtomicU8,
    lock: Mutex<()>,
    changed: Condvar,
}

const GO: u8 = 0;
const PAUSE: u8 = 1;
const STOP: u8 = 2;

/// The work was ended by [`Control::stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

impl Control {
    /// Ends the work. What it has done stays done, and it can be begun again.
    pub fn stop(&self) {
        self.set(STOP);
    }

    pub fn pause(&self) {
        self.set(PAUSE);
    }

    pub fn resume(&self) {
        self.set(GO);
    }

    pub fn is_stopped(&self) -> bool {
        self.wish.load(Ordering::Relaxed) == STOP
    }

    /// Waits while paused.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.wish.load(Ordering::Relaxed) == GO {
            return Ok(());
        }
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let paused = |(): &mut ()| self.wish.load(Ordering::Relaxed) == PAUSE;
        let _guard = self
            .changed
            .wait_while(guard, paused)
            .unwrap_or_else(PoisonError::into_inner);
        if self.wish.load(Ordering::Relaxed) == STOP {
            Err(Stopped)
        } else {
            Ok(())
        }
    }

    fn set(&self, wish: u8) {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Stopped is for good.
        if self.wish.load(Ordering::Relaxed) != STOP {
            self.wish.store(wish, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }
}

/// How far the work is; whoever wants to know looks.
#[derive(Debug, Default)]
pub struct Progress {
    files_found: AtomicU64,
    bytes_found: AtomicU64,
    files_done: AtomicU64,
    bytes_done: AtomicU64,
}

/// [`Progress`] at one moment. What was found grows until all folders have been looked through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub files_found: u64,
    pub bytes_found: u64,
    pub files_done: u64,
    pub bytes_done: u64,
}

impl Progress {
    pub fn get(&self) -> Snapshot {
        Snapshot {
            files_found: self.files_found.load(Ordering::Relaxed),
            bytes_found: self.bytes_found.load(Ordering::Relaxed),
            files_done: self.files_done.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn found(&self, bytes: u64) {
        self.files_found.fetch_add(1, Ordering::Relaxed);
        self.bytes_found.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn hashed(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn file_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    /// A file has to be hashed once more.
    pub(crate) fn take_back(&self, bytes: u64) {
        self.bytes_done.fetch_sub(bytes, Ordering::Relaxed);
    }
}
