//! A file's bytes in order: whatever its tree looks like, each node's own bytes come first, then
//! those of its children.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::{Walk, WalkError, Wants, acceptable, block_fault, decoded, kind_fault};
use crate::cid::Cid;
use crate::limits::{MAX_BLOCK_BYTES, MAX_OPEN_PARTS};
use crate::node::{DecodeError, FileNode, FilePosition, Node};

/// How much is named ahead of the block that is needed next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    pub blocks: usize,
    /// Bytes of the blocks, as their parents say, or 2 MiB for what has more below it.
    pub bytes: u64,
}

/// Reads a range of a file. Each answer is a piece of it, the next that there is; `None` is the
/// end.
#[derive(Debug, Clone)]
pub struct Read {
    path: String,
    range: Range<u64>,
    ahead: Ahead,
    /// What is still to come, in order. A node's children take its place; those that have nothing
    /// of the range never come in.
    open: VecDeque<(Cid, FilePosition)>,
    piece: Option<Bytes>,
}

impl Read {
    /// `path` is where in the item the file is. A range may reach beyond the file's end.
    pub fn new(file: Cid, path: &str, range: Range<u64>, ahead: Ahead) -> Result<Self, WalkError> {
        acceptable(&file, || path.to_owned())?;
        let root = (!range.is_empty()).then_some((file, FilePosition::ROOT));
        Ok(Read {
            path: path.to_owned(),
            range,
            ahead,
            open: root.into_iter().collect(),
            piece: None,
        })
    }

    /// Where in the file the next bytes to be found lie.
    pub fn position(&self) -> u64 {
        let next = self.open.front().map(|(_, at)| at.offset);
        next.map_or(self.range.end, |offset| offset.max(self.range.start))
    }

    /// What a node has of the range itself, and its children that have some.
    fn unfold(
        &mut self,
        cid: &Cid,
        at: FilePosition,
        node: &FileNode,
        block: &Bytes,
    ) -> Result<(), WalkError> {
        let own = at.offset..at.offset.saturating_add(node.inline.len() as u64);
        if let Some(part) = common(&own, &self.range) {
            let index = |byte: u64| {
                let within = usize::try_from(byte - own.start).unwrap_or(usize::MAX);
                node.inline
                    .start
                    .saturating_add(within)
                    .min(node.inline.end)
            };
            self.piece = Some(block.slice(index(part.start)..index(part.end)));
        }
        for child in node.children.iter().rev() {
            let start = at.offset.saturating_add(child.offset);
            let bytes = start..start.saturating_add(child.size);
            if common(&bytes, &self.range).is_none() {
                continue;
            }
            let fault = |source| block_fault(&child.cid, self.path.clone(), source);
            if let Some(position) = at.child(child).map_err(fault)? {
                acceptable(&child.cid, || self.path.clone())?;
                self.open.push_front((child.cid, position));
            }
        }
        if self.open.len() > MAX_OPEN_PARTS {
            let path = self.path.clone();
            return Err(block_fault(cid, path, DecodeError::FileTooWide));
        }
        Ok(())
    }
}

/// What two ranges have in common, if that is anything.
fn common(a: &Range<u64>, b: &Range<u64>) -> Option<Range<u64>> {
    let common = a.start.max(b.start)..a.end.min(b.end);
    (!common.is_empty()).then_some(common)
}

impl Walk for Read {
    type Answer = Option<Bytes>;

    fn wants(&mut self) -> Wants<Option<Bytes>> {
        if let Some(piece) = self.piece.take() {
            return Wants::Done(Some(piece));
        }
        let mut open = self.open.iter();
        let Some((next, _)) = open.next() else {
            return Wants::Done(None);
        };
        let mut bytes = 0_u64;
        let within = |(_, at): &&(Cid, FilePosition)| {
            let block = at.size.unwrap_or(0).min(MAX_BLOCK_BYTES as u64);
            bytes = bytes.saturating_add(block);
            bytes <= self.ahead.bytes
        };
        let ahead = open.take(self.ahead.blocks).take_while(within);
        Wants::Need {
            next: *next,
            ahead: ahead.map(|(cid, _)| *cid).collect(),
        }
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        let Some((_, at)) = self.open.pop_front_if(|(next, _)| next == cid) else {
            return Ok(());
        };
        let node = match decoded(cid, block, || self.path.clone())? {
            Node::File(node) => node,
            _ if at.depth == 0 => {
                let path = self.path.clone();
                return Err(WalkError::NotAFile { path });
            }
            _ => return Err(kind_fault(cid, self.path.clone())),
        };
        at.check(&node)
            .map_err(|source| block_fault(cid, self.path.clone(), source))?;
        self.unfold(cid, at, &node, block)
    }
}
