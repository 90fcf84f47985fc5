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
//! | `tree` | the walk through blocks that are here |

mod browse;
pub(crate) mod files;
pub(crate) mod inspections;
mod links;
mod order;
pub(crate) mod paths;
pub(crate) mod pieces;
pub(crate) mod read;
pub(crate) mod tree;

pub use browse::{ListedEntry, cat, list};
pub use read::{FileStat, Reading};
