//! DHTs that a test makes itself: of real peers, and of simulated ones in their thousands.

pub(crate) mod peers;
pub(crate) mod simulated;

use std::net::Ipv4Addr;
use std::time::Duration;

use super::process::PATIENCE;

/// Peers that are no more in one network (a /16) than those of the real DHT are.
const NETWORKS: usize = 250;

/// The public address of the peer with that number, see [`Host::be_many`](super::lab::Host::be_many).
pub(crate) fn address(number: usize) -> Ipv4Addr {
    let part = |part: usize| u8::try_from(part).unwrap();
    Ipv4Addr::new(
        140,
        part(number % NETWORKS),
        part(number / NETWORKS * 16),
        1,
    )
}

/// What comes of it; fails after three times [`PATIENCE`]: a crowd in one process is slow.
pub(crate) async fn patiently<T>(what: &str, coming: impl Future<Output = T>) -> T {
    let come = tokio::time::timeout(3 * PATIENCE, coming).await;
    come.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Goes by between two looks at what changes by itself.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
