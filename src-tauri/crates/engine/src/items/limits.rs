//! What items take at most: every bound on what strangers and machines can make grow, with unit and
//! reason.

/// Requests that wait for the jobs' actor. Each is answered before the next is asked by the same
/// caller.
pub(crate) const MAX_WAITING_COMMANDS: usize = 64;

/// Reports of files that are not as they were. They repeat with every read, so one that finds no
/// room is no loss.
pub(crate) const MAX_WAITING_DOUBTS: usize = 64;

/// Items whose files are looked at at a time, at the start above all. Each takes a thread, and
/// waits for the disk.
pub(crate) const MAX_LOOKS: usize = 4;

/// Items that are read from end to end at a time, to be hashed or verified. Each uses all cores.
pub(crate) const MAX_READS_OF_ITEMS: usize = 4;

/// Names of those who sent something of a download, and kept with it: a person reads no more.
pub(crate) const MAX_SENDERS: usize = 100;

/// Downloads at a time. Less than [`MAX_SESSIONS`]: listings and previews need some too.
pub(crate) const MAX_FETCHES: usize = 200;
