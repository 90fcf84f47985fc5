//! What the actor is asked. Each question carries the place for its answer.

use libp2p::Multiaddr;
use tokio::sync::oneshot;

use super::{NetworkInfo, PeerInfo};

#[derive(Debug)]
pub(crate) enum Command {
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
