//! Looking into an item without keeping any of it: follow a path, list a folder, read a file in order.
//!
//! Blocks come from here if they are here, else from peers, and go when they are used. A file's bytes come out in order, and a
//! bounded number of blocks is asked for ahead, so that its reader sets the pace.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc;
use unixfs::{Cid, FilePosition, Node, cid};

use crate::api::{EntryKind, EntryView};
use crate::fetch::{FetchContext, FetchError, Reader, block_fault, decode};
use crate::limits::{CAT_AHEAD_BLOCKS, CAT_AHEAD_BYTES, CAT_QUEUE, LIST_AHEAD, MAX_LISTED};
use crate::link::Link;

/// An entry of a folder, or a file by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    pub name: String,
    pub cid: Cid,
    pub kind: EntryKind,
    /// Bytes of a file; of a folder as its maker claims.
    pub size: u64,
}

impl From<ListedEntry> for EntryView {
    fn from(entry: ListedEntry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::Symlink => "symlink",
        };
        Self {
            name: entry.name,
            cid: entry.cid.to_string(),
            size: Some(entry.size),
            kind: kind.to_owned(),
        }
    }
}

/// What a link's folder holds; a file lists itself.
pub async fn list(context: &FetchContext, link: &Link) -> Result<Vec<ListedEntry>, FetchError> {
    let mut reader = Reader::open(context, link)?;
    let root = reader.follow(link).await?;
    let found = match reader.node(&root).await? {
        Node::Directory(node) => {
            let entries = node.entries.into_iter();
            entries
                .map(|entry| (entry.name, entry.cid, entry.tsize))
                .collect()
        }
        Node::Shard(node) => reader.shards(root, node, MAX_LISTED).await?.0,
        node => {
            let name = link.filename.clone().or_else(|| link.path.last().cloned());
            let name = name.unwrap_or_else(|| root.to_string());
            return Ok(vec![entry(name, root, &node, 0)]);
        }
    };
    let mut listed = Vec::with_capacity(found.len());
    for (number, (name, cid, tsize)) in found.iter().enumerate() {
        let name = String::from_utf8_lossy(name).into_owned();
        if cid.codec() == cid::RAW {
            let (kind, size) = (EntryKind::File, *tsize);
            listed.push(ListedEntry {
                name,
                cid: *cid,
                kind,
                size,
            });
            continue;
        }
        // Only the node itself says what it is.
        let ahead = found[number..]
            .iter()
            .take(LIST_AHEAD)
            .map(|(_, cid, _)| *cid);
        reader
            .ask(ahead.filter(|cid| cid.codec() != cid::RAW))
            .await?;
        let node = reader.node(cid).await?;
        listed.push(entry(name, *cid, &node, *tsize));
    }
    Ok(listed)
}

fn entry(name: String, cid: Cid, node: &Node, tsize: u64) -> ListedEntry {
    let (kind, size) = match node {
        Node::File(node) => (EntryKind::File, node.size),
        Node::Directory(_) | Node::Shard(_) => (EntryKind::Folder, tsize),
        Node::Symlink(_) => (EntryKind::Symlink, 0),
    };
    ListedEntry {
        name,
        cid,
        kind,
        size,
    }
}

/// A file's bytes in order. Dropping the receiver ends it.
pub async fn cat(
    context: FetchContext,
    link: Link,
) -> Result<mpsc::Receiver<Result<Bytes, FetchError>>, FetchError> {
    let mut reader = Reader::open(&context, &link)?;
    let root = reader.follow(&link).await?;
    let (sender, receiver) = mpsc::channel(CAT_QUEUE);
    tokio::spawn(async move {
        if let Err(error) = read_file(&mut reader, root, &link, &sender).await {
            // Whoever asked may be gone.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(receiver)
}

async fn read_file(
    reader: &mut Reader,
    root: Cid,
    link: &Link,
    out: &mpsc::Sender<Result<Bytes, FetchError>>,
) -> Result<(), FetchError> {
    let name = || link.path.join("/");
    let fault = |cid: Cid, source| block_fault(&cid, name(), source);
    // What is still to come, in order. A node's children take its place.
    let mut ahead = VecDeque::from([(root, FilePosition::ROOT)]);
    while let Some((cid, at)) = ahead.pop_front() {
        let mut bytes = 0;
        let window = ahead.iter().take(CAT_AHEAD_BLOCKS).take_while(|(_, at)| {
            bytes += at
                .size
                .unwrap_or(0)
                .min(unixfs::limits::MAX_BLOCK_BYTES as u64);
            bytes <= CAT_AHEAD_BYTES
        });
        let next: Vec<Cid> = std::iter::once(cid)
            .chain(window.map(|(cid, _)| *cid))
            .collect();
        reader.ask(next.into_iter()).await?;
        let block = reader.block(&cid).await?;
        let Node::File(node) = decode(&cid, &block, name)? else {
            return Err(FetchError::NotAFile { path: name() });
        };
        at.check(&node).map_err(|source| fault(cid, source))?;
        if !node.inline.is_empty() {
            let data = block.slice(node.inline.clone());
            if out.send(Ok(data)).await.is_err() {
                return Ok(());
            }
        }
        for child in node.children.iter().rev() {
            let position = at.child(child).map_err(|source| fault(child.cid, source))?;
            if let Some(position) = position {
                ahead.push_front((child.cid, position));
            }
        }
    }
    Ok(())
}
