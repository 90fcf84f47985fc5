//! Calls that look inside and steer: an item's files, bytes and blocks, what a link leads to, what is
//! about to be shared.

use std::time::Duration;

use engine::Engine;
use engine::api::{
    CheckLinkRequest, FilesRequest, FilesView, InspectLinkRequest, InspectPathsRequest,
    InspectView, ItemId, LinkCheck, ListView, PathsView, PiecesView, PrioritizeRequest, Problem,
    RelocateRequest, SelectRequest,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::problem::{self, told};
use super::{ByteStream, Call};

impl Call for FilesRequest {
    const NAME: &'static str = "files";
    type Answer = FilesView;

    async fn run(self, engine: &Engine) -> Result<FilesView, Problem> {
        engine.files(self).await.map_err(told)
    }
}

/// About one item.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[ts(rename = "OfItem")]
pub(crate) struct PiecesRequest {
    pub(crate) id: ItemId,
}

impl Call for PiecesRequest {
    const NAME: &'static str = "pieces";
    type Answer = PiecesView;

    async fn run(self, engine: &Engine) -> Result<PiecesView, Problem> {
        engine.pieces(self.id).await.map_err(told)
    }
}

impl Call for InspectPathsRequest {
    const NAME: &'static str = "inspect-paths";
    type Answer = PathsView;

    async fn run(self, engine: &Engine) -> Result<PathsView, Problem> {
        engine.inspect_paths(self).await.map_err(told)
    }
}

impl Call for CheckLinkRequest {
    const NAME: &'static str = "check-link";
    type Answer = LinkCheck;

    async fn run(self, _: &Engine) -> Result<LinkCheck, Problem> {
        Ok(Engine::check_link(&self.text))
    }
}

impl Call for InspectLinkRequest {
    const NAME: &'static str = "inspect-link";
    const ONLY_WAITS: bool = true;
    type Answer = InspectView;

    async fn run(self, engine: &Engine) -> Result<InspectView, Problem> {
        engine.inspect_link(self).await.map_err(told)
    }
}

impl Call for SelectRequest {
    const NAME: &'static str = "select";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        engine.select(self).await.map_err(told)
    }
}

impl Call for PrioritizeRequest {
    const NAME: &'static str = "prioritize";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        engine.prioritize(self).await.map_err(told)
    }
}

impl Call for RelocateRequest {
    const NAME: &'static str = "relocate";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        engine.relocate(self).await.map_err(told)
    }
}

/// The size of what lies at a path inside an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SizeRequest {
    pub(crate) id: ItemId,
    pub(crate) path: String,
}

impl Call for SizeRequest {
    const NAME: &'static str = "size";
    /// Bytes.
    type Answer = u64;

    async fn run(self, engine: &Engine) -> Result<u64, Problem> {
        let stat = engine.stat(self.id, &self.path).await.map_err(told)?;
        Ok(stat.size)
    }
}

/// Where on this machine lies what is at a path inside an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlaceRequest {
    pub(crate) id: ItemId,
    pub(crate) path: String,
}

impl Call for PlaceRequest {
    const NAME: &'static str = "place";
    /// As [`engine::path_text`] writes it.
    type Answer = String;

    async fn run(self, engine: &Engine) -> Result<String, Problem> {
        let place = engine.place(self.id, &self.path).await.map_err(told)?;
        Ok(engine::path_text(&place))
    }
}

/// Bytes of a file in an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReadRequest {
    pub(crate) id: ItemId,
    /// Inside the item.
    pub(crate) path: String,
    pub(crate) offset: u64,
    /// What the file doesn't have is left out.
    pub(crate) len: u64,
}

impl Call for ReadRequest {
    const NAME: &'static str = "read";
    type Answer = ByteStream;

    async fn run(self, engine: &Engine) -> Result<ByteStream, Problem> {
        let range = self.offset..self.offset.saturating_add(self.len);
        let reading = engine.read(self.id, &self.path, range).await;
        let bytes = reading.map_err(told)?.bytes;
        let chunks = futures::stream::unfold(bytes, |mut bytes| async move {
            let chunk = bytes.recv().await?;
            Some((chunk.map_err(told), bytes))
        });
        Ok(ByteStream::new(chunks))
    }
}

/// What is inside a link, whether it is here or has to be found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListRequest {
    pub(crate) link: String,
    /// Seconds to wait for somebody who has it.
    pub(crate) patience: u64,
}

impl Call for ListRequest {
    const NAME: &'static str = "list";
    const ONLY_WAITS: bool = true;
    type Answer = ListView;

    async fn run(self, engine: &Engine) -> Result<ListView, Problem> {
        let listing = within(self.patience, engine.list(&self.link)).await;
        let listing = listing.map_err(|problem| with_left_out(problem, engine, &self.link));
        listing?.map_err(told)
    }
}

/// A file's bytes, whether it is here or has to be found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CatRequest {
    pub(crate) link: String,
    /// Seconds to wait for the first bytes, and for each that follow.
    pub(crate) patience: u64,
}

impl Call for CatRequest {
    const NAME: &'static str = "cat";
    type Answer = ByteStream;

    async fn run(self, engine: &Engine) -> Result<ByteStream, Problem> {
        let patience = self.patience;
        let finding = within(patience, engine.cat(&self.link));
        let bytes = finding.await;
        let bytes = bytes.map_err(|problem| with_left_out(problem, engine, &self.link));
        let bytes = bytes?.map_err(told)?;
        let chunks = futures::stream::unfold(Some(bytes), move |bytes| async move {
            let mut bytes = bytes?;
            match within(patience, bytes.recv()).await {
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(bytes))),
                Ok(Some(Err(error))) => Some((Err(told(error)), None)),
                Ok(None) => None,
                Err(problem) => Some((Err(problem), None)),
            }
        });
        Ok(ByteStream::new(chunks))
    }
}

/// Says which addresses of the link were not tried, if there are any.
fn with_left_out(problem: Problem, engine: &Engine, link: &str) -> Problem {
    match engine.left_out(link).as_slice() {
        [] => problem,
        left_out => problem::left_out(problem, &left_out.join(", ")),
    }
}

async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> Result<T, Problem> {
    let limit = Duration::from_secs(seconds);
    let done = tokio::time::timeout(limit, work).await;
    done.map_err(|_| problem::nobody_has_it(seconds))
}
