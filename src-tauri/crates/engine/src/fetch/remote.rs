//! Walks through blocks of a link's content: from here, else from peers, and gone when they are
//! used.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bitswap::Want;
use bytes::Bytes;
use tokio::time::Instant;
use unixfs::walk::{Resolve, Walk, Wants};
use unixfs::{Cid, cid};

use super::FetchContext;
use super::error::FetchError;
use crate::link::Link;
use crate::util::blocking;
use net::{Session, SessionEvent};

/// Blocks by their CIDs, from here or from peers.
pub(crate) struct Remote {
    context: FetchContext,
    root: Cid,
    hints: Vec<libp2p::Multiaddr>,
    /// Opened when something isn't here.
    session: Option<Session>,
    asked: HashSet<Cid>,
    arrived: HashMap<Cid, Bytes>,
    /// Nodes that were read, for a walk that comes back to them.
    kept: HashMap<Cid, Bytes>,
    /// Bytes of nodes that may still be kept.
    may_keep: usize,
    /// Is told who there is and what is tried.
    news: Option<News>,
}

/// Hears of all that isn't a block.
pub(crate) type News = Box<dyn Fn(&SessionEvent) + Send + Sync>;

impl Remote {
    pub(crate) fn new(context: &FetchContext, link: &Link) -> Self {
        Self {
            context: context.clone(),
            root: link.cid,
            hints: link.providers.clone(),
            session: None,
            asked: HashSet::new(),
            arrived: HashMap::new(),
            kept: HashMap::new(),
            may_keep: 0,
            news: None,
        }
    }

    /// For a long look: keeps so many bytes of nodes, and tells what happens.
    pub(crate) fn staying(mut self, may_keep: usize, news: News) -> Self {
        (self.may_keep, self.news) = (may_keep, Some(news));
        self
    }

    /// Hears what happens while nothing is asked for. Never ends.
    pub(crate) async fn idle(&mut self) {
        loop {
            let event = match &mut self.session {
                Some(session) => session.events.recv().await,
                None => None,
            };
            match event {
                Some(event) => self.hear(event),
                None => return std::future::pending().await,
            }
        }
    }

    /// Walks until there is an answer. What comes after the next block is asked for with it.
    pub(crate) async fn run<W: Walk>(&mut self, walk: &mut W) -> Result<W::Answer, FetchError> {
        loop {
            let (next, ahead) = match walk.wants() {
                Wants::Done(answer) => return Ok(answer),
                Wants::Need { next, ahead } => (next, ahead),
            };
            self.ask(std::iter::once(next).chain(ahead)).await?;
            let block = self.block(&next).await?;
            walk.take(&next, &block)?;
        }
    }

    /// The CID of what the link's path leads to: as it stands, else without what followed it.
    pub(crate) async fn follow(&mut self, link: &Link) -> Result<Cid, FetchError> {
        let found = self
            .run(&mut Resolve::new(link.cid, link.path.clone())?)
            .await;
        match (&link.otherwise, found) {
            (Some(path), Err(FetchError::NotInItem { .. })) => {
                self.run(&mut Resolve::new(link.cid, path.clone())?).await
            }
            (_, found) => found,
        }
    }

    /// The same, but nothing that the walk can do without is waited for longer than that since the
    /// last block came, or since it was asked for.
    pub(crate) async fn run_patiently<W: Walk>(
        &mut self,
        walk: &mut W,
        patience: Duration,
    ) -> Result<W::Answer, FetchError> {
        let mut moved = Instant::now();
        let mut asked: HashMap<Cid, Instant> = HashMap::new();
        loop {
            let (next, ahead) = match walk.wants() {
                Wants::Done(answer) => return Ok(answer),
                Wants::Need { next, ahead } => (next, ahead),
            };
            let now = Instant::now();
            for cid in ahead.iter().chain([&next]) {
                asked.entry(*cid).or_insert(now);
            }
            self.ask(std::iter::once(next).chain(ahead)).await?;
            // Where nothing at all has come for long, what is asked for last has no better chance.
            let since = asked.get(&next).copied().unwrap_or(now).max(moved);
            let until = (since + patience).min(moved + patience * 2);
            match tokio::time::timeout_at(until, self.block(&next)).await {
                Ok(block) => {
                    walk.take(&next, &block?)?;
                    moved = Instant::now();
                }
                Err(_) if walk.skip(&next) => {}
                Err(_) => {
                    let block = self.block(&next).await?;
                    walk.take(&next, &block)?;
                    moved = Instant::now();
                }
            }
        }
    }

    /// Looks for blocks here, and asks peers for the others.
    async fn ask(&mut self, cids: impl Iterator<Item = Cid>) -> Result<(), FetchError> {
        let new: Vec<Cid> = cids
            .filter(|cid| !self.kept.contains_key(cid) && self.asked.insert(*cid))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let source = self.context.source.clone();
        let here = blocking(move || {
            let read = |cid: Cid| (cid, source.read_local(&cid));
            new.into_iter().map(read).collect::<Vec<_>>()
        });
        let mut wants = Vec::new();
        for (cid, block) in here.await? {
            match block {
                Some(block) => {
                    self.arrived.insert(cid, block);
                }
                // The first comes first.
                None => wants.push(Want {
                    cid,
                    size: None,
                    priority: -i32::try_from(wants.len()).unwrap_or(i32::MAX),
                }),
            }
        }
        if wants.is_empty() {
            return Ok(());
        }
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                let hints = self.hints.clone();
                none.insert(self.context.net.session(self.root, hints).await?)
            }
        };
        session.want(wants).await?;
        Ok(())
    }

    /// Waits for a block that was asked for, and hands it out: it has to be asked for again to be
    /// had again.
    async fn block(&mut self, cid: &Cid) -> Result<Bytes, FetchError> {
        loop {
            if let Some(block) = self.kept.get(cid) {
                return Ok(block.clone());
            }
            if let Some(block) = self.arrived.remove(cid) {
                self.asked.remove(cid);
                self.keep(cid, &block);
                return Ok(block);
            }
            let Some(session) = &mut self.session else {
                return Err(FetchError::Stopped);
            };
            match session.events.recv().await {
                Some(event) => self.hear(event),
                None => return Err(net::NetError::Stopped.into()),
            }
        }
    }

    fn hear(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Block { cid, data, .. } => {
                if let Some(session) = &self.session {
                    session.release(data.len() as u64);
                }
                if self.asked.contains(&cid) {
                    self.arrived.insert(cid, data);
                }
            }
            other => {
                if let Some(news) = &self.news {
                    news(&other);
                }
            }
        }
    }

    fn keep(&mut self, cid: &Cid, block: &Bytes) {
        if cid.codec() != cid::RAW && block.len() <= self.may_keep {
            self.may_keep -= block.len();
            self.kept.insert(*cid, block.clone());
        }
    }
}

/// The CID of what the link's path leads to.
pub(crate) async fn resolve(context: &FetchContext, link: &Link) -> Result<Cid, FetchError> {
    Remote::new(context, link).follow(link).await
}
