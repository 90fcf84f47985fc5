//! Blocks: where each one's bytes are.
//!
//! The same block may lie in many places. Each is kept, and a look-up gives the first of each file, so that one place that is
//! gone does not hide the others.

use std::borrow::Cow;

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use unixfs::cid::{Cid, Multihash, SHA2_256};

use super::{FileId, FileRecord, Index, ItemId, Pending, Result, Skipped, files, items};

use crate::limits::{MAX_INLINE_COPIES, MAX_PLACES, MAX_UNSERVED_PLACES};

/// A block to record, with its hash.
#[derive(Debug, Clone)]
pub struct BlockRow {
    pub mh: Multihash,
    pub kind: RowKind,
}

/// Where a block's bytes are to be kept.
#[derive(Debug, Clone)]
pub enum RowKind {
    /// In the index: nodes above the leaves, and what has no file.
    Inline(Bytes),
    /// In a file.
    Slice {
        file: FileId,
        offset: u64,
        len: u32,
        /// A dag-pb leaf: the block is `unixfs::leaf_frame(len)` around the slice.
        framed: bool,
    },
}

/// Where a block's bytes are.
#[derive(Debug, Clone)]
pub enum BlockAt {
    Inline(Bytes),
    /// One place in each file that has it; never empty.
    Slices(Vec<Slice>),
}

/// A block that is on record, told without its bytes.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// In the index; bytes of the block.
    Inline(u32),
    /// One place in each file that has it; never empty.
    Slices(Vec<Slice>),
}

/// A place where a block's bytes were when they were hashed.
#[derive(Debug, Clone)]
pub struct Slice {
    pub file: FileRecord,
    pub offset: u64,
    pub len: u32,
    pub framed: bool,
}

impl Slice {
    /// Bytes of the block that the slice makes up, its frame included.
    pub fn block_len(&self) -> u32 {
        framed_len(self.len, self.framed)
    }
}

/// A block within one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSlice {
    pub mh: Multihash,
    pub offset: u64,
    pub len: u32,
    pub framed: bool,
}

/// For whom a block is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// For others: only what belongs to an item that is not paused.
    Serving,
    /// For ourselves.
    Everything,
}

impl Index {
    /// Records blocks of an item, and comes back when they are committed. Whoever calls it has synced the files first.
    pub fn put_blocks(&self, item: ItemId, rows: Vec<BlockRow>) -> Result<()> {
        self.submit_blocks(item, rows).wait()
    }

    /// The same without waiting.
    pub fn submit_blocks(&self, item: ItemId, rows: Vec<BlockRow>) -> Pending<()> {
        self.submit(move |context| {
            items::must_exist(context.connection, item)?;
            let mut slices = prepare_put_slice(context.connection)?;
            let mut inline = Vec::new();
            for row in rows {
                match row.kind {
                    RowKind::Inline(data) => inline.push((row.mh, data)),
                    RowKind::Slice {
                        file,
                        offset,
                        len,
                        framed,
                    } => {
                        put_slice(&mut slices, file, offset, len, framed, &row.mh)?;
                    }
                }
            }
            put_inline(context.connection, item, &inline)
        })
    }

    /// Where a block's bytes are.
    pub fn locate_for(&self, mh: &Multihash, scope: Scope) -> Result<Option<BlockAt>> {
        let in_scope = |item| scope == Scope::Everything || self.serving().allows(item);
        self.read(|connection| {
            let key = key(mh);
            if let Some((id, _)) = find_inline(connection, &key, &in_scope)? {
                let mut select =
                    connection.prepare_cached("SELECT data FROM inline WHERE id = ?1")?;
                // It may have been removed since.
                let data = select
                    .query_row([id], |row| row.get::<_, Vec<u8>>(0))
                    .optional()?;
                if let Some(data) = data {
                    return Ok(Some(BlockAt::Inline(data.into())));
                }
            }
            let places = slices(connection, &key, &in_scope)?;
            Ok((!places.is_empty()).then_some(BlockAt::Slices(places)))
        })
    }

    /// Which of these blocks are on record for that scope, in the order asked.
    pub fn recorded(&self, hashes: &[Multihash], scope: Scope) -> Result<Vec<Option<Recorded>>> {
        let in_scope = |item| scope == Scope::Everything || self.serving().allows(item);
        self.read(|connection| {
            let find = |mh: &Multihash| -> rusqlite::Result<Option<Recorded>> {
                let key = key(mh);
                if let Some((_, len)) = find_inline(connection, &key, &in_scope)? {
                    return Ok(Some(Recorded::Inline(len)));
                }
                let places = slices(connection, &key, &in_scope)?;
                Ok((!places.is_empty()).then_some(Recorded::Slices(places)))
            };
            hashes.iter().map(find).collect()
        })
    }

    /// What is recorded of a file from an offset on, in order. In pieces, as a file may have a million leaves.
    pub fn slices_after(&self, file: FileId, from: u64, limit: u32) -> Result<Vec<FileSlice>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT key, start, len, framed FROM slice
                 WHERE file = ?1 AND start >= ?2 ORDER BY start LIMIT ?3",
            )?;
            let rows = select.query_map(params![file.0, from.cast_signed(), limit], |row| {
                // What has no hash was not written by us.
                let Some(mh) = hash(row.get_ref(0)?.as_blob()?) else {
                    return Ok(None);
                };
                let offset = row.get::<_, i64>(1)?.cast_unsigned();
                Ok(Some(FileSlice {
                    mh,
                    offset,
                    len: row.get(2)?,
                    framed: row.get(3)?,
                }))
            })?;
            rows.filter_map(std::result::Result::transpose).collect()
        })
    }

    /// Forgets blocks at places in a file.
    pub fn forget_slices(&self, file: FileId, offsets: Vec<u64>) -> Result<()> {
        self.write(move |context| {
            let mut delete = context
                .connection
                .prepare_cached("DELETE FROM slice WHERE file = ?1 AND start = ?2")?;
            for offset in offsets {
                delete.execute(params![file.0, offset.cast_signed()])?;
            }
            Ok(())
        })
    }

    /// Begins a new generation of the blocks above an item's leaves: what is put from now on belongs to it.
    pub fn begin_generation(&self, item: ItemId) -> Result<()> {
        self.write(move |context| {
            context.connection.execute(
                "UPDATE item SET generation = generation + 1 WHERE id = ?1",
                [item.0],
            )?;
            Ok(())
        })
    }

    /// An import is through: sets the item's root, and forgets the blocks of older generations, all at once.
    pub fn finish_import(
        &self,
        item: ItemId,
        root: Cid,
        bytes: u64,
        files: u64,
        skipped: Vec<Skipped>,
    ) -> Result<()> {
        let changed = self.change_item(item, move |record| {
            record.root = Some(root);
            record.bytes = bytes;
            record.files = files;
            record.done = true;
        });
        self.write(move |context| {
            items::put_skipped(context.connection, item, &skipped)?;
            context.connection.execute(
                "DELETE FROM inline WHERE item = ?1
                 AND generation < (SELECT generation FROM item WHERE item.id = ?1)",
                [item.0],
            )?;
            changed(context)
        })
    }
}

/// A hash as it is kept: the digest alone for a whole sha2-256, which almost all are.
fn key(mh: &Multihash) -> Cow<'_, [u8]> {
    if mh.code() == SHA2_256 && mh.digest().len() == 32 {
        return Cow::Borrowed(mh.digest());
    }
    let mut bytes = mh.to_bytes();
    if bytes.len() == 32 {
        // Must not look like a digest alone. What follows a multihash is not read.
        bytes.push(0);
    }
    Cow::Owned(bytes)
}

fn hash(key: &[u8]) -> Option<Multihash> {
    if key.len() == 32 {
        return Multihash::wrap(SHA2_256, key).ok();
    }
    let mut rest = key;
    Multihash::read(&mut rest).ok()
}

pub(super) fn prepare_put_slice(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "INSERT OR REPLACE INTO slice (file, start, len, framed, key) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
}

pub(super) fn put_slice(
    statement: &mut CachedStatement<'_>,
    file: FileId,
    start: u64,
    len: u32,
    framed: bool,
    mh: &Multihash,
) -> rusqlite::Result<()> {
    statement.execute(params![file.0, start.cast_signed(), len, framed, key(mh)])?;
    Ok(())
}

pub(super) fn put_inline(
    connection: &Connection,
    item: ItemId,
    blocks: &[(Multihash, Bytes)],
) -> rusqlite::Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    let generation: i64 = connection
        .prepare_cached("SELECT generation FROM item WHERE id = ?1")?
        .query_row([item.0], |row| row.get(0))?;
    let mut renew = connection.prepare_cached("UPDATE inline SET generation = ?2 WHERE id = ?1")?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO inline (item, generation, key, data) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (mh, data) in blocks {
        let key = key(mh);
        match find_inline(connection, &key, &|holder| holder == item)? {
            Some((id, _)) => renew.execute(params![id, generation])?,
            None => insert.execute(params![item.0, generation, key, data.as_ref()])?,
        };
    }
    Ok(())
}

/// Number and size of an inline block of an item in scope.
fn find_inline(
    connection: &Connection,
    key: &[u8],
    in_scope: &impl Fn(ItemId) -> bool,
) -> rusqlite::Result<Option<(i64, u32)>> {
    let mut select = connection.prepare_cached(
        "SELECT id, item, length(data) FROM inline WHERE substr(key, -8) = substr(?1, -8) AND key = ?1 LIMIT ?2",
    )?;
    let mut rows = select.query(params![key, MAX_INLINE_COPIES])?;
    while let Some(row) = rows.next()? {
        if in_scope(ItemId(row.get(1)?)) {
            return Ok(Some((row.get(0)?, row.get(2)?)));
        }
    }
    Ok(None)
}

struct Place {
    file: FileId,
    start: u64,
    len: u32,
    framed: bool,
}

/// The first place of a block in each file in scope.
fn slices(
    connection: &Connection,
    key: &[u8],
    in_scope: &impl Fn(ItemId) -> bool,
) -> rusqlite::Result<Vec<Slice>> {
    let mut places = Vec::new();
    for_slices(connection, key, in_scope, |place| {
        if let Some(file) = files::one(connection, place.file)? {
            places.push(Slice {
                file,
                offset: place.start,
                len: place.len,
                framed: place.framed,
            });
        }
        Ok(places.len() < MAX_PLACES)
    })?;
    Ok(places)
}

/// Goes through the files in scope that hold a block, with the first place in each, until told to stop, or until too many are
/// out of scope.
fn for_slices(
    connection: &Connection,
    key: &[u8],
    in_scope: &impl Fn(ItemId) -> bool,
    mut found: impl FnMut(Place) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    // A file full of zeros has the same block a million times, so each step seeks to the next file.
    let mut next = connection.prepare_cached(
        "SELECT slice.file, slice.start, slice.len, slice.framed, file.item FROM slice JOIN file ON file.id = slice.file
         WHERE substr(slice.key, -8) = substr(?1, -8) AND slice.file > ?2 AND slice.key = ?1
         ORDER BY slice.file, slice.start LIMIT 1",
    )?;
    let mut after = i64::MIN;
    let mut out_of_scope = 0;
    while out_of_scope < MAX_UNSERVED_PLACES {
        let place = next
            .query_row(params![key, after], |row| {
                let place = Place {
                    file: FileId(row.get(0)?),
                    start: row.get::<_, i64>(1)?.cast_unsigned(),
                    len: row.get(2)?,
                    framed: row.get(3)?,
                };
                Ok((place, ItemId(row.get(4)?)))
            })
            .optional()?;
        let Some((place, item)) = place else {
            return Ok(());
        };
        after = place.file.0;
        if !in_scope(item) {
            out_of_scope += 1;
        } else if !found(place)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Bytes of the block around a slice.
fn framed_len(len: u32, framed: bool) -> u32 {
    if !framed {
        return len;
    }
    let (before, after) = unixfs::file::leaf_frame(len as usize);
    // A frame takes less than 32 bytes.
    len.saturating_add(u32::try_from(before.len() + after.len()).unwrap_or(u32::MAX))
}
