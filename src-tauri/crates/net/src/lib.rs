//! The network: how this peer meets others, finds who has something, and exchanges blocks with
//! them.
//!
//! [`Net`] is a cheap handle; one task, `swarm::Network`, owns the swarm. A caller sends it a
//! command and gets an answer; a fetcher holds a [`Session`] and gets verified blocks from its
//! channel.
//!
//! Invariants:
//! - The swarm's task never waits for anything but its next event, so no disk, no hash and no slow
//!   reader stops the network.
//! - Nothing is dialled outside what `address::DialPolicy` allows.
//! - Announcing needs an address that others can reach.
//! - Everything that a stranger or a machine can make us hold has a bound in [`limits`].
//!
//! | room | owns |
//! |---|---|
//! | `swarm` `commands` | the one task that owns the swarm, and what it is asked |
//! | `config` `limits` | what it runs with, in sections; what strangers and machines can make it hold |
//! | `address` `listen` | which addresses may be dialled and believed; where we listen |
//! | `transport/` `behaviour` | how bytes travel: TLS, Noise, Yamux, QUIC; what is spoken over it |
//! | `connections/` | the connection manager: who is connected, trusted, banned; how many of one network |
//! | `dht/` | bootstrap, routing tables, searches, announcing, republishing, provider records |
//! | `exchange/` | both ends of a fetch: wants in, verified blocks out; and blocks for others |
//! | `web/` | web servers that help: delegated routing, gateways, the public test |
//! | `local/` | this machine's networks, and the devices on them |
//! | `devices/` | which of them are Shoals with a name, and what they say straight to each other |
//! | `reachability/` | how others get here, and why not: AutoNAT, ports, relay reservations, hole punching |
//! | `status` `meter` | what the network says of itself; how fast bytes move |
//! | `quota` `rounds` | how often strangers may have us do something, and whose turn it is |
//! | `memory` `identity` | what outlives a run; who we are |

pub mod address;
mod behaviour;
mod commands;
pub mod config;
mod connections;
pub mod devices;
mod dht;
mod exchange;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/input.rs"
    ));
}
mod identity;
pub mod limits;
mod listen;
mod local;
mod memory;
mod meter;
mod quota;
mod reachability;
mod rounds;
pub mod status;
mod swarm;
#[cfg(test)]
mod tests;
mod transport;
mod web;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use unixfs::Cid;

pub use self::config::Config;
pub use self::connections::bans::Banned;
pub use self::exchange::serve::{Answer, Blocks, Question, Server};
pub use self::exchange::session::{Search, Session, SessionEvent};
pub use self::identity::{IdentityError, load_or_create as identity};
pub use self::memory::{Fault, Functions, Memory};
pub use self::meter::{Meter, Moved, Rate, Tag};
pub use self::swarm::supervise::words as panic_words;
pub use self::transport::{Channels, TransportError};

pub use self::address::Permit;
use self::address::{DialPolicy, Scope};
use self::commands::Command;
use self::devices::{Device, News, Stands};
use self::limits::{LINK_PROVIDERS, WAITING_COMMANDS};
use self::local::interfaces;
use self::status::{Check, PublicCheck, Status, Summary};
use self::swarm::supervise::{Lasting, supervise};

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
    #[error("too many downloads and listings are open at once")]
    TooManySessions,
    #[error("the network is shut down")]
    Stopped,
    /// It broke, and is started again.
    #[error("the network stopped by a fault in Shoal, and starts again in a moment")]
    Restarting,
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
    /// The person trusts it.
    pub trusted: bool,
    /// Round-trip time.
    pub rtt: Option<Duration>,
    /// Bytes of blocks sent to it since it connected.
    pub sent: u64,
    /// Bytes of wanted blocks received from it since it connected.
    pub received: u64,
}

/// The handle on the network; clones share it.
#[derive(Debug, Clone)]
pub struct Net {
    peer: PeerId,
    commands: mpsc::Sender<Command>,
    announcements: Arc<Notify>,
    meter: Meter,
    summary: watch::Receiver<Summary>,
    policy: DialPolicy,
}

impl Net {
    /// Joins the network. Returns once every address is listened at. What others ask for is asked
    /// of what `blocks` gives, again each time that the network has broken and is started again;
    /// what outlives the run is kept in `memory`.
    pub async fn start(
        config: Config,
        identity: Keypair,
        meter: Meter,
        blocks: impl Fn() -> Blocks + Send + 'static,
        memory: Memory,
    ) -> Result<Self, NetError> {
        let (commands, receiver) = mpsc::channel(WAITING_COMMANDS);
        let policy = DialPolicy::new(config.listen.local_only, false, false);
        let peer = identity.public().to_peer_id();
        let lasting = Lasting::new(
            config,
            identity,
            policy.clone(),
            memory,
            meter.clone(),
            Box::new(blocks),
            receiver,
        );
        let (summary, announcements) = (lasting.summary(), lasting.announcements());
        let starting = Box::pin(swarm::Network::start(lasting));
        let network = starting.await.map_err(|failed| failed.error)?;
        tokio::spawn(supervise(network));
        Ok(Self {
            peer,
            commands,
            announcements,
            meter,
            summary,
            policy,
        })
    }

    /// Counts what is exchanged.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The status in short, as it changes.
    pub fn summary(&self) -> watch::Receiver<Summary> {
        self.summary.clone()
    }

    pub fn peer_id(&self) -> PeerId {
        self.peer
    }

    /// Where we listen, with real ports and our peer ID at the end. Empty once it is shut down.
    pub async fn listen_addrs(&self) -> Vec<Multiaddr> {
        let network = self.ask(|reply| Command::Network { reply }).await;
        network.map(|network| network.listen).unwrap_or_default()
    }

    /// The best few addresses for a link. Empty once it is shut down.
    pub async fn link_addrs(&self) -> Vec<Multiaddr> {
        let network = self.ask(|reply| Command::Network { reply }).await;
        let Ok(Status {
            external, listen, ..
        }) = network
        else {
            return Vec::new();
        };
        let external = interfaces::likeliest_first(external).await;
        let listen = interfaces::likeliest_first(listen).await;
        listen::best_few(&external, &listen, LINK_PROVIDERS)
    }

    /// The person asked for what is at these addresses: they may be dialled wherever they are, as
    /// long as the permit lives.
    pub fn permit(&self, addresses: &[Multiaddr]) -> Permit {
        self.policy.permit(addresses)
    }

    /// Those of the addresses that are not dialled, because they lie in private networks and nobody
    /// named them who may: not the person, and no device of this network.
    pub fn left_out(&self, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
        let is_left_out = |address: &&Multiaddr| {
            address::scope(address) == Scope::Private
                && !self.policy.is_local_only()
                && !self.policy.is_blocked(address)
                && !self.policy.allows(address)
        };
        addresses.iter().filter(is_left_out).cloned().collect()
    }

    /// Opens a session for what hangs below `root`. It looks for peers at the hints, on this
    /// network and in the DHT, and goes on while it is open and hungry.
    pub async fn session(&self, root: Cid, hints: Vec<Multiaddr>) -> Result<Session, NetError> {
        self.ask(|reply| Command::OpenSession { root, hints, reply })
            .await?
    }

    /// Says that we hold these blocks now, so that peers who wait for one get it.
    pub async fn available(&self, cids: Vec<Cid>) {
        let _ = self.tell(Command::Available { cids }).await;
    }

    /// Says that something else may be shared now, or again: other keys may be to be announced, as
    /// [`Functions::to_announce`] tells, and peers may get what they wait for. Announcements go out as
    /// soon as others can reach us, and again every 22 hours, over restarts too.
    pub fn shared_changed(&self) {
        self.announcements.notify_one();
        // Full: then it is looked at later by itself.
        let _ = self.commands.try_send(Command::LookAgain);
    }

    /// Bytes a second over all peers; `None` is no limit.
    pub async fn set_limits(&self, upload: Option<u64>, download: Option<u64>) {
        let _ = self.tell(Command::SetLimits { upload, download }).await;
    }

    /// Goes on with other settings. Rates are [`Self::set_limits`]'s; what is fixed for a run
    /// stays.
    pub async fn configure(&self, config: Config) {
        let _ = self.tell(Command::Configure(Box::new(config))).await;
    }

    /// The connected peers. Empty once it is shut down.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        let peers = self.ask(|reply| Command::Peers { reply }).await;
        peers.unwrap_or_default()
    }

    /// Who is kept away for breaking the rules of the exchange. Empty once it is shut down.
    pub async fn banned(&self) -> Vec<Banned> {
        let banned = self.ask(|reply| Command::Banned { reply }).await;
        banned.unwrap_or_default()
    }

    /// Lets a peer in again that broke the rules.
    pub async fn forgive(&self, peer: PeerId) {
        let _ = self.tell(Command::Forgive { peer }).await;
    }

    /// Who takes part in fetching what hangs below a root, with what part of it each has, 0 to 1,
    /// where that is known.
    pub async fn holders(&self, root: Cid) -> HashMap<PeerId, Option<f64>> {
        let holders = self.ask(|reply| Command::Holders { root, reply }).await;
        holders.unwrap_or_default()
    }

    pub async fn network(&self) -> Result<Status, NetError> {
        self.ask(|reply| Command::Network { reply }).await
    }

    /// Devices of this network that told their names.
    pub async fn devices(&self) -> Result<Vec<Device>, NetError> {
        self.ask(|reply| Command::Devices { reply }).await
    }

    /// From now on `owner` is told what devices of this network ask, and which came.
    pub async fn hear_devices(&self, owner: mpsc::Sender<News>) {
        let _ = self.tell(Command::HearDevices { owner }).await;
    }

    /// Asks a device of this network. `None`: it is not there, or says nothing.
    pub async fn ask_device(&self, peer: PeerId, question: devices::Question) -> Option<Stands> {
        let asked = self.ask(|reply| Command::AskDevice {
            peer,
            question,
            reply,
        });
        asked.await.ok().flatten()
    }

    /// Where a device of this network is, with its peer ID at the end. Empty if it is not there.
    pub async fn device_addresses(&self, peer: PeerId) -> Vec<Multiaddr> {
        let addresses = self.ask(|reply| Command::DeviceAddresses { peer, reply });
        addresses.await.unwrap_or_default()
    }

    /// Tests whether others can get here.
    pub async fn check(&self) -> Result<Check, NetError> {
        self.ask(|reply| Command::Check { reply }).await
    }

    /// Has the public checking service test it, by asking us for a block.
    pub async fn check_publicly(&self, cid: Cid) -> Result<PublicCheck, NetError> {
        self.ask(|reply| Command::CheckPublicly { cid, reply })
            .await
    }

    /// The addresses of gateways, by the IDs under which their blocks come. Empty once it is shut
    /// down.
    pub async fn gateways(&self) -> HashMap<PeerId, String> {
        let gateways = self.ask(|reply| Command::Gateways { reply }).await;
        gateways.unwrap_or_default()
    }

    /// Opens a connection, which stays while it is used.
    pub async fn dial(&self, address: Multiaddr) -> Result<(), NetError> {
        self.tell(Command::Dial { address }).await
    }

    /// As if this part had broken, which shows that all goes on.
    #[cfg(debug_assertions)]
    pub async fn break_part(&self, part: status::Part) {
        let _ = self.tell(Command::Break(part)).await;
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
        answer.await.map_err(|_| {
            if self.commands.is_closed() {
                NetError::Stopped
            } else {
                NetError::Restarting
            }
        })
    }
}

/// Unix seconds.
pub fn now_unix() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
