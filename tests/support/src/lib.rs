//! What the tests and benchmarks stand on: programs that are started and never outlive them, networks and a desktop of their
//! own, and trees of sample files. It fails by panicking, as tests do, but for [`process`], of which a benchmark goes on.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by failing"
)]
#![allow(
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    reason = "nobody but the tests uses it"
)]

pub mod asker;
pub mod dag;
pub mod dht;
pub mod disk;
pub mod faults;
pub mod helia;
pub mod kubo;
pub mod lab;
pub mod nuisance;
pub mod process;
pub mod shoal;
pub mod siege;
pub mod tools;
pub mod trees;
pub mod wait;
pub mod window;

/// How two nodes talk. Each is forced by what the other implementation is told to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    TcpTls,
    TcpNoise,
    Quic,
}

impl Wire {
    /// Whether a multiaddr is one of this wire.
    pub fn matches(self, address: &str) -> bool {
        match self {
            Self::TcpTls | Self::TcpNoise => address.contains("/tcp/") && !address.contains("/ws"),
            Self::Quic => address.contains("/quic-v1") && !address.contains("/webtransport"),
        }
    }

    /// The one address of this wire among those a node listens on.
    pub fn pick(self, addresses: &[String]) -> &str {
        addresses
            .iter()
            .find(|address| self.matches(address))
            .unwrap_or_else(|| panic!("no address for {self:?} among {addresses:?}"))
    }
}
