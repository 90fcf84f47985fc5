//! A look at what an import would take in, without reading any of it.

use std::path::PathBuf;

use super::walk::{self, Step, Walk};
use super::withheld::Withheld;
use crate::index::{Index, IndexError, Skipped};

/// What the look came upon.
#[derive(Debug)]
pub enum Found {
    /// Its bytes.
    File(u64),
    Folder,
    Link,
    Skipped(Skipped),
}

/// Nobody wants to know more.
struct Enough;

/// Looks through all paths, as an import would, while `found` says that it may go on. `true`: it came to the end.
pub fn look(
    index: &Index,
    paths: &[PathBuf],
    hidden: bool,
    mut found: impl FnMut(Found) -> bool,
) -> Result<bool, IndexError> {
    let withheld = Withheld::of(index)?;
    let absolute = paths
        .iter()
        .filter_map(|path| std::path::absolute(path).ok());
    let named = walk::top_names(&absolute.collect::<Vec<_>>());
    let mut step = |step| {
        let news = match step {
            Step::File(file) => Found::File(file.size),
            Step::Open { .. } => Found::Folder,
            Step::Link { .. } => Found::Link,
            Step::Skip(skipped) => Found::Skipped(skipped),
            Step::Close { .. } => return Ok(()),
        };
        if found(news) { Ok(()) } else { Err(Enough) }
    };
    Ok(Walk::new(hidden, &withheld, &mut step).run(&named).is_ok())
}
