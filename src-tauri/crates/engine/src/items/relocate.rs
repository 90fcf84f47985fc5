//! "It lies there now": an item whose files were moved, or a download that is to go on somewhere
//! else.
//!
//! Invariants: nothing on the disk is touched; an item is looked for at the new place before
//! anything is changed, and what differs there is named. Every file is compared by its size and
//! fingerprint; those that this doesn't prove are read, as many as a person waits for. The rest is
//! read by the check that follows, and no block of it is served before it was.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use fs_err as fs;

use super::{ItemError, known};
use crate::fetch;
use store::files::{Identity, Same};
use store::index::{FileRecord, FileState, Fingerprint, Index, ItemKind, ItemRecord};
use store::made::{self, Made};

/// How long files are read while somebody waits for the answer.
const READING: Duration = Duration::from_secs(5);

/// Why an item isn't what lies at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelocateError {
    #[error("{} is not there", .0.display())]
    NotThere(PathBuf),
    #[error("{} is another item, or only a part of this one: {} is {what} there", place.display(), path.display())]
    Differs {
        place: PathBuf,
        /// The first file that does.
        path: PathBuf,
        what: Difference,
        /// Files that do.
        count: u64,
    },
    #[error("{} can't be written to", .0.display())]
    NoFolder(PathBuf),
}

/// How a file is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Missing,
    OtherSize,
    OtherContent,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::OtherSize => "of another size",
            Self::OtherContent => "not the same",
        })
    }
}

/// Takes an item to another place. Gives where it is now. Blocks.
pub(super) fn relocate(
    index: &Index,
    record: &ItemRecord,
    place: &Path,
) -> Result<PathBuf, ItemError> {
    let place = std::path::absolute(place)
        .ok()
        .filter(|place| fs::symlink_metadata(place).is_ok())
        .ok_or_else(|| RelocateError::NotThere(place.to_path_buf()))?;
    let was_whole = record.kind == ItemKind::Share || record.part.is_none();
    if was_whole && !record.sources.is_empty() {
        moved(index, record, &place)
    } else {
        elsewhere(index, record, &place)
    }
}

/// What was shared, or a finished download, lies somewhere else.
fn moved(index: &Index, record: &ItemRecord, place: &Path) -> Result<PathBuf, ItemError> {
    let files = index.files(record.id)?;
    let mut refused = None;
    for moves in candidates(&record.sources, place) {
        match compare(index, &files, &moves)? {
            None => return take_over(index, record, &files, &moves),
            // The nearest miss says most.
            Some(new) => {
                let better = refused.as_ref().is_none_or(|old| count(&new) < count(old));
                refused = if better { Some(new) } else { refused };
            }
        }
    }
    Err(refused
        .unwrap_or_else(|| RelocateError::NotThere(place.to_path_buf()))
        .into())
}

fn count(error: &RelocateError) -> u64 {
    match error {
        RelocateError::Differs { count, .. } => *count,
        _ => u64::MAX,
    }
}

/// From where to where. What isn't in it is where it was.
type Moves = HashMap<PathBuf, PathBuf>;

/// What a person may have meant: the thing itself, or the folder that it is in.
fn candidates(sources: &[PathBuf], place: &Path) -> Vec<Moves> {
    let below = |source: &PathBuf| place.join(source.file_name().unwrap_or(OsStr::new("")));
    if let [only] = sources {
        let mut candidates = vec![Moves::from([(only.clone(), place.to_path_buf())])];
        if place.is_dir() {
            candidates.push(Moves::from([(only.clone(), below(only))]));
        }
        return candidates;
    }
    let gone = sources
        .iter()
        .filter(|source| fs::symlink_metadata(source).is_err());
    let gone: Vec<&PathBuf> = gone.collect();
    let named = gone
        .iter()
        .filter(|source| source.file_name() == place.file_name());
    let mut candidates: Vec<Moves> = named
        .map(|source| Moves::from([((*source).clone(), place.to_path_buf())]))
        .collect();
    candidates.push(
        gone.into_iter()
            .map(|source| (source.clone(), below(source)))
            .collect(),
    );
    candidates
}

fn moved_path(moves: &Moves, path: &Path) -> PathBuf {
    for (from, to) in moves {
        if let Ok(rest) = path.strip_prefix(from) {
            return if rest.as_os_str().is_empty() {
                to.clone()
            } else {
                to.join(rest)
            };
        }
    }
    path.to_path_buf()
}

/// Are the item's files at their new places what they were? `None`: they are, as far as was looked.
fn compare(
    index: &Index,
    files: &[FileRecord],
    moves: &Moves,
) -> Result<Option<RelocateError>, ItemError> {
    let place = || moves.values().next().cloned().unwrap_or_default();
    let mut different: Option<(PathBuf, Difference, u64)> = None;
    let mut unproven = Vec::new();
    let mut note = |file: &FileRecord, what| {
        let entry = different.get_or_insert_with(|| (file.name_in_item.clone().into(), what, 0));
        entry.2 += 1;
    };
    for file in files {
        let path = moved_path(moves, &file.path);
        let Some(metadata) = fs::symlink_metadata(&path)
            .ok()
            .filter(std::fs::Metadata::is_file)
        else {
            note(file, Difference::Missing);
            continue;
        };
        let now = Fingerprint::of(&metadata, SystemTime::now());
        if metadata.len() != file.size {
            note(file, Difference::OtherSize);
        } else if !file.fingerprint.is_some_and(|hashed| hashed.proves(&now)) {
            unproven.push((file, path));
        }
    }
    let until = Instant::now() + READING;
    if different.is_none() {
        for (file, path) in unproven {
            if Instant::now() >= until {
                break;
            }
            if store::holds(index, file.id, &path, until)? == Some(false) {
                let path = PathBuf::from(&file.name_in_item);
                different = Some((path, Difference::OtherContent, 1));
                break;
            }
        }
    }
    Ok(different.map(|(path, what, count)| RelocateError::Differs {
        place: place(),
        path,
        what,
        count,
    }))
}

/// Puts the new places on record.
fn take_over(
    index: &Index,
    record: &ItemRecord,
    files: &[FileRecord],
    moves: &Moves,
) -> Result<PathBuf, ItemError> {
    for (from, to) in moves {
        if let Some(file) = files.iter().find(|file| file.path == *from) {
            // Its name in the item stays: the content has not changed.
            index.set_file(file.id, to, file.fingerprint, FileState::Whole)?;
        } else {
            index.move_folder(record.id, from, to)?;
        }
    }
    let sources: Vec<PathBuf> = record
        .sources
        .iter()
        .map(|source| moved_path(moves, source))
        .collect();
    let now = sources.first().cloned().unwrap_or_default();
    let whole = record.kind == ItemKind::Download;
    index.update_item(record.id, move |record| {
        if whole {
            // A check that found nothing at the old place had it fetched again.
            record.done = true;
            record.into = sources
                .first()
                .and_then(|path| path.parent())
                .map(Path::to_path_buf);
            record.begun.place = place_of(record);
        }
        record.sources = sources;
        record.begun.disks = known::disks(record.sources.iter().map(PathBuf::as_path));
    })?;
    Ok(now)
}

/// Where a download is begun, from now on.
fn place_of(record: &ItemRecord) -> Option<Identity> {
    Identity::of_folder(record.into.as_deref()?).ok()
}

fn began_at(record: &mut ItemRecord, place: Option<Identity>) {
    record.begun.place = place;
    record.begun.disks = known::disks(record.into.iter().map(PathBuf::as_path));
}

/// An unfinished download goes on where its part was moved to, or in another folder with what is
/// here of it.
fn elsewhere(index: &Index, record: &ItemRecord, place: &Path) -> Result<PathBuf, ItemError> {
    if !place.is_dir() {
        return Err(RelocateError::NoFolder(place.to_path_buf()).into());
    }
    let part = record.part.clone();
    let name = part.as_ref().and_then(|part| part.file_name());
    let is_gone = |part: &PathBuf| fs::symlink_metadata(part).is_err();
    if let (Some(from), Some(name)) = (part.as_ref().filter(|part| is_gone(part)), name) {
        let to = place.join(name);
        if fs::symlink_metadata(&to).is_ok() {
            return part_moved(index, record, from, &to);
        }
    }
    if record.into.as_deref() == Some(place) && fetch::check_place(record).is_ok() {
        return Ok(part.unwrap_or_else(|| place.to_path_buf()));
    }
    let into = place.to_path_buf();
    index.update_item(record.id, move |record| {
        record.into = Some(into);
        began_at(record, place_of(record));
        // What is here of it is taken over from there, and goes when it is all in its new place.
        record.left = record.part.take().or(record.left.take());
    })?;
    Ok(place.to_path_buf())
}

fn part_moved(
    index: &Index,
    record: &ItemRecord,
    from: &Path,
    to: &Path,
) -> Result<PathBuf, ItemError> {
    let files = index.files(record.id)?;
    if let Some(file) = files.iter().find(|file| file.path == from) {
        index.set_file(file.id, to, file.fingerprint, FileState::Part)?;
    } else {
        index.move_folder(record.id, from, to)?;
    }
    // A copy on another disk is not the file that was made. The person says that it is the download:
    // it is taken over as far as its content says so too.
    let made = Made::open(index.dir(), record.id)?;
    let copied = Identity::at(to).is_ok_and(|now| made.has(&now) == Same::No);
    if copied {
        made::forget(index.dir(), record.id);
    }
    let now = to.to_path_buf();
    index.update_item(record.id, move |record| {
        record.into = now.parent().map(Path::to_path_buf);
        began_at(record, if copied { None } else { place_of(record) });
        record.part = Some(now);
    })?;
    Ok(to.to_path_buf())
}
