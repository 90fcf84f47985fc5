//! Many nodes in virtual time, each with the real client and server machines, under scripted links,
//! faults and liars.
//!
//! Deterministic: the same seed gives the same run. `world` owns time and links, `node` is what
//! each of them is made of, `liars` what some of them say instead; the other modules are the
//! scenarios, with what must hold in each. To see the figures: `cargo test -p bitswap --test
//! simulation -- --nocapture`.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a test program, whose figures are worth reading"
)]

mod faults;
mod gateways;
mod liars;
mod node;
mod sources;
mod swarm;
mod world;
