//! Where we listen, and which of it others are told.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::address::{self, Scope};

/// The address, with a free port in place of one that another program, perhaps another Shoal, listens at.
///
/// libp2p shares its TCP ports with other programs, which would lead half of our peers to the other one.
pub(crate) fn with_free_port(address: &Multiaddr) -> Multiaddr {
    let Some(ip) = address::ip(address) else {
        return address.clone();
    };
    let free = |protocol| match protocol {
        Protocol::Tcp(port) if is_taken(TcpListener::bind(SocketAddr::new(ip, port))) => {
            tracing::warn!(%address, "the port is taken; listening at a free one instead");
            Protocol::Tcp(0)
        }
        Protocol::Udp(port) if is_taken(UdpSocket::bind(SocketAddr::new(ip, port))) => {
            tracing::warn!(%address, "the port is taken; listening at a free one instead");
            Protocol::Udp(0)
        }
        other => other,
    };
    address.iter().map(free).collect()
}

fn is_taken<T>(bound: io::Result<T>) -> bool {
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// What to tell others: our addresses, the most useful first, each with the peer ID.
pub(crate) fn presentable<'a>(
    addresses: impl Iterator<Item = &'a Multiaddr>,
    local: PeerId,
) -> Vec<Multiaddr> {
    let mut addresses: Vec<Multiaddr> = addresses
        .filter(|address| address::scope(address) != Scope::Never)
        .map(|address| address::with_peer(address, local))
        .collect();
    addresses.sort_by_cached_key(|address| {
        let distance = match address::scope(address) {
            Scope::Public => 0,
            Scope::Private => 1,
            Scope::Loopback | Scope::Never => 2,
        };
        (distance, !address::is_tcp(address), address.to_string())
    });
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_left_to_who_has_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let taken: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
        let free: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().unwrap();
        assert_eq!(with_free_port(&taken), free);
        drop(other);
        assert_eq!(with_free_port(&taken), taken);
    }

    #[test]
    fn public_addresses_come_first_and_tcp_before_quic() {
        let order = [
            "/ip4/8.8.8.8/tcp/1",
            "/ip4/8.8.8.8/udp/1/quic-v1",
            "/ip4/10.0.0.1/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
        ];
        let given: Vec<Multiaddr> = order
            .iter()
            .rev()
            .map(|text| text.parse().unwrap())
            .collect();
        let local = PeerId::random();
        let told = presentable(given.iter(), local);
        let expected: Vec<String> = order
            .iter()
            .map(|text| format!("{text}/p2p/{local}"))
            .collect();
        assert_eq!(
            told.iter().map(ToString::to_string).collect::<Vec<_>>(),
            expected
        );
    }
}
