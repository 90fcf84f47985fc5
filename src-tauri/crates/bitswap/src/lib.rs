//! Bitswap: how blocks are asked of other nodes and handed to them.
//!
//! [`wire`] is what peers see; [`client`] decides what to ask of whom; [`server`] answers what
//! others want; the [`Behaviour`] carries between these two, the connections and its owner. Client
//! and server are pure: they are tested without a network, in virtual time. [`pace`] is how fast,
//! and how soon again.

mod behaviour;
pub mod client;
#[cfg(test)]
mod exchange_tests;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/input.rs"
    ));
}
mod handler;
mod held;
pub mod limits;
pub mod pace;
mod rate;
pub mod server;
pub mod wire;

pub use behaviour::{Behaviour, Config, Event, PeerStats};
pub use client::{SessionId, Want};
pub use server::{Found, Ticket};
