//! What the actor is asked. Each question carries the place for its answer.

use bitswap::{SessionId, Want};
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};
use unixfs::cid::{Cid, Multihash};

use super::session::Session;
use super::{NetError, NetworkInfo, PeerInfo};

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
    /// Announce a key in the DHT; says whether it went out.
    Provide {
        key: Multihash,
        reply: oneshot::Sender<bool>,
    },
    StopProviding {
        keys: Vec<Multihash>,
    },
    SetLimits {
        upload: Option<u64>,
        download: Option<u64>,
    },
    Peers {
        reply: oneshot::Sender<Vec<PeerInfo>>,
    },
    Network {
        reply: oneshot::Sender<NetworkInfo>,
    },
    Dial {
        address: Multiaddr,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}
