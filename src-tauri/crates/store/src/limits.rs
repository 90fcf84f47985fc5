//! The store's limits: what content, machines and the person's files can make it hold. Each says its unit and its reason.

/// Entries in the list of what was left out of an item or got another name: more is read by nobody.
pub const MAX_SKIPPED: usize = 10_000;

/// Bytes of a name on Unix, and UTF-16 units on Windows. Text of at most so many bytes is within both.
pub const MAX_NAME_BYTES: usize = 255;

/// Files that are synced one by one; with more, the file system as a whole.
pub(crate) const MAX_SINGLE_SYNCS: usize = 8;

/// Files kept open for reading blocks: opening costs as much as reading 64 KiB. Few enough for the smallest usual limit of 256 in
/// a process.
pub(crate) const MAX_OPEN_SOURCES: usize = 64;

/// Paths in a list of a scan's report: a person reads no more.
pub(crate) const MAX_LISTED: usize = 1000;

/// Missing files that are looked for elsewhere. When more are gone at once, the folder they were in has gone.
pub(crate) const MAX_SOUGHT: usize = 10_000;

/// Files that a look-up names for one block. That all of so many are gone and a further one is not is no case to search for.
pub(crate) const MAX_PLACES: usize = 8;

/// Files that hold a block and may not be served from, after which a look-up for others ends: 10 ms. A stranger asks for it as
/// often as it likes.
pub(crate) const MAX_UNSERVED_PLACES: usize = 4096;

/// Rows that hold the same last 8 bytes of a hash: beyond it somebody makes them so on purpose.
pub(crate) const MAX_INLINE_COPIES: u32 = 64;
