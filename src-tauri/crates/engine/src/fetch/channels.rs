//! How a download's task, which speaks with the network, and its worker, which speaks with the
//! disk, speak with each other.
//!
//! Invariant: whoever waits is woken. The worker waits only for events; a full queue of them wakes
//! it by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use unixfs::Cid;

use super::error::FetchError;
use super::plan::{Rank, Totals};

/// What the worker hears.
#[derive(Debug)]
pub(crate) enum Event {
    Block {
        cid: Cid,
        data: Bytes,
    },
    /// The record has news, or something is wished.
    Wake,
}

/// A block that only others have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) cid: Cid,
    /// Others wait behind it.
    pub(crate) node: bool,
    /// Bytes of the block, if its parent tells.
    pub(crate) bytes: Option<u32>,
    pub(crate) rank: Rank,
}

/// What the worker wants of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Want(Vec<Wanted>),
    /// These are wanted already, and come first now.
    Hurry(Vec<(Cid, Rank)>),
    /// So many bytes of delivered blocks are out of memory.
    Release(u64),
    /// These are on the disk and in the index.
    Have(Vec<Cid>),
    /// Something is written there from now on.
    Begun(PathBuf),
}

/// How far it is, for whoever looks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) totals: Totals,
    /// Blocks that only others have.
    pub(crate) waiting: usize,
    /// It is known to be a folder.
    pub(crate) folder: bool,
}

/// Wakes a worker, without keeping it from its end.
#[derive(Debug, Clone)]
pub(crate) struct Waker(mpsc::WeakSender<Event>);

impl Waker {
    pub(crate) fn of(events: &mpsc::Sender<Event>) -> Self {
        Self(events.downgrade())
    }

    pub(crate) fn wake(&self) {
        // A full queue wakes the worker by itself.
        if let Some(events) = self.0.upgrade() {
            let _ = events.try_send(Event::Wake);
        }
    }
}

/// The worker's ends.
#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) commands: mpsc::Sender<Command>,
    /// Ends when the download is to stop.
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) waker: Waker,
    pub(crate) progress: Arc<Mutex<Progress>>,
    /// Stop at once, whatever waits in `events`.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Channels {
    pub(crate) fn send(&self, command: Command) -> Result<(), FetchError> {
        self.commands
            .blocking_send(command)
            .map_err(|_| FetchError::Stopped)
    }

    /// Waits for the next event.
    pub(crate) fn next(&mut self) -> Result<Event, FetchError> {
        self.events.blocking_recv().ok_or(FetchError::Stopped)
    }

    pub(crate) fn check_stop(&self) -> Result<(), FetchError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(FetchError::Stopped);
        }
        Ok(())
    }
}
