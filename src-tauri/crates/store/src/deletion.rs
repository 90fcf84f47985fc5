//! Deleting what a download wrote, and only that.
//!
//! Invariant: a file goes only if Shoal made it, its content is what was downloaded, and no other item shares it where it lies; a
//! folder only if Shoal made it and nothing is left in it; and nothing outside the download goes, nor anything beyond a symlink in
//! it. What was shared is never deleted. What stays is told, with the reason.
//!
//! Of a download that an older version began nothing says what it made. There a file goes if its content is what was downloaded and
//! it was not here before the download was.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use unixfs::{Metadata, Profile};

use crate::files::{self, Identity, Same};
use crate::index::{
    FileId, FileRecord, FileState, Fingerprint, Index, ItemRecord, Result, Scope, TreeFile,
};
use crate::item::{ItemId, ItemKind};
use crate::limits::MAX_LISTED;
use crate::made::{self, Made};
use crate::others::Others;
use crate::scan::holds_all;

/// What was not deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The first of it.
    pub list: Vec<(PathBuf, Reason)>,
    pub count: u64,
}

/// Why something was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Shoal did not make it: it was there before, or somebody put it there since.
    NotMade,
    /// Its content is no longer what was downloaded.
    Changed,
    /// Another item shares it.
    SharedBy(ItemId),
    /// A folder with something in it that is not the download's.
    NotEmpty,
    /// It could not be deleted, in the system's words.
    Failed(String),
    /// It was not to be deleted.
    NotAsked,
    /// The same, and it is what came so far of a download that was not whole.
    Unfinished,
}

/// Files that are asked for at once.
const FILES: u32 = 512;

/// Forgets an item whose removal was begun, and with `delete_files` deletes what it made. Gives what stays of a download.
pub fn remove(index: &Index, item: &ItemRecord, delete_files: bool) -> Kept {
    let kept = if delete_files {
        delete_or_tell(index, item)
    } else if item.kind == ItemKind::Download {
        let reason = if item.done {
            Reason::NotAsked
        } else {
            Reason::Unfinished
        };
        Kept::all(item, || reason.clone())
    } else {
        Kept::default()
    };
    forget(index, item.id);
    kept
}

/// Goes on with removals that a crash interrupted. Files go at once, before anything else can be made of them; the rest on a thread
/// for that, as a large item takes seconds.
pub fn finish_removals(index: &Index) -> Result<()> {
    let left = index.removals()?;
    if left.is_empty() {
        return Ok(());
    }
    for (item, _) in left.iter().filter(|(_, delete_files)| *delete_files) {
        for (path, reason) in delete_or_tell(index, item).list {
            tracing::info!(path = %path.display(), ?reason, "left where it is");
        }
    }
    let index = index.clone();
    let finish = move || {
        for (item, _) in left {
            forget(&index, item.id);
        }
    };
    let thread = std::thread::Builder::new().name("removal".to_owned());
    thread.spawn(finish)?;
    Ok(())
}

/// Forgets all of an item. What can't be forgotten now is at the next start.
fn forget(index: &Index, id: ItemId) {
    match index.finish_removal(id) {
        Ok(()) => made::forget(index.dir(), id),
        Err(error) => {
            tracing::warn!(%id, %error, "an item's rows stay until the next start");
        }
    }
}

fn delete_or_tell(index: &Index, item: &ItemRecord) -> Kept {
    delete_files(index, item).unwrap_or_else(|error| {
        let why = || Reason::Failed(error.to_string());
        Kept::all(item, why)
    })
}

/// Where an item's files lie that it may have made.
fn tops(item: &ItemRecord) -> impl Iterator<Item = &PathBuf> {
    // Until it is whole, a CAR is all that is named there.
    let unpacked = item.sources.iter().filter(|_| item.done);
    let tops = item.part.iter().chain(&item.left).chain(unpacked);
    tops.filter(|place| files::exists(place))
}

/// Deletes a download's files, and the folders that are empty then.
pub fn delete_files(index: &Index, item: &ItemRecord) -> Result<Kept> {
    let mut deletion = Deletion::begin(index, item)?;
    if item.kind == ItemKind::Share {
        for source in &item.sources {
            deletion.keep(source, Reason::NotMade);
        }
        return Ok(deletion.kept);
    }
    if deletion.made.is_empty() && !deletion.legacy {
        for place in tops(item) {
            let shared = deletion.others.at(index, place)?;
            deletion.keep(place, shared.map_or(Reason::NotMade, Reason::SharedBy));
        }
        return Ok(deletion.kept);
    }
    deletion.files(|_| true)?;
    for place in tops(item) {
        deletion.remove_emptied(place)?;
    }
    Ok(deletion.kept)
}

impl Kept {
    /// Nothing of it is deleted.
    fn all(item: &ItemRecord, why: impl Fn() -> Reason) -> Self {
        let list: Vec<_> = tops(item).map(|place| (place.clone(), why())).collect();
        Self {
            count: list.len() as u64,
            list,
        }
    }
}

/// Deletes what a download wrote at a place that it left, and forgets it.
pub fn delete_left(index: &Index, item: &ItemRecord, place: &Path) -> Result<()> {
    let mut deletion = Deletion::begin(index, item)?;
    let ids = deletion.files(|file| file.path.starts_with(place))?;
    index.remove_files(ids)?;
    deletion.remove_emptied(place)?;
    for (path, reason) in deletion.kept.list {
        tracing::info!(path = %path.display(), ?reason, "left where it is");
    }
    Ok(())
}

struct Deletion<'a> {
    index: &'a Index,
    item: &'a ItemRecord,
    made: Made,
    /// An older version began it, which kept no record of what it made.
    legacy: bool,
    /// Then, where it put files.
    folders: Vec<TreeFile>,
    others: Others,
    /// Symlinks in it: what lies beyond them is not looked at.
    symlinks: HashSet<PathBuf>,
    kept: Kept,
}

/// What is to become of a file.
enum Verdict {
    Delete,
    Keep(Reason),
    /// It is not there, or told already.
    Gone,
}

impl<'a> Deletion<'a> {
    fn begin(index: &'a Index, item: &'a ItemRecord) -> Result<Self> {
        let made = Made::open(index.dir(), item.id)?;
        let legacy = item.begun.place.is_none() && made.is_empty();
        Ok(Self {
            index,
            item,
            legacy,
            folders: if legacy {
                index.folders(item.id)?
            } else {
                Vec::new()
            },
            made,
            others: Others::of(index, item.id)?,
            symlinks: HashSet::new(),
            kept: Kept::default(),
        })
    }

    fn keep(&mut self, path: &Path, reason: Reason) {
        self.kept.count += 1;
        if self.kept.list.len() < MAX_LISTED {
            self.kept.list.push((path.to_path_buf(), reason));
        }
    }

    /// Is there a symlink on the way to a file from where the download lies? It is told once.
    fn is_beyond_symlink(&mut self, path: &Path) -> bool {
        let top = tops(self.item).find(|top| path.starts_with(top));
        let Some(above) = top.and_then(|top| top.parent()) else {
            return false;
        };
        let folders = path.ancestors().skip(1);
        let way = folders.take_while(|folder| folder.starts_with(above) && *folder != above);
        let link = way.filter(|folder| folder.is_symlink()).last();
        if let Some(link) = link
            && self.symlinks.insert(link.to_path_buf())
        {
            self.keep(link, Reason::NotMade);
        }
        link.is_some()
    }

    /// Deletes those of the item's files that are chosen and may go. Gives the numbers of all that were chosen.
    fn files(&mut self, chosen: impl Fn(&FileRecord) -> bool) -> Result<Vec<FileId>> {
        let mut ids = Vec::new();
        let mut after = FileId(0);
        loop {
            let files = self.index.files_after(self.item.id, after, FILES)?;
            let Some(last) = files.last() else {
                return Ok(ids);
            };
            after = last.id;
            for file in files.iter().filter(|file| chosen(file)) {
                ids.push(file.id);
                match self.judge(file)? {
                    Verdict::Delete => {
                        let removed = fs::remove_file(&file.path);
                        self.note(&file.path, removed);
                    }
                    Verdict::Keep(reason) => self.keep(&file.path, reason),
                    Verdict::Gone => {}
                }
            }
        }
    }

    fn judge(&mut self, file: &FileRecord) -> Result<Verdict> {
        if self.is_beyond_symlink(&file.path) {
            return Ok(Verdict::Gone);
        }
        let (Ok(metadata), Ok(identity)) =
            (fs::symlink_metadata(&file.path), Identity::at(&file.path))
        else {
            return Ok(Verdict::Gone);
        };
        if !metadata.is_file() {
            return Ok(Verdict::Keep(Reason::NotMade));
        }
        if let Some(other) = self.others.at(self.index, &file.path)? {
            return Ok(Verdict::Keep(Reason::SharedBy(other)));
        }
        let made = if self.legacy {
            was_here_before(self.item, &metadata)
        } else {
            self.made.has(&identity)
        };
        if made == Same::No {
            return Ok(Verdict::Keep(Reason::NotMade));
        }
        // What is still being written only Shoal knows of.
        let is_part = file.state == FileState::Part;
        if is_part && made == Same::Yes || self.is_as_it_was(file, &metadata)? {
            return Ok(Verdict::Delete);
        }
        Ok(Verdict::Keep(Reason::Changed))
    }

    /// Is the content what was downloaded? A mode or an owner is no content, so the time of the last change of those says nothing.
    fn is_as_it_was(&self, file: &FileRecord, metadata: &std::fs::Metadata) -> Result<bool> {
        if metadata.len() != file.size {
            return Ok(false);
        }
        let now = Fingerprint::of(metadata, SystemTime::now());
        let proven = |left: Fingerprint| !left.racy && left.mtime == now.mtime;
        if file.state != FileState::Part && file.fingerprint.is_some_and(proven) {
            return Ok(true);
        }
        let Ok(open) = files::open_for_reading(&file.path) else {
            return Ok(false);
        };
        // What is not on record can't be compared.
        let any = file.size == 0 || !self.index.slices_after(file.id, 0, 1)?.is_empty();
        Ok(any && holds_all(self.index, file.id, &open, None)? == Some(true))
    }

    /// Removes a folder and those in it, deepest first, as far as Shoal made them and nothing but the item's symlinks is in them.
    fn remove_emptied(&mut self, top: &Path) -> Result<()> {
        let before = self.kept.count;
        let mut open: Vec<(PathBuf, fs::ReadDir)> = Vec::new();
        let enter = |path: &Path| {
            // Links are not followed: what they lead to may be anybody's.
            let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
            let entries = is_folder.then(|| fs::read_dir(path).ok()).flatten()?;
            Some((path.to_path_buf(), entries))
        };
        self.remove_begun(top)?;
        open.extend(enter(top));
        while let Some((folder, entries)) = open.last_mut() {
            let Some(entry) = entries.next() else {
                let folder = std::mem::take(folder);
                open.pop();
                if self.is_own_folder(&folder) {
                    let removed = fs::remove_dir(&folder);
                    self.note(&folder, removed);
                }
                continue;
            };
            let Ok(path) = entry.map(|entry| entry.path()) else {
                continue;
            };
            match fs::read_link(&path) {
                Ok(target) if self.is_own_link(&path, &target)? => {
                    let removed = fs::remove_file(&path);
                    self.note(&path, removed);
                }
                Ok(_) => {}
                Err(_) => {
                    self.remove_begun(&path)?;
                    open.extend(enter(&path));
                }
            }
        }
        let is_folder = fs::symlink_metadata(top).is_ok_and(|found| found.is_dir());
        if is_folder && self.kept.count == before && self.kept.list.is_empty() {
            self.keep(top, Reason::NotEmpty);
        }
        Ok(())
    }

    /// Deletes a file that was made for a download that is not whole, and of which nothing is on record yet.
    fn remove_begun(&mut self, path: &Path) -> Result<()> {
        let places = self.item.part.iter().chain(&self.item.left);
        let mut begun = places.filter(|place| !self.item.sources.contains(place));
        let is_in_it = begun.any(|place| path.starts_with(place));
        let is_file = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        if self.legacy || !is_in_it || !is_file {
            return Ok(());
        }
        let is_ours =
            Identity::at(path).is_ok_and(|identity| self.made.has(&identity) == Same::Yes);
        let is_on_record = self.index.is_on_record(self.item.id, path)?;
        if is_ours && !is_on_record && self.others.at(self.index, path)?.is_none() {
            let removed = fs::remove_file(path);
            self.note(path, removed);
        }
        Ok(())
    }

    fn is_own_folder(&self, folder: &Path) -> bool {
        if self.legacy {
            // It holds, or held, files of it.
            return self.folders.iter().any(|dir| dir.path.starts_with(folder));
        }
        Identity::at(folder).is_ok_and(|identity| self.made.has(&identity) != Same::No)
    }

    fn is_own_link(&self, path: &Path, target: &Path) -> Result<bool> {
        if !self.legacy {
            let identity = Identity::at(path);
            return Ok(identity.is_ok_and(|identity| self.made.has(&identity) == Same::Yes));
        }
        // Some item holds a symlink with this very target: a changed one would have another block.
        let target = target.as_os_str().as_encoded_bytes();
        let block = unixfs::symlink(&Profile::V1_2025, target, &Metadata::default());
        let place = self.index.locate_for(block.cid.hash(), Scope::Everything)?;
        Ok(place.is_some())
    }

    /// What cannot be deleted stays: the item goes all the same, and the person still has the file.
    fn note(&mut self, path: &Path, removed: io::Result<()>) {
        match removed {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "could not be deleted");
                self.keep(path, Reason::Failed(error.to_string()));
            }
            Ok(()) => {}
        }
    }
}

/// Of an older version's download: what is older than it was certainly not made by it. `Unsure`: its content tells.
fn was_here_before(item: &ItemRecord, metadata: &std::fs::Metadata) -> Same {
    let born = metadata.created().ok();
    let age = born.and_then(|born| born.duration_since(SystemTime::UNIX_EPOCH).ok());
    let born = age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    if born.is_some_and(|born| born < item.created) {
        return Same::No;
    }
    Same::Unsure
}
