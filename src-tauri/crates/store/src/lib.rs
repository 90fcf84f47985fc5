//! What Shoal keeps: which blocks lie where in the person's files, and the files themselves. Files stay where they are.
//!
//! It knows nothing of networks, jobs or windows. All calls block: use them from threads that may.
//!
//! | room | what it does |
//! |---|---|
//! | [`index`] | the database: items, their files, and the blocks in them |
//! | `import` | files become items: walk, hash, put on record |
//! | `scan` | are an item's files still what was hashed? |
//! | `source` | blocks out of the files, verified |
//! | `serving` | who may be served; the one owner of "everything is paused" |
//! | [`deletion`] | what a download wrote goes, and only that |
//! | [`files`] | the one place that opens, reads, writes, names and renames files |
//! | [`made`] | what Shoal made for an item, and so may write to, rename and delete |
//! | `others` | which items lie in the same place |
//! | `item` `control` | an item's number and kind; stopping and watching work |

mod control;
pub mod deletion;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/input.rs"
    ));
}
mod import;
pub mod index;
mod item;
pub mod limits;
pub mod made;
mod others;
mod scan;
mod serving;
mod source;

pub use control::{Control, Progress, Snapshot, Stopped};
pub use import::{
    Found, HIDDEN, ImportError, ImportRequest, Imported, OWN, UNFINISHED, compute, distinct,
    finished_path, import, look, named, share_name,
};
pub use item::{ItemId, ItemKind, Skipped};
pub use others::also_at;
pub use scan::{Depth, Listed, ScanError, ScanReport, holds, scan};
pub use serving::Serving;
pub use source::{Doubt, DoubtKind, Held, Source};

#[cfg(test)]
mod tests;
