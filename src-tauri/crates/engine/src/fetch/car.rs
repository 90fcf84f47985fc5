//! CAR files: an item's blocks written into one, and one unpacked like a download whose only peer
//! is the file.
//!
//! Importing gives ordinary files in the download folder, which are then shared where they lie: no
//! block is kept twice. The CAR is read from front to back and each block taken if it is wanted at
//! that moment; where the blocks lie in another order than the tree's, the file is read again,
//! until a whole pass brings nothing.

use std::collections::HashSet;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use fs_err as fs;
use unixfs::car::{CarError, CarReader, CarWriter};
use unixfs::walk::Every;
use unixfs::{Block, Cid};

use super::disk;
use super::error::FetchError;
use super::local::{Gap, Local};
use crate::fetch::limits::MAX_CAR_DEPTH;
use store::Source;

/// The blocks of a CAR, as they are wanted.
#[derive(Debug)]
pub(crate) struct Feed {
    path: PathBuf,
    reader: CarReader<fs::File>,
    /// This pass brought something.
    useful: bool,
}

impl Feed {
    pub(crate) fn open(path: &Path) -> Result<Self, FetchError> {
        Ok(Self {
            path: path.to_path_buf(),
            reader: read(path)?,
            useful: false,
        })
    }

    /// The next block that is wanted.
    pub(crate) fn next(&mut self, wanted: &HashSet<Cid>) -> Result<Block, FetchError> {
        loop {
            match self.reader.next() {
                Some(Ok(block)) if wanted.contains(&block.cid) => {
                    self.useful = true;
                    return Ok(block);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(bad(&self.path, &error)),
                None if self.useful => {
                    self.useful = false;
                    self.reader = read(&self.path)?;
                }
                None => {
                    let missing = wanted.iter().next().map(Cid::to_string);
                    return Err(FetchError::Car(format!(
                        "{} does not hold all of the item: block {} is missing",
                        self.path.display(),
                        missing.unwrap_or_default()
                    )));
                }
            }
        }
    }
}

/// What a CAR holds: the first of its roots.
pub(crate) fn root(path: &Path) -> Result<Cid, FetchError> {
    read(path)?.roots().first().copied().ok_or_else(|| {
        let path = path.display();
        FetchError::Car(format!("{path} does not say which item it holds"))
    })
}

fn read(path: &Path) -> Result<CarReader<fs::File>, FetchError> {
    let file = fs::File::open(path).map_err(FetchError::disk)?;
    CarReader::new(file).map_err(|error| bad(path, &error))
}

fn bad(path: &Path, error: &CarError) -> FetchError {
    FetchError::Car(format!("{}: {error}", path.display()))
}

/// Writes all blocks below a root into a CAR, in the tree's order, each once for each place. Says
/// how many bytes it has.
///
/// Blocks that follow from their CID alone are written too: other readers may not know that. The
/// file appears under its name when it is complete, and never replaces another.
pub(crate) fn export(source: &Source, root: &Cid, path: &Path) -> Result<u64, FetchError> {
    let unwritten = |path: &Path, source: io::Error| FetchError::Unwritten {
        path: path.to_owned(),
        source,
    };
    if disk::exists(path) {
        return Err(unwritten(path, io::ErrorKind::AlreadyExists.into()));
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = fs::File::create_new(&part).map_err(|error| unwritten(&part, error))?;
    let result = write_all(source, root, file).and_then(|file| {
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        disk::rename_no_replace(&part, path)?;
        Ok(bytes)
    });
    if result.is_err() {
        // It was made above, and is of no use.
        let _ = fs::remove_file(&part);
    }
    result.map_err(|error| match error {
        FetchError::Disk(source) => unwritten(path, source),
        error => error,
    })
}

fn write_all(source: &Source, root: &Cid, file: fs::File) -> Result<fs::File, FetchError> {
    let out = BufWriter::with_capacity(1 << 20, file);
    let mut car = CarWriter::new(out, &[*root])?;
    let mut walk = Every::new(*root, MAX_CAR_DEPTH)?;
    let blocks = Local::new(source.clone());
    while let Some((cid, block)) = blocks.run(&mut walk).map_err(unreadable)? {
        car.write(&cid, &[&block])?;
    }
    let out = car.finish()?;
    out.into_inner()
        .map_err(|error| FetchError::Disk(error.into_error()))
}

fn unreadable(gap: Gap) -> FetchError {
    match gap {
        Gap::Block(cid) => FetchError::BlockGone(cid),
        Gap::Error(error) => FetchError::Car(error.to_string()),
    }
}
