//! Bitswap: how blocks are asked of other nodes and handed to them.
//!
//! [`wire`] is what peers see; [`client`] decides what to ask of whom; [`server`] answers what others want.

pub mod client;
pub mod limits;
pub mod server;
pub mod wire;
