//! Walks through blocks that are here: from the store, and from what a download has handed over.
//! Blocks on the disk.

use std::collections::HashMap;

use bytes::Bytes;
use unixfs::Cid;
use unixfs::walk::{Walk, WalkError, Wants};

use super::error::FetchError;
use store::Source;

/// Blocks held that may not be on record yet: as deep as files are. 2 MiB each at most.
const MAX_HANDED: usize = 8;

/// Why a walk ended before its goal.
#[derive(Debug)]
pub(crate) enum Gap {
    /// This block is not here. Handed to the walk, it goes on.
    Block(Box<Cid>),
    Error(FetchError),
}

impl From<WalkError> for Gap {
    fn from(error: WalkError) -> Self {
        Self::Error(error.into())
    }
}

/// Blocks by their CIDs, as far as they are here.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    source: Source,
    handed: HashMap<Cid, Bytes>,
}

impl Local {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            handed: HashMap::new(),
        }
    }

    /// Takes a verified block that may not be on record yet.
    pub(crate) fn hand(&mut self, cid: Cid, block: Bytes) {
        if self.handed.len() >= MAX_HANDED {
            self.handed.clear();
        }
        self.handed.insert(cid, block);
    }

    /// Walks until there is an answer, or a block is missing that the walk can't do without.
    pub(crate) fn run<W: Walk>(&self, walk: &mut W) -> Result<W::Answer, Gap> {
        loop {
            let next = match walk.wants() {
                Wants::Done(answer) => return Ok(answer),
                Wants::Need { next, .. } => next,
            };
            let handed = self.handed.get(&next).cloned();
            match handed.or_else(|| self.source.read_local(&next)) {
                Some(block) => walk.take(&next, &block)?,
                None if walk.skip(&next) => {}
                None => return Err(Gap::Block(Box::new(next))),
            }
        }
    }
}
