//! An item's files as the tree that they are inside it: one folder at a time, with the sums of what lies below.

use rusqlite::{Connection, OptionalExtension, params};

use super::{FileId, FileState, Index, ItemId, Result, files, paths};

/// A file of one folder inside an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    pub id: FileId,
    /// Its name in there.
    pub name: String,
    pub size: u64,
    pub state: FileState,
    /// Bytes that are here and verified.
    pub here: u64,
}

/// What lies in and below a folder inside an item, as far as it is on record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderSum {
    pub name: String,
    pub files: u64,
    pub bytes: u64,
    /// Bytes that are here and verified.
    pub here: u64,
    pub changed: bool,
    pub missing: bool,
}

/// A file's size, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSize {
    pub id: FileId,
    pub size: u64,
    pub state: FileState,
}

/// A part of a file that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    pub bytes: u64,
}

/// Bytes of a file that are here: all of a whole one, what is on record of one that is being written.
const HERE: &str = "CASE file.state WHEN 1 THEN file.size
    WHEN 0 THEN (SELECT ifnull(sum(len), 0) FROM slice WHERE slice.file = file.id) ELSE 0 END";

impl Index {
    /// The files of one folder inside an item; `""` is the item's top. In no order.
    pub fn files_of_folder(&self, item: ItemId, folder: &str) -> Result<Vec<FolderFile>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT file.id, file.disk, file.name, file.size, file.state, {HERE}
                 FROM dir JOIN file ON file.dir = dir.id WHERE dir.item = ?1 AND dir.name = ?2"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params![item.0, folder], |row| {
                let name: Option<String> = row.get(2)?;
                let disk = || Ok::<_, rusqlite::Error>(lossy(&row.get::<_, Vec<u8>>(1)?));
                Ok(FolderFile {
                    id: FileId(row.get(0)?),
                    name: name.map_or_else(disk, Ok)?,
                    size: row.get::<_, i64>(3)?.cast_unsigned(),
                    state: FileState::from_number(row.get(4)?),
                    here: row.get::<_, i64>(5)?.cast_unsigned(),
                })
            })?;
            rows.collect()
        })
    }

    /// The folders of one folder inside an item that have files, in or below them. In no order.
    pub fn folders_of_folder(&self, item: ItemId, folder: &str) -> Result<Vec<FolderSum>> {
        self.read(|connection| sums(connection, item, folder))
    }

    /// Where an item's file lies on this disk, by its path inside the item.
    pub fn file_at(&self, item: ItemId, path: &str) -> Result<Option<super::FileRecord>> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT file.id FROM dir JOIN file ON file.dir = dir.id
                 WHERE dir.item = ?1 AND dir.name = ?2
                 AND (file.name = ?3 OR (file.name IS NULL AND file.disk = ?4)) LIMIT 1",
            )?;
            let id: Option<i64> = select
                .query_row(params![item.0, folder, name, name.as_bytes()], |row| {
                    row.get(0)
                })
                .optional()?;
            id.map_or(Ok(None), |id| files::one(connection, FileId(id)))
        })
    }

    /// Where a folder inside an item lies on this disk, if files of the item are right in it.
    pub fn folder_at(&self, item: ItemId, folder: &str) -> Result<Option<std::path::PathBuf>> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT path FROM dir WHERE item = ?1 AND name = ?2 LIMIT 1")?;
            let mut rows = select.query(params![item.0, folder])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            Ok(Some(paths::from_bytes(row.get(0)?).into()))
        })
    }

    /// What is on record of a file, in order, neighbours joined.
    pub fn extents(&self, file: FileId) -> Result<Vec<Extent>> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT start, len FROM slice WHERE file = ?1 ORDER BY start")?;
            let mut rows = select.query([file.0])?;
            let mut extents: Vec<Extent> = Vec::new();
            while let Some(row) = rows.next()? {
                let offset = row.get::<_, i64>(0)?.cast_unsigned();
                let bytes = row.get::<_, i64>(1)?.cast_unsigned();
                match extents.last_mut() {
                    Some(last) if last.offset + last.bytes == offset => last.bytes += bytes,
                    _ => extents.push(Extent { offset, bytes }),
                }
            }
            Ok(extents)
        })
    }

    /// Sizes and states of all files of an item, in the order in which they came on record.
    pub fn sizes_of(&self, item: ItemId) -> Result<Vec<FileSize>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT file.id, file.size, file.state FROM dir JOIN file ON file.dir = dir.id
                 WHERE dir.item = ?1 ORDER BY file.id",
            )?;
            let rows = select.query_map([item.0], |row| {
                Ok(FileSize {
                    id: FileId(row.get(0)?),
                    size: row.get::<_, i64>(1)?.cast_unsigned(),
                    state: FileState::from_number(row.get(2)?),
                })
            })?;
            rows.collect()
        })
    }

    /// Blocks of an item that lie in its files.
    pub fn slice_count(&self, item: ItemId) -> Result<u64> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT count(*) FROM dir JOIN file ON file.dir = dir.id JOIN slice ON slice.file = file.id
                 WHERE dir.item = ?1",
            )?;
            select.query_row([item.0], |row| {
                Ok(row.get::<_, i64>(0)?.cast_unsigned())
            })
        })
    }
}

fn sums(connection: &Connection, item: ItemId, folder: &str) -> rusqlite::Result<Vec<FolderSum>> {
    // Names below begin with the folder's and a slash: in the order of bytes, all before the one that has a `0` there.
    let (from, to) = if folder.is_empty() {
        (String::new(), None)
    } else {
        (format!("{folder}/"), Some(format!("{folder}0")))
    };
    let skip = i64::try_from(from.chars().count()).unwrap_or(i64::MAX) + 1;
    // Each file may claim as much as a number holds, and `sum` gives no answer beyond that.
    let sql = format!(
        "SELECT substr(dir.name, ?4, instr(substr(dir.name, ?4) || '/', '/') - 1) AS below,
            count(file.id), cast(total(file.size) AS INTEGER), cast(total({HERE}) AS INTEGER),
            max(file.state = 2), max(file.state = 3)
         FROM dir JOIN file ON file.dir = dir.id
         WHERE dir.item = ?1 AND dir.name > ?2 AND (?3 IS NULL OR dir.name < ?3)
         GROUP BY below"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(params![item.0, from, to, skip], |row| {
        Ok(FolderSum {
            name: row.get(0)?,
            files: row.get::<_, i64>(1)?.cast_unsigned(),
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            here: row.get::<_, i64>(3)?.cast_unsigned(),
            changed: row.get(4)?,
            missing: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn lossy(bytes: &[u8]) -> String {
    unixfs::name::to_text(bytes).into_owned()
}
