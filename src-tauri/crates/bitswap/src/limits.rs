//! The bounds that hold against peers, each with its unit and its reason.

/// Bytes of a message without its length: the specification's limit.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a block: the specification's limit.
pub const MAX_BLOCK_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a CID in binary form: Kubo's limit.
pub const MAX_CID_BYTES: usize = 168;
/// Wants kept for one peer, and wants read from one message: what Kubo and Helia keep.
pub const MAX_WANTLIST: usize = 1024;
/// Cancels read from one message. More than wants, since a peer may take back what we never kept.
pub const MAX_MESSAGE_CANCELS: usize = 4 * MAX_WANTLIST;
/// Presences read from one message: as many as we can have asked for, and room for stragglers.
pub const MAX_MESSAGE_PRESENCES: usize = 4 * MAX_WANTLIST;
/// Blocks read from one message. Kubo fills 16 KiB; at this number of the smallest blocks that exist hashing takes a few
/// milliseconds.
pub const MAX_MESSAGE_BLOCKS: usize = 8192;

/// Blocks up to this many bytes are copied into their message: another write would cost more than the copy.
pub(crate) const COPIED_BLOCK_BYTES: usize = 16 * 1024;
