//! One level of an item's tree, as the index and the blocks that are here know it.
//!
//! The index knows what is on the disk: files, their states, how much of each is here. Blocks of
//! folders know the rest: what is still to come, what was not chosen, symlinks and empty folders.
//! Neither is read further than the one level.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use unixfs::walk::Kind;
use unixfs::{Cid, cid};

use super::names;
use super::tree::{Entries, Tree, TreeEntry};
use crate::api::EntryKind;
use crate::api::{Chosen, FileCondition, FileView, FilesView, Priority};
use crate::collate;
use crate::fetch::{Choice, FetchError, Gap, Selection};
use store::Source;
use store::index::{
    FileState, FolderFile, FolderSum, Index, ItemId, ItemKind, ItemRecord, Result as IndexResult,
};

/// Rows in one answer: more than any screen shows.
const MAX_ROWS: usize = 1000;

/// Entries of a folder from which on it is worth remembering.
const MANY: usize = 1000;

/// What took longer to list is worth remembering too: few folders may hold many files.
const SLOW: Duration = Duration::from_millis(30);

/// Large folders that are remembered, for whoever scrolls through one.
const MAX_REMEMBERED: usize = 2;

/// A remembered list is used for so many times as long as it took to make, so that looking on costs
/// a twentieth of a core at most; and never longer than this.
const USE_FACTOR: u32 = 20;
const MAX_USE: Duration = Duration::from_secs(10);

/// Entries whose blocks are read to tell files from folders: of more, the names have to tell.
const MAX_LOOKED_AT: usize = 2000;

/// Large folders that were listed lately.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// What a content address stands for never changes.
    folders: Mutex<Vec<(Cid, Arc<Entries>)>>,
    lists: Mutex<Vec<List>>,
}

#[derive(Debug, Clone)]
struct List {
    item: ItemId,
    dir: String,
    made: Instant,
    cost: Duration,
    rows: Arc<Vec<Row>>,
}

impl Remembered {
    fn entries(&self, tree: &Tree, folder: &Cid, dir: &str) -> Result<Option<Arc<Entries>>, Gap> {
        let known = {
            let folders = self.folders.lock();
            let known = folders.iter().find(|(cid, _)| cid == folder);
            known.map(|(_, entries)| Arc::clone(entries))
        };
        if known.is_some() {
            return Ok(known);
        }
        let Some(entries) = tree.entries(folder, dir)? else {
            return Ok(None);
        };
        let entries = Arc::new(entries);
        if entries.complete && entries.list.len() >= MANY {
            let mut folders = self.folders.lock();
            push(&mut folders, (*folder, Arc::clone(&entries)));
        }
        Ok(Some(entries))
    }

    fn list(&self, item: ItemId, dir: &str) -> Option<Arc<Vec<Row>>> {
        let lists = self.lists.lock();
        let list = lists
            .iter()
            .find(|list| list.item == item && list.dir == dir)?;
        let use_for = (list.cost * USE_FACTOR).min(MAX_USE);
        (list.made.elapsed() < use_for).then(|| Arc::clone(&list.rows))
    }

    fn keep(&self, list: List) {
        let mut lists = self.lists.lock();
        lists.retain(|old| old.item != list.item || old.dir != list.dir);
        push(&mut lists, list);
    }
}

/// The oldest gives way.
fn push<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= MAX_REMEMBERED {
        all.remove(0);
    }
    all.push(one);
}

/// What is known of an item, to list folders of it.
pub(crate) struct Listing<'a> {
    pub(crate) index: &'a Index,
    pub(crate) source: &'a Source,
    pub(crate) remembered: &'a Remembered,
    pub(crate) record: &'a ItemRecord,
}

/// A row, whether it is shown or not: there may be many.
#[derive(Debug)]
struct Row {
    name: Box<str>,
    kind: EntryKind,
    size: u64,
    done: u64,
    files: u64,
    state: FileCondition,
    /// Not on record: its block may tell its size.
    cid: Option<Box<Cid>>,
}

impl Listing<'_> {
    /// A window of a folder's rows.
    pub(crate) fn window(
        &self,
        dir: &str,
        offset: u32,
        limit: u32,
    ) -> Result<FilesView, FetchError> {
        let names = names(dir)?;
        let dir = names.join("/");
        let tree = Tree::new(self.source.clone());
        let rows = match self.remembered.list(self.record.id, &dir) {
            Some(rows) => rows,
            None => self.list(&tree, &names, &dir)?,
        };
        let selection = Selection::new(&self.record.wanted.select, &self.record.wanted.leave)?;
        let limit = (limit as usize).min(MAX_ROWS);
        let shown = rows.iter().skip(offset as usize).take(limit);
        Ok(FilesView {
            total: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            entries: shown
                .map(|row| self.view(&tree, &dir, row, &selection))
                .collect(),
        })
    }

    /// All rows of a folder, in order.
    fn list(&self, tree: &Tree, names: &[&str], dir: &str) -> Result<Arc<Vec<Row>>, FetchError> {
        let made = Instant::now();
        let entries = self.entries(tree, names, dir)?;
        let mut rows = self.rows(tree, dir, entries.as_deref())?;
        if rows.is_empty() && !names.is_empty() && entries.is_none() {
            let path = dir.to_owned();
            return Err(FetchError::NotInItem { path });
        }
        rows.sort_by_cached_key(|row| (row.kind != EntryKind::Folder, collate::order(&row.name)));
        let rows = Arc::new(rows);
        if rows.len() >= MANY || made.elapsed() > SLOW {
            self.remembered.keep(List {
                item: self.record.id,
                dir: dir.to_owned(),
                made: Instant::now(),
                cost: made.elapsed(),
                rows: Arc::clone(&rows),
            });
        }
        Ok(rows)
    }

    /// The folder's entries as its blocks tell them, as far as those are here.
    fn entries(
        &self,
        tree: &Tree,
        names: &[&str],
        dir: &str,
    ) -> Result<Option<Arc<Entries>>, FetchError> {
        let Some(root) = self.record.root else {
            return Ok(None);
        };
        let found = tree.resolve(&root, names);
        let found = found.and_then(|folder| self.remembered.entries(tree, &folder, dir));
        match found {
            Ok(entries) => Ok(entries),
            // The files of a share may not be what its last root says: the index knows better.
            Err(Gap::Block(_) | Gap::Error(FetchError::NotInItem { .. })) => Ok(None),
            Err(Gap::Error(error)) => Err(error),
        }
    }

    fn rows(
        &self,
        tree: &Tree,
        dir: &str,
        entries: Option<&Entries>,
    ) -> Result<Vec<Row>, FetchError> {
        let files = self.index.files_of_folder(self.record.id, dir)?;
        let sums = self.index.folders_of_folder(self.record.id, dir)?;
        let entries = entries.map_or(&[][..], |entries| &entries.list);
        let mut known: HashMap<&str, &TreeEntry> = entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry))
            .collect();
        let mut rows = Vec::with_capacity(known.len().max(files.len() + sums.len()));
        for file in files {
            known.remove(file.name.as_str());
            rows.push(of_file(file));
        }
        for sum in sums {
            let entry = known.remove(sum.name.as_str());
            rows.push(self.of_folder(sum, entry));
        }
        for (number, entry) in known.into_values().enumerate() {
            let mut row = of_entry(tree, entry, number < MAX_LOOKED_AT);
            if row.kind == EntryKind::Folder && self.is_all_here() {
                // What has bytes is on record.
                row.size = 0;
            }
            rows.push(row);
        }
        if rows.is_empty() && dir.is_empty() {
            rows.extend(self.only_file(tree));
        }
        Ok(rows)
    }

    fn of_folder(&self, sum: FolderSum, entry: Option<&TreeEntry>) -> Row {
        let claimed = entry.map_or(0, |entry| entry.tsize);
        Row {
            name: sum.name.into(),
            kind: EntryKind::Folder,
            size: if self.is_all_here() {
                sum.bytes
            } else {
                sum.bytes.max(claimed)
            },
            done: sum.here,
            files: sum.files,
            state: match (sum.changed, sum.missing) {
                (true, _) => FileCondition::Changed,
                (false, true) => FileCondition::Missing,
                (false, false) => FileCondition::Ok,
            },
            cid: None,
        }
    }

    /// Everything that was chosen is here, and that was everything.
    fn is_all_here(&self) -> bool {
        let record = self.record;
        let all = record.wanted.select.is_empty() && record.wanted.leave.is_empty();
        record.kind == ItemKind::Share || record.done && all
    }

    /// An item that is one file, and has not begun to be one here.
    fn only_file(&self, tree: &Tree) -> Option<Row> {
        let root = self.record.root?;
        let size = match tree.stat(&root, "") {
            Some(found) if found.kind == Kind::File => found.size,
            None if root.codec() == cid::RAW => 0,
            _ => return None,
        };
        Some(Row {
            name: self.record.name.as_str().into(),
            kind: EntryKind::File,
            size,
            done: 0,
            files: 1,
            state: FileCondition::Ok,
            cid: None,
        })
    }

    fn view(&self, tree: &Tree, dir: &str, row: &Row, selection: &Selection) -> FileView {
        let path = if dir.is_empty() {
            row.name.to_string()
        } else {
            format!("{dir}/{}", row.name)
        };
        let exact = row.cid.as_ref().and_then(|cid| tree.file_size(cid, &path));
        FileView {
            chosen: chosen(self.choice(selection, &path)),
            priority: if is_high(&self.record.wanted.high, &path) {
                Priority::High
            } else {
                Priority::Normal
            },
            name: row.name.to_string(),
            path,
            kind: row.kind,
            size: exact.unwrap_or(row.size),
            done: row.done,
            files: row.files,
            state: row.state,
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

fn of_file(file: FolderFile) -> Row {
    Row {
        name: file.name.into(),
        kind: EntryKind::File,
        size: file.size,
        done: file.here,
        files: 1,
        state: condition(file.state),
        cid: None,
    }
}

/// What is not on the disk, or not on record because it has no bytes.
fn of_entry(tree: &Tree, entry: &TreeEntry, look: bool) -> Row {
    let kind = if look || entry.cid.codec() == cid::RAW {
        kind_of(tree, entry)
    } else {
        EntryKind::guess(&entry.name)
    };
    let is_file = kind == EntryKind::File;
    Row {
        name: entry.name.as_str().into(),
        kind,
        size: if kind == EntryKind::Symlink {
            0
        } else {
            entry.tsize
        },
        done: 0,
        files: u64::from(is_file),
        state: FileCondition::Ok,
        cid: is_file.then(|| Box::new(entry.cid)),
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

/// What an entry is that is not on the disk. Where its block isn't here either, its name has to
/// tell.
fn kind_of(tree: &Tree, entry: &TreeEntry) -> EntryKind {
    if cid::acceptable(&entry.cid).is_err() {
        return EntryKind::Other;
    }
    if entry.cid.codec() == cid::RAW {
        return EntryKind::File;
    }
    match tree.stat(&entry.cid, &entry.name) {
        Some(found) => found.kind.into(),
        None => EntryKind::guess(&entry.name),
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
