//! Shoal from the outside: every test here runs the real program, as a person or a script would, and looks only at
//! what it prints, what it writes and what it says to other peers.
//!
//! Nothing leaves 127.0.0.1 or the network namespaces that a test makes itself, no port is fixed outside those and no
//! state is shared between tests. A test whose tool is missing says so on standard error, and fails where `CI` is `true`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by failing"
)]

mod cases;
mod cli;
mod crash;
mod daemon;
mod dht;
mod faults;
mod hostile;
mod interop;
mod kills;
mod lab;
mod others;
mod share_get;
mod siege;
mod soak;
mod storage;
mod supervised;
mod swarm;
mod trust;
mod web;
mod window;
