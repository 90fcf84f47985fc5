//! Where we listen, and which of it others are told.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::address::{self, Scope, is_relayed};

/// The address, with a free port in place of one that another program, perhaps another Shoal,
/// listens at.
///
/// libp2p shares its TCP ports with other programs, which would lead half of our peers to the other
/// one.
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

/// The address, with the port that was free for it the last time, if it leaves that open: others may
/// know it.
pub(crate) fn as_before(address: &Multiaddr, before: &[Multiaddr]) -> Multiaddr {
    let is_open = |part| matches!(part, Protocol::Tcp(0) | Protocol::Udp(0));
    if !address.iter().any(is_open) {
        return address.clone();
    }
    let fits = |other: &&Multiaddr| {
        let mut parts = address.iter().zip(other.iter());
        let is_same = parts.all(|parts| match parts {
            (Protocol::Tcp(_), Protocol::Tcp(_)) | (Protocol::Udp(_), Protocol::Udp(_)) => true,
            (Protocol::Ip4(ip), Protocol::Ip4(other)) => ip == other || ip.is_unspecified(),
            (Protocol::Ip6(ip), Protocol::Ip6(other)) => ip == other || ip.is_unspecified(),
            (part, other) => part == other,
        });
        is_same && address.iter().count() == other.iter().count()
    };
    let port = |part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    };
    let known = before.iter().find(fits);
    let Some(known) = known.and_then(|known| known.iter().find_map(port)) else {
        return address.clone();
    };
    let with_port = |part| match part {
        Protocol::Tcp(_) => Protocol::Tcp(known),
        Protocol::Udp(_) => Protocol::Udp(known),
        other => other,
    };
    address.iter().map(with_port).collect()
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

/// The best few for a link: at most two of each kind, those that reach farthest first. Public ones
/// stand for everybody, relays for those that can't connect directly; private ones for people on
/// this network, this machine's own only where there is nothing else.
pub(crate) fn best_few(
    external: &[Multiaddr],
    listen: &[Multiaddr],
    most: usize,
) -> Vec<Multiaddr> {
    const OF_A_KIND: usize = 2;
    let kind = |address: &Multiaddr| match address::scope(address) {
        _ if is_relayed(address) => 1,
        Scope::Public => 0,
        Scope::Private => 2,
        Scope::Loopback | Scope::Never => 3,
    };
    let mut best: Vec<&Multiaddr> = Vec::new();
    for wanted in 0..=3 {
        if wanted == 3 && !best.is_empty() {
            break;
        }
        let of_kind = external.iter().chain(listen.iter().filter(|_| wanted > 1));
        let of_kind = of_kind.filter(|address| kind(address) == wanted);
        let mut taken = 0;
        for address in of_kind {
            if taken < OF_A_KIND && best.len() < most && !best.contains(&address) {
                best.push(address);
                taken += 1;
            }
        }
    }
    best.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_here_from_everywhere_and_does_not_grow_long() {
        let addresses = |texts: &[&str]| -> Vec<Multiaddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let relay = "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8/p2p-circuit";
        let (tcp, quic) = ("/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/udp/1/quic-v1");
        let (near, here) = ("/ip4/192.168.1.2/tcp/1", "/ip4/127.0.0.1/tcp/1");
        for (external, listen, expected) in [
            (
                &[tcp, quic, "/ip6/2a00::1/tcp/1"][..],
                &[near, here][..],
                &[tcp, quic, near][..],
            ),
            (&[relay], &[near, here], &[relay, near]),
            (&[], &["/ip4/8.8.4.4/tcp/1", near], &[near]),
            (&[], &[here], &[here]),
            (&[here], &[here], &[here]),
        ] {
            let best = best_few(&addresses(external), &addresses(listen), 4);
            assert_eq!(best, addresses(expected));
        }
    }

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
