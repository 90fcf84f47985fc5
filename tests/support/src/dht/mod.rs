//! DHTs that a test makes itself, of simulated peers in their thousands, and a peer that misleads others.

pub mod misleading;
pub mod simulated;

use std::net::Ipv4Addr;

/// Peers that are no more in one network (a /16) than those of the real DHT are.
const NETWORKS: usize = 250;

/// The public address of the peer with that number, see [`Host::be_many`](super::lab::Host::be_many).
pub fn address(number: usize) -> Ipv4Addr {
    let part = |part: usize| u8::try_from(part).unwrap();
    Ipv4Addr::new(
        140,
        part(number % NETWORKS),
        part(number / NETWORKS * 16),
        1,
    )
}
