//! Bitswap: how blocks are asked of other nodes and handed to them.
//!
//! [`wire`] is what peers see.

pub mod limits;
pub mod wire;
