//! `shares.json`: the items once more, beside the database, so that a damaged one does not take them along.
//!
//! It holds what the person said, not what was computed: blocks and files come back by hashing. It is written after each change
//! of an item is committed; if it is a little behind after a crash, that matters only if the database is damaged as well.

use std::path::{Path, PathBuf};

use fs_err as fs;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use unixfs::cid;

use super::types::Details;
use super::{Begun, ItemId, ItemKind, ItemRecord, ItemState, items};
use crate::files::replace_whole;

const FILE_NAME: &str = "shares.json";

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: ItemId,
    kind: ItemKind,
    name: String,
    root: Option<String>,
    created: i64,
    paused: bool,
    #[serde(flatten)]
    details: Details,
}

pub(super) fn write(connection: &Connection, dir: &Path) -> std::io::Result<()> {
    let records = items::all(connection).map_err(std::io::Error::other)?;
    let entries: Vec<_> = records.iter().map(Entry::of).collect();
    let json = serde_json::to_vec_pretty(&entries).map_err(std::io::Error::other)?;
    replace_whole(&path(dir), &json)
}

/// The items listed, none of them done. An entry that cannot be read is left out, with a word in the log.
pub(super) fn read(dir: &Path) -> Vec<ItemRecord> {
    let Ok(json) = fs::read(path(dir)) else {
        return Vec::new();
    };
    let entries: Vec<serde_json::Value> = match serde_json::from_slice(&json) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(%error, "the list of shares beside the index cannot be read");
            return Vec::new();
        }
    };
    let entry = |value| match serde_json::from_value::<Entry>(value) {
        Ok(entry) => Some(entry.into_record()),
        Err(error) => {
            tracing::warn!(%error, "an entry of the list of shares cannot be read");
            None
        }
    };
    entries.into_iter().filter_map(entry).collect()
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}

impl Entry {
    fn of(record: &ItemRecord) -> Self {
        Entry {
            id: record.id,
            kind: record.kind,
            name: record.name.clone(),
            root: record.root.map(|root| root.to_string()),
            created: record.created,
            paused: record.state == ItemState::Paused,
            details: record.details(),
        }
    }

    fn into_record(self) -> ItemRecord {
        ItemRecord {
            id: self.id,
            kind: self.kind,
            name: self.name,
            title: self.details.title,
            root: self.root.and_then(|root| cid::parse(&root).ok()),
            profile: self.details.profile,
            state: if self.paused {
                ItemState::Paused
            } else {
                ItemState::Active
            },
            done: false,
            bytes: 0,
            files: 0,
            created: self.created,
            into: self.details.into,
            sources: self.details.sources,
            wanted: self.details.wanted,
            link: self.details.link,
            providers: self.details.providers,
            options: self.details.options,
            part: self.details.part,
            left: self.details.left,
            begun: Begun {
                place: self.details.place,
                here: 0,
            },
        }
    }
}
