//! How this peer stands in the network, and what a person can do about it, as plain data.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Reachability;

mod convert;

/// How this peer stands in the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NetworkView {
    pub peer: String,
    /// Where it accepts connections.
    pub listen: Vec<String>,
    /// Where others can reach it, as far as it knows.
    pub external: Vec<String>,
    /// Connected peers.
    pub peers: u64,
    /// Peers in the routing table of the public directory; none: it is switched off.
    pub dht_peers: Option<u64>,
    /// It answers for the public directory too.
    pub dht_server: bool,
    pub reach: Reachability,
    /// Always four, the best first.
    pub rungs: Vec<Rung>,
    /// Devices on this network.
    #[ts(inline)]
    pub nearby: Vec<NearbyView>,
    /// Peers in the routing table of this network's own directory; none: it is switched off.
    pub lan_peers: Option<u64>,
    /// The router that was asked to open ports, if one answered.
    #[ts(inline)]
    pub router: Option<RouterView>,
    /// Ports that the router opened.
    pub mappings: Vec<MappingView>,
    /// Relays that were asked to pass connections on.
    pub relays: Vec<RelayView>,
    /// What is known of each address at which others might get here.
    pub addresses: Vec<AddressView>,
    /// The last test of whether others can get here.
    pub check: Option<CheckView>,
    /// Web services that are asked who has what, or for blocks.
    pub services: Vec<ServiceView>,
    /// Only those who have the same key get in.
    pub private_network: bool,
    /// The last time in this run that something in the network broke, by a fault of Shoal's, and was started again.
    #[ts(inline)]
    pub fault: Option<FaultView>,
    /// Shoal's own data, if that can be told.
    #[serde(default)]
    #[ts(optional)]
    pub data: Option<DataView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FaultView {
    /// Unix seconds.
    pub at: i64,
    /// `task`, `announcer` or `ports`.
    pub part: String,
    /// For who mends it.
    pub detail: String,
    /// Times in this run.
    pub times: u32,
}

/// Shoal's own data, and the disk that it lies on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DataView {
    /// Bytes of the index.
    pub bytes: u64,
    /// Bytes free on its disk.
    pub free: u64,
    /// That is too little for downloads to go on.
    pub low: bool,
}

/// A way in which others may get here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Rung {
    #[ts(inline)]
    pub rung: RungKind,
    #[ts(inline)]
    pub state: RungState,
    /// Stable, one of these.
    ///
    /// | rung | reasons |
    /// |---|---|
    /// | all | `this-machine-only` `switched-off` `checking` `offline` |
    /// | direct | `public-address` `no-public-address` `not-confirmed` (a firewall) |
    /// | port | `opened` `not-needed` `no-router` `refused` `double-nat` `cgnat` `not-confirmed` |
    /// | relay | `relayed` `not-needed` `no-relay` `refused` `symmetric-nat` (relayed, but punching holes fails) |
    /// | local | `devices-nearby` `nobody-nearby` |
    pub reason: String,
    /// What it is about: an address, a router's name, a port.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum RungKind {
    Direct,
    Port,
    Relay,
    Local,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RungState {
    InUse,
    Ready,
    No,
    Off,
    Checking,
}

/// A device on this network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NearbyView {
    pub peer: String,
    /// What it says it is, once it is connected.
    pub app: Option<String>,
}

/// The router that opens ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RouterView {
    /// What it calls itself.
    pub name: Option<String>,
    /// Its address on this network.
    pub address: String,
    #[ts(inline)]
    pub spoken: Spoken,
    /// Its own address, as seen from the other side.
    pub external: Option<String>,
    /// Why what it does is no use: `double-nat`, `cgnat`, `refused`, `no-external-address`.
    pub problem: Option<String>,
    /// What it said, in its own words.
    pub detail: Option<String>,
}

/// How a router is asked for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    Upnp,
    Pcp,
    NatPmp,
}

/// A port that the router opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MappingView {
    #[ts(inline)]
    pub transport: Transport,
    /// `192.168.1.10:4801`.
    pub internal: String,
    /// `8.8.8.8:4801`.
    pub external: String,
    /// Seconds until the router forgets it, should it not be renewed.
    pub expires: u64,
}

/// A relay that was asked to pass connections on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RelayView {
    pub peer: String,
    pub address: String,
    #[ts(inline)]
    pub state: RelayState,
    /// The person named it; else it was found in the network.
    pub chosen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum RelayState {
    Asking,
    Reserved,
    Refused,
}

/// An address at which others might get here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AddressView {
    pub address: String,
    #[ts(inline)]
    pub transport: Transport,
    #[ts(inline)]
    pub by: RungKind,
    #[ts(inline)]
    pub reachable: Verdict,
    /// Others who tried it.
    pub tries: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Yes,
    No,
    /// Nobody who could try it is connected.
    Unknown,
    Checking,
}

/// Test whether others can get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckRequest {
    /// Ask the public checking service too: it learns this computer's addresses.
    pub public: bool,
}

/// What a test of whether others can get here found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckView {
    /// When it ended. Unix seconds.
    pub at: i64,
    #[ts(inline)]
    pub reachable: Verdict,
    /// Others who were asked to try.
    pub asked: u64,
    pub addresses: Vec<AddressView>,
    /// What the public checking service said, if it was asked.
    #[ts(inline)]
    pub public: Option<PublicCheck>,
}

/// What the public checking service said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PublicCheck {
    #[ts(inline)]
    pub reachable: Verdict,
    /// The address it got through at, or what went wrong.
    pub detail: Option<String>,
}

/// A web service that is asked who has what, or for blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServiceView {
    pub url: String,
    #[ts(inline)]
    pub kind: ServiceKind,
    /// It answered when it was last asked; not asked yet counts too.
    pub works: bool,
    pub problem: Option<String>,
    /// Bytes of blocks that came from it.
    pub received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    Router,
    Gateway,
}

/// How a peer is to be treated from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StandingRequest {
    pub peer: String,
    #[ts(inline)]
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Usual,
    /// Always dialled, never dropped.
    Trusted,
    /// Never let in, never dialled.
    Blocked,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    pub peer: String,
    /// What it says it is.
    pub agent: Option<String>,
    pub addresses: Vec<String>,
    /// It connected to us.
    pub inbound: bool,
    /// Always dialled, never dropped.
    pub trusted: bool,
    /// Round-trip time in milliseconds.
    pub rtt_ms: Option<u64>,
}

/// A peer that is kept away for a while: it sent what nobody asked for, or what makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BannedView {
    pub peer: String,
    /// Until it is let in again.
    pub seconds: u64,
}

/// A connected peer, as the window shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonView {
    /// Its id.
    pub peer: String,
    /// What it says it is: "Shoal 0.1.0", "kubo/0.43.0".
    pub app: Option<String>,
    /// Bytes a second from it.
    pub rate_down: u64,
    /// Bytes a second to it.
    pub rate_up: u64,
    /// Bytes since it connected.
    pub received: u64,
    /// Bytes since it connected.
    pub sent: u64,
    #[ts(inline)]
    pub how: How,
    #[ts(inline)]
    pub transport: Transport,
    pub address: Option<String>,
    /// It connected to us.
    pub inbound: bool,
    /// Always dialled, never dropped.
    pub trusted: bool,
    /// Round-trip time in milliseconds.
    pub rtt_ms: Option<u64>,
    /// Its part of the item that was asked about, 0 to 1; `null`: not known.
    pub has: Option<f64>,
}

/// How a peer is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Direct,
    /// On this network or this machine.
    Nearby,
    Relay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Tcp,
    Quic,
    Other,
}
