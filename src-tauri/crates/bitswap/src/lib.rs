//! Bitswap: how blocks are asked of other nodes and handed to them.
//!
//! [`wire`] is what peers see; [`server`] answers what they want.

pub mod limits;
pub mod server;
pub mod wire;
