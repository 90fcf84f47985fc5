//! `shares.json`: the items once more, beside the database, so that a damaged one does not take them along.
//!
//! It holds what the person said, not what was computed: blocks and files come back by hashing. It is written after each change
//! of an item is committed; if it is a little behind after a crash, that matters only if the database is damaged as well.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unixfs::cid;

use super::types::Details;
use super::{Begun, ItemId, ItemKind, ItemRecord, ItemState, items};
use crate::files::{keep_beside, read_small, replace_whole};

const FILE_NAME: &str = "shares.json";

/// Bytes of a list that is read: 100,000 items take about 60 MB.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Numbers that an item may have: exact in every program that reads them, and there are more behind them.
const NUMBERS: RangeInclusive<i64> = 1..=1 << 52;

/// What stands for the next number that is free.
pub(super) const UNNUMBERED: ItemId = ItemId(0);

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

/// The items listed, none of them done. Of a list that is damaged, as many as can be read, those without a number of their own
/// last, and where it is kept: the next one is written in its place.
pub(super) fn read(dir: &Path) -> std::io::Result<(Vec<ItemRecord>, Option<PathBuf>)> {
    let (mut entries, mut sound) = match read_small(&path(dir), MAX_BYTES) {
        Ok(json) => entries(&json),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Vec::new(), true),
        Err(error) => {
            tracing::warn!(%error, "the list of shares beside the index cannot be read");
            (Vec::new(), false)
        }
    };
    let mut records = Vec::with_capacity(entries.len());
    let (mut numbers, mut others) = (HashSet::new(), Vec::new());
    for entry in entries.drain(..) {
        match serde_json::from_value::<Entry>(entry) {
            Ok(entry) if NUMBERS.contains(&entry.id.0) && numbers.insert(entry.id) => {
                records.push(entry.into_record());
            }
            Ok(entry) => {
                tracing::warn!(
                    id = entry.id.0,
                    "an item of the list of shares gets another number"
                );
                sound = false;
                others.push(ItemRecord {
                    id: UNNUMBERED,
                    ..entry.into_record()
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an entry of the list of shares cannot be read");
                sound = false;
            }
        }
    }
    let kept = if sound {
        None
    } else {
        Some(keep_beside(&path(dir), MAX_BYTES)?)
    };
    records.append(&mut others);
    Ok((records, kept))
}

/// The entries up to where the list is damaged, and whether it is sound.
fn entries(json: &[u8]) -> (Vec<Value>, bool) {
    if let Ok(entries) = serde_json::from_slice(json) {
        return (entries, true);
    }
    let mut entries = Vec::new();
    let mut rest = json;
    // Each stands behind the list's begin or a comma.
    while let [b'[' | b',' | b' ' | b'\n' | b'\r' | b'\t', behind @ ..] = rest {
        let mut values = serde_json::Deserializer::from_slice(behind).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => entries.push(value),
            _ => break,
        }
        rest = &behind[values.byte_offset()..];
    }
    (entries, false)
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
                disks: self.details.disks,
                here: 0,
                car: self.details.car,
                work: self.details.work,
            },
        }
    }
}
