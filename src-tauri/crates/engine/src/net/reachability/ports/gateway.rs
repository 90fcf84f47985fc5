//! The router that this machine sends everything to that isn't on its own networks.

use std::net::IpAddr;

/// A default gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gateway {
    pub(super) address: IpAddr,
    /// The interface through which it is reached: an IPv6 gateway is known by an address that many interfaces may have.
    pub(super) interface: u32,
}

/// The default gateway of the interface that has the address.
pub(super) async fn of(ip: IpAddr) -> Option<Gateway> {
    // It reads the system's tables, which may take a moment.
    let interfaces = tokio::task::spawn_blocking(netdev::get_interfaces);
    let interfaces = interfaces.await.ok()?;
    let interface = interfaces.into_iter().find(|interface| match ip {
        IpAddr::V4(ip) => interface.ipv4.iter().any(|net| net.addr() == ip),
        IpAddr::V6(ip) => interface.ipv6.iter().any(|net| net.addr() == ip),
    })?;
    let gateway = interface.gateway?;
    let address = match ip {
        IpAddr::V4(_) => gateway.ipv4.first().copied().map(IpAddr::V4)?,
        IpAddr::V6(_) => gateway.ipv6.first().copied().map(IpAddr::V6)?,
    };
    Some(Gateway {
        address,
        interface: interface.index,
    })
}
