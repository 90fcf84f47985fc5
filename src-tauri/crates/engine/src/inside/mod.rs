//! Looking inside and steering: one item's files and bytes, and what paths and links hold before they become items.
//!
//! Each call is short here. What stays true: nothing is kept that was only looked at; a file's bytes leave only verified; every
//! answer is bounded, and every wait ends.
//!
//! `choose` says what of a download is wanted and what comes first, `relocate` takes an item that lies somewhere else now;
//! looking is `look`'s.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::look::{FileStat, Reading};

use crate::api::Action;
use crate::api::ItemId;
use crate::api::{
    FilesRequest, FilesView, InspectLinkRequest, InspectPathsRequest, InspectView, LinkView,
    PathsView, PiecesView, PrioritizeRequest, RelocateRequest, SelectRequest,
};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::fetch::{self, FetchError, Running};
use crate::index::ItemState;
use crate::items::choose::{self, Then};
use crate::items::relocate;
use crate::link::Link;
use crate::look::files::{self, Listing, Remembered};
use crate::look::inspections::Inspections;
use crate::look::{names, paths, pieces, read};
use crate::util::blocking;

/// Where people without Shoal get content: a public gateway that keeps each item apart from the others.
const GATEWAY: &str = "https://dweb.link/ipfs";

/// What looking inside remembers. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inside {
    /// Downloads under way.
    pub(crate) running: Running,
    remembered: Arc<Remembered>,
    inspections: Arc<Inspections>,
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
        Ok(blocking(work).await??)
    }

    /// Chooses parts of a download, or leaves them out. A finished one goes on with what is new; what is here stays in any case.
    pub async fn select(&self, request: SelectRequest) -> Result<(), EngineError> {
        let record = self.record(request.id).await?;
        let (index, id) = (self.index(), request.id.into());
        let source = self.context().source.clone();
        let select = move || choose::select(&index, &source, &record, &request);
        match blocking(select).await?? {
            Then::Nothing => Ok(()),
            Then::Again => self.jobs().again(id).await,
        }
    }

    /// Puts parts of a download first, or back in line.
    pub async fn prioritize(&self, request: PrioritizeRequest) -> Result<(), EngineError> {
        let record = self.record(request.id).await?;
        let (index, id) = (self.index(), request.id.into());
        let source = self.context().source.clone();
        let prioritize = move || choose::prioritize(&index, &source, &record, &request);
        let high = blocking(prioritize).await??;
        if let Some(download) = self.context().inside.running.get(id) {
            download.high(high).await;
        }
        Ok(())
    }

    /// "It lies there now": an item's files were moved, or an unfinished download is to go on in another folder.
    pub async fn relocate(&self, request: RelocateRequest) -> Result<(), EngineError> {
        let record = self.record(request.id).await?;
        let (index, id) = (self.index(), request.id.into());
        let state = record.state.clone();
        if state == ItemState::Active && !record.done {
            return Err(EngineError::NotAtRest(id));
        }
        let path = blocking(move || relocate::relocate(&index, &record, &request.path)).await??;
        self.context()
            .activity
            .update(id, |view| view.path = Some(path));
        match state {
            ItemState::Paused => Ok(()),
            ItemState::Active => self.jobs().again(id).await,
            ItemState::Problem(_) => self.jobs().act(id, Action::Resume).await,
        }
    }

    /// Which parts of an item are here, and which are being asked for.
    pub async fn pieces(&self, id: ItemId) -> Result<PiecesView, EngineError> {
        let record = self.record(id).await?;
        let total = self.item(id)?.total;
        let asked = match self.context().inside.running.get(id.into()) {
            Some(download) => download.asked().await,
            None => Vec::new(),
        };
        let index = self.index();
        Ok(blocking(move || pieces::look(&index, &record, total, &asked)).await??)
    }

    /// Links to an item, for people with Shoal and for those without.
    pub async fn links(&self, id: ItemId) -> Result<LinkView, EngineError> {
        let link = self.link(id).await?;
        let record = self.record(id).await?;
        let root = record.root.ok_or(EngineError::NotReady(id.into()))?;
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
        let look = move || paths::inspect(&request.paths, request.hidden);
        blocking(move || look().ok_or(EngineError::NothingToShare)).await?
    }

    /// What is behind a link, as far as it is known by now. Asked again and again it tells more; nothing of it is kept.
    pub async fn inspect_link(
        &self,
        request: InspectLinkRequest,
    ) -> Result<InspectView, EngineError> {
        let link: Link = request.link.parse()?;
        let (name, cid) = (link.name(), link.cid);
        let context = self.context();
        let fetching = context.fetching()?;
        let inspections = &context.inside.inspections;
        let wait = Duration::from_millis(request.wait_ms);
        let asked = inspections.ask(fetching, link, &request.dir, request.since, wait);
        let seen = asked.await?;
        let (cid, kind, total) = match seen.root {
            Some((cid, kind, total)) => (cid, Some(kind), Some(total)),
            None => (cid, None, None),
        };
        let into = request.into.unwrap_or_else(|| self.download_folder());
        let (index, folder) = (self.index(), into.clone());
        let looked = move || (index.item_of(&cid), fetch::free_space(&folder));
        let (existing, free) = blocking(looked).await?;
        let existing = existing?.map(ItemId::from);
        Ok(InspectView {
            rev: seen.rev,
            cid: cid.to_string(),
            name,
            kind,
            total,
            entries: seen.entries,
            truncated: seen.truncated,
            people: seen.people,
            tried: seen.tried,
            seconds: seen.seconds,
            into: into.to_string_lossy().into_owned(),
            free,
            existing,
        })
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
        let names = names(path)?.join("/");
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
        Ok(found.await??.ok_or(missing)?)
    }
}

#[cfg(test)]
mod net_tests;
#[cfg(test)]
mod tests;
