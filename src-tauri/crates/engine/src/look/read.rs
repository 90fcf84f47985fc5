//! Bytes of a file in order: of one in an item, for previews, from where it lies and from a
//! download while it runs; and of one behind a link. Both are read by one walk through the file's
//! blocks.
//!
//! Each block is read verified, or handed over by the download the moment it comes. What is missing
//! is made to come first, with the next few MiB behind it, and is waited for, but not for long.
//! Nothing is kept: the reader sets the pace, and dropping the stream ends it.

use std::ops::Range;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use unixfs::Cid;
use unixfs::walk::{Ahead, Kind, Look, Read, Resolve, Stat, Walk};

use super::limits::{CAT_AHEAD_BLOCKS, CAT_AHEAD_BYTES, CAT_QUEUE, HEAD_BYTES, READ_PATIENCE};
use super::names;
use crate::faults::guarded;
use crate::fetch::{FetchContext, FetchError, Gap, Handle, Local, Remote, Running};
use crate::link::Link;
use crate::util::blocking;
use store::Source;
use store::index::{ItemId, ItemRecord};

/// A file in an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// Pieces of a file in order. Dropping the receiver ends the reading.
pub type Pieces = mpsc::Receiver<Result<Bytes, FetchError>>;

/// A file's bytes in order. Dropping it ends the reading.
#[derive(Debug)]
pub struct Reading {
    pub stat: FileStat,
    /// What is asked for, as far as the file goes.
    pub range: Range<u64>,
    pub bytes: Pieces,
}

/// The bytes of a file behind a link. A bounded number of blocks is asked for ahead.
pub(crate) async fn cat(context: FetchContext, link: Link) -> Result<Pieces, FetchError> {
    let ahead = Ahead {
        blocks: CAT_AHEAD_BLOCKS,
        bytes: CAT_AHEAD_BYTES,
    };
    let mut blocks = Remote::new(&context, &link);
    let path = link.path.join("/");
    let file = blocks.follow(&link).await?;
    let mut walk = Read::new(file, &path, 0..u64::MAX, ahead)?;
    let (sender, receiver) = mpsc::channel(CAT_QUEUE);
    let told = sender.clone();
    let work = async move {
        // Whoever asked may be gone, which ends it.
        while let Some(piece) = blocks.run(&mut walk).await.transpose() {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                break;
            }
        }
        Ok(())
    };
    tokio::spawn(to_its_end(work, told));
    Ok(receiver)
}

/// What is known of a file. What a download has not fetched yet of it comes first, and is waited
/// for.
pub(crate) async fn stat(
    running: &Running,
    source: &Source,
    record: &ItemRecord,
    path: &str,
) -> Result<FileStat, FetchError> {
    Ok(open(running, source, record, path).await?.1)
}

/// Begins to read.
pub(crate) async fn read(
    running: &Running,
    source: &Source,
    record: &ItemRecord,
    path: &str,
    range: Range<u64>,
) -> Result<Reading, FetchError> {
    let (mut reader, stat) = open(running, source, record, path).await?;
    let end = range.end.min(stat.size);
    let range = range.start.min(end)..end;
    let (sender, bytes) = mpsc::channel(CAT_QUEUE);
    let asked = range.clone();
    let told = sender.clone();
    let work = async move {
        tokio::select! {
            result = reader.send(asked, &sender) => result,
            // Whoever read it is gone.
            () = sender.closed() => Ok(()),
        }
    };
    tokio::spawn(to_its_end(work, told));
    Ok(Reading { stat, range, bytes })
}

/// Whoever reads takes the end of the pieces for the end of the file: what went wrong is told, a fault of ours too.
async fn to_its_end(
    work: impl Future<Output = Result<(), FetchError>>,
    told: mpsc::Sender<Result<Bytes, FetchError>>,
) {
    let result = guarded(work)
        .await
        .unwrap_or_else(|fault| Err(fault.into()));
    if let Err(error) = result {
        let _ = told.send(Err(error)).await;
    }
}

/// An open file.
struct Reader {
    blocks: Local,
    running: Running,
    item: ItemId,
    /// As the download names it: empty for an item that is one file.
    path: String,
    file: Cid,
}

async fn open(
    running: &Running,
    source: &Source,
    record: &ItemRecord,
    path: &str,
) -> Result<(Reader, FileStat), FetchError> {
    let names: Vec<String> = names(path)?.into_iter().map(str::to_owned).collect();
    let not_here = || FetchError::NotHere {
        path: path.to_owned(),
    };
    let root = record.root.ok_or_else(not_here)?;
    let mut reader = Reader {
        blocks: Local::new(source.clone()),
        running: running.clone(),
        item: record.id,
        path: names.join("/"),
        file: root,
    };
    // An item that is one file goes by its own name too.
    let found = reader.stat(root, "").await?;
    if found.kind == Kind::File {
        if names.len() > 1 || names.first().is_some_and(|name| *name != record.name) {
            let path = path.to_owned();
            return Err(FetchError::NotInItem { path });
        }
        reader.path = String::new();
        let (name, size) = (record.name.clone(), found.size);
        return Ok((reader, FileStat { name, size }));
    }
    let (name, path) = (names.last().cloned().unwrap_or_default(), names.join("/"));
    let (_, file) = reader.run(Resolve::new(root, names)?, |_| 0).await?;
    let found = reader.stat(file, &path).await?;
    if found.kind != Kind::File {
        return Err(FetchError::NotAFile { path });
    }
    reader.file = file;
    let size = found.size;
    Ok((reader, FileStat { name, size }))
}

impl Reader {
    async fn stat(&mut self, cid: Cid, path: &str) -> Result<Stat, FetchError> {
        let (_, stat) = self.run(Look::new(cid, path)?, |_| 0).await?;
        Ok(stat)
    }

    async fn send(
        &mut self,
        range: Range<u64>,
        out: &mpsc::Sender<Result<Bytes, FetchError>>,
    ) -> Result<(), FetchError> {
        let mut walk = Read::new(self.file, &self.path, range, Ahead::default())?;
        loop {
            let piece;
            (walk, piece) = self.run(walk, Read::position).await?;
            let Some(piece) = piece else { return Ok(()) };
            if out.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Walks until there is an answer, waiting for blocks that a download under way can still
    /// bring. `position` says where in the file a missing block belongs.
    async fn run<W>(
        &mut self,
        mut walk: W,
        position: impl Fn(&W) -> u64,
    ) -> Result<(W, W::Answer), FetchError>
    where
        W: Walk + Send + 'static,
        W::Answer: Send,
    {
        let until = Instant::now() + READ_PATIENCE;
        loop {
            let mut handle = self.running.get(self.item);
            if let Some(handle) = &mut handle {
                handle.recorded.mark_unchanged();
            }
            let blocks = self.blocks.clone();
            let work = move || {
                let answer = blocks.run(&mut walk);
                (walk, answer)
            };
            // The blocks are on the disk.
            let answer;
            (walk, answer) = blocking(work).await?;
            let missing = match answer {
                Ok(answer) => return Ok((walk, answer)),
                Err(Gap::Error(error)) => return Err(error),
                Err(Gap::Block(cid)) => *cid,
            };
            let Some(handle) = handle else {
                return Err(self.not_here());
            };
            let waited = self.wait_for(handle, missing, position(&walk));
            let waited = tokio::time::timeout_at(until, waited).await;
            waited.map_err(|_| self.not_here())?;
        }
    }

    /// Until the block has come, or something else has.
    async fn wait_for(&mut self, mut handle: Handle, missing: Cid, offset: u64) {
        let block = handle.block(missing);
        let ahead = offset.saturating_add(HEAD_BYTES);
        handle.head(&self.path, offset..ahead);
        tokio::select! {
            // Without a place to wait in, or with the download at its end, only the record tells
            // more.
            Ok(block) = block => self.blocks.hand(missing, block),
            _ = handle.recorded.changed() => {}
        }
    }

    fn not_here(&self) -> FetchError {
        let path = self.path.clone();
        FetchError::NotHere { path }
    }
}
