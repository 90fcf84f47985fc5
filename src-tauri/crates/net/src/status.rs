//! What the network says of itself: how others get here, why they don't, and what was tried.
//!
//! Plain data in the network's own words. It knows no room of the network, so that every room may
//! speak of it; and nothing of how it is shown: names and sentences for people are made by those
//! who show it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use url::Url;

/// How this peer stands in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub peer: PeerId,
    /// Where we listen, each with our peer ID at its end.
    pub listen: Vec<Multiaddr>,
    /// Where others can reach us, as far as we know.
    pub external: Vec<Multiaddr>,
    /// Connected peers.
    pub peers: usize,
    /// Peers in the DHT's routing table; none: it is switched off.
    pub dht_peers: Option<usize>,
    /// Peers in the routing table of this network's own DHT; none: it is switched off.
    pub lan_peers: Option<usize>,
    /// We answer for the DHT too.
    pub dht_server: bool,
    pub reachability: ReachabilityState,
    /// The ways in which others get here: four, the best first.
    pub rungs: Vec<Rung>,
    /// Devices on this network, with what they say they are.
    pub nearby: Vec<(PeerId, Option<String>)>,
    /// The router that was asked to open ports, if one answered.
    pub router: Option<Router>,
    /// Ports that routers opened.
    pub mappings: Vec<Mapping>,
    /// Relays that were asked, in an order that stays.
    pub relays: Vec<Relay>,
    /// What is known of each address at which others might get here.
    pub addresses: Vec<AddressCheck>,
    /// The last test of whether others can get here.
    pub check: Option<Check>,
    /// Only those who have the same key get in.
    pub private_network: bool,
    /// Web services that are asked who has what, or for blocks.
    pub services: Vec<Service>,
    /// The last time in this run that it broke and was started again.
    pub fault: Option<Fault>,
}

/// Something in the network broke, which is a fault of ours. It was started again, with the same
/// settings and all that was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The last time.
    pub at: SystemTime,
    pub part: Part,
    /// For who mends it.
    pub words: String,
    /// Times in this run.
    pub times: u32,
}

/// What has a task of its own, without which the rest is of little use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The one task that owns the swarm, and all that runs on it.
    Task,
    /// What announces to others what we have.
    Announcer,
    /// What keeps ports open on routers.
    Ports,
}

/// The status in short, told as it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Connected.
    pub peers: u32,
    pub reachability: ReachabilityState,
}

/// How others get here, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReachabilityState {
    #[default]
    Offline,
    Checking,
    Direct,
    Port,
    Relay,
    /// This network, or this machine, only.
    Local,
}

/// A way in which others may get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    pub kind: RungKind,
    pub state: RungState,
    pub reason: Reason,
    /// What the reason is about: an address, a router's name, a port, a relay.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungKind {
    Direct,
    Port,
    Relay,
    Local,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungState {
    InUse,
    Ready,
    No,
    Off,
    Checking,
}

/// Why a rung is in its state.
///
/// | rung | reasons |
/// |---|---|
/// | all | `ThisMachineOnly` `SwitchedOff` `Checking` `Offline` |
/// | direct | `PublicAddress` `NoPublicAddress` `NotConfirmed` |
/// | port | `Opened` `NotNeeded` `NoRouter` `Refused` `DoubleNat` `Cgnat` `NotConfirmed` |
/// | relay | `Relayed` `NotNeeded` `NoRelay` `Refused` `SymmetricNat` |
/// | local | `DevicesNearby` `NobodyNearby` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    ThisMachineOnly,
    SwitchedOff,
    /// It is being found out.
    Checking,
    /// This machine is on no network.
    Offline,
    PublicAddress,
    NoPublicAddress,
    /// Those who tried didn't get through: a firewall stands in the way.
    NotConfirmed,
    /// A router opened a port.
    Opened,
    /// A better rung is in use.
    NotNeeded,
    NoRouter,
    Refused,
    /// The router is behind another one.
    DoubleNat,
    /// The provider gives many customers one address.
    Cgnat,
    Relayed,
    NoRelay,
    /// Relayed, but the router gives each connection another port: hole punching fails.
    SymmetricNat,
    DevicesNearby,
    NobodyNearby,
}

/// The home router that opens ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// What it calls itself.
    pub name: Option<String>,
    /// Its address on this network.
    pub address: IpAddr,
    pub protocol: PortProtocol,
    /// Its own address, as seen from the other side.
    pub external: Option<IpAddr>,
    /// Why what it does is no use.
    pub problem: Option<RouterProblem>,
    /// What it said, in its own words.
    pub words: Option<String>,
}

/// How a router is asked for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortProtocol {
    Upnp,
    Pcp,
    NatPmp,
}

/// Why what a router does is no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterProblem {
    /// It is behind another one.
    DoubleNat,
    /// The provider gives many customers one address.
    Cgnat,
    /// It has no address outside, or names one that nobody can reach.
    NoExternalAddress,
    Refused,
}

/// A port that a router opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapping {
    pub transport: Transport,
    pub internal: SocketAddr,
    pub external: SocketAddr,
    /// When the router forgets it, should it not be renewed.
    pub expires: Instant,
}

/// A relay that was asked to pass connections on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    pub peer: PeerId,
    /// Where it is, if that is known.
    pub address: Option<Multiaddr>,
    pub state: RelayState,
    /// The person named it; else it was found in the network.
    pub chosen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    Asking,
    Reserved,
    Refused,
}

/// What is known of an address at which others might get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressCheck {
    pub address: Multiaddr,
    pub by: RungKind,
    pub verdict: Verdict,
    /// Others who tried it, in this round.
    pub tries: usize,
}

/// Whether others can get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
    /// Nobody who could try it is connected.
    Unknown,
    Checking,
}

/// What a test of whether others can get here found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// When it ended.
    pub at: SystemTime,
    pub verdict: Verdict,
    /// Others who were asked to try.
    pub asked: usize,
    pub addresses: Vec<AddressCheck>,
    /// What the public checking service said, if it was asked.
    pub public: Option<PublicCheck>,
}

/// What the public checking service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicCheck {
    pub verdict: Verdict,
    /// The address it got through at, or what went wrong.
    pub detail: Option<String>,
}

/// A web service that is asked who has what, or for blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub url: Url,
    pub kind: ServiceKind,
    /// Why it failed when it was last asked; none: it answered, or wasn't asked yet.
    pub problem: Option<WebError>,
    /// Bytes of blocks that came from it.
    pub received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// Delegated routing: it says who has what.
    Delegated,
    Gateway,
}

/// Why a web service didn't do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    #[error("nothing outside this computer may be asked")]
    NotHere,
    #[error("its address is not one that may be asked")]
    NotAllowed,
    #[error("can't be reached: {0}")]
    Unreachable(String),
    #[error("does not answer in time")]
    Timeout,
    /// It said so; that is no fault.
    #[error("does not have it")]
    Lacks,
    #[error("wants fewer requests")]
    Busy(Option<Duration>),
    #[error("answers with HTTP status {0}")]
    Status(u16),
    #[error("sends more than it was asked for")]
    TooLarge,
    #[error("sends something else than it was asked for")]
    Wrong,
}

/// What carries a connection's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Quic,
    Other,
}

impl Transport {
    /// The transport that an address names first.
    pub fn of(address: &Multiaddr) -> Self {
        let spoken = |part| match part {
            Protocol::Tcp(_) => Some(Self::Tcp),
            Protocol::Quic | Protocol::QuicV1 => Some(Self::Quic),
            _ => None,
        };
        address.iter().find_map(spoken).unwrap_or(Self::Other)
    }
}
