//! Who strangers are counted as, where many addresses may be one of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;

use super::{Scope, ip, is_relayed, scope, scope_of_ip};

/// What one customer of a provider gets, a /24 of IPv4 or a /56 of IPv6; in private networks one
/// device, which has an address of IPv4 and any number of those of a /64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    /// Of the other end of a connection. `None` on this machine, and over a relay, which doesn't
    /// tell.
    pub(crate) fn of(remote: &Multiaddr) -> Option<Self> {
        let is_far = matches!(scope(remote), Scope::Private | Scope::Public);
        (is_far && !is_relayed(remote)).then_some(Self::of_ip(ip(remote)?))
    }

    /// The first address of all that are this one.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }

    pub(crate) fn of_ip(ip: IpAddr) -> Self {
        let is_public = scope_of_ip(ip) == Scope::Public;
        Self(match ip.to_canonical() {
            IpAddr::V4(ip) if is_public => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => {
                let prefix = if is_public { 56 } else { 64 };
                Ipv6Addr::from_bits(ip.to_bits() & u128::MAX << (128 - prefix)).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_or_device_are_one() {
        let of = |text: &str| Origin::of(&text.parse().unwrap());
        for (one, other, is_one) in [
            (
                "/ip6/2606:4700:1:200::1/tcp/1",
                "/ip6/2606:4700:1:2ff::9/tcp/2",
                true,
            ),
            (
                "/ip6/2606:4700:1:200::1/tcp/1",
                "/ip6/2606:4700:1:300::1/tcp/1",
                false,
            ),
            ("/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.9/udp/1", true),
            ("/ip4/8.8.8.8/tcp/1", "/ip6/::ffff:8.8.8.9/tcp/1", true),
            ("/ip4/8.8.8.8/tcp/1", "/ip4/8.8.9.8/tcp/1", false),
            ("/ip4/192.168.1.2/tcp/1", "/ip4/192.168.1.2/tcp/2", true),
            ("/ip4/192.168.1.2/tcp/1", "/ip4/192.168.1.3/tcp/1", false),
            ("/ip6/fd00::1/tcp/1", "/ip6/fd00::2/tcp/1", true),
        ] {
            assert_eq!(of(one) == of(other), is_one, "{one} {other}");
        }
        for nobody in ["/ip4/127.0.0.1/tcp/1", "/p2p-circuit", "/memory/1"] {
            assert_eq!(of(nobody), None);
        }
    }
}
