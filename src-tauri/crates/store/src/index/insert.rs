//! Many files into one item, with one set of compiled statements.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use unixfs::cid::Cid;

use super::files::remove;
use super::{FileId, FileState, Fingerprint, HashedFile, ItemId, blocks, items, paths};

/// Puts many files into one item.
pub(super) struct Inserter<'a> {
    connection: &'a Connection,
    item: ItemId,
    /// The directory that came last: files come by directory.
    last: Option<(Vec<u8>, String, i64)>,
    insert_file: CachedStatement<'a>,
    insert_slice: CachedStatement<'a>,
}

impl<'a> Inserter<'a> {
    pub(super) fn new(connection: &'a Connection, item: ItemId) -> rusqlite::Result<Self> {
        items::must_exist(connection, item)?;
        Ok(Inserter {
            connection,
            item,
            last: None,
            insert_file: connection.prepare_cached(
                "INSERT INTO file (item, dir, disk, name, size, state, mtime, ctime, inode, racy, root)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?,
            insert_slice: blocks::prepare_put_slice(connection)?,
        })
    }

    pub(super) fn dir(&mut self, path: Vec<u8>, name: &str) -> rusqlite::Result<i64> {
        if let Some((last_path, last_name, id)) = &self.last
            && *last_path == path
            && last_name == name
        {
            return Ok(*id);
        }
        let mut select = self
            .connection
            .prepare_cached("SELECT id FROM dir WHERE item = ?1 AND path = ?2 AND name = ?3")?;
        let found = select
            .query_row(params![self.item.0, path, name], |row| row.get(0))
            .optional()?;
        let id = if let Some(id) = found {
            id
        } else {
            self.connection
                .prepare_cached("INSERT INTO dir (item, path, name) VALUES (?1, ?2, ?3)")?
                .execute(params![self.item.0, path, name])?;
            self.connection.last_insert_rowid()
        };
        self.last = Some((path, name.to_owned(), id));
        Ok(id)
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub(super) fn file(
        &mut self,
        dir: i64,
        disk: &[u8],
        name: Option<&str>,
        size: u64,
        state: FileState,
        fingerprint: Option<Fingerprint>,
        root: Option<&Cid>,
    ) -> rusqlite::Result<FileId> {
        self.insert_file.execute(params![
            self.item.0,
            dir,
            disk,
            name,
            size.cast_signed(),
            state.number(),
            fingerprint.map(|fingerprint| fingerprint.mtime),
            fingerprint.map(|fingerprint| fingerprint.ctime),
            fingerprint.map(|fingerprint| fingerprint.inode.cast_signed()),
            fingerprint.is_none_or(|fingerprint| fingerprint.racy),
            root.map(Cid::to_bytes),
        ])?;
        Ok(FileId(self.connection.last_insert_rowid()))
    }

    pub(super) fn remove(&mut self, id: Option<FileId>) -> rusqlite::Result<()> {
        id.map_or(Ok(()), |id| remove(self.connection, id))
    }

    pub(super) fn hashed(&mut self, file: &HashedFile) -> rusqlite::Result<()> {
        self.remove(file.replaces)?;
        let dir = self.dir(
            paths::to_bytes(file.dir.path.as_os_str()),
            &file.dir.name_in_item,
        )?;
        let disk = paths::to_bytes(&file.disk_name);
        let fingerprint = Some(file.fingerprint);
        let id = self.file(
            dir,
            &disk,
            None,
            file.fingerprint.size,
            FileState::Whole,
            fingerprint,
            Some(&file.root),
        )?;
        let mut start = 0;
        for (hash, len) in &file.leaves {
            blocks::put_slice(&mut self.insert_slice, id, start, *len, file.framed, hash)?;
            start += u64::from(*len);
        }
        Ok(())
    }
}
