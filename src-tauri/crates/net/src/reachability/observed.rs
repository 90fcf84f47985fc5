//! How others see us: the addresses from which our connections came to them.
//!
//! Pure. From what several see follows which public address a router gives us, and whether it gives
//! each connection another port: then no peer can guess the port to come in by, and hole punching
//! fails. What a peer says it saw is tested before it is told to anybody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::address;
use crate::limits::MAX_OBSERVATIONS;

/// What the last peers saw.
#[derive(Debug, Default)]
pub(crate) struct Observed(VecDeque<Observation>);

#[derive(Debug, PartialEq, Eq)]
struct Observation {
    /// Where the observer is.
    observer: IpAddr,
    address: Multiaddr,
}

impl Observed {
    /// A peer whom we dialled at `observer` saw us at `address`.
    pub(crate) fn add(&mut self, observer: IpAddr, address: &Multiaddr) {
        let Some(address) = socket_part(address) else {
            return;
        };
        self.0.retain(|known| {
            known.observer != observer
                || address::is_tcp(&known.address) != address::is_tcp(&address)
        });
        if self.0.len() >= MAX_OBSERVATIONS {
            self.0.pop_front();
        }
        self.0.push_back(Observation { observer, address });
    }

    /// Everything is different from now on.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Addresses that several agree on, or that end in a port that we listen at; most often seen
    /// first.
    pub(crate) fn candidates(&self, listen: &[Multiaddr]) -> Vec<Multiaddr> {
        let ports: BTreeSet<_> = listen.iter().filter_map(port).collect();
        let mut seen: BTreeMap<&Multiaddr, usize> = BTreeMap::new();
        for known in &self.0 {
            *seen.entry(&known.address).or_default() += 1;
        }
        let is_likely = |(address, times): &(&Multiaddr, usize)| {
            *times > 1 || port(address).is_some_and(|port| ports.contains(&port))
        };
        let mut likely: Vec<_> = seen.into_iter().filter(is_likely).collect();
        likely.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        likely
            .into_iter()
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// Each observer sees another port: UDP tells, where one socket serves all connections; else
    /// TCP.
    pub(crate) fn is_symmetric(&self) -> bool {
        let differ = |tcp: bool| {
            let seen = self
                .0
                .iter()
                .filter(|known| address::is_tcp(&known.address) == tcp);
            let addresses: Vec<&Multiaddr> = seen.map(|known| &known.address).collect();
            let distinct: BTreeSet<_> = addresses.iter().collect();
            (addresses.len() > 1).then_some(distinct.len() == addresses.len())
        };
        differ(false).or(differ(true)).unwrap_or(false)
    }
}

/// Transport and port.
fn port(address: &Multiaddr) -> Option<(bool, u16)> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some((true, port)),
        Protocol::Udp(port) => Some((false, port)),
        _ => None,
    })
}

/// The part that says where a socket is; nothing of a relay's, and nothing that we don't speak.
fn socket_part(address: &Multiaddr) -> Option<Multiaddr> {
    let (bare, _) = address::split_peer(address.clone());
    let parts: Vec<_> = bare.iter().collect();
    let is_ip = |part: &Protocol<'_>| matches!(part, Protocol::Ip4(_) | Protocol::Ip6(_));
    let is_ours = match parts.as_slice() {
        [ip, Protocol::Tcp(_)] | [ip, Protocol::Udp(_), Protocol::QuicV1] => is_ip(ip),
        _ => false,
    };
    is_ours.then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(seen: &[&str]) -> Observed {
        let mut observed = Observed::default();
        for (number, address) in (0..).zip(seen) {
            observed.add(IpAddr::from([8, 8, 4, number]), &address.parse().unwrap());
        }
        observed
    }

    #[test]
    fn what_several_see_is_likely_and_so_is_our_own_port() {
        let listen = ["/ip4/192.168.1.2/tcp/4801".parse().unwrap()];
        let likely = observed(&[
            "/ip4/1.2.3.4/tcp/5000",
            "/ip4/1.2.3.4/tcp/4801",
            "/ip4/1.2.3.4/udp/4801/quic-v1",
            "/ip4/1.2.3.4/udp/77/quic-v1",
            "/ip4/1.2.3.4/udp/77/quic-v1",
            "/ip4/1.2.3.4/tcp/4801/ws",
        ])
        .candidates(&listen);
        let texts: Vec<_> = likely.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["/ip4/1.2.3.4/udp/77/quic-v1", "/ip4/1.2.3.4/tcp/4801"]
        );
    }

    #[test]
    fn another_port_for_each_is_symmetric() {
        let quic = |port| format!("/ip4/1.2.3.4/udp/{port}/quic-v1");
        let (one, two, three) = (quic(1), quic(2), quic(3));
        for (seen, expected) in [
            (vec![], false),
            (vec![&*one], false),
            (vec![&*one, &*two], true),
            (vec![&*one, &*one], false),
            (vec![&*one, &*two, &*one, &*three], false),
            (vec!["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2"], true),
            (
                vec!["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2", &*one, &*one],
                false,
            ),
        ] {
            assert_eq!(observed(&seen).is_symmetric(), expected, "{seen:?}");
        }
    }

    #[test]
    fn who_looks_twice_counts_once_and_all_are_bounded() {
        let mut observed = Observed::default();
        let address: Multiaddr = "/ip4/1.2.3.4/tcp/5000".parse().unwrap();
        for _ in 0..3 {
            observed.add(IpAddr::from([8, 8, 8, 8]), &address);
        }
        assert!(observed.candidates(&[]).is_empty());
        for number in 0..=255 {
            observed.add(IpAddr::from([8, 8, 9, number]), &address);
        }
        assert_eq!(observed.0.len(), MAX_OBSERVATIONS);
    }
}
