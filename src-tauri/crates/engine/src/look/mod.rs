//! Links and items seen from inside: what they hold, their bytes, and which parts of them are here.
//!
//! Invariants: nothing is kept that was only looked at; a file's bytes leave only verified; every
//! answer is bounded, and every wait ends.
//!
//! | file | answers |
//! |---|---|
//! | `links` `inspections` | what is behind a link, while people are still being found |
//! | `files` | one level of an item's tree |
//! | `read` | bytes of a file, from a download under way too |
//! | `pieces` | which parts are here |
//! | `paths` | what sharing these paths would share |
//! | `tree` | an item's tree, as far as its blocks are here |

pub(crate) mod files;
pub(crate) mod inspections;
mod limits;
mod links;
pub(crate) mod paths;
pub(crate) mod pieces;
pub(crate) mod read;
pub(crate) mod tree;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::links::list;
pub(crate) use self::read::cat;
pub use self::read::{FileStat, Pieces, Reading};

use self::files::{Listing, Remembered};
use self::inspections::{Inspected, Inspections};
use crate::api::{FilesRequest, FilesView, InspectLinkRequest};
use crate::fetch::limits::MAX_FOLDER_DEPTH;
use crate::fetch::{FetchContext, FetchError};
use crate::link::Link;
use store::Source;
use store::index::{Index, IndexError, ItemRecord};

/// What is remembered from one look to the next. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    remembered: Arc<Remembered>,
    inspections: Arc<Inspections>,
}

impl Looks {
    /// One level of an item's tree. Blocks.
    pub(crate) fn files(
        &self,
        index: &Index,
        source: &Source,
        record: &ItemRecord,
        request: &FilesRequest,
    ) -> Result<FilesView, FetchError> {
        let listing = Listing {
            index,
            source,
            remembered: &self.remembered,
            record,
        };
        listing.window(&request.dir, request.offset, request.limit)
    }

    /// What is behind a link, as far as it is known by now.
    pub(crate) async fn inspect(
        &self,
        context: FetchContext,
        link: &Link,
        request: &InspectLinkRequest,
    ) -> Result<Inspected, Arc<FetchError>> {
        let wait = Duration::from_millis(request.wait_ms);
        let (link, dir) = (link.clone(), &request.dir);
        let asked = &self.inspections;
        asked.ask(context, link, dir, request.since, wait).await
    }
}

/// Where something inside an item lies on this disk: a file, a folder, or the item itself for an
/// empty path. Blocks.
pub(crate) fn place(
    index: &Index,
    record: &ItemRecord,
    item: Option<PathBuf>,
    names: &str,
) -> Result<Option<PathBuf>, IndexError> {
    if names.is_empty() {
        return Ok(item);
    }
    let known = files::on_record(index, record, names)?;
    // A folder that holds only folders is on record by those alone.
    let folder = || Some(item?.join(names)).filter(|path| path.is_dir());
    Ok(known.or_else(folder))
}

/// The names of a path inside an item. Empty parts and `.` are nothing; what leads out is in no
/// item.
pub(crate) fn names(path: &str) -> Result<Vec<&str>, FetchError> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<&str> = names.collect();
    if names.contains(&"..") || names.len() > MAX_FOLDER_DEPTH as usize {
        let path = path.to_owned();
        return Err(FetchError::NotInItem { path });
    }
    Ok(names)
}
