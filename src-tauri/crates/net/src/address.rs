//! What kind of network an address lies in, and so whether it may be dialled, told to others or
//! believed.
//!
//! A stranger's record or a link may name any address; only public ones may be dialled on their
//! word alone, or the swarm could be used to knock at doors inside the person's home. An address in
//! a private network, on this machine or in one of its own networks is dialled only if somebody
//! named it who may:
//!
//! | who named an address | what is dialled of it |
//! |---|---|
//! | the person: a provider, a link that is fetched, a setting | all that [`DialPolicy::permit`] was told |
//! | devices of this network: mDNS, its own DHT | what lies in this network, told to [`DialPolicy::hear_nearby`] |
//! | anybody else, and nobody knows who | public addresses outside of this machine's own networks |
//!
//! `DialPolicy` is asked below DNS, right before the socket opens, so that no behaviour and no
//! resolved name can go around it: whoever tells it nothing is anybody else. It can't tell who names
//! an address that somebody may name: it is dialled anyway.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod named;
mod origin;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use if_watch::IpNet;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

pub use self::named::Permit;
use self::named::{Named, Nearby};
pub(crate) use self::origin::Origin;
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

/// The IP address that a multiaddr begins with. None, if it holds another one or a name: one
/// transport dials the first of them and another one the last.
pub(crate) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    let mut parts = address.iter();
    let first = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    let is_host = |part| {
        matches!(
            part,
            Protocol::Ip4(_)
                | Protocol::Ip6(_)
                | Protocol::Dns(_)
                | Protocol::Dns4(_)
                | Protocol::Dns6(_)
                | Protocol::Dnsaddr(_)
        )
    };
    (!parts.any(is_host)).then_some(first)
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
        // IPv4 behind a translator (RFC 6052, RFC 3056): it leads where the embedded address does.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            scope_of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // Documentation (RFC 3849), and IPv4 over UDP through somebody's server (RFC 4380).
        [0x2001, 0xdb8 | 0, ..] => Scope::Never,
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
    /// What devices of this network named.
    nearby: Nearby,
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
            nearby: Nearby::default(),
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

    /// Whether it may be dialled: somebody named it who may, or anybody may name it. An address with a
    /// name in it may not: what it resolves to may be.
    pub(crate) fn allows(&self, address: &Multiaddr) -> bool {
        if self.believes(address) {
            return true;
        }
        let is_open = match scope(address) {
            Scope::Loopback => self.meets_this_machine(),
            Scope::Private | Scope::Public => !self.0.local_only,
            Scope::Never => false,
        };
        let is_nearby = || {
            let is_heard = self.0.nearby.contains(address, Instant::now());
            is_heard && self.is_on_own_network(address)
        };
        is_open && !self.is_blocked(address) && (self.is_named(address) || is_nearby())
    }

    /// Whether a stranger's address is worth keeping, to be dialled later or told to others.
    pub(crate) fn believes(&self, address: &Multiaddr) -> bool {
        if self.is_blocked(address) {
            return false;
        }
        let is_ours = || self.is_private() && self.is_on_own_network(address);
        match scope(address) {
            Scope::Loopback => self.0.local_only,
            Scope::Private => !self.0.local_only && is_ours(),
            Scope::Public => !self.0.local_only && (!self.is_on_own_network(address) || is_ours()),
            Scope::Never => false,
        }
    }

    /// Whether an address is one of this machine's own networks, or of this machine where that is
    /// meant to be met: this is where the local DHT is.
    pub(crate) fn is_near(&self, address: &Multiaddr) -> bool {
        let is_here = match scope(address) {
            Scope::Loopback => self.meets_this_machine(),
            Scope::Private => !self.0.local_only && self.is_on_own_network(address),
            Scope::Public | Scope::Never => false,
        };
        is_here && !is_relayed(address) && !self.is_blocked(address)
    }

    /// A device of this network says that it, or another one, is there. What lies elsewhere is not
    /// believed.
    pub(crate) fn hear_nearby<'a>(&self, addresses: impl IntoIterator<Item = &'a Multiaddr>) {
        let now = Instant::now();
        for address in addresses {
            let is_public = scope(address) == Scope::Public && !is_relayed(address);
            if self.is_near(address) || (is_public && self.is_on_own_network(address)) {
                self.0.nearby.heard(address, now);
            }
        }
    }

    /// The person named it, or the name in it.
    pub(crate) fn is_named(&self, address: &Multiaddr) -> bool {
        self.0.named.contains(address)
    }

    fn meets_this_machine(&self) -> bool {
        self.0.loopback.load(Ordering::Relaxed)
    }

    /// The person named these: they may be dialled as long as the permit lives, in private networks
    /// too, this machine's own and those that a router may lead to.
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

    /// Whether it lies in one of this machine's own networks, or on this machine.
    pub(crate) fn is_on_own_network(&self, address: &Multiaddr) -> bool {
        let Some(ip) = ip(address) else {
            return false;
        };
        let ip = ip.to_canonical();
        if ip.is_loopback() {
            return true;
        }
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
mod tests;
