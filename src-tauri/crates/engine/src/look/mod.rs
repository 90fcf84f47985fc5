//! Links and items seen from inside: what they hold, their bytes, and which parts of them are here.
//!
//! Invariants: nothing is kept that was only looked at; a file's bytes leave only verified; every answer is bounded, and every
//! wait ends.
//!
//! | file | answers |
//! |---|---|
//! | `links` `inspections` | what is behind a link, while people are still being found |
//! | `files` `order` | one level of an item's tree |
//! | `read` | bytes of a file, from a download under way too |
//! | `pieces` | which parts are here |
//! | `paths` | what sharing these paths would share |
//! | `tree` | an item's tree, as far as its blocks are here |

pub(crate) mod files;
pub(crate) mod inspections;
mod links;
mod order;
pub(crate) mod paths;
pub(crate) mod pieces;
pub(crate) mod read;
pub(crate) mod tree;

pub use links::{ListedEntry, list};
pub use read::{FileStat, Pieces, Reading, cat};

use crate::fetch::FetchError;
use crate::limits::MAX_FOLDER_DEPTH;

/// The names of a path inside an item. Empty parts and `.` are nothing; what leads out is in no item.
pub(crate) fn names(path: &str) -> Result<Vec<&str>, FetchError> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<&str> = names.collect();
    if names.contains(&"..") || names.len() > MAX_FOLDER_DEPTH as usize {
        let path = path.to_owned();
        return Err(FetchError::NotInItem { path });
    }
    Ok(names)
}
