//! One level of an item's tree, as the index and the blocks that are here know it.
//!
//! The index knows what is on the disk: files, their states, how much of each is here. Blocks of folders know the rest: what is
//! still to come, what was not chosen, symlinks and empty folders. Neither is read further than the one level.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use unixfs::{Cid, Node, cid};

use super::order::by_name;
use super::tree::{self, Entries, Gap, Tree, TreeEntry};
use super::types::{Chosen, FileCondition, FileView, FilesView, Priority};
use crate::fetch::{Choice, EntryKind, FetchError, Selection};
use crate::index::{FileState, FolderFile, FolderSum, Index, ItemRecord, Result as IndexResult};
use crate::library::Source;
use crate::types::ItemKind;

/// Rows in one answer: more than any screen shows.
const MAX_ROWS: usize = 1000;

/// Folders whose entries are remembered, for whoever scrolls through one: reading one of 100,000 entries takes a second.
const MAX_REMEMBERED: usize = 4;

/// Entries of a folder from which on it is worth remembering.
const MANY: usize = 1000;

/// Large folders that were read lately. What a content address stands for never changes.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    folders: Mutex<Vec<(Cid, Arc<Entries>)>>,
}

impl Remembered {
    fn read(&self, tree: &mut Tree, folder: &Cid) -> Result<Option<Arc<Entries>>, Gap> {
        let known = {
            let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            let known = folders.iter().find(|(cid, _)| cid == folder);
            known.map(|(_, entries)| Arc::clone(entries))
        };
        if known.is_some() {
            return Ok(known);
        }
        let Some(entries) = tree.entries(folder)? else {
            return Ok(None);
        };
        let entries = Arc::new(entries);
        if entries.complete && entries.list.len() >= MANY {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if folders.len() >= MAX_REMEMBERED {
                folders.remove(0);
            }
            folders.push((*folder, Arc::clone(&entries)));
        }
        Ok(Some(entries))
    }
}

/// What is known of an item, to list folders of it.
pub(crate) struct Listing<'a> {
    pub(crate) index: &'a Index,
    pub(crate) source: &'a Source,
    pub(crate) remembered: &'a Remembered,
    pub(crate) record: &'a ItemRecord,
}

/// A row before it is known whether it is shown.
struct Row {
    name: String,
    kind: EntryKind,
    file: Option<FolderFile>,
    sum: Option<FolderSum>,
    entry: Option<TreeEntry>,
}

impl Listing<'_> {
    /// A window of a folder's rows.
    pub(crate) fn window(
        &self,
        dir: &str,
        offset: u32,
        limit: u32,
    ) -> Result<FilesView, FetchError> {
        let names = tree::names(dir)?;
        let dir = names.join("/");
        let mut tree = Tree::new(self.source.clone());
        let entries = self.entries(&mut tree, &names)?;
        let mut rows = self.rows(&mut tree, &dir, entries.as_deref())?;
        if rows.is_empty() && !names.is_empty() && entries.is_none() {
            return Err(FetchError::NotInItem { path: dir });
        }
        let is_folder = |row: &Row| row.kind == EntryKind::Folder;
        rows.sort_by(|a, b| {
            is_folder(b)
                .cmp(&is_folder(a))
                .then_with(|| by_name(&a.name, &b.name))
        });
        let selection = Selection::new(&self.record.select, &self.record.leave)?;
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let limit = (limit as usize).min(MAX_ROWS);
        let shown = rows.into_iter().skip(offset as usize).take(limit);
        Ok(FilesView {
            total,
            entries: shown
                .map(|row| self.view(&mut tree, &dir, row, &selection))
                .collect(),
        })
    }

    /// The folder's entries as its blocks tell them, if those are here and would say more than the index.
    fn entries(&self, tree: &mut Tree, names: &[&str]) -> Result<Option<Arc<Entries>>, FetchError> {
        let Some(root) = self.record.root else {
            return Ok(None);
        };
        let found = tree.resolve(&root, names);
        let found = found.and_then(|folder| self.remembered.read(tree, &folder));
        match found {
            Ok(entries) => Ok(entries),
            // The files of a share may not be what its last root says: the index knows better.
            Err(Gap::Block(_) | Gap::Error(FetchError::NotInItem { .. })) => Ok(None),
            Err(Gap::Error(error)) => Err(error),
        }
    }

    fn rows(
        &self,
        tree: &mut Tree,
        dir: &str,
        entries: Option<&Entries>,
    ) -> Result<Vec<Row>, FetchError> {
        let files = self.index.files_of_folder(self.record.id, dir)?;
        let sums = self.index.folders_of_folder(self.record.id, dir)?;
        let mut files: HashMap<String, FolderFile> = files
            .into_iter()
            .map(|file| (file.name.clone(), file))
            .collect();
        let mut sums: HashMap<String, FolderSum> = sums
            .into_iter()
            .map(|sum| (sum.name.clone(), sum))
            .collect();
        let mut rows = Vec::new();
        for entry in entries.map_or(&[][..], |entries| &entries.list) {
            let (file, sum) = (files.remove(&entry.name), sums.remove(&entry.name));
            let kind = match (&file, &sum) {
                (Some(_), _) => EntryKind::File,
                (None, Some(_)) => EntryKind::Folder,
                (None, None) => kind_of(tree, entry),
            };
            rows.push(Row {
                name: entry.name.clone(),
                kind,
                file,
                sum,
                entry: Some(entry.clone()),
            });
        }
        rows.extend(files.into_values().map(|file| Row {
            name: file.name.clone(),
            kind: EntryKind::File,
            file: Some(file),
            sum: None,
            entry: None,
        }));
        rows.extend(sums.into_values().map(|sum| Row {
            name: sum.name.clone(),
            kind: EntryKind::Folder,
            file: None,
            sum: Some(sum),
            entry: None,
        }));
        if rows.is_empty() && dir.is_empty() {
            rows.extend(self.only_file(tree));
        }
        Ok(rows)
    }

    /// An item that is one file, and has not begun to be one here.
    fn only_file(&self, tree: &mut Tree) -> Option<Row> {
        let root = self.record.root?;
        let size = match tree.node(&root) {
            Ok(node) => match &*node {
                Node::File(node) => node.size,
                _ => return None,
            },
            Err(_) if root.codec() == cid::RAW => 0,
            Err(_) => return None,
        };
        let name = self.record.name.clone();
        let entry = TreeEntry {
            name: name.clone(),
            cid: root,
            tsize: size,
        };
        Some(Row {
            name,
            kind: EntryKind::File,
            file: None,
            sum: None,
            entry: Some(entry),
        })
    }

    fn view(&self, tree: &mut Tree, dir: &str, row: Row, selection: &Selection) -> FileView {
        let path = if dir.is_empty() {
            row.name.clone()
        } else {
            format!("{dir}/{}", row.name)
        };
        let all_here = self.record.done && self.record.select.is_empty();
        let claimed = row.entry.as_ref().map_or(0, |entry| entry.tsize);
        let (size, done, files, state) = match (&row.file, &row.sum) {
            (Some(file), _) => (file.size, file.here, 1, condition(file.state)),
            (None, Some(sum)) => {
                let whole = all_here || self.record.kind == ItemKind::Share;
                let size = if whole {
                    sum.bytes
                } else {
                    sum.bytes.max(claimed)
                };
                let state = match (sum.changed, sum.missing) {
                    (true, _) => FileCondition::Changed,
                    (false, true) => FileCondition::Missing,
                    (false, false) => FileCondition::Ok,
                };
                (size, sum.here, sum.files, state)
            }
            (None, None) => {
                let size = row.entry.as_ref().map_or(0, |entry| size_of(tree, entry));
                let files = u64::from(row.kind == EntryKind::File);
                let size = if row.kind == EntryKind::Symlink {
                    0
                } else {
                    size
                };
                (size, 0, files, FileCondition::Ok)
            }
        };
        FileView {
            chosen: chosen(self.choice(selection, &path)),
            priority: if is_high(&self.record.high, &path) {
                Priority::High
            } else {
                Priority::Normal
            },
            name: row.name,
            path,
            kind: row.kind,
            size,
            done,
            files,
            state,
        }
    }

    fn choice(&self, selection: &Selection, path: &str) -> Choice {
        if self.record.kind == ItemKind::Share {
            Choice::All
        } else {
            selection.choice(path)
        }
    }
}

fn chosen(choice: Choice) -> Chosen {
    match choice {
        Choice::All => Chosen::All,
        Choice::Some => Chosen::Some,
        Choice::None => Chosen::None,
    }
}

fn condition(state: FileState) -> FileCondition {
    match state {
        FileState::Part | FileState::Whole => FileCondition::Ok,
        FileState::Changed => FileCondition::Changed,
        FileState::Missing => FileCondition::Missing,
    }
}

/// Does a path come first, or a folder that it lies in?
pub(crate) fn is_high(high: &[String], path: &str) -> bool {
    high.iter().any(|first| {
        path.strip_prefix(first.as_str())
            .is_some_and(|rest| first.is_empty() || rest.is_empty() || rest.starts_with('/'))
    })
}

/// What an entry is that is not on the disk. Where its block isn't here either, its name has to tell.
fn kind_of(tree: &mut Tree, entry: &TreeEntry) -> EntryKind {
    if entry.cid.codec() == cid::RAW {
        return EntryKind::File;
    }
    match tree.node(&entry.cid).as_deref() {
        Ok(Node::File(_)) => EntryKind::File,
        Ok(Node::Directory(_) | Node::Shard(_)) => EntryKind::Folder,
        Ok(Node::Symlink(_)) => EntryKind::Symlink,
        Err(_) => EntryKind::guess(&entry.name),
    }
}

fn size_of(tree: &mut Tree, entry: &TreeEntry) -> u64 {
    match tree.node(&entry.cid).as_deref() {
        Ok(Node::File(node)) => node.size,
        _ => entry.tsize,
    }
}

/// What is on record of a path inside an item: its own file, or any in the folder.
pub(crate) fn on_record(
    index: &Index,
    record: &ItemRecord,
    path: &str,
) -> IndexResult<Option<std::path::PathBuf>> {
    if let Some(file) = index.file_at(record.id, path)? {
        return Ok(Some(file.path));
    }
    index.folder_at(record.id, path)
}
