//! What other items lie where: the same folder may be reached by a symlink or a second mount.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::index::{Index, Result};
use crate::item::ItemId;

/// The top files and folders of all other items.
pub(crate) struct Others {
    tops: HashMap<Key, Vec<Top>>,
    /// Those around the folder that was asked for last: files are asked for by folder.
    last: Option<(PathBuf, Vec<Near>)>,
}

#[derive(Clone)]
struct Top {
    item: ItemId,
    path: PathBuf,
    /// Its files are on record.
    done: bool,
}

/// A top at or above a folder, and that folder's way below it.
#[derive(Clone)]
struct Near {
    top: Top,
    below: PathBuf,
}

/// What is the same for two paths if they lead to the same thing.
#[cfg(unix)]
type Key = (u64, u64);
#[cfg(not(unix))]
type Key = PathBuf;

#[cfg(unix)]
fn key(path: &Path) -> Option<Key> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn key(path: &Path) -> Option<Key> {
    fs::metadata(path).ok()?;
    std::path::absolute(path).ok()
}

/// The other items that share what a whole item lies on.
pub fn also_at(index: &Index, item: ItemId) -> Result<Vec<ItemId>> {
    let Some(place) = index
        .item(item)?
        .filter(|item| item.done)
        .and_then(|item| item.sources.into_iter().next())
    else {
        return Ok(Vec::new());
    };
    let mut others = Others::of(index, item)?;
    let same = key(&place).and_then(|key| others.tops.remove(&key));
    let mut ids: Vec<ItemId> = same
        .unwrap_or_default()
        .iter()
        .map(|top| top.item)
        .collect();
    if ids.is_empty() {
        ids.extend(others.at(index, &place)?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

impl Others {
    pub(crate) fn of(index: &Index, but: ItemId) -> Result<Self> {
        let mut tops: HashMap<Key, Vec<Top>> = HashMap::new();
        for item in index.items()? {
            if item.id == but {
                continue;
            }
            for path in item.sources.iter().chain(&item.part) {
                if let Some(key) = key(path) {
                    tops.entry(key).or_default().push(Top {
                        item: item.id,
                        path: path.clone(),
                        done: item.done,
                    });
                }
            }
        }
        Ok(Self { tops, last: None })
    }

    /// Another item that shares what lies there.
    pub(crate) fn at(&mut self, index: &Index, path: &Path) -> Result<Option<ItemId>> {
        if self.tops.is_empty() {
            return Ok(None);
        }
        let own = key(path).and_then(|key| self.tops.get(&key));
        if let Some(top) = own.and_then(|tops| tops.first()) {
            return Ok(Some(top.item));
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        for near in self.near(folder) {
            let there = near.top.path.join(&near.below).join(name);
            // What it is still hashing is not on record yet.
            if !near.top.done || index.is_on_record(near.top.item, &there)? {
                return Ok(Some(near.top.item));
            }
        }
        Ok(None)
    }

    fn near(&mut self, folder: &Path) -> Vec<Near> {
        if let Some((last, near)) = &self.last
            && last == folder
        {
            return near.clone();
        }
        let mut near = Vec::new();
        for above in folder.ancestors() {
            let tops = key(above).and_then(|key| self.tops.get(&key));
            for top in tops.into_iter().flatten() {
                let below = folder.strip_prefix(above).unwrap_or(Path::new(""));
                near.push(Near {
                    top: top.clone(),
                    below: below.to_path_buf(),
                });
            }
        }
        self.last = Some((folder.to_path_buf(), near.clone()));
        near
    }
}
