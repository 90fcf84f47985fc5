//! What the actor is asked. Each question carries the place for its answer.

use std::collections::HashMap;

use bitswap::{SessionId, Want};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};
use unixfs::cid::{Cid, Multihash};

use crate::dht::find::Dht;
use crate::exchange::session::Session;
use crate::status::{Check, PublicCheck, Status};
use crate::{Config, NetError, PeerInfo};

#[derive(Debug)]
pub(crate) enum Command {
    OpenSession {
        root: Cid,
        hints: Vec<Multiaddr>,
        /// For the session, to ask with.
        commands: mpsc::Sender<Command>,
        reply: oneshot::Sender<Result<Session, NetError>>,
    },
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
    Available {
        cids: Vec<Cid>,
    },
    /// Announce a key in a DHT; says whether it went out.
    Provide {
        dht: Dht,
        key: Multihash,
        reply: oneshot::Sender<bool>,
    },
    /// We have these: say so to whoever asks in the DHTs.
    AnswerFor {
        keys: Vec<Multihash>,
    },
    StopProviding {
        keys: Vec<Multihash>,
    },
    SetLimits {
        upload: Option<u64>,
        download: Option<u64>,
    },
    /// Other settings; what is fixed for a run stays.
    Configure(Box<Config>),
    Peers {
        reply: oneshot::Sender<Vec<PeerInfo>>,
    },
    /// Who takes part in fetching what hangs below this root, with what part of it each has, 0 to 1.
    Holders {
        root: Cid,
        reply: oneshot::Sender<HashMap<PeerId, Option<f64>>>,
    },
    Network {
        reply: oneshot::Sender<Status>,
    },
    /// Test whether others can get here.
    Check {
        reply: oneshot::Sender<Check>,
    },
    /// Have the public checking service test it.
    CheckPublicly {
        /// Something that we have.
        cid: Cid,
        reply: oneshot::Sender<PublicCheck>,
    },
    /// The addresses of gateways, by the IDs under which their blocks come.
    Gateways {
        reply: oneshot::Sender<HashMap<PeerId, String>>,
    },
    Dial {
        address: Multiaddr,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}
