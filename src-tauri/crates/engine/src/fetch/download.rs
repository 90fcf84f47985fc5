//! One download from its first byte to its place: which name it takes, what is written or only
//! compared, the rename at the end.
//!
//! A download whose place is taken looks first whether that is the same content; then nothing needs
//! to be written at all. Invariant: the item is called done only after its bytes are synced,
//! recorded and under their final name.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fs_err as fs;

use super::channels::{Channels, Command};
use super::compare;
use super::disk;
use super::error::FetchError;
use super::own::{self, Own, Standing};
use super::plan::Fault;
use super::target;
use super::worker::{Download, Whole};
use super::write::{self, Target};
use store::deletion;
use store::files::{Identity, Same};
use store::index::{FileState, Fingerprint, Index, ItemRecord, Skipped};

/// A download that is whole and in its place.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) skipped: Vec<Skipped>,
    /// It was all there before: nothing was written.
    pub(crate) was_there: bool,
}

/// Runs the download. Blocks until it is in its place, or cannot go on.
pub(crate) fn run(download: &Download, channels: &mut Channels) -> Result<Finished, FetchError> {
    work(download, channels).map_err(|error| match error {
        FetchError::Disk(_)
        | FetchError::InTheWay(_)
        | FetchError::Replaced(_)
        | FetchError::PartGone(_) => {
            // The place is on record since it was begun.
            let item = download.index.item(download.item.id).ok().flatten();
            item.and_then(|item| own::check_place(&item).err())
                .unwrap_or(error)
        }
        // The person is asked, and may go on.
        FetchError::Content(fault @ Fault::Unfolds { .. }) => fault.into(),
        FetchError::Content(fault) => {
            let keep = matches!(fault, Fault::NotThere(_));
            leave_nothing(&download.index, &download.item, keep);
            if let Fault::NotThere(path) = &fault {
                forget_wish(&download.index, &download.item, path);
            }
            fault.into()
        }
        error @ FetchError::LeftOut { .. } => {
            leave_nothing(&download.index, &download.item, true);
            error
        }
        error => error,
    })
}

/// The content can't be had, whoever is asked: what was written of it is of no use. `keep`: files that are
/// on record stay, as after a wish for something that isn't in the item.
fn leave_nothing(index: &Index, item: &ItemRecord, keep: bool) {
    let clear = || -> Result<(), FetchError> {
        let Some(item) = index.item(item.id)?.filter(|item| !item.done) else {
            return Ok(());
        };
        let is_begun = item
            .part
            .as_ref()
            .is_some_and(|part| !is_in_place(&item, part));
        let is_kept = keep && !index.files(item.id)?.is_empty();
        if !is_begun || is_kept {
            return Ok(());
        }
        deletion::delete_files(index, &item)?;
        // A file of which nothing is on record yet.
        if let Some(part) = &item.part
            && part.is_file()
            && Own::open(index, &item)?.is_there(part).is_ok()
        {
            fs::remove_file(part)?;
        }
        forget_files(index, &item)?;
        Ok(index.update_item(item.id, |item| item.part = None)?)
    };
    if let Err(error) = clear() {
        tracing::warn!(id = %item.id, %error, "what was written of it stays");
    }
}

/// A wish that names nothing is forgotten, where others stay: going on means to go on with those.
fn forget_wish(index: &Index, item: &ItemRecord, path: &str) {
    let path = path.to_owned();
    let forgotten = index.update_item(item.id, move |item| {
        let names = |wish: &str| {
            let names = wish.split('/').filter(|name| !matches!(*name, "" | "."));
            names.collect::<Vec<_>>().join("/")
        };
        let mut select = item.wanted.select.clone();
        select.retain(|wish| names(wish) != path);
        if !select.is_empty() {
            item.wanted.select = select;
        }
    });
    if let Err(error) = forgotten {
        tracing::warn!(id = %item.id, %error, "a wish for nothing stays");
    }
}

fn work(download: &Download, channels: &mut Channels) -> Result<Finished, FetchError> {
    let item = &download.item;
    let folder = item.into.as_ref().ok_or(FetchError::NoDownload(item.id))?;
    own::check_place(item)?;
    let own = Arc::new(Own::open(&download.index, item)?);
    match &item.part {
        Some(_) if !disk::exists(folder) => {
            return Err(FetchError::FolderGone(folder.display().to_string()));
        }
        Some(place) if is_in_place(item, place) && disk::exists(place) => {
            if let Some(finished) = resume(download, channels, &own, place)? {
                return Ok(finished);
            }
        }
        Some(part) if !is_in_place(item, part) => match own.standing(item, part)? {
            Standing::Ours => {
                let whole = write::run(download, channels, &own, part, Target::Write)?;
                let whole = whole.ok_or_else(|| FetchError::Replaced(part.clone()))?;
                return finish(download, channels, &own, folder, part, whole);
            }
            Standing::Theirs | Standing::Gone if own.is_nothing() => {}
            Standing::Theirs => return Err(FetchError::Replaced(part.clone())),
            // The last run ended between the rename and the record of it.
            Standing::Gone if has_final_name(&own, folder, item)? => {}
            Standing::Gone => return Err(FetchError::PartGone(part.clone())),
        },
        _ => {}
    }
    if let Some(finished) = find_there(download, channels, &own, folder)? {
        return Ok(finished);
    }
    // It was whole, and something in it is gone.
    if let Some(place) = own_folder(item, &own)?
        && let Some(finished) = resume(download, channels, &own, place)?
    {
        return Ok(finished);
    }
    begin(download, channels, &own, folder)
}

/// Writes the item under the first name that is free when there is something to write.
fn begin(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    folder: &Path,
) -> Result<Finished, FetchError> {
    let item = &download.item;
    make_folder(folder)?;
    for part in target::parts(folder, item) {
        if disk::exists(&part) {
            continue;
        }
        if let Some(whole) = write::run(download, channels, own, &part, Target::Begin)? {
            return finish(download, channels, own, folder, &part, whole);
        }
    }
    Err(no_name(folder, item).into())
}

fn make_folder(folder: &Path) -> Result<(), FetchError> {
    fs::create_dir_all(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            FetchError::NoFolder(folder.to_path_buf())
        }
        _ => error.into(),
    })
}

/// Goes on inside a finished download. `None`: the person has made something else of it, and all of
/// it is to be fetched again, beside.
fn resume(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    place: &Path,
) -> Result<Option<Finished>, FetchError> {
    match write::run(download, channels, own, place, Target::Resume) {
        Ok(Some(whole)) => {
            set_done(download, place, &whole)?;
            Ok(Some(finished(channels, place, whole, false)))
        }
        Ok(None) | Err(FetchError::InTheWay(_)) => {
            forget_files(&download.index, &download.item)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Does what was written have its final name already?
fn has_final_name(own: &Own, folder: &Path, item: &ItemRecord) -> Result<bool, FetchError> {
    for path in target::taken(folder, item) {
        if own.standing(item, &path)? == Standing::Ours {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks whether the item lies in the folder already: it may have been there before, or the last
/// run ended between the rename and the record of it.
fn find_there(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    folder: &Path,
) -> Result<Option<Finished>, FetchError> {
    for path in target::taken(folder, &download.item) {
        forget_files(&download.index, &download.item)?;
        if let Some(mut whole) = compare::run(download, channels, own, &path)? {
            whole
                .skipped
                .extend(target::saved_as(&download.item, &path));
            set_done(download, &path, &whole)?;
            return Ok(Some(finished(channels, &path, whole, true)));
        }
    }
    forget_files(&download.index, &download.item)?;
    Ok(None)
}

/// The folder of a download that was whole, if that lies there still.
fn own_folder<'a>(item: &'a ItemRecord, own: &Own) -> Result<Option<&'a PathBuf>, FetchError> {
    let place = item.sources.first().filter(|place| place.is_dir());
    match place {
        Some(place) if own.standing(item, place)? == Standing::Ours => Ok(Some(place)),
        _ => Ok(None),
    }
}

/// Does a finished download go on, where it lies?
fn is_in_place(item: &ItemRecord, part: &Path) -> bool {
    item.sources.first().is_some_and(|done| done == part)
}

fn no_name(folder: &Path, item: &ItemRecord) -> io::Error {
    let message = format!(
        "too many items called {:?} in {}",
        item.name,
        folder.display()
    );
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

/// Forgets what a comparison recorded of files that are somebody else's.
fn forget_files(index: &Index, item: &ItemRecord) -> Result<(), FetchError> {
    let files = index.files(item.id)?;
    // What is still to be taken over from another place stays known.
    let is_left = |path: &Path| {
        item.left
            .as_ref()
            .is_some_and(|left| path.starts_with(left))
    };
    let here = files.into_iter().filter(|file| !is_left(&file.path));
    let ids: Vec<_> = here.map(|file| file.id).collect();
    if !ids.is_empty() {
        index.remove_files(ids)?;
    }
    Ok(())
}

/// Gives the download its final name.
fn finish(
    download: &Download,
    channels: &Channels,
    own: &Own,
    folder: &Path,
    part: &Path,
    mut whole: Whole,
) -> Result<Finished, FetchError> {
    let Download { index, item, .. } = download;
    if own.is_nothing() {
        return Err(FetchError::Nothing);
    }
    let path = rename(own, part, folder, item)?;
    whole.skipped.extend(target::saved_as(item, &path));
    disk::sync_folder(folder)?;
    if whole.is_file {
        move_file(index, item, part, &path)?;
    } else {
        index.move_folder(item.id, part, &path)?;
    }
    set_done(download, &path, &whole)?;
    Ok(finished(channels, &path, whole, false))
}

/// Takes the first name that is free, for what was written and nothing else.
fn rename(own: &Own, part: &Path, folder: &Path, item: &ItemRecord) -> Result<PathBuf, FetchError> {
    for path in target::finished(folder, item) {
        let before = own.is_there(part)?;
        match disk::rename_no_replace(part, &path) {
            Ok(()) => {
                // Somebody was quicker: theirs gets its name back.
                if before.compare(&Identity::at(&path)?) == Same::No {
                    disk::rename_no_replace(&path, part)?;
                    return Err(FetchError::Replaced(part.to_path_buf()));
                }
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(no_name(folder, item).into())
}

fn move_file(index: &Index, item: &ItemRecord, from: &Path, to: &Path) -> Result<(), FetchError> {
    let folder = from.parent().unwrap_or(from);
    let files = index.files_in(item.id, folder)?;
    for file in files.iter().filter(|file| file.path == from) {
        // A rename changes the file's times.
        let fingerprint = Fingerprint::of(&fs::symlink_metadata(to)?, SystemTime::now());
        index.set_file(file.id, to, Some(fingerprint), FileState::Whole)?;
    }
    Ok(())
}

fn set_done(download: &Download, path: &Path, whole: &Whole) -> Result<(), FetchError> {
    let Download { index, item, .. } = download;
    let totals = whole.totals;
    let path = path.to_path_buf();
    // What was here before was never begun.
    let place = item.into.as_deref().map(Identity::of_folder).transpose()?;
    if let Some(left) = &item.left {
        deletion::delete_left(index, item, left)?;
    }
    index.set_skipped(item.id, whole.skipped.clone())?;
    index.update_item(item.id, move |item| {
        item.done = true;
        item.bytes = totals.bytes;
        item.files = totals.files;
        item.part = None;
        item.left = None;
        item.begun.place = item.begun.place.or(place);
        item.sources = vec![path];
    })?;
    Ok(())
}

fn finished(channels: &Channels, path: &Path, whole: Whole, was_there: bool) -> Finished {
    // Whoever listened may be gone.
    let _ = channels.send(Command::Have(whole.recorded));
    Finished {
        path: path.to_path_buf(),
        bytes: whole.totals.bytes,
        files: whole.totals.files,
        skipped: whole.skipped,
        was_there,
    }
}
