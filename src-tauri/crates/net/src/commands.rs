//! What the swarm's task is asked. Each question carries the channel for its answer.

use std::collections::HashMap;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};
use unixfs::cid::Cid;

use crate::devices::{Device, News, Question, Stands};
use crate::exchange::session::Session;
#[cfg(debug_assertions)]
use crate::status::Part;
use crate::status::{Check, PublicCheck, Status};
use crate::{Banned, Config, NetError, PeerInfo};

#[derive(Debug)]
pub(crate) enum Command {
    OpenSession {
        root: Cid,
        hints: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<Session, NetError>>,
    },
    Available {
        cids: Vec<Cid>,
    },
    /// Any block may be here now, or again.
    LookAgain,
    SetLimits {
        upload: Option<u64>,
        download: Option<u64>,
    },
    /// Other settings; what is fixed for a run stays.
    Configure(Box<Config>),
    Peers {
        reply: oneshot::Sender<Vec<PeerInfo>>,
    },
    /// Who is kept away for breaking the rules.
    Banned {
        reply: oneshot::Sender<Vec<Banned>>,
    },
    /// Let a peer in again that broke the rules.
    Forgive {
        peer: PeerId,
    },
    /// Who takes part in fetching what hangs below this root, with what part of it each has, 0 to
    /// 1.
    Holders {
        root: Cid,
        reply: oneshot::Sender<HashMap<PeerId, Option<f64>>>,
    },
    Network {
        reply: oneshot::Sender<Status>,
    },
    /// Whoever owns the offers is to be told of them.
    HearDevices {
        owner: mpsc::Sender<News>,
    },
    /// Ask a device of this network. `None`: it can't be asked.
    AskDevice {
        peer: PeerId,
        question: Question,
        reply: oneshot::Sender<Option<Stands>>,
    },
    /// Where a device of this network is.
    DeviceAddresses {
        peer: PeerId,
        reply: oneshot::Sender<Vec<Multiaddr>>,
    },
    /// Devices of this network that said hello.
    Devices {
        reply: oneshot::Sender<Vec<Device>>,
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
    /// As if this part had broken.
    #[cfg(debug_assertions)]
    Break(Part),
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}
