//! Downloads: what a link names becomes files in the folder that the person chose, and is shared from there.
//!
//! `plan` decides, purely; `worker` carries it out on a thread of its own, for `write` or `compare`, on what is its `own`, with what `seek` finds here and
//! `supply` brings; `record` syncs and remembers; `touch` notices who else writes there; `download` gives it its name and its place; `run` stands between all that and the
//! network, by `channels`; `steer` is for those who look on. `car` carries without a network. `local` and `remote` drive the
//! walks of `unixfs`: through blocks that are here, and through those of a link.

pub(crate) mod car;
mod channels;
mod compare;
mod disk;
mod download;
mod error;
mod folders;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod limits;
mod local;
mod own;
mod plan;
mod record;
mod remote;
mod report;
mod run;
mod seek;
mod space;
mod steer;
mod supply;
mod target;
mod touch;
mod worker;
mod write;

use std::path::Path;

use net::Net;
use store::Source;
use store::index::Index;

pub use error::FetchError;
pub(crate) use error::{
    DISK_MISSING, FOLDER_GONE, FOLDER_REPLACED, IN_THE_WAY, PART_GONE, UNFOLDS, unread,
};
pub(crate) use local::{Gap, Local};
pub(crate) use own::{begin_anew, check_place, missing_disk};
pub(crate) use plan::{Choice, Selection, SelectionError};
pub(crate) use remote::Remote;
pub(crate) use report::{Phase, Report, Tell};
pub(crate) use run::{Sent, import, run};
pub(crate) use space::own_data;
pub(crate) use steer::{Asked, Handle, Running};

/// What downloads work with.
#[derive(Debug, Clone)]
pub(crate) struct FetchContext {
    pub(crate) net: Net,
    pub(crate) index: Index,
    pub(crate) source: Source,
    pub(crate) running: Running,
}

/// Bytes that can still be written into a folder that is there, or will be. `None` if that can't be told.
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| disk::exists(folder))?;
    disk::free_space(there)
}

#[cfg(test)]
mod net_tests;
#[cfg(test)]
mod tests;
