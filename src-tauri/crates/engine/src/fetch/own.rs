//! What a download may write to: what it made itself, and no other thing that has the same name by now.
//!
//! Invariants: whatever is made is made exclusively, and on record before its first byte; what is there already is opened only if it
//! is on that record. A name, or a line in the index, proves nothing.
//!
//! What an older version began is on no such record. It is taken over if what the index says of its content is true; what has no
//! content to compare is taken over if it is empty.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;
use store::files::{self, Identity, Same};
use store::index::{FileRecord, Index, ItemRecord};
use store::made::{self, Made};

use super::disk;
use super::error::FetchError;

/// How long the content of a file is compared before it is believed.
const COMPARING: Duration = Duration::from_secs(5);

/// What lies where a download was being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Ours,
    /// Somebody put it there.
    Theirs,
    Gone,
}

/// The record of what a download made.
#[derive(Debug)]
pub(crate) struct Own {
    index: Index,
    made: Made,
    /// An older version began it.
    legacy: bool,
}

impl Own {
    pub(crate) fn open(index: &Index, item: &ItemRecord) -> Result<Self, FetchError> {
        let made = Made::open(index.dir(), item.id)?;
        Ok(Self {
            index: index.clone(),
            legacy: item.begun.place.is_none() && made.is_empty(),
            made,
        })
    }

    /// Nothing was made yet, as far as is known.
    pub(crate) fn is_nothing(&self) -> bool {
        self.made.is_empty()
    }

    /// Is what lies there the download's own file or folder?
    pub(crate) fn standing(&self, item: &ItemRecord, path: &Path) -> Result<Standing, FetchError> {
        let now = match Identity::at(path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Gone),
            Err(error) => return Err(error.into()),
        };
        let known = |path: &Path| {
            let folder = path.parent().unwrap_or(path);
            let files = self.index.files_in(item.id, folder)?;
            Ok::<_, FetchError>(files.into_iter().find(|file| file.path == path))
        };
        let is_ours = match self.made.has(&now) {
            Same::Yes => return Ok(Standing::Ours),
            Same::No if !self.is_nothing() => false,
            // Nothing is on record but, perhaps, its content.
            Same::No | Same::Unsure if is_empty(path) => true,
            Same::No if !self.legacy => false,
            Same::No | Same::Unsure if path.is_dir() => {
                let folders = self.index.folders(item.id)?;
                folders.iter().any(|dir| dir.path.starts_with(path))
            }
            Same::No | Same::Unsure => self.is_recorded(path, known(path)?.as_ref())?,
        };
        if is_ours {
            self.made.add(now)?;
            return Ok(Standing::Ours);
        }
        Ok(Standing::Theirs)
    }

    /// Makes a file that is not there yet.
    pub(crate) fn create(&self, path: &Path) -> io::Result<(fs::File, Identity)> {
        let file = files::create_new(path)?;
        let made = Identity::of(&file)?;
        self.made.add(made)?;
        Ok((file, made))
    }

    /// Makes a folder that is not there yet.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)?;
        self.made.add(Identity::at(path)?)
    }

    /// Takes for made what is there already: a kill came between making it and the record of that. A folder with something in it is
    /// somebody's.
    pub(crate) fn adopt(&self, path: &Path) -> io::Result<()> {
        let now = Identity::at(path)?;
        if self.made.has(&now) == Same::No && (path.is_symlink() || is_empty(path)) {
            self.made.add(now)?;
        }
        Ok(())
    }

    /// Makes a symlink, unless it is there already.
    pub(crate) fn create_symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        if disk::symlink(target, path)? {
            self.made.add(Identity::at(path)?)?;
        }
        Ok(())
    }

    /// Opens a file for writing: makes it, or finds that it is the download's own. `known` is what the index says of it.
    pub(crate) fn open_file(
        &self,
        path: &Path,
        before: Option<&Identity>,
        known: Option<&FileRecord>,
    ) -> Result<(fs::File, Identity), FetchError> {
        if before.is_none() {
            match self.create(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return Ok(made?),
            }
        }
        let theirs = || FetchError::InTheWay(path.to_path_buf());
        let file = match files::open_for_writing(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FetchError::PartGone(path.to_path_buf()));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(error.into());
            }
            Err(_) => return Err(theirs()),
        };
        let now = Identity::of(&file)?;
        if let Some(before) = before {
            let replaced = || FetchError::Replaced(path.to_path_buf());
            return match before.compare(&now) {
                Same::No => Err(replaced()),
                Same::Yes | Same::Unsure => Ok((file, now)),
            };
        }
        let is_ours = match self.made.has(&now) {
            Same::Yes => return Ok((file, now)),
            // A kill between making it and the record of that.
            _ if file.metadata()?.len() == 0 => true,
            Same::No if !self.legacy => false,
            Same::No | Same::Unsure => self.is_recorded(path, known)?,
        };
        if !is_ours {
            return Err(theirs());
        }
        self.made.add(now)?;
        Ok((file, now))
    }

    /// Is what lies there still what was made?
    pub(crate) fn is_there(&self, path: &Path) -> Result<Identity, FetchError> {
        let now = match Identity::at(path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FetchError::PartGone(path.to_path_buf()));
            }
            Err(error) => return Err(error.into()),
        };
        match self.made.has(&now) {
            Same::No => Err(FetchError::Replaced(path.to_path_buf())),
            Same::Yes | Same::Unsure => Ok(now),
        }
    }

    /// Is that on record as made by the download?
    pub(crate) fn is_made(&self, path: &Path) -> bool {
        Identity::at(path).is_ok_and(|now| self.made.has(&now) == Same::Yes)
    }

    /// Is something there that the download did not make?
    pub(crate) fn is_foreign(&self, path: &Path) -> bool {
        Identity::at(path).is_ok_and(|now| self.made.has(&now) == Same::No)
    }

    /// Makes the record survive a loss of power.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.made.sync()
    }

    /// Is there what the index says of a file, which is more than nothing?
    fn is_recorded(&self, path: &Path, known: Option<&FileRecord>) -> Result<bool, FetchError> {
        let Some(known) = known else {
            return Ok(false);
        };
        if self.index.slices_after(known.id, 0, 1)?.is_empty() {
            return Ok(false);
        }
        let until = Instant::now() + COMPARING;
        Ok(store::holds(&self.index, known.id, path, until)? != Some(false))
    }
}

/// The download begins anew, since what was made of it is gone: the person was told, and wishes so. Blocks.
pub(crate) fn begin_anew(index: &Index, item: &ItemRecord) -> Result<(), FetchError> {
    let Some(part) = &item.part else {
        return Ok(());
    };
    match check_place(item) {
        Ok(()) if Own::open(index, item)?.standing(item, part)? == Standing::Ours => return Ok(()),
        Ok(()) | Err(FetchError::FolderReplaced(_)) => {}
        Err(_) => return Ok(()),
    }
    let files = index.files(item.id)?;
    let lost = files.iter().filter(|file| file.path.starts_with(part));
    index.remove_files(lost.map(|file| file.id).collect())?;
    index.update_item(item.id, |item| {
        item.part = None;
        item.begun.here = 0;
        let into = item.into.as_deref();
        item.begun.place = into.and_then(|folder| Identity::of_folder(folder).ok());
    })?;
    // Last: what is on this record and not in the index is of no harm.
    made::forget(index.dir(), item.id);
    Ok(())
}

/// Is the folder the one that the download was begun in? An empty mount point is not.
pub(crate) fn check_place(item: &ItemRecord) -> Result<(), FetchError> {
    let (Some(folder), Some(place)) = (&item.into, &item.begun.place) else {
        return Ok(());
    };
    let now = Identity::of_folder(folder).ok();
    if now.is_some_and(|now| place.compare(&now) != Same::No) {
        return Ok(());
    }
    let mounted = missing_disk(item).is_none();
    Err(match now {
        Some(now) if mounted && place.shares_disk(&now) => {
            FetchError::FolderReplaced(folder.clone())
        }
        None if mounted => FetchError::FolderGone(folder.display().to_string()),
        _ => FetchError::DiskMissing(folder.clone()),
    })
}

/// Where a disk was mounted that the item lies on, and is not.
pub(crate) fn missing_disk(item: &ItemRecord) -> Option<&PathBuf> {
    let mut disks = item.begun.disks.iter();
    disks.find(|disk| !files::is_mounted(disk))
}

fn is_empty(path: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else {
        return false;
    };
    if found.is_dir() {
        return fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    }
    found.is_file() && found.len() == 0
}
