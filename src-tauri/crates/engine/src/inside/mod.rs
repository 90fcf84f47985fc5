//! Looking inside and steering: one item's files and bytes, and what paths and links hold before they become items.
//!
//! Each call is short here. What stays true: nothing is kept that was only looked at; a file's bytes leave only verified; every
//! answer is bounded, and every wait ends.
//!
//! | file | answers |
//! |---|---|
//! | `files` `order` | one level of an item's tree |
//! | `read` | bytes of a file, from a download under way too |
//! | `paths` | what sharing these paths would share |
//! | `tree` | the walk through blocks that are here |

mod files;
mod order;
mod paths;
mod read;
mod tree;
pub mod types;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::read::{FileStat, Reading};

use self::files::{Listing, Remembered};
use self::types::{FilesRequest, FilesView, InspectPathsRequest, LinkView, PathsView};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fetch::{FetchError, Running};
use crate::link::Link;
use crate::types::ItemId;
use crate::work::blocking;

/// Where people without Shoal get content: a public gateway that keeps each item apart from the others.
const GATEWAY: &str = "https://dweb.link/ipfs";

/// What looking inside remembers. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inside {
    /// Downloads under way.
    pub(crate) running: Running,
    remembered: Arc<Remembered>,
}

impl Engine {
    /// One level of an item's tree.
    pub async fn files(&self, request: FilesRequest) -> Result<FilesView, EngineError> {
        let record = self.record(request.id).await?;
        let context = self.context().clone();
        let work = move || {
            let listing = Listing {
                index: &context.index,
                source: &context.source,
                remembered: &context.inside.remembered,
                record: &record,
            };
            listing.window(&request.dir, request.offset, request.limit)
        };
        blocking(work).await
    }

    /// Links to an item, for people with Shoal and for those without.
    pub async fn links(&self, id: ItemId) -> Result<LinkView, EngineError> {
        let link = self.link(id).await?;
        let record = self.record(id).await?;
        let root = record.root.ok_or(EngineError::NotReady(id))?;
        let named = Link {
            filename: Some(record.name),
            ..Link::to(root)
        };
        let gateway = named.to_string().replacen("ipfs:/", GATEWAY, 1);
        Ok(LinkView { link, gateway })
    }

    /// What sharing these paths would share, as far as that can be seen in a moment.
    pub async fn inspect_paths(
        &self,
        request: InspectPathsRequest,
    ) -> Result<PathsView, EngineError> {
        blocking(move || paths::inspect(&request.paths, request.hidden)).await
    }

    /// Name and size of a file in an item. A download under way may have to fetch its first block for that.
    pub async fn stat(&self, id: ItemId, path: &str) -> Result<FileStat, EngineError> {
        let record = self.record(id).await?;
        let context = self.context();
        Ok(read::stat(&context.inside.running, &context.source, &record, path).await?)
    }

    /// Bytes of a file in an item, verified, in order. What a download under way has not fetched yet comes first, and is waited
    /// for. A range is cut to what the file has.
    pub async fn read(
        &self,
        id: ItemId,
        path: &str,
        range: Range<u64>,
    ) -> Result<Reading, EngineError> {
        let record = self.record(id).await?;
        let context = self.context();
        Ok(read::read(
            &context.inside.running,
            &context.source,
            &record,
            path,
            range,
        )
        .await?)
    }

    /// Where something inside an item lies on this disk: a file, a folder, or the item itself for an empty path.
    pub async fn place(&self, id: ItemId, path: &str) -> Result<PathBuf, EngineError> {
        let record = self.record(id).await?;
        let own = self.item(id)?.path;
        let names = tree::names(path)?.join("/");
        let missing = FetchError::NotInItem {
            path: path.to_owned(),
        };
        if names.is_empty() {
            return Ok(own.ok_or(missing)?);
        }
        let index = self.index();
        let found = blocking(move || {
            let at = names.clone();
            let known = files::on_record(&index, &record, &names)?;
            Ok::<_, EngineError>(known.or_else(|| {
                // A folder that holds only folders is on record by those alone.
                let path = own?.join(at);
                path.is_dir().then_some(path)
            }))
        });
        Ok(found.await?.ok_or(missing)?)
    }
}

#[cfg(test)]
mod tests;
