//! The engine's limits: what strangers, links and machines can make it hold. Each says its unit and its reason.

// Links.

/// Bytes of a link. Chats cut longer ones; ours stay under 2 KiB.
pub(crate) const MAX_LINK_BYTES: usize = 16 * 1024;
/// Provider hints read from a link: each is a dial.
pub(crate) const MAX_LINK_PROVIDERS: usize = 32;
