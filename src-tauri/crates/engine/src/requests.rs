//! What can be asked of the engine, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::index::Announce;
use crate::types::Skipped;

/// Share files and folders where they lie, as one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where the item lies, once it has a place.
    pub path: Option<PathBuf>,
    pub skipped: Vec<Skipped>,
    /// Who sent how much, in this run of the engine; most first.
    pub sources: Vec<SourceView>,
    /// Seconds that this run of the engine worked on it.
    pub secs: f64,
}

/// A peer's part in a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    pub peer: String,
    pub bytes: u64,
}
