//! The store's limits: what content, machines and the person's files can make it hold. Each says its unit and its reason.

/// Files that are synced one by one; with more, the file system as a whole.
pub(crate) const MAX_SINGLE_SYNCS: usize = 8;
