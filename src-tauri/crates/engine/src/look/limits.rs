//! What looking takes at most: every bound on what strangers and machines can make grow, with unit
//! and reason.

use std::time::Duration;

/// Entries of a folder that is listed in memory.
pub(super) const MAX_LISTED: usize = 1_000_000;

/// Bytes of memory in the entries of one folder that is listed: half a million with names of usual length. What is
/// made of them takes as much again.
pub(super) const MAX_LISTED_BYTES: usize = 128 * 1024 * 1024;

/// Blocks asked for ahead while a folder is listed.
pub(super) const LIST_AHEAD: usize = 16;

/// Blocks asked for ahead of the one that is being read, and their bytes: what a preview may hold
/// in memory.
pub(super) const CAT_AHEAD_BLOCKS: usize = 64;
pub(super) const CAT_AHEAD_BYTES: u64 = 16 * 1024 * 1024;

/// Pieces of a file that wait for its reader.
pub(super) const CAT_QUEUE: usize = 2;

/// Bytes from a place that is looked at that come first: some seconds of a film.
pub(super) const HEAD_BYTES: u64 = 8 * 1024 * 1024;

/// How long a reader waits for one block of a download: a player asks again, a person has gone.
pub(super) const READ_PATIENCE: Duration = Duration::from_secs(30);

/// Entries of a folder that are shown before a link is opened.
pub(super) const MAX_LOOK_ENTRIES: usize = 1000;

/// Bytes fetched to tell the files of one folder from its folders.
pub(super) const MAX_LOOK_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of nodes kept while somebody looks into a link.
pub(super) const MAX_LOOK_KEPT: usize = 16 * 1024 * 1024;

/// Links that are looked into at a time; the one not asked about for longest gives way.
pub(super) const MAX_INSPECTIONS: usize = 8;

/// Folders remembered of a link that is looked into.
pub(super) const MAX_LOOK_LEVELS: usize = 64;

/// How long a look goes on when nobody asks about it any more.
pub(super) const LOOK_IDLE: Duration = Duration::from_secs(30);
