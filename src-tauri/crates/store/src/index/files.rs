//! Files of items: where they lie, under which fingerprint they were hashed, and what is known of them since.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use unixfs::cid::{Cid, Multihash};

use super::insert::Inserter;
use super::writer::Context;
use super::{Fingerprint, Index, ItemId, Pending, Result, blocks, items, paths};

/// A file's number; never used for another file of the same database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub i64);

/// What is known of a file.
///
/// | from    | to      | when                                                         |
/// |---------|---------|--------------------------------------------------------------|
/// | Part    | Whole   | the last block was written and synced                        |
/// | Whole   | Changed | a block did not match any more, or a scan saw other content  |
/// | Whole   | Missing | it was not where it had been                                 |
/// | Changed | Whole   | hashed again from end to end: the content is back            |
/// | Missing | Whole   | found again, here or elsewhere, and hashed                   |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileState {
    /// A download is writing it: what is recorded is there, but no fingerprint vouches for it.
    Part,
    Whole,
    /// Its content is no longer what was hashed. Blocks that still match are served, each after it was hashed.
    Changed,
    Missing,
}

/// A file that a download is going to write.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where its bytes are now. Absolute.
    pub path: PathBuf,
    /// Its path inside the item, parts joined by `/`.
    pub name_in_item: String,
    pub size: u64,
    pub root: Option<Cid>,
    pub state: FileState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    pub id: FileId,
    pub item: ItemId,
    pub path: PathBuf,
    pub name_in_item: String,
    pub size: u64,
    pub state: FileState,
    /// Under which it was hashed. `None`: its blocks are hashed before they are served.
    pub fingerprint: Option<Fingerprint>,
    /// `None` until it is hashed to the end.
    pub root: Option<Cid>,
}

/// A directory on this disk with files of an item.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TreeFile {
    pub path: PathBuf,
    /// Where that is in the item, `""` at its top.
    pub name_in_item: String,
}

/// A file that an import has hashed from end to end.
#[derive(Debug)]
pub struct HashedFile {
    pub dir: Arc<TreeFile>,
    pub disk_name: OsString,
    pub fingerprint: Fingerprint,
    pub root: Cid,
    /// Its leaves, in order and without gaps: hash and bytes.
    pub leaves: Vec<(Multihash, u32)>,
    pub framed: bool,
    /// An older record of the same file.
    pub replaces: Option<FileId>,
}

impl Index {
    /// Records files that are going to be written, and gives their numbers in the same order.
    pub fn add_files(&self, item: ItemId, files: Vec<NewFile>) -> Result<Vec<FileId>> {
        self.write(move |context| {
            let mut inserter = Inserter::new(context.connection, item)?;
            let insert = |file: NewFile| {
                let (dir_path, disk) = paths::split(&file.path);
                let (dir_name, name) = match file.name_in_item.rsplit_once('/') {
                    Some((dir, name)) => (dir.to_owned(), name),
                    None => (String::new(), file.name_in_item.as_str()),
                };
                let dir = inserter.dir(dir_path, &dir_name)?;
                let name = Some(name).filter(|name| name.as_bytes() != disk.as_slice());
                inserter.file(
                    dir,
                    &disk,
                    name,
                    file.size,
                    file.state,
                    None,
                    file.root.as_ref(),
                )
            };
            files.into_iter().map(insert).collect()
        })
    }

    /// Records a large file that is about to be hashed, so that what is done of it can be kept on the way.
    pub fn begin_file(
        &self,
        item: ItemId,
        dir: Arc<TreeFile>,
        disk_name: OsString,
        fingerprint: Fingerprint,
        replaces: Option<FileId>,
    ) -> Result<FileId> {
        self.write(move |context| {
            let mut inserter = Inserter::new(context.connection, item)?;
            inserter.remove(replaces)?;
            let dir = inserter.dir(paths::to_bytes(dir.path.as_os_str()), &dir.name_in_item)?;
            let disk = paths::to_bytes(&disk_name);
            inserter.file(
                dir,
                &disk,
                None,
                fingerprint.size,
                FileState::Whole,
                Some(fingerprint),
                None,
            )
        })
    }

    /// Records files that are hashed, with all their leaves, and the blocks above them.
    pub fn add_hashed(
        &self,
        item: ItemId,
        files: Vec<HashedFile>,
        inline: Vec<(Multihash, Bytes)>,
    ) -> Pending<()> {
        self.submit(move |context| {
            let mut inserter = Inserter::new(context.connection, item)?;
            for file in &files {
                inserter.hashed(file)?;
            }
            blocks::put_inline(context.connection, item, &inline)
        })
    }

    /// Says where a file is now, and under which fingerprint what state holds.
    pub fn set_file(
        &self,
        id: FileId,
        path: &Path,
        fingerprint: Option<Fingerprint>,
        state: FileState,
    ) -> Result<()> {
        let path = path.to_path_buf();
        self.write(move |context| {
            let Some(old) = one(context.connection, id)? else { return Ok(()) };
            if old.path != path {
                move_file(context, &old, &path)?;
            }
            let size = fingerprint.map_or(old.size, |fingerprint| fingerprint.size);
            context
                .connection
                .prepare_cached(
                    "UPDATE file SET size = ?2, state = ?3, mtime = ?4, ctime = ?5, inode = ?6, racy = ?7 WHERE id = ?1",
                )?
                .execute(params![
                    id.0,
                    size.cast_signed(),
                    state.number(),
                    fingerprint.map(|fingerprint| fingerprint.mtime),
                    fingerprint.map(|fingerprint| fingerprint.ctime),
                    fingerprint.map(|fingerprint| fingerprint.inode.cast_signed()),
                    fingerprint.is_none_or(|fingerprint| fingerprint.racy),
                ])?;
            Ok(())
        })
    }

    /// Changes nothing but the state. Not waited for: who serves a block has no time to.
    pub fn set_file_state(&self, id: FileId, state: FileState) -> Pending<()> {
        self.submit(move |context| {
            context
                .connection
                .prepare_cached("UPDATE file SET state = ?2 WHERE id = ?1")?
                .execute(params![id.0, state.number()])?;
            Ok(())
        })
    }

    /// The file is hashed to the end.
    pub fn set_file_root(&self, id: FileId, root: Cid, fingerprint: Fingerprint) -> Pending<()> {
        self.submit(move |context| {
            context
                .connection
                .prepare_cached("UPDATE file SET root = ?2, racy = ?3 WHERE id = ?1")?
                .execute(params![id.0, root.to_bytes(), fingerprint.racy])?;
            Ok(())
        })
    }

    /// A folder was renamed: all files of the item in it, and in the folders below, are somewhere else now.
    pub fn move_folder(&self, item: ItemId, from: &Path, to: &Path) -> Result<()> {
        let (from, to) = (from.to_path_buf(), to.to_path_buf());
        self.write(move |context| {
            // What lay there before and is forgotten has no claim to the name.
            context.connection.execute(
                "DELETE FROM dir WHERE item = ?1 AND NOT EXISTS (SELECT 1 FROM file WHERE file.dir = dir.id)",
                [item.0],
            )?;
            let mut select = context
                .connection
                .prepare_cached("SELECT id, path FROM dir WHERE item = ?1")?;
            let rows = select.query_map([item.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(i64, Vec<u8>)> = rows.collect::<rusqlite::Result<_>>()?;
            let mut update = context
                .connection
                .prepare_cached("UPDATE dir SET path = ?2 WHERE id = ?1")?;
            for (id, path) in rows {
                let path = PathBuf::from(paths::from_bytes(path));
                if let Ok(rest) = path.strip_prefix(&from) {
                    let moved = if rest.as_os_str().is_empty() {
                        to.clone()
                    } else {
                        to.join(rest)
                    };
                    update.execute(params![id, paths::to_bytes(moved.as_os_str())])?;
                }
            }
            // Whoever looked for one in between found it missing.
            context.connection.execute(
                "UPDATE file SET state = ?2 WHERE item = ?1 AND state = ?3",
                params![
                    item.0,
                    FileState::Whole.number(),
                    FileState::Missing.number()
                ],
            )?;
            Ok(())
        })
    }

    /// Forgets files and their blocks.
    pub fn remove_files(&self, ids: Vec<FileId>) -> Result<()> {
        self.write(move |context| {
            ids.iter()
                .try_for_each(|id| remove(context.connection, *id))
        })
    }

    /// All files of an item, by directory.
    pub fn files(&self, item: ItemId) -> Result<Vec<FileRecord>> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE dir.item = ?1 ORDER BY dir.id, file.id");
            connection
                .prepare_cached(&sql)?
                .query_map([item.0], record)?
                .collect()
        })
    }

    /// Files of an item in the order of their numbers, behind a given one: for items too large to be listed at once.
    pub fn files_after(&self, item: ItemId, after: FileId, limit: u32) -> Result<Vec<FileRecord>> {
        self.read(|connection| {
            let sql =
                format!("{SELECT} WHERE dir.item = ?1 AND file.id > ?2 ORDER BY file.id LIMIT ?3");
            connection
                .prepare_cached(&sql)?
                .query_map(params![item.0, after.0, limit], record)?
                .collect()
        })
    }

    /// The directories that hold files of an item.
    pub fn folders(&self, item: ItemId) -> Result<Vec<TreeFile>> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT path, name FROM dir WHERE item = ?1")?;
            let rows = select.query_map([item.0], |row| {
                let path = paths::from_bytes(row.get(0)?).into();
                Ok(TreeFile {
                    path,
                    name_in_item: row.get(1)?,
                })
            })?;
            rows.collect()
        })
    }

    /// The files of an item in one directory: their names on this disk, and their numbers.
    pub fn names_in(&self, item: ItemId, dir: &TreeFile) -> Result<HashMap<OsString, FileId>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT file.disk, file.id FROM dir JOIN file ON file.dir = dir.id
                 WHERE dir.item = ?1 AND dir.path = ?2 AND dir.name = ?3",
            )?;
            let path = paths::to_bytes(dir.path.as_os_str());
            let rows = select.query_map(params![item.0, path, dir.name_in_item], |row| {
                Ok((paths::from_bytes(row.get(0)?), FileId(row.get(1)?)))
            })?;
            rows.collect()
        })
    }

    /// The files of an item that lie in one directory on this disk.
    pub fn files_in(&self, item: ItemId, dir: &Path) -> Result<Vec<FileRecord>> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE dir.item = ?1 AND dir.path = ?2");
            let dir = paths::to_bytes(dir.as_os_str());
            connection
                .prepare_cached(&sql)?
                .query_map(params![item.0, dir], record)?
                .collect()
        })
    }

    /// Does a path on this disk belong to a file of the item?
    pub fn is_on_record(&self, item: ItemId, path: &Path) -> Result<bool> {
        let (dir, disk) = paths::split(path);
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM dir JOIN file ON file.dir = dir.id
                 WHERE dir.item = ?1 AND dir.path = ?2 AND file.disk = ?3)",
            )?;
            select.query_row(params![item.0, dir, disk], |row| row.get(0))
        })
    }

    pub fn file(&self, id: FileId) -> Result<Option<FileRecord>> {
        self.read(|connection| one(connection, id))
    }
}

impl FileState {
    const ALL: [FileState; 4] = [
        FileState::Part,
        FileState::Whole,
        FileState::Changed,
        FileState::Missing,
    ];

    pub(super) fn number(self) -> i64 {
        match self {
            FileState::Part => 0,
            FileState::Whole => 1,
            FileState::Changed => 2,
            FileState::Missing => 3,
        }
    }

    pub(super) fn from_number(number: i64) -> FileState {
        // What no version writes is treated like a file that cannot be trusted.
        FileState::ALL
            .into_iter()
            .find(|state| state.number() == number)
            .unwrap_or(FileState::Changed)
    }
}

const SELECT: &str = "SELECT file.id, file.item, dir.path, dir.name, file.disk, file.name, file.size, file.state,
    file.mtime, file.ctime, file.inode, file.racy, file.root FROM file JOIN dir ON dir.id = file.dir";

pub(super) fn one(connection: &Connection, id: FileId) -> rusqlite::Result<Option<FileRecord>> {
    let sql = format!("{SELECT} WHERE file.id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([id.0], record)
        .optional()
}

fn record(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let disk: Vec<u8> = row.get(4)?;
    let name: Option<String> = row.get(5)?;
    let name = name.unwrap_or_else(|| unixfs::name::to_text(&disk).into_owned());
    let dir_name: String = row.get(3)?;
    let size = row.get::<_, i64>(6)?.cast_unsigned();
    let fingerprint = match (row.get(8)?, row.get(9)?, row.get::<_, Option<i64>>(10)?) {
        (Some(mtime), Some(ctime), Some(inode)) => Some(Fingerprint {
            size,
            mtime,
            ctime,
            inode: inode.cast_unsigned(),
            racy: row.get(11)?,
        }),
        _ => None,
    };
    Ok(FileRecord {
        id: FileId(row.get(0)?),
        item: ItemId(row.get(1)?),
        path: paths::join(row.get(2)?, disk),
        name_in_item: if dir_name.is_empty() {
            name
        } else {
            format!("{dir_name}/{name}")
        },
        size,
        state: FileState::from_number(row.get(7)?),
        fingerprint,
        root: items::cid_at(row, 12)?,
    })
}

fn move_file(context: &Context<'_>, old: &FileRecord, path: &Path) -> rusqlite::Result<()> {
    let (dir_path, disk) = paths::split(path);
    let (dir_name, name) = old
        .name_in_item
        .rsplit_once('/')
        .unwrap_or(("", &old.name_in_item));
    let mut inserter = Inserter::new(context.connection, old.item)?;
    let dir = inserter.dir(dir_path, dir_name)?;
    let name = Some(name).filter(|name| name.as_bytes() != disk.as_slice());
    context
        .connection
        .prepare_cached("UPDATE file SET dir = ?2, disk = ?3, name = ?4 WHERE id = ?1")?
        .execute(params![old.id.0, dir, disk, name])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: FileId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM slice WHERE file = ?1")?
        .execute([id.0])?;
    connection
        .prepare_cached("DELETE FROM file WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Removes up to so many of a file's slices, and says how many it were.
pub(super) fn remove_slices(
    connection: &Connection,
    file: i64,
    limit: i64,
) -> rusqlite::Result<i64> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM slice WHERE file = ?1 AND start < ifnull(
                 (SELECT start FROM slice WHERE file = ?1 ORDER BY start LIMIT 1 OFFSET ?2), 9223372036854775807)",
        )?
        .execute(params![file, limit])?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}
