//! Bitswap messages as they stand on the wire, in the four dialects that are still spoken.
//!
//! Invariants: nothing a peer sends makes this panic or keep more than [`crate::limits`]
//! allows; blocks are neither copied when they come in (each is a slice of its message's buffer)
//! nor when they go out (each is a segment of its own). Hashing is not done here: a received
//! block's CID is only known once [`Block::cid`] has hashed it.

mod decode;
mod encode;
mod prefix;

pub use decode::{DecodeError, Message};
pub use encode::Outgoing;
pub use prefix::{Block, Prefix};
pub use unixfs::cid::Cid;

/// A dialect of Bitswap, from the oldest to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `/ipfs/bitswap`, before versions had numbers: the same messages as 1.0.
    Unnumbered,
    /// Blocks travel bare: their CID is sha2-256, version 0.
    V1_0,
    /// Blocks travel with the prefix of their CID.
    V1_1,
    /// Peers also ask and say who has what.
    V1_2,
}

impl Version {
    /// From the best to the worst, the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::V1_2, Self::V1_1, Self::V1_0, Self::Unnumbered];

    /// Name of the protocol in stream negotiation.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Unnumbered => "/ipfs/bitswap",
            Self::V1_0 => "/ipfs/bitswap/1.0.0",
            Self::V1_1 => "/ipfs/bitswap/1.1.0",
            Self::V1_2 => "/ipfs/bitswap/1.2.0",
        }
    }

    /// Does a peer of this version understand want-have, HAVE and DONT_HAVE?
    pub fn has_presences(self) -> bool {
        self >= Self::V1_2
    }

    /// Does a block come with the prefix of its CID?
    pub fn has_prefixes(self) -> bool {
        self >= Self::V1_1
    }
}

/// What an entry of a wantlist asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantType {
    /// The block itself.
    Block,
    /// Only whether the peer has it.
    Have,
}

/// One line of a wantlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantEntry {
    pub cid: Cid,
    /// Higher first.
    pub priority: i32,
    /// Takes an earlier entry of the same CID back.
    pub cancel: bool,
    pub want_type: WantType,
    /// The peer shall say so if it does not have the block.
    pub send_dont_have: bool,
}

/// A peer's word on whether it has a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Have,
    DontHave,
}

#[cfg(test)]
mod tests;
