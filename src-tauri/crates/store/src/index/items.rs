//! Items: made, changed, listed and removed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, params};
use unixfs::cid::{self, Cid};

use super::types::Details;
use super::writer::Context;
use super::{
    Begun, Index, ItemId, ItemKind, ItemRecord, ItemState, NewItem, Pending, Result, Skipped,
    StoredProblem,
};
use crate::serving::Serving;

const ACTIVE: i64 = 0;
const PAUSED: i64 = 1;
const PROBLEM: i64 = 2;
/// Gone for everybody but [`Index::removals`].
const REMOVING: i64 = 3;
/// Kept in the place of a problem: the files that it made go with the item.
const WITH_FILES: &str = "with files";

/// Rows that go in one transaction: about 20 ms, so that others' changes get in between.
const REMOVE_ROWS: i64 = 5000;

impl Index {
    pub fn create_item(&self, new: NewItem) -> Result<ItemId> {
        let serving = self.serving().clone();
        self.write(move |context| {
            let mut record = new.into_record(ItemId(0));
            let id = insert(context.connection, &record, None)?;
            record.id = id;
            set_serving(context, serving, id, &record.state);
            context.items_changed();
            Ok(id)
        })
    }

    pub fn items(&self) -> Result<Vec<ItemRecord>> {
        self.read(all)
    }

    /// The items of a kind that have a name, which says little of them but is quickly found.
    pub fn items_named(&self, kind: ItemKind, name: &str) -> Result<Vec<ItemRecord>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM item WHERE kind = ?1 AND name = ?2 AND state <> {REMOVING} ORDER BY id"
            ))?;
            select
                .query_map(params![kind_number(kind), name], record)?
                .collect()
        })
    }

    /// Where downloads lie that are not whole.
    pub fn unfinished(&self) -> Result<Vec<PathBuf>> {
        let records: Vec<ItemRecord> = self.read(|connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM item WHERE kind = ?1 AND done = 0 AND state <> {REMOVING}"
            ))?;
            let rows = select.query_map([kind_number(ItemKind::Download)], record)?;
            rows.collect()
        })?;
        let parts = records
            .into_iter()
            .flat_map(|record| [record.part, record.left]);
        Ok(parts.flatten().collect())
    }

    pub fn item(&self, id: ItemId) -> Result<Option<ItemRecord>> {
        self.read(|connection| one(connection, id))
    }

    /// The first item with this content.
    pub fn item_of(&self, root: &Cid) -> Result<Option<ItemId>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT id FROM item WHERE root = ?1 AND state <> ?2 ORDER BY id LIMIT 1",
            )?;
            select
                .query_row(params![root.to_bytes(), REMOVING], |row| {
                    row.get(0).map(ItemId)
                })
                .optional()
        })
    }

    /// Changes a record. The number stays; nothing else of the item is touched.
    pub fn update_item(
        &self,
        id: ItemId,
        change: impl FnOnce(&mut ItemRecord) + Send + 'static,
    ) -> Result<()> {
        self.write(self.change_item(id, change))
    }

    /// The change of a record, to be made by the writer.
    pub(super) fn change_item(
        &self,
        id: ItemId,
        change: impl FnOnce(&mut ItemRecord) + Send + 'static,
    ) -> impl FnOnce(&Context<'_>) -> rusqlite::Result<()> + Send + 'static {
        let serving = self.serving().clone();
        move |context| {
            let mut record =
                one(context.connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            change(&mut record);
            record.id = id;
            update(context.connection, &record)?;
            set_serving(context, serving, id, &record.state);
            context.items_changed();
            Ok(())
        }
    }

    pub fn set_item_state(&self, id: ItemId, state: ItemState) -> Result<()> {
        self.update_item(id, |record| record.state = state)
    }

    pub fn set_item_root(&self, id: ItemId, root: Cid, bytes: u64, files: u64) -> Result<()> {
        self.update_item(id, move |record| {
            record.root = Some(root);
            record.bytes = bytes;
            record.files = files;
        })
    }

    /// Keeps how far a download is, for the next start. A run that has not yet looked at all that is on record as being here knows
    /// less: then nothing changes.
    pub fn note_progress(&self, id: ItemId, bytes: u64, files: u64, here: u64) -> Pending<()> {
        self.submit(move |context| {
            let mut update = context.connection.prepare_cached(
                "UPDATE item SET bytes = ?2, files = ?3, here = ?4 WHERE id = ?1 AND done = 0 AND here <= ?4",
            )?;
            let [bytes, files, here] = [bytes, files, here].map(u64::cast_signed);
            update.execute(params![id.0, bytes, files, here])?;
            Ok(())
        })
    }

    pub fn set_item_done(&self, id: ItemId, done: bool) -> Result<()> {
        self.update_item(id, move |record| record.done = done)
    }

    /// Replaces the list of what was left out of an item.
    pub fn set_skipped(&self, id: ItemId, skipped: Vec<Skipped>) -> Result<()> {
        self.write(move |context| put_skipped(context.connection, id, &skipped))
    }

    /// The items of which something was left out for that reason.
    pub fn items_without(&self, reason: &str) -> Result<Vec<ItemId>> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT DISTINCT item FROM skipped WHERE reason = ?1")?;
            let rows = select.query_map([reason], |row| row.get(0).map(ItemId))?;
            rows.collect()
        })
    }

    /// How much was left out of each item of which something was.
    pub fn skipped_counts(&self) -> Result<HashMap<ItemId, u64>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT item, count(*) FROM skipped WHERE reason NOT LIKE ?1 || '%' GROUP BY item",
            )?;
            let rows = select.query_map([Skipped::SAVED_AS], |row| {
                Ok((ItemId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
            rows.collect()
        })
    }

    pub fn skipped(&self, id: ItemId) -> Result<Vec<Skipped>> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT path, reason FROM skipped WHERE item = ?1 ORDER BY path")?;
            let rows = select.query_map([id.0], |row| {
                Ok(Skipped {
                    path: row.get(0)?,
                    reason: row.get(1)?,
                })
            })?;
            rows.collect()
        })
    }

    /// An item is gone for everybody from now on, and never comes back: what a crash leaves of it goes at the next start, and
    /// with `delete_files` what it made goes too. Gives its record.
    pub fn begin_removal(&self, id: ItemId, delete_files: bool) -> Result<ItemRecord> {
        let serving = self.serving().clone();
        self.write(move |context| {
            let record =
                one(context.connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            context.connection.execute(
                "UPDATE item SET state = ?2, problem = ?3 WHERE id = ?1",
                params![id.0, REMOVING, delete_files.then_some(WITH_FILES)],
            )?;
            set_serving(context, serving, id, &ItemState::Paused);
            context.items_changed();
            Ok(record)
        })
    }

    /// Removals that were begun and not finished, and whether files go with them.
    pub fn removals(&self) -> Result<Vec<(ItemRecord, bool)>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM item WHERE state = {REMOVING}");
            let mut select = connection.prepare(&sql)?;
            let rows = select.query_map([], |row| {
                let with = row.get::<_, Option<String>>(9)?;
                Ok((record(row)?, with.is_some_and(|with| with == WITH_FILES)))
            })?;
            rows.collect()
        })
    }

    /// Forgets an item whose removal was begun, with its files and blocks. The files themselves stay. Small batches let the
    /// changes of others get in between.
    pub fn finish_removal(&self, id: ItemId) -> Result<()> {
        while self.write(move |context| remove_batch(context.connection, id))? {}
        Ok(())
    }
}

/// Removes some rows of an item, and at the end the item's own. True while there are more.
fn remove_batch(connection: &Connection, id: ItemId) -> rusqlite::Result<bool> {
    let file = connection
        .prepare_cached(
            "SELECT file.id FROM dir JOIN file ON file.dir = dir.id WHERE dir.item = ?1 LIMIT 1",
        )?
        .query_row([id.0], |row| row.get::<_, i64>(0))
        .optional()?;
    if file.is_some() {
        let mut left = REMOVE_ROWS;
        let mut select = connection.prepare_cached(
            "SELECT file.id FROM dir JOIN file ON file.dir = dir.id WHERE dir.item = ?1 LIMIT ?2",
        )?;
        let files: Vec<i64> = select
            .query_map(params![id.0, REMOVE_ROWS], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for file in files {
            left -= super::files::remove_slices(connection, file, left)?;
            if left <= 0 {
                return Ok(true);
            }
            connection
                .prepare_cached("DELETE FROM file WHERE id = ?1")?
                .execute([file])?;
            left -= 1;
        }
        return Ok(true);
    }
    let inline = connection
        .prepare_cached(
            "DELETE FROM inline WHERE id IN (SELECT id FROM inline WHERE item = ?1 LIMIT ?2)",
        )?
        .execute(params![id.0, REMOVE_ROWS])?;
    if inline > 0 {
        return Ok(true);
    }
    connection.execute("DELETE FROM dir WHERE item = ?1", [id.0])?;
    connection.execute("DELETE FROM skipped WHERE item = ?1", [id.0])?;
    connection.execute("DELETE FROM item WHERE id = ?1", [id.0])?;
    Ok(false)
}

pub(super) fn put_skipped(
    connection: &Connection,
    id: ItemId,
    skipped: &[Skipped],
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM skipped WHERE item = ?1", [id.0])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO skipped (item, path, reason) VALUES (?1, ?2, ?3)")?;
    for entry in skipped {
        insert.execute(params![id.0, entry.path, entry.reason])?;
    }
    Ok(())
}

/// Nothing is put into an item that is gone: nobody would ever remove it.
pub(super) fn must_exist(connection: &Connection, id: ItemId) -> rusqlite::Result<()> {
    let mut select =
        connection.prepare_cached("SELECT 1 FROM item WHERE id = ?1 AND state <> ?2")?;
    select.query_row(params![id.0, REMOVING], |_| Ok(()))
}

/// Items whose blocks may be given to others.
pub(super) fn serving(connection: &Connection) -> rusqlite::Result<HashSet<ItemId>> {
    let mut select = connection.prepare("SELECT id FROM item WHERE state IN (?1, ?2)")?;
    select
        .query_map([ACTIVE, PROBLEM], |row| row.get(0).map(ItemId))?
        .collect()
}

/// Who may be served changes with the record, or not at all.
fn set_serving(context: &Context<'_>, serving: Serving, id: ItemId, state: &ItemState) {
    let serves = !matches!(state, ItemState::Paused);
    context.once_committed(move || serving.record(id, serves));
}

const COLUMNS: &str =
    "id, kind, name, root, bytes, files, done, created, state, problem, details, here";

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<ItemRecord>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM item WHERE state <> {REMOVING} ORDER BY id"
    ))?;
    select.query_map([], record)?.collect()
}

fn one(connection: &Connection, id: ItemId) -> rusqlite::Result<Option<ItemRecord>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM item WHERE id = ?1 AND state <> {REMOVING}"
        ))?
        .query_row([id.0], record)
        .optional()
}

/// Writes a record, under the given number or the next one.
pub(super) fn insert(
    connection: &Connection,
    record: &ItemRecord,
    id: Option<ItemId>,
) -> rusqlite::Result<ItemId> {
    connection.execute(
        "INSERT INTO item (id, kind, name, root, bytes, files, done, created, state, problem, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, NULL, ?9)",
        params![
            id.map(|id| id.0),
            kind_number(record.kind),
            record.name,
            record.root.map(|root| root.to_bytes()),
            record.bytes.cast_signed(),
            record.files.cast_signed(),
            record.done,
            record.created,
            json(&record.details())?,
        ],
    )?;
    let id = ItemId(connection.last_insert_rowid());
    if record.state != ItemState::Active {
        let mut record = record.clone();
        record.id = id;
        update(connection, &record)?;
    }
    Ok(id)
}

fn update(connection: &Connection, record: &ItemRecord) -> rusqlite::Result<()> {
    let (state, problem) = match &record.state {
        ItemState::Active => (ACTIVE, None),
        ItemState::Paused => (PAUSED, None),
        ItemState::Problem(problem) => (PROBLEM, Some(json(problem)?)),
    };
    connection
        .prepare_cached(
            "UPDATE item SET kind = ?2, name = ?3, root = ?4, bytes = ?5, files = ?6, done = ?7, created = ?8,
             state = ?9, problem = ?10, details = ?11, here = ?12 WHERE id = ?1",
        )?
        .execute(params![
            record.id.0,
            kind_number(record.kind),
            record.name,
            record.root.map(|root| root.to_bytes()),
            record.bytes.cast_signed(),
            record.files.cast_signed(),
            record.done,
            record.created,
            state,
            problem,
            json(&record.details())?,
            record.begun.here.cast_signed(),
        ])?;
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<ItemRecord> {
    let details: Details = from_json(10, &row.get::<_, String>(10)?)?;
    let state = match row.get::<_, i64>(8)? {
        PAUSED => ItemState::Paused,
        PROBLEM => ItemState::Problem(from_json::<StoredProblem>(9, &row.get::<_, String>(9)?)?),
        _ => ItemState::Active,
    };
    Ok(ItemRecord {
        id: ItemId(row.get(0)?),
        kind: if row.get::<_, i64>(1)? == 0 {
            ItemKind::Share
        } else {
            ItemKind::Download
        },
        name: row.get(2)?,
        title: details.title,
        root: cid_at(row, 3)?,
        profile: details.profile,
        state,
        done: row.get(6)?,
        bytes: row.get::<_, i64>(4)?.cast_unsigned(),
        files: row.get::<_, i64>(5)?.cast_unsigned(),
        created: row.get(7)?,
        into: details.into,
        sources: details.sources,
        wanted: details.wanted,
        link: details.link,
        providers: details.providers,
        options: details.options,
        part: details.part,
        left: details.left,
        begun: Begun {
            place: details.place,
            disks: details.disks,
            here: row.get::<_, i64>(11)?.cast_unsigned(),
            car: details.car,
            work: details.work,
        },
    })
}

fn kind_number(kind: ItemKind) -> i64 {
    match kind {
        ItemKind::Share => 0,
        ItemKind::Download => 1,
    }
}

pub(super) fn cid_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Cid>> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(column)? else {
        return Ok(None);
    };
    cid::from_bytes(&bytes)
        .map(Some)
        .map_err(|error| wrong(column, error))
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(column, error))
}

fn wrong(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, error.into())
}
