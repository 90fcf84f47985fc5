//! A fetcher's end of a session: wants go in, verified blocks come out of [`Session::events`].
//!
//! Blocks are never dropped. What is delivered and not released counts against Bitswap's byte
//! budget, so a fetcher that stops reading stops the stream at its source; whoever has taken a
//! block's bytes says so with [`Session::release`]. Dropping the session closes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bitswap::{SessionId, Want};
use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Notify, mpsc};
use unixfs::cid::Cid;

use crate::NetError;

/// What a fetcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all events are blocks")]
pub enum SessionEvent {
    /// A wanted block. Its bytes are what its CID says. To be released.
    Block { peer: PeerId, cid: Cid, data: Bytes },
    /// Who there is now. Left out when the fetcher doesn't keep up.
    Peers {
        /// Connected peers.
        connected: usize,
        /// Those of them that are said to have the content, or have given some.
        having: usize,
        /// All that were ever said to have the content or gave some, connected or not.
        known: usize,
        /// Those of them to whom no direct connection could be made.
        unreachable: usize,
        /// Nothing is on its way: all who were asked said that they have none of what is left.
        stuck: bool,
    },
    /// Where peers are being looked for. Left out when the fetcher doesn't keep up.
    Searching { r#where: Search },
}

/// A way to find peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The addresses in the link.
    Hints,
    /// This network.
    Lan,
    /// The public directory.
    Dht,
    /// Web services.
    Web,
}

/// An open session.
#[derive(Debug)]
pub struct Session {
    pub events: mpsc::Receiver<SessionEvent>,
    pub(super) id: SessionId,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) shared: Arc<Shared>,
}

/// What a session asks of the swarm's task.
#[derive(Debug)]
pub(crate) enum Request {
    Want {
        session: SessionId,
        wants: Vec<Want>,
    },
    Unwant {
        session: SessionId,
        cids: Vec<Cid>,
    },
    AddHint {
        session: SessionId,
        address: Multiaddr,
    },
}

/// What the fetcher tells the actor without waiting.
#[derive(Debug)]
pub(crate) struct Shared {
    released: AtomicU64,
    closed: AtomicBool,
    /// Wakes the actor.
    nudge: Arc<Notify>,
}

impl Shared {
    pub(crate) fn new(nudge: Arc<Notify>) -> Self {
        Self {
            released: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            nudge,
        }
    }

    /// Bytes released since this was last asked.
    pub(crate) fn take_released(&self) -> u64 {
        self.released.swap(0, Ordering::AcqRel)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl Session {
    /// Asks for blocks, each until it is there or taken back. Nothing that follows from its CID
    /// alone may be asked for.
    pub async fn want(&self, wants: Vec<Want>) -> Result<(), NetError> {
        let session = self.id;
        self.tell(Request::Want { session, wants }).await
    }

    /// Takes wants back.
    pub async fn unwant(&self, cids: Vec<Cid>) -> Result<(), NetError> {
        let session = self.id;
        self.tell(Request::Unwant { session, cids }).await
    }

    /// Says that so many bytes of delivered blocks are no longer held.
    pub fn release(&self, bytes: u64) {
        self.shared.released.fetch_add(bytes, Ordering::AcqRel);
        self.shared.nudge.notify_one();
    }

    /// Adds a place where the content may be had; dialled at once.
    pub async fn add_provider(&self, address: Multiaddr) -> Result<(), NetError> {
        let session = self.id;
        self.tell(Request::AddHint { session, address }).await
    }

    async fn tell(&self, request: Request) -> Result<(), NetError> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| NetError::Stopped)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.nudge.notify_one();
    }
}
