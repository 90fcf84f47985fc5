//! Bitswap on one direct connection: reads what the peer sends, writes what the behaviour says.
//!
//! It runs on the connection's own task. Invariants: memory is bounded whatever the peer does (see
//! `inbound` and [`Command::Send`]); a block is handed on only with the CID that its bytes have;
//! hashing never holds up decryption. It decides nothing about wants or blocks, and does not run on
//! relayed connections: those carry 128 KiB and end.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod inbound;
mod lane;
mod protocol;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
    ProtocolsChange,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, Stream, StreamUpgradeError, SubstreamProtocol,
};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use unixfs::cid::Cid;

use self::inbound::{Budget, Inbound, ReadError, Taken};
use self::lane::{Lane, LaneEvent, Parcel, poll_timer};
pub(crate) use self::protocol::Protocols;
use crate::held::Account;
use crate::limits::{MAX_INBOUND_STREAMS, MAX_WAITING_PRESENCES};
use crate::rate::Allowance;
use crate::wire::{Outgoing, Presence, Version, WantEntry};

/// What the behaviour says.
#[derive(Debug)]
pub enum Command {
    /// Somebody here wants blocks (or nobody any more): find out whether the peer speaks Bitswap,
    /// and stay connected if so.
    Interest(bool),
    /// The peer wants something of us (or nothing any more): stay connected.
    Hold(bool),
    /// Write this. Messages with blocks are answered by [`Report::Written`], in order; how many
    /// wait is up to the sender. Presences are dropped when too many wait.
    Send {
        message: Outgoing,
        pace: Option<u64>,
    },
}

/// What the behaviour is told.
#[derive(Debug)]
pub enum Report {
    /// The peer speaks Bitswap.
    Ready(Version),
    /// It does not.
    Unsupported,
    Received(Received),
    /// The oldest message with blocks is written.
    Written,
    /// Some of it is written; said once a second.
    Progress,
    /// The peer sent what is no message.
    Bad,
    /// The connection takes nothing any more, and should be closed.
    Broken,
    /// Said at first: what the connection holds of unfinished messages.
    Unfinished(Arc<Account>),
    /// All connections together hold too much of them.
    Crowded,
    /// A message has begun long ago and is not here.
    Suspect,
}

/// A message from the peer, or the blocks of one that took longer to hash.
#[derive(Debug, Default)]
pub struct Received {
    pub(crate) wantlist: Vec<WantEntry>,
    pub(crate) full: bool,
    pub(crate) presences: Vec<(Cid, Presence)>,
    /// With the CIDs that they have.
    pub(crate) blocks: Vec<(Cid, Bytes)>,
    /// Goes back to the connection's budget when this is dropped.
    _taken: Option<Taken>,
}

/// Which of the two outbound streams.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    Words,
    Blocks,
}

pub struct Handler {
    protocols: Protocols,
    /// Hashing jobs that may run at a time, over all connections: one a core.
    hashers: Arc<Semaphore>,
    budget: Arc<Budget>,
    inbound: SelectAll<BoxStream<'static, Result<Inbound, ReadError>>>,
    hashing: FuturesUnordered<BoxFuture<'static, Option<Received>>>,
    /// What the peer may still say, with all others of its network.
    allowance: Arc<Allowance>,
    timer: Option<Pin<Box<Sleep>>>,
    words: Lane<Stream>,
    blocks: Lane<Stream>,
    interest: bool,
    hold: bool,
    support: Support,
    reports: VecDeque<Report>,
}

/// Does the peer speak Bitswap?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    Unknown,
    Yes(Version),
    No,
}

impl Handler {
    /// `unfinished`: where the bytes of messages count that are not whole.
    pub(crate) fn new(
        protocols: Protocols,
        hashers: Arc<Semaphore>,
        unfinished: Account,
        allowance: Arc<Allowance>,
        interest: bool,
    ) -> Self {
        let unfinished = Arc::new(unfinished);
        Self {
            protocols,
            hashers,
            budget: Arc::new(Budget::new(Arc::clone(&unfinished))),
            inbound: SelectAll::new(),
            hashing: FuturesUnordered::new(),
            allowance,
            timer: None,
            words: Lane::new(),
            blocks: Lane::new(),
            interest,
            hold: false,
            support: Support::Unknown,
            reports: VecDeque::from([Report::Unfinished(unfinished)]),
        }
    }

    fn lane(&mut self, which: Which) -> &mut Lane<Stream> {
        match which {
            Which::Words => &mut self.words,
            Which::Blocks => &mut self.blocks,
        }
    }

    fn supported(&mut self, version: Version) {
        if self.support != Support::Yes(version) {
            self.support = Support::Yes(version);
            self.reports.push_back(Report::Ready(version));
        }
    }

    fn unsupported(&mut self) {
        self.words.abandon();
        self.blocks.abandon();
        if self.support != Support::No {
            self.support = Support::No;
            self.reports.push_back(Report::Unsupported);
        }
    }

    fn send(&mut self, message: Outgoing, pace: Option<u64>) {
        if self.support == Support::No {
            // It counts as lost with all that this connection had.
            return;
        }
        if message.blocks.is_empty() {
            let is_droppable = message.wantlist.is_empty() && !message.full;
            if !is_droppable || self.words.waiting_presences() < MAX_WAITING_PRESENCES {
                self.words.push(Parcel {
                    message,
                    receipt: false,
                    pace: None,
                });
            }
        } else {
            self.blocks.push(Parcel {
                message,
                receipt: true,
                pace,
            });
        }
    }

    /// The part of a message that is known at once.
    fn receive(&mut self, mut inbound: Inbound) {
        self.allowance.take(inbound.cost(), Instant::now());
        let blocks = inbound.take_blocks();
        let message = inbound.message;
        let mut received = Received {
            wantlist: message.wantlist,
            full: message.full,
            presences: message.presences,
            ..Received::default()
        };
        if blocks.is_small() {
            received.blocks = blocks.hash();
        } else {
            let hashers = Arc::clone(&self.hashers);
            let hash = async move {
                // It is never closed. Held until the job is over.
                let _core = hashers.acquire_owned().await.ok()?;
                let blocks = tokio::task::spawn_blocking(|| blocks.hash()).await.ok()?;
                Some(Received {
                    blocks,
                    _taken: Some(inbound.taken),
                    ..Received::default()
                })
            };
            self.hashing.push(hash.boxed());
        }
        if !received.is_empty() {
            self.reports.push_back(Report::Received(received));
        }
    }

    fn request(&self, which: Which) -> Event {
        ConnectionHandlerEvent::OutboundSubstreamRequest {
            protocol: SubstreamProtocol::new(self.protocols, which),
        }
    }

    fn on_lane_event(&mut self, which: Which, event: LaneEvent) -> Event {
        match event {
            LaneEvent::Open => self.request(which),
            LaneEvent::Written => ConnectionHandlerEvent::NotifyBehaviour(Report::Written),
            LaneEvent::Progress => ConnectionHandlerEvent::NotifyBehaviour(Report::Progress),
            LaneEvent::Broken => ConnectionHandlerEvent::NotifyBehaviour(Report::Broken),
        }
    }
}

type Event = ConnectionHandlerEvent<Protocols, Which, Report>;

impl Received {
    fn is_empty(&self) -> bool {
        self.wantlist.is_empty()
            && !self.full
            && self.presences.is_empty()
            && self.blocks.is_empty()
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Command;
    type ToBehaviour = Report;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Which;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        SubstreamProtocol::new(self.protocols, ())
    }

    fn connection_keep_alive(&self) -> bool {
        (self.interest && matches!(self.support, Support::Yes(_)))
            || self.hold
            || !self.words.is_idle()
            || !self.blocks.is_idle()
            || !self.hashing.is_empty()
    }

    fn on_behaviour_event(&mut self, command: Command) {
        match command {
            Command::Interest(interest) => self.interest = interest,
            Command::Hold(hold) => self.hold = hold,
            Command::Send { message, pace } => self.send(message, pace),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
            }
            if self.interest && self.support == Support::Unknown && self.words.open() {
                return Poll::Ready(self.request(Which::Words));
            }
            if let Poll::Ready(event) = self.words.poll(cx) {
                return Poll::Ready(self.on_lane_event(Which::Words, event));
            }
            if let Poll::Ready(event) = self.blocks.poll(cx) {
                return Poll::Ready(self.on_lane_event(Which::Blocks, event));
            }
            if let Poll::Ready(Some(hashed)) = self.hashing.poll_next_unpin(cx) {
                self.reports.extend(hashed.map(Report::Received));
                continue;
            }
            let now = Instant::now();
            let wait = self.allowance.wait(now);
            if !wait.is_zero() {
                ready!(poll_timer(&mut self.timer, now + wait, cx));
                continue;
            }
            match self.inbound.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(inbound))) => self.receive(inbound),
                Poll::Ready(Some(Err(ReadError::Message(error)))) => {
                    tracing::debug!(%error, "not a bitswap message");
                    self.reports.push_back(Report::Bad);
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::trace!(%error, "an inbound bitswap stream broke");
                }
                Poll::Ready(None) | Poll::Pending => {
                    let crowded = self.budget.take_crowded().then_some(Report::Crowded);
                    let suspect = self.budget.take_suspect().then_some(Report::Suspect);
                    self.reports.extend(crowded.into_iter().chain(suspect));
                    if self.reports.is_empty() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Protocols, Protocols, (), Which>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => {
                let (mut stream, version) = protocol;
                stream.ignore_for_keep_alive();
                // Our own stream's version is the one that counts, once there is one.
                if !matches!(self.support, Support::Yes(_)) {
                    self.supported(version);
                }
                // A stream too many is dropped, which resets it.
                if self.inbound.len() < MAX_INBOUND_STREAMS {
                    self.inbound
                        .push(inbound::messages(stream, version, &self.budget).boxed());
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info,
            }) => {
                let (mut stream, version) = protocol;
                stream.ignore_for_keep_alive();
                self.supported(version);
                self.lane(info).opened(stream, version);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => match error {
                StreamUpgradeError::NegotiationFailed => self.unsupported(),
                _ => self.lane(info).open_failed(),
            },
            ConnectionEvent::RemoteProtocolsChange(ProtocolsChange::Added(added)) => {
                let speaks =
                    |name: &str| self.protocols.offers().any(|offer| offer.as_ref() == name);
                let speaks_bitswap = added.into_iter().any(|protocol| speaks(protocol.as_ref()));
                match self.support {
                    // Asked again when somebody wants blocks.
                    Support::No if speaks_bitswap => self.support = Support::Unknown,
                    Support::Unknown
                        if !speaks_bitswap && self.words.is_idle() && self.blocks.is_idle() =>
                    {
                        self.unsupported();
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler")
            .field("support", &self.support)
            .field("interest", &self.interest)
            .field("hold", &self.hold)
            .field("inbound", &self.inbound.len())
            .field("hashing", &self.hashing.len())
            .finish_non_exhaustive()
    }
}
