//! What outlives a run: what is to be announced and the schedule of it, and the DHT's peers. The
//! network knows no database: its owner gives the functions with which it is kept.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use unixfs::cid::Multihash;

/// Why something couldn't be kept or read.
pub type Fault = Box<dyn Error + Send + Sync>;

type Get<T> = Box<dyn Fn() -> Result<T, Fault> + Send + Sync>;
type Put<T> = Box<dyn Fn(T) -> Result<(), Fault> + Send + Sync>;

/// The functions may block: they are called on threads that may.
pub struct Functions {
    /// The keys that are to be announced, now.
    pub to_announce: Get<Vec<Multihash>>,
    /// The keys on the schedule, each with the time (Unix seconds) at which it was announced last;
    /// 0: not yet.
    pub announcements: Get<Vec<(Multihash, i64)>>,
    /// Puts keys on the schedule, or notes when they were announced.
    pub set_announced: Put<Vec<(Multihash, i64)>>,
    /// Takes keys off the schedule.
    pub forget_announced: Put<Vec<Multihash>>,
    /// Peers as [`Self::set_peers`] was given them, if it ever was.
    pub peers: Get<Option<Vec<u8>>>,
    pub set_peers: Put<Vec<u8>>,
}

/// A handle on the functions; clones share them.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Functions>);

impl Memory {
    pub fn new(functions: Functions) -> Self {
        Self(Arc::new(functions))
    }

    /// Runs on a thread that may block. `None`: it failed, and the log says so, with `what`.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&Functions) -> Result<T, Fault> + Send + 'static,
    ) -> Option<T> {
        let functions = Arc::clone(&self.0);
        let asking = tokio::task::spawn_blocking(move || job(&functions));
        asking
            .await
            .ok()?
            .inspect_err(|error| tracing::warn!(%error, "{what}"))
            .ok()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").finish_non_exhaustive()
    }
}
