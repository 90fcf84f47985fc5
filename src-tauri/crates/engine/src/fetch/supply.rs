//! Where the blocks come from that aren't here: peers, whom the task asks, or a CAR file.
//!
//! Invariant: what was asked for and hasn't come is known here, each block once.

use std::collections::HashSet;
use std::path::PathBuf;

use unixfs::Cid;

use super::car::Feed;
use super::channels::{Channels, Command, Event, Wanted};
use super::error::FetchError;
use super::plan::Rank;

/// Who has an item's blocks.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Peers,
    Car(PathBuf),
}

/// The blocks of an origin, as they are wanted.
#[derive(Debug)]
pub(crate) struct Supply {
    kind: Kind,
    /// Asked for.
    waiting: HashSet<Cid>,
}

#[derive(Debug)]
enum Kind {
    Peers,
    Car(Box<Feed>),
}

impl Supply {
    pub(crate) fn open(origin: &Origin, channels: &Channels) -> Result<Self, FetchError> {
        let kind = match origin {
            Origin::Peers => Kind::Peers,
            Origin::Car(path) => {
                let stop = || channels.check_stop().is_err();
                Kind::Car(Box::new(Feed::open(path, &stop)?))
            }
        };
        Ok(Self {
            kind,
            waiting: HashSet::new(),
        })
    }

    /// Blocks that were asked for and haven't come.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn want(
        &mut self,
        wants: Vec<Wanted>,
        channels: &Channels,
    ) -> Result<(), FetchError> {
        if wants.is_empty() {
            return Ok(());
        }
        self.waiting.extend(wants.iter().map(|want| want.cid));
        match &mut self.kind {
            Kind::Peers => channels.send(Command::Want(wants)),
            Kind::Car(feed) => {
                for want in &wants {
                    feed.want(want.cid);
                }
                Ok(())
            }
        }
    }

    /// These come first now, of those that were asked for.
    pub(crate) fn hurry(
        &self,
        mut cids: Vec<(Cid, Rank)>,
        channels: &Channels,
    ) -> Result<(), FetchError> {
        cids.retain(|(cid, _)| self.waiting.contains(cid));
        match self.kind {
            Kind::Peers if !cids.is_empty() => channels.send(Command::Hurry(cids)),
            Kind::Peers | Kind::Car(_) => Ok(()),
        }
    }

    /// Waits for the next block, or for something else to happen.
    pub(crate) fn next(&mut self, channels: &mut Channels) -> Result<Event, FetchError> {
        let event = match &mut self.kind {
            Kind::Car(feed) if !self.waiting.is_empty() => {
                channels.check_stop()?;
                let block = feed.next()?;
                Event::Block {
                    cid: block.cid,
                    data: block.data,
                }
            }
            Kind::Peers | Kind::Car(_) => channels.next()?,
        };
        if let Event::Block { cid, .. } = &event {
            self.waiting.remove(cid);
        }
        Ok(event)
    }
}
