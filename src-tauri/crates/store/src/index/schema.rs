//! The database's tables, and how an old one becomes a new one.
//!
//! Space is what decides here: a leaf of 1 MiB may cost 200 bytes in all, a small file 400. So paths are kept once for each
//! directory, a sha2-256 is its 32 bytes alone, and hashes are found through an index over their last 8 bytes; the row behind it
//! has the whole hash.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::IndexError;
use crate::files::open_private;

pub(super) const FILE_NAME: &str = "index.db";

/// "Shol": what tells our database from another program's.
const APPLICATION_ID: i64 = 0x5368_6f6c;

/// Pages of the write-ahead log before it is folded into the database: 16 MiB. Fewer would sync the disk too often during an import.
const CHECKPOINT_PAGES: i64 = 4096;

/// KiB of pages that the writer keeps in memory.
const WRITER_CACHE_KIB: i64 = 8192;

/// KiB of pages that each reader keeps in memory; the operating system caches the rest.
const READER_CACHE_KIB: i64 = 512;

/// Compiled statements that a connection keeps: more than there are.
const STATEMENTS: usize = 64;

/// What turns version n into version n + 1. Released ones never change.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE item (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        -- 0 share, 1 download
        kind       INTEGER NOT NULL,
        name       TEXT NOT NULL,
        root       BLOB,
        bytes      INTEGER NOT NULL,
        files      INTEGER NOT NULL,
        done       INTEGER NOT NULL,
        created    INTEGER NOT NULL,
        -- 0 active, 1 paused, 2 has a problem, 3 being removed
        state      INTEGER NOT NULL,
        problem    TEXT,
        -- the rest of the record as JSON
        details    TEXT NOT NULL,
        -- counts imports: inline rows of an older one are left over
        generation INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE skipped (
        item   INTEGER NOT NULL,
        path   TEXT NOT NULL,
        reason TEXT NOT NULL
    );
    CREATE INDEX skipped_by_item ON skipped (item);

    -- A directory on this disk that holds files of an item.
    CREATE TABLE dir (
        id   INTEGER PRIMARY KEY,
        item INTEGER NOT NULL,
        path BLOB NOT NULL,
        -- where that is inside the item, '' at its top
        name TEXT NOT NULL
    );
    CREATE UNIQUE INDEX dir_by_path ON dir (item, path, name);

    CREATE TABLE file (
        id     INTEGER PRIMARY KEY,
        item   INTEGER NOT NULL,
        dir    INTEGER NOT NULL,
        disk   BLOB NOT NULL,
        -- its name inside the item, where that differs
        name   TEXT,
        size   INTEGER NOT NULL,
        -- 0 part, 1 whole, 2 changed, 3 missing
        state  INTEGER NOT NULL,
        -- the fingerprint: nanoseconds since 1970, twice, then the file's number on its file system
        mtime  INTEGER,
        ctime  INTEGER,
        inode  INTEGER,
        -- changed so shortly before it was hashed that the fingerprint proves nothing
        racy   INTEGER NOT NULL,
        -- NULL until it is hashed to the end
        root   BLOB
    );
    CREATE INDEX file_by_dir ON file (dir);

    CREATE TABLE slice (
        file   INTEGER NOT NULL,
        start  INTEGER NOT NULL,
        len    INTEGER NOT NULL,
        -- a dag-pb leaf: the block is the slice in a frame that follows from its length
        framed INTEGER NOT NULL,
        key    BLOB NOT NULL,
        PRIMARY KEY (file, start)
    ) WITHOUT ROWID;
    CREATE INDEX slice_by_key ON slice (substr(key, -8), file, start);

    CREATE TABLE inline (
        id         INTEGER PRIMARY KEY,
        item       INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        key        BLOB NOT NULL,
        data       BLOB NOT NULL
    );
    CREATE INDEX inline_by_key ON inline (substr(key, -8));
    CREATE INDEX inline_by_item ON inline (item);

    CREATE TABLE announced (
        key  BLOB PRIMARY KEY,
        time INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE meta (
        key   TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID;
",
    "
    -- bytes of a download that are here, until all are
    ALTER TABLE item ADD COLUMN here INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE offer (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        -- 0 another device's, 1 ours
        sent    INTEGER NOT NULL,
        -- what was offered, and what became of it, as JSON
        details TEXT NOT NULL
    );
",
];

/// The format that this version writes.
pub(super) fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Opens the database for writing, makes it if it is not there, and brings it up to date. A newer one is left as it is.
pub(super) fn open_writer(path: &Path) -> Result<Connection, IndexError> {
    // SQLite would leave it to the umask. Its log beside it gets the same mode.
    open_private(path)?;
    let mut connection = Connection::open(path)?;
    check_identity(&connection, path)?;
    // Must come before the first table; lets removed items give their space back.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    prepare(&connection, WRITER_CACHE_KIB)?;
    migrate(&mut connection).map_err(|error| match error {
        // There are tables of a later version than it says.
        rusqlite::Error::SqlInputError { msg, .. } => IndexError::Damaged(msg),
        error => error.into(),
    })?;
    Ok(connection)
}

/// Opens another connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

fn prepare(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    // Otherwise a statement is compiled again whenever its parameters change: ten times the cost of a look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn check_identity(connection: &Connection, path: &Path) -> Result<(), IndexError> {
    let found = version(connection)?;
    let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if owner != APPLICATION_ID && (tables > 0 || owner != 0) {
        return Err(IndexError::Foreign(PathBuf::from(path)));
    }
    if found > known_version() {
        return Err(IndexError::Newer {
            path: PathBuf::from(path),
            found,
            known: known_version(),
        });
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let found = version(connection)?;
    let missing = MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0));
    for (script, version) in missing.zip(found + 1..) {
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
