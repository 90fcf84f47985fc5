//! What can be asked of the engine, and what it answers, as plain data.

use std::path::PathBuf;

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::fetch::{EntryKind, ListedEntry};
use crate::index::Announce;
use crate::net::{NetworkInfo, PeerInfo};
use crate::types::Skipped;
use crate::view::Reach;

/// Share files and folders where they lie, as one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareRequest {
    /// Full paths. One is shared as itself; several become the entries of a folder.
    pub paths: Vec<PathBuf>,
    /// What others see it called; else the one path's own name.
    pub name: Option<String>,
    /// Name of the profile that decides how content becomes blocks.
    pub profile: Option<String>,
    /// Hidden files inside folders too.
    pub hidden: bool,
    pub announce: Announce,
}

/// Fetch what a link names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DownloadRequest {
    pub link: String,
    /// A full path; else the folder from the settings.
    pub into: Option<PathBuf>,
    /// Paths inside the item; empty is all of it.
    pub select: Vec<String>,
    /// More peers that are said to have it, as multiaddrs.
    pub providers: Vec<String>,
}

/// What can be done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Pause,
    Resume,
    /// Read every byte again and compare.
    Verify,
    /// Share a changed share as it is now: its content, and with that its link, changes.
    Update,
}

/// What is known of an item beyond its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Report {
    /// Where the item lies, once it has a place.
    pub path: Option<PathBuf>,
    pub skipped: Vec<Skipped>,
    /// Who sent how much, in this run of the engine; most first.
    #[ts(inline)]
    pub sources: Vec<SourceView>,
    /// Seconds that this run of the engine worked on it.
    pub secs: f64,
}

/// A peer's part in a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceView {
    pub peer: String,
    pub bytes: u64,
}

/// An entry of a folder, or a file, as a link shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    pub name: String,
    pub cid: String,
    /// Bytes of a file; of a folder as its maker claims.
    pub size: Option<u64>,
    /// `file`, `folder` or `symlink`.
    pub kind: String,
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
    /// Round-trip time in milliseconds.
    pub rtt_ms: Option<u64>,
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
    pub reach: Reach,
    /// Always four, the best first.
    pub rungs: Vec<Rung>,
    /// Devices on this network.
    #[ts(inline)]
    pub nearby: Vec<NearbyView>,
}

/// A way in which others may get here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Rung {
    #[ts(inline)]
    pub rung: RungKind,
    #[ts(inline)]
    pub state: RungState,
    /// Stable: `public-address`, `no-public-address`, `not-in-this-version`, `switched-off`, `devices-nearby`,
    /// `nobody-nearby`, `this-machine-only`.
    pub reason: String,
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

impl From<ListedEntry> for EntryView {
    fn from(entry: ListedEntry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::Symlink => "symlink",
        };
        Self {
            name: entry.name,
            cid: entry.cid.to_string(),
            size: Some(entry.size),
            kind: kind.to_owned(),
        }
    }
}

impl From<PeerInfo> for PeerView {
    fn from(peer: PeerInfo) -> Self {
        Self {
            peer: peer.peer.to_string(),
            agent: peer.agent,
            addresses: peer.addresses.iter().map(ToString::to_string).collect(),
            inbound: peer.inbound,
            rtt_ms: peer
                .rtt
                .map(|rtt| u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

fn nearby((peer, app): (PeerId, Option<String>)) -> NearbyView {
    NearbyView {
        peer: peer.to_string(),
        app,
    }
}

impl From<NetworkInfo> for NetworkView {
    fn from(info: NetworkInfo) -> Self {
        Self {
            peer: info.peer.to_string(),
            listen: info.listen.iter().map(ToString::to_string).collect(),
            external: info.external.iter().map(ToString::to_string).collect(),
            peers: info.peers as u64,
            dht_peers: info.dht_peers.map(|peers| peers as u64),
            dht_server: info.dht_server,
            reach: info.reach,
            rungs: info.rungs,
            nearby: info.nearby.into_iter().map(nearby).collect(),
        }
    }
}
