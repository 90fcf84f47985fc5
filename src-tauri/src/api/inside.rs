//! Looking inside: an item's files and blocks, what a link leads to, what is about to be shared.

#![allow(dead_code, reason = "the calls are answered one by one")]

use engine::types::{ItemId, Skipped};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct InspectPathsRequest {
    pub(crate) paths: Vec<String>,
    /// Hidden files inside folders too.
    pub(crate) hidden: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct PathsView {
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) bytes: u64,
    /// `false`: looking took too long, the numbers are "at least".
    pub(crate) complete: bool,
    /// At most 100.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) skipped_count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct InspectLinkRequest {
    pub(crate) link: String,
    /// "" is the top; "a/b" a folder inside.
    pub(crate) dir: String,
    /// Up to 10,000: it is answered when something new is known.
    pub(crate) wait_ms: u64,
    /// `rev` of the last answer, 0 at first.
    pub(crate) since: u64,
    /// For free space; `null`: the download folder.
    pub(crate) into: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct InspectView {
    pub(crate) rev: u64,
    pub(crate) cid: String,
    pub(crate) name: String,
    /// `null`: not known yet.
    #[ts(inline)]
    pub(crate) kind: Option<EntryKind>,
    /// Bytes, as its maker claims.
    pub(crate) total: Option<u64>,
    /// `null`: not known yet. At most 1000 of one folder.
    pub(crate) entries: Option<Vec<InspectEntry>>,
    pub(crate) truncated: bool,
    /// Found who have it or part of it.
    pub(crate) people: u32,
    /// What was and is being tried.
    pub(crate) tried: Vec<Search>,
    /// Looked for so long.
    pub(crate) seconds: u64,
    pub(crate) into: String,
    pub(crate) free: Option<u64>,
    /// It is in the library already.
    pub(crate) existing: Option<ItemId>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct InspectEntry {
    pub(crate) name: String,
    #[ts(inline)]
    pub(crate) kind: EntryKind,
    pub(crate) size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EntryKind {
    File,
    Folder,
    Symlink,
}

/// A way to find people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Search {
    Connected,
    Hints,
    Lan,
    Dht,
    Http,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct FilesRequest {
    pub(crate) id: ItemId,
    pub(crate) dir: String,
    pub(crate) offset: u64,
    pub(crate) limit: u64,
}

/// Folders first, by name.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct FilesView {
    pub(crate) total: u64,
    pub(crate) entries: Vec<FileView>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct FileView {
    pub(crate) name: String,
    /// Inside the item.
    pub(crate) path: String,
    #[ts(inline)]
    pub(crate) kind: EntryKind,
    /// Bytes.
    pub(crate) size: u64,
    /// Bytes that are here and verified.
    pub(crate) done: u64,
    /// Inside a folder; 1 for a file.
    pub(crate) files: u64,
    #[ts(inline)]
    pub(crate) chosen: Chosen,
    #[ts(inline)]
    pub(crate) priority: Priority,
    #[ts(inline)]
    pub(crate) state: FileState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Chosen {
    All,
    Some,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    Normal,
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileState {
    Ok,
    Changed,
    Missing,
}

/// Of a download that is under way or done.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct SelectRequest {
    pub(crate) id: ItemId,
    pub(crate) paths: Vec<String>,
    pub(crate) chosen: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct PrioritizeRequest {
    pub(crate) id: ItemId,
    pub(crate) paths: Vec<String>,
    pub(crate) high: bool,
}

/// "It lies there now": checked, then shared from there.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct RelocateRequest {
    pub(crate) id: ItemId,
    pub(crate) path: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct PiecesView {
    pub(crate) blocks: u64,
    pub(crate) here: u64,
    pub(crate) asked: u64,
    /// At most 480, in order: 0 to 100 per cent here; 255: asked for now.
    pub(crate) cells: Vec<u8>,
}

/// For people with Shoal, and for people without.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub(crate) struct LinkView {
    pub(crate) link: String,
    pub(crate) gateway: String,
}
