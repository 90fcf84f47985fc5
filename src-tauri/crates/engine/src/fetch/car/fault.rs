//! Why a CAR can't be taken in, and what helps.

use std::path::{Path, PathBuf};

use unixfs::car::CarError;
use unixfs::{Cid, CidError};

use crate::api::Retry;
use crate::fetch::limits::{MAX_CAR_BLOCKS, MAX_CAR_ROOTS};

/// Why a CAR can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum CarFault {
    #[error("{} is not there", .0.display())]
    NotThere(PathBuf),
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    #[error("{}: {error}", path.display())]
    Damaged { path: PathBuf, error: CarError },
    #[error("{} does not say which item it holds", .0.display())]
    NoRoot(PathBuf),
    #[error("{} names {roots} items, more than the {MAX_CAR_ROOTS} that are taken in at once", path.display())]
    TooManyRoots { path: PathBuf, roots: usize },
    #[error("{} has more than {MAX_CAR_BLOCKS} blocks", .0.display())]
    TooManyBlocks(PathBuf),
    #[error("{} holds nothing that can be taken in: {root}: {why}", path.display())]
    Nothing {
        path: PathBuf,
        root: Box<Cid>,
        why: String,
    },
    #[error("{} does not hold all of the item: {}", path.display(), missing(*blocks, first))]
    Lacks {
        path: PathBuf,
        blocks: u64,
        first: Box<Cid>,
    },
}

fn missing(blocks: u64, first: &Cid) -> String {
    match blocks {
        1 => format!("block {first} is missing"),
        blocks => format!("{blocks} blocks are missing, {first} among them"),
    }
}

/// Why a root is no item.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoItem {
    #[error("{0}")]
    Cid(#[from] CidError),
    #[error("its block is not there")]
    Missing,
    #[error("{0}")]
    Damaged(CarError),
}

impl CarFault {
    /// The next step, and who can take it.
    pub(crate) fn next(&self) -> (&'static str, Retry) {
        match self {
            Self::NotThere(_) => ("Put it back, or name the file where it lies.", Retry::User),
            Self::NotAFile(_) => ("Name the CAR file itself.", Retry::Never),
            Self::Damaged { .. } => (
                "Get it again from whoever made it, and import that.",
                Retry::Never,
            ),
            Self::NoRoot(_) => (
                "Have it made again with the item's CID as its root.",
                Retry::Never,
            ),
            Self::TooManyRoots { .. } | Self::TooManyBlocks(_) => {
                ("Have it made again as several CAR files.", Retry::Never)
            }
            Self::Nothing { .. } => (
                "Only files and folders can be taken in: ask whoever made it what it is for.",
                Retry::Never,
            ),
            Self::Lacks { .. } => (
                "Get one that holds all of it, put it in the place of this one, and import it again: it goes on where it stopped.",
                Retry::Never,
            ),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::NotThere(path)
            | Self::NotAFile(path)
            | Self::Damaged { path, .. }
            | Self::NoRoot(path)
            | Self::TooManyRoots { path, .. }
            | Self::TooManyBlocks(path)
            | Self::Nothing { path, .. }
            | Self::Lacks { path, .. } => path,
        }
    }
}
