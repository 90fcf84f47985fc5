//! Bytes of a file in an item, for previews: from where they lie, and from a download while it runs.
//!
//! Each block is read verified, or handed over by the download the moment it comes. What is missing is made to come first, with
//! the next few MiB behind it, and is waited for, but not for long. Nothing is kept: the reader sets the pace, and dropping the
//! stream ends it.

use std::ops::Range;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use unixfs::Cid;

use super::tree::{self, Gap, Tree};
use crate::fetch::{FetchError, Handle, Running};
use crate::index::{ItemId, ItemRecord};
use crate::library::Source;
use crate::limits::{CAT_QUEUE, HEAD_BYTES, READ_PATIENCE};

/// A file in an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// A file's bytes in order. Dropping it ends the reading.
#[derive(Debug)]
pub struct Reading {
    pub stat: FileStat,
    /// What is asked for, as far as the file goes.
    pub range: Range<u64>,
    pub bytes: mpsc::Receiver<Result<Bytes, FetchError>>,
}

/// An open file.
struct Reader {
    tree: Tree,
    running: Running,
    item: ItemId,
    /// As the download names it: empty for an item that is one file.
    path: String,
    file: Cid,
}

/// What is known of a file. What a download has not fetched yet of it comes first, and is waited for.
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
    tokio::spawn(async move {
        let result = tokio::select! {
            result = reader.send(asked, &sender) => result,
            // Whoever read it is gone.
            () = sender.closed() => return,
        };
        if let Err(error) = result {
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(Reading { stat, range, bytes })
}

async fn open(
    running: &Running,
    source: &Source,
    record: &ItemRecord,
    path: &str,
) -> Result<(Reader, FileStat), FetchError> {
    let names: Vec<String> = tree::names(path)?.into_iter().map(str::to_owned).collect();
    let not_here = || FetchError::NotHere {
        path: path.to_owned(),
    };
    let root = record.root.ok_or_else(not_here)?;
    let mut reader = Reader {
        tree: Tree::new(source.clone()),
        running: running.clone(),
        item: record.id,
        path: names.join("/"),
        file: root,
    };
    // An item that is one file goes by its own name too.
    let (is_file, root_size) = reader.walk(move |tree| node_size(tree, &root)).await?;
    if is_file {
        if names.len() > 1 || names.first().is_some_and(|name| *name != record.name) {
            let path = path.to_owned();
            return Err(FetchError::NotInItem { path });
        }
        reader.path = String::new();
        let name = record.name.clone();
        let size = root_size;
        return Ok((reader, FileStat { name, size }));
    }
    let (file, size) = reader
        .walk(move |tree| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let file = tree.resolve(&root, &names)?;
            match node_size(tree, &file)? {
                (true, size) => Ok((file, size)),
                (false, _) => Err(Gap::Error(FetchError::NotAFile {
                    path: names.join("/"),
                })),
            }
        })
        .await?;
    reader.file = file;
    let name = reader
        .path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    Ok((reader, FileStat { name, size }))
}

/// Is it a file, and of how many bytes?
fn node_size(tree: &mut Tree, cid: &Cid) -> Result<(bool, u64), Gap> {
    let size = tree.file_size(cid)?;
    Ok((size.is_some(), size.unwrap_or(0)))
}

impl Reader {
    async fn send(
        &mut self,
        range: Range<u64>,
        out: &mpsc::Sender<Result<Bytes, FetchError>>,
    ) -> Result<(), FetchError> {
        let mut at = range.start;
        while at < range.end {
            let file = self.file;
            let leaf = self.walk_at(at, move |tree| tree.leaf(&file, at)).await?;
            let skip = usize::try_from(at - leaf.offset).unwrap_or(usize::MAX);
            let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let end = leaf.data.len().min(skip.saturating_add(left));
            let piece = leaf.data.slice(skip.min(end)..end);
            if piece.is_empty() {
                // A file that is shorter than its root says was refused before.
                return Err(self.not_here());
            }
            at += piece.len() as u64;
            if out.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn walk<T: Send + 'static>(
        &mut self,
        step: impl Fn(&mut Tree) -> Result<T, Gap> + Clone + Send + 'static,
    ) -> Result<T, FetchError> {
        self.walk_at(0, step).await
    }

    /// Walks until there is an answer, waiting for blocks that a download under way can still bring.
    async fn walk_at<T: Send + 'static>(
        &mut self,
        offset: u64,
        step: impl Fn(&mut Tree) -> Result<T, Gap> + Clone + Send + 'static,
    ) -> Result<T, FetchError> {
        let until = Instant::now() + READ_PATIENCE;
        loop {
            let mut handle = self.running.get(self.item);
            if let Some(handle) = &mut handle {
                handle.recorded.mark_unchanged();
            }
            let missing = match self.try_walk(step.clone()).await? {
                Ok(found) => return Ok(found),
                Err(Gap::Error(error)) => return Err(error),
                Err(Gap::Block(cid)) => *cid,
            };
            let Some(handle) = handle else {
                return Err(self.not_here());
            };
            let waited = self.wait_for(handle, missing, offset);
            let waited = tokio::time::timeout_at(until, waited).await;
            waited.map_err(|_| self.not_here())?;
        }
    }

    /// The tree is on the disk.
    async fn try_walk<T: Send + 'static>(
        &mut self,
        step: impl Fn(&mut Tree) -> Result<T, Gap> + Send + 'static,
    ) -> Result<Result<T, Gap>, FetchError> {
        let mut tree = self.tree.take();
        let work = move || {
            let result = step(&mut tree);
            (tree, result)
        };
        let done = tokio::task::spawn_blocking(work).await;
        let (tree, result) = done.map_err(|_| FetchError::Stopped)?;
        self.tree = tree;
        Ok(result)
    }

    /// Until the block has come, or something else has.
    async fn wait_for(&mut self, mut handle: Handle, missing: Cid, offset: u64) {
        let block = handle.block(missing).await;
        let ahead = offset.saturating_add(HEAD_BYTES);
        handle.head(&self.path, offset..ahead).await;
        tokio::select! {
            // Without a place to wait in, or with the download at its end, only the record tells more.
            Ok(block) = block => self.tree.hand(missing, block),
            _ = handle.recorded.changed() => {}
        }
    }

    fn not_here(&self) -> FetchError {
        let path = self.path.clone();
        FetchError::NotHere { path }
    }
}
