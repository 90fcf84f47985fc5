//! What the tests stand on: programs that are started and never outlive their test, and trees of sample files.

pub(crate) mod dag;
pub(crate) mod dht;
pub(crate) mod disk;
pub(crate) mod helia;
pub(crate) mod kubo;
pub(crate) mod lab;
pub(crate) mod process;
pub(crate) mod shoal;
pub(crate) mod tools;
pub(crate) mod trees;
pub(crate) mod wait;
pub(crate) mod window;

/// How two nodes talk. Each is forced by what the other implementation is told to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    TcpTls,
    TcpNoise,
    Quic,
}

impl Wire {
    /// Whether a multiaddr is one of this wire.
    pub(crate) fn matches(self, address: &str) -> bool {
        match self {
            Self::TcpTls | Self::TcpNoise => address.contains("/tcp/") && !address.contains("/ws"),
            Self::Quic => address.contains("/quic-v1") && !address.contains("/webtransport"),
        }
    }

    /// The one address of this wire among those a node listens on.
    pub(crate) fn pick(self, addresses: &[String]) -> &str {
        addresses
            .iter()
            .find(|address| self.matches(address))
            .unwrap_or_else(|| panic!("no address for {self:?} among {addresses:?}"))
    }
}
