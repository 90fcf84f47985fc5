//! CAR files: an item's blocks written into one, and what one holds unpacked like a download whose
//! only peer is the file.
//!
//! Importing gives ordinary files in the download folder, which are then shared where they lie: no
//! block is kept twice. The CAR is gone over once to learn where its blocks stand; then each is read
//! when it is wanted, whatever their order. Each root becomes an item.

mod fault;
mod feed;
mod places;

use std::io::{self, BufWriter};
use std::path::Path;

use fs_err as fs;
use unixfs::car::{CarError, CarReader, CarWriter};
use unixfs::walk::Every;
use unixfs::{Cid, cid};

use super::error::FetchError;
use super::local::{Gap, Local};
use crate::fetch::limits::{MAX_CAR_DEPTH, MAX_CAR_ROOTS};
use fault::NoItem;
use places::{Halt, Places, Stop};
use store::Source;
use store::files::Unfinished;
use store::index::Skipped;

pub(crate) use fault::CarFault;
pub(crate) use feed::Feed;

/// What a CAR holds.
#[derive(Debug)]
pub(crate) struct Holds {
    /// Those that can be items.
    pub(crate) roots: Vec<Cid>,
    /// Roots that can't, and why.
    pub(crate) left_out: Vec<Skipped>,
    /// Blocks that belong to none of the roots.
    pub(crate) foreign: u64,
}

/// Looks what a CAR holds, and that it is whole as far as that is seen without reading all of it: nothing is begun with one that is
/// not. Reads nodes, and no leaves that are raw.
pub(crate) fn look(path: &Path, stop: Stop<'_>) -> Result<Holds, FetchError> {
    let mut car = open(path)?;
    let mut named: Vec<Cid> = Vec::new();
    for root in car.roots() {
        if !named.contains(root) {
            named.push(*root);
        }
        if named.len() > MAX_CAR_ROOTS {
            let (path, roots) = (path.to_path_buf(), car.roots().len());
            return Err(CarFault::TooManyRoots { path, roots }.into());
        }
    }
    let places = gone_over(path, Places::of(&mut car, stop))?;
    let (mut roots, mut left_out) = (Vec::new(), Vec::new());
    let mut refused = None;
    for root in named {
        match check_root(&mut car, &places, &root) {
            Ok(()) => roots.push(root),
            Err(why) => {
                left_out.push(Skipped {
                    path: root.to_string(),
                    reason: why.to_string(),
                });
                refused.get_or_insert((root, why));
            }
        }
    }
    if roots.is_empty() {
        let path = path.to_path_buf();
        return Err(match refused {
            None => CarFault::NoRoot(path),
            Some((_, NoItem::Damaged(error))) => CarFault::Damaged { path, error },
            Some((root, NoItem::Missing)) => CarFault::Lacks {
                path,
                blocks: 1,
                first: Box::new(root),
            },
            Some((root, why)) => CarFault::Nothing {
                path,
                root: Box::new(root),
                why: why.to_string(),
            },
        }
        .into());
    }
    let foreign = gone_over(path, places.foreign(&mut car, &roots, stop))?;
    Ok(Holds {
        roots,
        left_out,
        foreign,
    })
}

fn check_root(car: &mut CarReader<fs::File>, places: &Places, root: &Cid) -> Result<(), NoItem> {
    cid::acceptable(root)?;
    if cid::implied_block(root).is_none() {
        let at = places.find(root, None).ok_or(NoItem::Missing)?;
        car.block_at(at).map_err(NoItem::Damaged)?;
    }
    Ok(())
}

/// Is there a CAR with that root? Until it was whole, older versions kept an item's CAR where they put the item's own place later.
pub(crate) fn names(path: &Path, root: Option<Cid>) -> bool {
    let named = |root: Cid| open(path).is_ok_and(|car| car.roots().contains(&root));
    root.is_some_and(named)
}

fn open(path: &Path) -> Result<CarReader<fs::File>, FetchError> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CarFault::NotThere(path.to_path_buf()).into());
        }
        Err(error) => return Err(FetchError::disk(error)),
    };
    // Whoever opens a pipe waits for somebody to write into it.
    if !found.is_file() {
        return Err(CarFault::NotAFile(path.to_path_buf()).into());
    }
    let file = fs::File::open(path).map_err(FetchError::disk)?;
    CarReader::new(file).map_err(|error| damaged(path, error))
}

fn gone_over<T>(path: &Path, result: Result<T, Halt>) -> Result<T, FetchError> {
    result.map_err(|halt| match halt {
        Halt::Stopped => FetchError::Stopped,
        Halt::TooManyBlocks => CarFault::TooManyBlocks(path.to_path_buf()).into(),
        Halt::Car(error) => damaged(path, error),
    })
}

fn damaged(path: &Path, error: CarError) -> FetchError {
    let path = path.to_path_buf();
    match error {
        CarError::Io(error) => FetchError::disk(error),
        error => CarFault::Damaged { path, error }.into(),
    }
}

/// Writes all blocks below a root into a CAR, in the tree's order, each once for each place. Says
/// how many bytes it has.
///
/// Blocks that follow from their CID alone are written too: other readers may not know that. The
/// file appears under its name when it is complete, and never replaces another.
pub(crate) fn export(source: &Source, root: &Cid, path: &Path) -> Result<u64, FetchError> {
    let unwritten = |source: io::Error| FetchError::Unwritten {
        path: path.to_owned(),
        source,
    };
    let unfinished = Unfinished::new(path).map_err(unwritten)?;
    let bytes = write_all(source, root, unfinished.file()).and_then(|()| {
        let bytes = unfinished.file().metadata()?.len();
        unfinished.finish()?;
        Ok(bytes)
    });
    bytes.map_err(|error| match error {
        FetchError::Disk(source) => unwritten(source),
        error => error,
    })
}

fn write_all(source: &Source, root: &Cid, file: &fs::File) -> Result<(), FetchError> {
    let out = BufWriter::with_capacity(1 << 20, file);
    let mut car = CarWriter::new(out, &[*root])?;
    let mut walk = Every::new(*root, MAX_CAR_DEPTH)?;
    let blocks = Local::new(source.clone());
    while let Some((cid, block)) = blocks.run(&mut walk).map_err(unreadable)? {
        car.write(&cid, &[&block])?;
    }
    let out = car.finish()?;
    let written = out.into_inner();
    written
        .map(drop)
        .map_err(|error| FetchError::Disk(error.into_error()))
}

fn unreadable(gap: Gap) -> FetchError {
    match gap {
        Gap::Block(cid) => FetchError::BlockGone(cid),
        Gap::Error(error) => error,
    }
}
