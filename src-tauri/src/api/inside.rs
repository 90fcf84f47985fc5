//! Looking inside and steering: an item's files, bytes and blocks, what a link leads to, what is about to be shared.

use std::path::PathBuf;

use engine::Engine;
use engine::api::{ItemId, Problem};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

pub(crate) use engine::api::{
    FilesRequest, FilesView, InspectLinkRequest, InspectPathsRequest, InspectView, LinkView,
    PathsView, PiecesView, PrioritizeRequest, RelocateRequest, SelectRequest,
};

use super::handlers::told;
use crate::control::ByteStream;

/// What lies at a path inside an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OfFile {
    pub(crate) id: ItemId,
    pub(crate) path: String,
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

pub(crate) async fn files(engine: &Engine, request: FilesRequest) -> Result<FilesView, Problem> {
    engine.files(request).await.map_err(told)
}

pub(crate) async fn links(engine: &Engine, id: ItemId) -> Result<LinkView, Problem> {
    engine.links(id).await.map_err(told)
}

pub(crate) async fn inspect_paths(
    engine: &Engine,
    request: InspectPathsRequest,
) -> Result<PathsView, Problem> {
    engine.inspect_paths(request).await.map_err(told)
}

/// A file's bytes.
pub(crate) async fn size(engine: &Engine, file: OfFile) -> Result<u64, Problem> {
    let stat = engine.stat(file.id, &file.path).await.map_err(told)?;
    Ok(stat.size)
}

/// Where it lies on this machine.
pub(crate) async fn place(engine: &Engine, file: OfFile) -> Result<PathBuf, Problem> {
    engine.place(file.id, &file.path).await.map_err(told)
}

pub(crate) async fn inspect_link(
    engine: &Engine,
    request: InspectLinkRequest,
) -> Result<InspectView, Problem> {
    engine.inspect_link(request).await.map_err(told)
}

pub(crate) async fn select(engine: &Engine, request: SelectRequest) -> Result<(), Problem> {
    engine.select(request).await.map_err(told)
}

pub(crate) async fn prioritize(engine: &Engine, request: PrioritizeRequest) -> Result<(), Problem> {
    engine.prioritize(request).await.map_err(told)
}

pub(crate) async fn relocate(engine: &Engine, request: RelocateRequest) -> Result<(), Problem> {
    engine.relocate(request).await.map_err(told)
}

pub(crate) async fn pieces(engine: &Engine, id: ItemId) -> Result<PiecesView, Problem> {
    engine.pieces(id).await.map_err(told)
}

pub(crate) async fn read(engine: &Engine, request: ReadRequest) -> Result<ByteStream, Problem> {
    let range = request.offset..request.offset.saturating_add(request.len);
    let reading = engine.read(request.id, &request.path, range).await;
    let bytes = reading.map_err(told)?.bytes;
    let chunks = futures::stream::unfold(bytes, |mut bytes| async move {
        let chunk = bytes.recv().await?;
        Some((chunk.map_err(told), bytes))
    });
    Ok(chunks.boxed())
}
