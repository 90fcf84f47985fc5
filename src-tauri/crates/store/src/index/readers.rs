//! A few connections that read. In WAL mode they never wait for the writer, nor it for them.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::schema;

/// How many look-ups can run at once. Each takes microseconds, so more would only take memory.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let open = |_| schema::open_reader(path).map(Mutex::new);
        let connections = (0..READERS).map(open).collect::<Result<_, _>>()?;
        Ok(Readers {
            connections,
            next: AtomicUsize::new(0),
        })
    }

    /// Lends a connection, a free one where there is one.
    pub(super) fn with<T>(&self, job: impl FnOnce(&Connection) -> T) -> T {
        if let Some(free) = self.connections.iter().find_map(Mutex::try_lock) {
            return job(&free);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        // A panic in another caller's job leaves a connection as sound as it was.
        job(&self.connections[turn].lock())
    }
}
