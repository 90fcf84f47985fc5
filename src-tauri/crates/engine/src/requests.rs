//! What can be asked of the engine, and what it answers, as plain data.

mod network;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::fetch::{EntryKind, ListedEntry};
use crate::index::Announce;
use crate::net::PeerInfo;
use crate::types::Skipped;

pub use self::network::*;

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
    /// Its peer ID, or the address of a gateway.
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
    /// Always dialled, never dropped.
    pub trusted: bool,
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
            trusted: peer.trusted,
            rtt_ms: peer
                .rtt
                .map(|rtt| u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
