//! Opening the database when it may be damaged.
//!
//! Damage shows in two ways: at the start, when the file is no database or a check of it fails, or later, in the middle of some
//! work. The latter leaves a mark, and the next start acts on it. Either way the old file is kept under another name, and a new one
//! begins with the items of `shares.json`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rusqlite::Connection;

use super::{IndexError, ItemRecord, items, schema, shares};

/// Its presence says that the database was found to be damaged.
const MARK: &str = "index.damaged";

/// Bytes of a database that is checked whole at each start: about 50 ms. A larger one shows its damage when it is met.
const MAX_CHECKED: u64 = 16 * 1024 * 1024;

/// Damaged databases that are kept: each may be large, and who finds out about one needs the last.
const MAX_KEPT: usize = 3;

/// The database, opened for writing.
pub(super) struct Sound {
    pub(super) connection: Connection,
    /// Reading them all is part of the check.
    pub(super) items: Vec<ItemRecord>,
    /// Where the damaged one is kept that this one replaces.
    pub(super) recovered: Option<PathBuf>,
    /// Where the list of items is kept that was needed, and is damaged too.
    pub(super) incomplete: Option<PathBuf>,
}

pub(super) fn open(dir: &Path) -> Result<Sound, IndexError> {
    let path = dir.join(schema::FILE_NAME);
    if is_marked(dir) || !is_file_or_nothing(&path) {
        return begin_anew(dir);
    }
    // A loss of power may leave a file of no bytes, which SQLite takes for a new database.
    let is_new = fs::metadata(&path).map_or(true, |there| there.len() == 0);
    match open_sound(&path) {
        Ok((connection, items)) if !is_new => Ok(Sound {
            connection,
            items,
            recovered: None,
            incomplete: None,
        }),
        Ok((connection, _)) => restored(connection, dir, None),
        Err(IndexError::Damaged(reason)) => {
            tracing::error!(reason, path = %path.display(), "the index is damaged");
            begin_anew(dir)
        }
        Err(error) => Err(error),
    }
}

fn begin_anew(dir: &Path) -> Result<Sound, IndexError> {
    let kept = set_aside(dir)?;
    let connection = schema::open_writer(&dir.join(schema::FILE_NAME))?;
    restored(connection, dir, Some(kept))
}

/// Puts the items of the list into a new database. Somebody may have deleted the old one.
fn restored(
    connection: Connection,
    dir: &Path,
    recovered: Option<PathBuf>,
) -> Result<Sound, IndexError> {
    let (records, incomplete) = shares::read(dir)?;
    for record in records {
        let id = (record.id != shares::UNNUMBERED).then_some(record.id);
        items::insert(&connection, &record, id)?;
    }
    Ok(Sound {
        items: items::all(&connection)?,
        connection,
        recovered,
        incomplete,
    })
}

/// A pipe would be waited for, and in a folder nothing can be kept.
fn is_file_or_nothing(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |there| there.is_file())
}

/// Has the next start rebuild the database.
pub(super) fn mark_damaged(dir: &Path) {
    if let Err(error) = fs::write(dir.join(MARK), b"") {
        tracing::error!(%error, "the damage of the index could not be noted");
    }
}

fn is_marked(dir: &Path) -> bool {
    dir.join(MARK).exists()
}

fn open_sound(path: &Path) -> Result<(Connection, Vec<ItemRecord>), IndexError> {
    let connection = schema::open_writer(path)?;
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MAX_CHECKED) {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(IndexError::Damaged(verdict));
        }
    }
    // Whatever the size: what everything begins with must be readable.
    let items = items::all(&connection)?;
    Ok((connection, items))
}

/// Renames the database, and its write-ahead log with it, to a name of its own. Of those before it, the last ones stay.
fn set_aside(dir: &Path) -> std::io::Result<PathBuf> {
    let path = dir.join(schema::FILE_NAME);
    let name = |number| dir.join(format!("{}.damaged-{number}", schema::FILE_NAME));
    let before = set_aside_before(dir)?;
    let kept = name(before.last().map_or(1, |last| last.saturating_add(1)));
    if path.exists() {
        fs::rename(&path, &kept)?;
    }
    let beside = |path: &Path, suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    if beside(&path, "-wal").exists() {
        fs::rename(beside(&path, "-wal"), beside(&kept, "-wal"))?;
    }
    for left in [beside(&path, "-shm"), dir.join(MARK)] {
        if left.exists() {
            fs::remove_file(left)?;
        }
    }
    for number in before.iter().rev().skip(MAX_KEPT - 1) {
        // What was no file stays.
        let _ = fs::remove_file(name(*number));
        let _ = fs::remove_file(beside(&name(*number), "-wal"));
    }
    Ok(kept)
}

/// The numbers under which damaged databases are kept, in order.
fn set_aside_before(dir: &Path) -> std::io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let rest = name
            .to_str()
            .and_then(|name| name.strip_prefix(schema::FILE_NAME));
        let number = rest.and_then(|rest| rest.strip_prefix(".damaged-")?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
