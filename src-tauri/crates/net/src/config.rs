//! What the network runs with, in sections. Whoever reads the settings fills it; a new setting is a
//! field here, and a line where its room is told of it.

use if_watch::IpNet;
use libp2p::pnet::PreSharedKey;
use libp2p::{Multiaddr, PeerId};
use url::Url;

use crate::devices::Card;
#[cfg(test)]
use crate::devices::Kind;
use crate::transport::Channels;

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What devices of this network are told of this one.
    pub device: Card,
    pub listen: ListenConfig,
    pub discovery: DiscoveryConfig,
    /// Ask routers to open ports.
    pub ports: bool,
    pub relays: RelayConfig,
    pub web: WebConfig,
    pub trust: TrustConfig,
    pub limits: LimitConfig,
}

/// Where others may connect to.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenConfig {
    pub addresses: Vec<Multiaddr>,
    /// Nothing leaves this machine: only loopback addresses are listened at and dialled.
    pub local_only: bool,
    pub channels: Channels,
}

/// How peers are found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DiscoveryConfig {
    pub mdns: bool,
    pub dht: bool,
    pub bootstrap: Vec<Multiaddr>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RelayConfig {
    /// Be reachable through relays, and punch holes.
    pub enabled: bool,
    /// Relays that the person chose; else some are found in the network.
    pub chosen: Vec<Multiaddr>,
    /// Pass connections on for trusted peers.
    pub service: bool,
}

/// Web services that are asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebConfig {
    /// Who has what: delegated routing.
    pub routers: Vec<Url>,
    /// For verified blocks.
    pub gateways: Vec<Url>,
    /// Whether others can get here. Asked on request only.
    pub check: Option<Url>,
}

/// Who is let in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrustConfig {
    /// Peers that are always dialled and never dropped, each with an address or by its ID alone.
    pub trusted: Vec<Multiaddr>,
    pub blocked: Vec<PeerId>,
    pub blocked_networks: Vec<IpNet>,
    /// Only those who have the same key get in.
    pub network_key: Option<PreSharedKey>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LimitConfig {
    /// Bytes a second.
    pub upload: Option<u64>,
    /// Bytes a second.
    pub download: Option<u64>,
    /// Connections at a time.
    pub connections: u32,
    /// Connections with one peer.
    pub connections_of_peer: u32,
    /// Connections that others opened from one network.
    pub connections_of_network: u32,
}

impl Config {
    /// Nothing but 127.0.0.1, at free ports, over TCP and QUIC.
    #[cfg(test)]
    pub(crate) fn local() -> Self {
        let here = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        Self {
            device: Card::new("here", Kind::Desktop),
            listen: ListenConfig {
                addresses: here.map(|address| address.parse().unwrap()).to_vec(),
                local_only: true,
                channels: Channels::All,
            },
            discovery: DiscoveryConfig::default(),
            ports: false,
            relays: RelayConfig::default(),
            web: WebConfig::default(),
            trust: TrustConfig::default(),
            limits: LimitConfig {
                upload: None,
                download: None,
                connections: 300,
                connections_of_peer: 4,
                connections_of_network: 16,
            },
        }
    }
}
