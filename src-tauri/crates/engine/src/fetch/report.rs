//! What a download tells of itself while it runs.

use std::path::PathBuf;

use crate::api::Lacking;

/// Which part of its work a download is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for somebody who has it.
    Finding,
    Downloading,
    /// It reads what is here already.
    Verifying,
}

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Absent until it knows of anything to do.
    pub phase: Option<Phase>,
    /// Bytes in all, as far as known.
    pub total: u64,
    /// Bytes that are here and verified.
    pub done: u64,
    pub files: u64,
    /// It is known to be a folder.
    pub folder: bool,
    /// Peers known to have something of it, connected or not.
    pub having: u32,
    /// Those of them to whom no direct connection could be made.
    pub unreachable: u32,
    /// What none of those has who are connected, while nothing comes.
    pub lacking: Option<Lacking>,
    /// Bytes a second.
    pub rate: u64,
    /// Seconds left at that rate, where that means something.
    pub eta: Option<u64>,
    /// Where it is written, once something is.
    pub place: Option<PathBuf>,
}

/// Hears a download's reports.
pub(crate) type Tell = Box<dyn Fn(Report) + Send + Sync>;
