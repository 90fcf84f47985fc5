//! The index: what the program knows about items, their files and the blocks in them. One SQLite database in the data directory.
//!
//! Blocks' bytes stay in the person's files. A block is either kept here (a node above the leaves, or a block that has no file) or is
//! a slice of a file; one hash may lie in several files, and each place is kept. Only this module names `rusqlite`.
//!
//! Invariants:
//! - One thread writes, so nothing ever waits for a lock. It takes many callers' changes into one transaction and answers them
//!   once that is committed. What was answered survives a kill of the process at any moment; a loss of power may take the last
//!   commits back, but never leaves half of one. Whoever records a block has synced the bytes before.
//! - An item's rows go with it. Rows of a block that another item holds too are that item's own, so they stay.
//! - A database from a newer version is not touched. A damaged one is kept beside the new one, which begins with the items listed
//!   in [`shares`].
//!
//! All calls block: use them from threads that may.

mod announcements;
mod blocks;
mod files;
mod fingerprint;
mod insert;
mod items;
mod offers;
mod paths;
mod readers;
mod recovery;
mod schema;
mod shares;
mod tree;
mod types;
mod values;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::blocks::{BlockAt, BlockRow, FileSlice, Recorded, RowKind, Scope, Slice};
pub use self::files::{FileId, FileRecord, FileState, HashedFile, NewFile, TreeFile};
pub use self::fingerprint::Fingerprint;
pub use self::offers::{KeptOffer, Way};
use self::readers::Readers;
pub use self::tree::{Extent, FileSize, FolderFile, FolderSum};
pub use self::types::{
    Announce, Begun, Car, ItemOptions, ItemRecord, ItemState, NewItem, StoredProblem, StoredRetry,
    Wanted, Work,
};
pub use self::writer::Pending;
use self::writer::Writer;
pub use crate::item::{ItemId, ItemKind, Skipped};
use crate::serving::Serving;

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Index {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // The readers close first, so that the writer, the last one, can fold the write-ahead log into the database.
    readers: Readers,
    serving: Serving,
    writer: Writer,
}

/// What [`Index::open`] found.
#[derive(Debug)]
pub struct Opened {
    pub index: Index,
    /// All there are, as they were read for the check of the database: with 100,000 that takes a while.
    pub items: Vec<ItemRecord>,
    /// Where the damaged database lies that was replaced. The items are back; what they hold has to be hashed again.
    pub recovered: Option<PathBuf>,
    /// Where the list of items beside the database is kept that was needed and is damaged: items may be missing.
    pub incomplete: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(
        "{path} was written by a newer version of Shoal (its format is {found}, this version knows {known})"
    )]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("{0} belongs to another program")]
    Foreign(PathBuf),
    #[error("the index is damaged; it will be rebuilt at the next start ({0})")]
    Damaged(String),
    #[error("the disk with the index is full")]
    DiskFull,
    #[error("index: {0}")]
    Sqlite(String),
    #[error("index: {0}")]
    Io(#[from] std::io::Error),
    /// A fault of ours in one change, which was taken back.
    #[error("a fault in Shoal: what was to be kept was not")]
    Broke,
    #[error("the item does not exist any more")]
    Removed,
    #[error("the index is closed")]
    Closed,
}

pub type Result<T, E = IndexError> = std::result::Result<T, E>;

impl Index {
    /// Opens the database in the directory, or makes it. The caller holds the directory's lock.
    pub fn open(dir: &Path) -> Result<Opened> {
        let recovery::Sound {
            connection,
            items,
            recovered,
            incomplete,
        } = recovery::open(dir)?;
        let serving = Serving::new(items::serving(&connection)?);
        let readers = Readers::open(&dir.join(schema::FILE_NAME))?;
        let writer = Writer::start(connection, dir)?;
        let index = Index {
            inner: Arc::new(Inner {
                readers,
                serving,
                writer,
            }),
        };
        Ok(Opened {
            index,
            items,
            recovered,
            incomplete,
        })
    }

    /// Ends writing: what was handed over is committed, and the database is one file again. Whatever comes later is refused.
    pub fn close(&self) {
        self.inner.writer.close();
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.inner.writer.dir()
    }

    /// Bytes of the database on its disk, with what is not yet folded into it.
    pub fn bytes(&self) -> u64 {
        let log = format!("{}-wal", schema::FILE_NAME);
        let size =
            |name: &str| fs_err::metadata(self.dir().join(name)).map_or(0, |file| file.len());
        size(schema::FILE_NAME) + size(&log)
    }

    /// Who may be served.
    pub fn serving(&self) -> &Serving {
        &self.inner.serving
    }

    fn read<T>(&self, job: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.inner
            .readers
            .with(|connection| job(connection))
            .map_err(|error| self.note(&error))
    }

    /// Hands a change to the writing thread, without waiting for it.
    fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&writer::Context<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.inner.writer.submit(job)
    }

    /// Makes a change and waits until it is committed.
    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&writer::Context<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(job).wait()
    }

    fn note(&self, error: &rusqlite::Error) -> IndexError {
        let error = IndexError::of(error);
        if matches!(error, IndexError::Damaged(_)) {
            recovery::mark_damaged(self.inner.writer.dir());
        }
        error
    }
}

impl IndexError {
    fn of(error: &rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType,
            QueryReturnedNoRows, Utf8Error,
        };
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        match error {
            QueryReturnedNoRows => return IndexError::Removed,
            // Nobody has written such a value: SQLite looks at its pages, not at what stands in them.
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..) => return IndexError::Damaged(error.to_string()),
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => IndexError::Damaged(error.to_string()),
            Some(DiskFull) => IndexError::DiskFull,
            _ => IndexError::Sqlite(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for IndexError {
    fn from(error: rusqlite::Error) -> Self {
        IndexError::of(&error)
    }
}
