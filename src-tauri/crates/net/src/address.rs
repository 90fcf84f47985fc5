//! What kind of network an address lies in, and so whether it may be dialled, told to others or
//! believed.
//!
//! A stranger's record or a link may name any address; only public ones may be dialled on their
//! word alone, or the swarm could be used to knock at doors inside the person's home. `DialPolicy`
//! is asked below DNS, right before the socket opens, so that no behaviour and no resolved name can
//! go around it.

mod named;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use if_watch::IpNet;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use self::named::Named;
pub use self::named::Permit;
use crate::limits::MAX_LOCAL_NETWORKS;

/// Where an address can be reached from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This machine.
    Loopback,
    /// A home, an office, a provider's internal network.
    Private,
    /// Everywhere.
    Public,
    /// Nowhere: unspecified, multicast, reserved, or without an IP address.
    Never,
}

/// The scope of an address, by the IP address that it begins with.
pub fn scope(address: &Multiaddr) -> Scope {
    ip(address).map_or(Scope::Never, scope_of_ip)
}

/// The IP address that a multiaddr begins with.
pub(crate) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// Whether an address is over TCP, which moves bytes faster than QUIC where nothing is lost on the
/// way.
pub(crate) fn is_tcp(address: &Multiaddr) -> bool {
    let mut protocols = address.iter();
    protocols.any(|protocol| matches!(protocol, Protocol::Tcp(_)))
}

/// It leads over a relay.
pub(crate) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// Splits off the peer that an address names at its end.
pub(crate) fn split_peer(mut address: Multiaddr) -> (Multiaddr, Option<PeerId>) {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            address.pop();
            (address, Some(peer))
        }
        _ => (address, None),
    }
}

/// The address with the peer at its end, whether it had one or not.
pub(crate) fn with_peer(address: &Multiaddr, peer: PeerId) -> Multiaddr {
    split_peer(address.clone()).0.with(Protocol::P2p(peer))
}

fn scope_of_ip(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_of_v4(ip),
        IpAddr::V6(ip) => scope_of_v6(ip),
    }
}

fn scope_of_v4(ip: Ipv4Addr) -> Scope {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Scope::Loopback,
        _ if ip.is_private() || ip.is_link_local() => Scope::Private,
        // Shared by a provider's customers (RFC 6598).
        (100, 64..=127, _) => Scope::Private,
        // This network, protocol assignments, documentation, benchmarks, multicast, reserved.
        (0 | 224.., ..) | (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => {
            Scope::Never
        }
        _ => Scope::Public,
    }
}

fn scope_of_v6(ip: Ipv6Addr) -> Scope {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return scope_of_v4(mapped);
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
        [0xfc00..=0xfdff, ..] => Scope::Private,
        // IPv4 behind a translator (RFC 6052): it leads where the embedded address does.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            scope_of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // Documentation (RFC 3849).
        [0x2001, 0xdb8, ..] => Scope::Never,
        // Global unicast is 2000::/3; the rest is unassigned, multicast, or link-local, which leads
        // nowhere without a zone.
        [0x2000..=0x3fff, ..] => Scope::Public,
        _ => Scope::Never,
    }
}

/// What may be dialled from here. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct DialPolicy(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Loopback addresses may be dialled.
    loopback: AtomicBool,
    /// Nothing else may be.
    local_only: bool,
    /// The DHT is our own: its peers' private addresses count, too.
    private_dht: AtomicBool,
    /// The blocklist of networks.
    blocked: RwLock<Vec<IpNet>>,
    /// Networks that this machine is on.
    networks: RwLock<Vec<IpNet>>,
    /// What the person named.
    named: Named,
}

impl DialPolicy {
    /// `loopback`: we were told to listen there, so others on this machine may be dialled.
    pub(crate) fn new(local_only: bool, loopback: bool, private_dht: bool) -> Self {
        Self(Arc::new(Shared {
            loopback: AtomicBool::new(loopback || local_only),
            local_only,
            private_dht: AtomicBool::new(private_dht),
            blocked: RwLock::default(),
            networks: RwLock::new(Vec::new()),
            named: Named::default(),
        }))
    }

    /// Other settings: whether we listen on this machine alone, and whether the DHT is our own.
    pub(crate) fn change(&self, loopback: bool, private_dht: bool) {
        let loopback = loopback || self.0.local_only;
        self.0.loopback.store(loopback, Ordering::Relaxed);
        self.0.private_dht.store(private_dht, Ordering::Relaxed);
    }

    /// Bans these networks, and no others, from now on.
    pub(crate) fn block(&self, networks: &[IpNet]) {
        let mut blocked = self
            .0
            .blocked
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *blocked = networks.to_vec();
    }

    /// It lies in a network of the blocklist.
    pub(crate) fn is_blocked(&self, address: &Multiaddr) -> bool {
        ip(address).is_some_and(|ip| self.is_blocked_ip(ip))
    }

    fn is_blocked_ip(&self, ip: IpAddr) -> bool {
        let blocked = self
            .0
            .blocked
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let ip = ip.to_canonical();
        blocked.iter().any(|network| network.contains(&ip))
    }

    pub(crate) fn allows(&self, address: &Multiaddr) -> bool {
        let is_named = || {
            scope(address) == Scope::Private
                && !self.0.local_only
                && !self.is_blocked(address)
                && self.0.named.contains(address)
        };
        self.allows_anybody(address) || is_named()
    }

    /// The same, whoever named the address.
    fn allows_anybody(&self, address: &Multiaddr) -> bool {
        let Some(ip) = ip(address) else {
            return false;
        };
        if self.is_blocked_ip(ip) {
            return false;
        }
        match scope_of_ip(ip) {
            Scope::Loopback => self.0.loopback.load(Ordering::Relaxed),
            Scope::Private => !self.0.local_only && self.is_on_network_of(ip),
            Scope::Public => !self.0.local_only,
            Scope::Never => false,
        }
    }

    /// Whether a stranger's address is worth keeping, to be dialled later or told to others.
    pub(crate) fn believes(&self, address: &Multiaddr) -> bool {
        if self.is_blocked(address) {
            return false;
        }
        match scope(address) {
            Scope::Loopback => self.0.local_only,
            Scope::Private => self.is_private() && self.allows_anybody(address),
            Scope::Public => !self.0.local_only,
            Scope::Never => false,
        }
    }

    /// Whether an address is one of this machine's own networks, or of this machine where that is
    /// meant to be met: this is where the local DHT is.
    pub(crate) fn is_near(&self, address: &Multiaddr) -> bool {
        let is_relayed = address
            .iter()
            .any(|protocol| protocol == Protocol::P2pCircuit);
        matches!(scope(address), Scope::Private | Scope::Loopback)
            && !is_relayed
            && self.allows_anybody(address)
    }

    /// The person named these: they may be dialled in private networks beyond this machine's own,
    /// too, which a router may lead to, as long as the permit lives.
    pub(crate) fn permit(&self, addresses: &[Multiaddr]) -> Permit {
        Permit::new(&self.0, addresses)
    }

    pub(crate) fn is_local_only(&self) -> bool {
        self.0.local_only
    }

    /// The DHT is not the public one.
    pub(crate) fn is_private(&self) -> bool {
        self.0.private_dht.load(Ordering::Relaxed)
    }

    /// The networks that this machine is on.
    pub(crate) fn networks(&self) -> Vec<IpNet> {
        let networks = &self.0.networks;
        networks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn network_up(&self, network: IpNet) {
        let mut networks = self.write();
        if networks.len() < MAX_LOCAL_NETWORKS && !networks.contains(&network) {
            networks.push(network);
        }
    }

    pub(crate) fn network_down(&self, network: &IpNet) {
        self.write().retain(|known| known != network);
    }

    fn is_on_network_of(&self, ip: IpAddr) -> bool {
        let networks = self
            .0
            .networks
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        networks.iter().any(|network| network.contains(&ip))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Vec<IpNet>> {
        let networks = &self.0.networks;
        networks.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn scopes() {
        for (text, expected) in [
            ("/ip4/127.0.0.1/tcp/1", Scope::Loopback),
            ("/ip4/10.1.2.3/tcp/1", Scope::Private),
            ("/ip4/172.31.0.1/udp/1/quic-v1", Scope::Private),
            ("/ip4/192.168.1.1/tcp/1", Scope::Private),
            ("/ip4/169.254.1.1/tcp/1", Scope::Private),
            ("/ip4/100.100.1.1/tcp/1", Scope::Private),
            ("/ip4/8.8.8.8/tcp/1", Scope::Public),
            ("/ip4/0.0.0.0/tcp/1", Scope::Never),
            ("/ip4/224.0.0.1/udp/1", Scope::Never),
            ("/ip4/255.255.255.255/udp/1", Scope::Never),
            ("/ip6/::1/tcp/1", Scope::Loopback),
            ("/ip6/fe80::1/tcp/1", Scope::Never),
            ("/ip6/fd00::1/tcp/1", Scope::Private),
            ("/ip6/2606:4700::1/tcp/1", Scope::Public),
            ("/ip6/::ffff:10.0.0.1/tcp/1", Scope::Private),
            ("/ip6/64:ff9b::c0a8:101/tcp/1", Scope::Private),
            ("/ip6/ff02::1/tcp/1", Scope::Never),
            ("/dns4/example.org/tcp/1", Scope::Never),
        ] {
            assert_eq!(scope(&address(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_private_address_is_dialled_only_on_its_own_network() {
        let policy = DialPolicy::new(false, false, false);
        let (home, other) = (
            address("/ip4/192.168.1.7/tcp/1"),
            address("/ip4/192.168.2.7/tcp/1"),
        );
        assert!(!policy.allows(&home));
        policy.network_up("192.168.1.5/24".parse().unwrap());
        assert!(policy.allows(&home) && !policy.allows(&other));
        assert!(!policy.believes(&home));
        let in_private_dht = DialPolicy::new(false, false, true);
        in_private_dht.network_up("192.168.1.5/24".parse().unwrap());
        assert!(in_private_dht.believes(&home) && !in_private_dht.believes(&other));
        policy.network_down(&"192.168.1.5/24".parse().unwrap());
        assert!(!policy.allows(&home));
        assert!(!policy.allows(&address("/ip4/127.0.0.1/tcp/1")));
        assert!(DialPolicy::new(false, true, false).allows(&address("/ip4/127.0.0.1/tcp/1")));
    }

    #[test]
    fn what_the_person_named_is_dialled_beyond_a_router_and_nothing_else_there() {
        let policy = DialPolicy::new(false, false, false);
        let named = address("/ip4/10.1.0.2/tcp/4801");
        let with_peer = with_peer(&named, PeerId::random());
        let permit = policy.permit(std::slice::from_ref(&with_peer));
        let again = policy.permit(&[with_peer.clone(), address("/ip4/127.0.0.1/tcp/1")]);
        assert!(policy.allows(&named) && policy.allows(&with_peer));
        assert!(!policy.believes(&named) && !policy.is_near(&named));
        for other in [
            "/ip4/10.1.0.2/tcp/80",
            "/ip4/10.1.0.2/udp/4801/quic-v1",
            "/ip4/10.1.0.3/tcp/4801",
            "/ip4/127.0.0.1/tcp/1",
        ] {
            assert!(!policy.allows(&address(other)), "{other}");
        }
        policy.block(&["10.0.0.0/8".parse().unwrap()]);
        assert!(!policy.allows(&named));
        policy.block(&[]);
        drop(permit);
        assert!(policy.allows(&named));
        drop(again);
        assert!(!policy.allows(&named));
    }

    #[test]
    fn a_blocked_network_is_neither_dialled_nor_believed() {
        let policy = DialPolicy::new(false, true, false);
        policy.block(&[
            "8.8.0.0/16".parse().unwrap(),
            "127.0.0.2/32".parse().unwrap(),
        ]);
        for (text, allowed) in [
            ("/ip4/8.8.4.4/tcp/1", false),
            ("/ip6/::ffff:8.8.4.4/tcp/1", false),
            ("/ip4/8.9.4.4/tcp/1", true),
            ("/ip4/127.0.0.2/tcp/1", false),
            ("/ip4/127.0.0.1/tcp/1", true),
        ] {
            assert_eq!(policy.allows(&address(text)), allowed, "{text}");
        }
        assert!(!policy.believes(&address("/ip4/8.8.4.4/tcp/1")));
        policy.block(&[]);
        assert!(policy.believes(&address("/ip4/8.8.4.4/tcp/1")));
    }

    #[test]
    fn local_only_leaves_this_machine_for_nobody() {
        let policy = DialPolicy::new(true, false, true);
        policy.network_up("192.168.1.5/24".parse().unwrap());
        for (text, allowed) in [
            ("/ip4/127.0.0.1/tcp/1", true),
            ("/ip6/::1/tcp/1", true),
            ("/ip4/192.168.1.7/tcp/1", false),
            ("/ip4/8.8.8.8/tcp/1", false),
            ("/dnsaddr/bootstrap.libp2p.io", false),
        ] {
            assert_eq!(policy.allows(&address(text)), allowed, "{text}");
        }
    }
}
