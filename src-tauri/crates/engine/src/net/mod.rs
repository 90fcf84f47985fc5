//! The network: how this peer meets others, finds who has something, and exchanges blocks with them.
//!
//! [`Net`] is a cheap handle; one task, the actor, owns the swarm. Whoever asks sends a command and gets an answer; whoever
//! fetches holds a [`Session`](session::Session) and gets verified blocks from its channel.
//!
//! What stays true: the actor never waits for anything but its next event, so no disk, no hash and no slow reader stops the
//! network. Nothing is dialled outside what [`address::Reach`] allows. Announcing needs an address that others can reach.
//!
//! | file | room |
//! |---|---|
//! | `transport/` | how bytes travel: TLS, Noise, Yamux, QUIC |
//! | `behaviour` | what is spoken, and the limits |
//! | `actor` `commands` | the one task that owns the swarm, and what it is asked |
//! | `peers` `routing` `kad_store` | who is connected, who is in the DHT's table, what the DHT gave us to keep |
//! | `address` | which addresses may be dialled and believed |
//! | `identity` | who we are |

mod actor;
pub mod address;
mod behaviour;
mod commands;
mod identity;
mod kad_store;
mod listen;
mod peers;
mod routing;
#[cfg(test)]
mod tests;
mod transport;

use std::io;
use std::time::Duration;

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

pub use self::identity::{IdentityError, load_or_create as identity};
pub use self::transport::{Channels, TransportError};

use self::commands::Command;
use crate::config::Config;
use crate::limits::WAITING_COMMANDS;

/// What the network runs with.
#[derive(Debug, Clone)]
pub struct NetConfig {
    pub listen: Vec<Multiaddr>,
    pub bootstrap: Vec<Multiaddr>,
    pub mdns: bool,
    pub dht: bool,
    /// Bytes a second.
    pub upload_limit: Option<u64>,
    /// Bytes a second.
    pub download_limit: Option<u64>,
    /// Nothing leaves this machine: only loopback addresses are listened at and dialled.
    pub local_only: bool,
    pub channels: Channels,
}

impl From<&Config> for NetConfig {
    fn from(config: &Config) -> Self {
        Self {
            listen: config.listen.clone(),
            bootstrap: config.bootstrap.clone(),
            mdns: config.mdns,
            dht: config.dht,
            upload_limit: config.upload_limit,
            download_limit: config.download_limit,
            local_only: config.local,
            channels: Channels::All,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("can't listen at {address}: {source}")]
    Listen {
        address: Multiaddr,
        source: io::Error,
    },
    #[error("{0} is not on this machine, and nothing else is allowed")]
    NotLocal(Multiaddr),
    #[error("the network is shut down")]
    Stopped,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    pub peer: PeerId,
    /// What it says it is.
    pub agent: Option<String>,
    /// Where it is connected from or to.
    pub addresses: Vec<Multiaddr>,
    /// All connections were opened by the peer.
    pub inbound: bool,
    /// Round-trip time.
    pub rtt: Option<Duration>,
}

/// How this peer stands in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInfo {
    pub peer: PeerId,
    /// Where we listen, each with our peer ID at its end.
    pub listen: Vec<Multiaddr>,
    /// Where others can reach us, as far as we know.
    pub external: Vec<Multiaddr>,
    /// Connected peers.
    pub peers: usize,
    /// Peers in the DHT's routing table; none: it is switched off.
    pub dht_peers: Option<usize>,
    /// We answer for the DHT too.
    pub dht_server: bool,
}

/// The handle on the network; clones share it.
#[derive(Debug, Clone)]
pub struct Net {
    peer: PeerId,
    commands: mpsc::Sender<Command>,
}

impl Net {
    /// Joins the network. Returns once every address is listened at.
    pub async fn start(config: NetConfig, identity: Keypair) -> Result<Self, NetError> {
        let (sender, receiver) = mpsc::channel(WAITING_COMMANDS);
        let actor = actor::Actor::start(&config, &identity, receiver).await?;
        tokio::spawn(actor.run());
        Ok(Self {
            peer: identity.public().to_peer_id(),
            commands: sender,
        })
    }

    pub fn peer_id(&self) -> PeerId {
        self.peer
    }

    /// Where we listen, with real ports and our peer ID at the end. Empty once it is shut down.
    pub async fn listen_addrs(&self) -> Vec<Multiaddr> {
        let network = self.ask(|reply| Command::Network { reply }).await;
        network.map(|network| network.listen).unwrap_or_default()
    }

    /// The connected peers. Empty once it is shut down.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        let peers = self.ask(|reply| Command::Peers { reply }).await;
        peers.unwrap_or_default()
    }

    pub async fn network(&self) -> Result<NetworkInfo, NetError> {
        self.ask(|reply| Command::Network { reply }).await
    }

    /// Opens a connection, which stays while it is used.
    pub async fn dial(&self, address: Multiaddr) -> Result<(), NetError> {
        self.tell(Command::Dial { address }).await
    }

    /// Closes all connections and listeners.
    pub async fn shutdown(self) {
        let _ = self.ask(|reply| Command::Shutdown { reply }).await;
    }

    async fn tell(&self, command: Command) -> Result<(), NetError> {
        let sent = self.commands.send(command).await;
        sent.map_err(|_| NetError::Stopped)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, NetError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply)).await?;
        answer.await.map_err(|_| NetError::Stopped)
    }
}
