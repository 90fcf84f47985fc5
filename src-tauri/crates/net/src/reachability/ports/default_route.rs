//! The default route: the router that this machine sends everything to that isn't on its own
//! networks.

use std::net::IpAddr;

/// A default route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DefaultRoute {
    /// The router's address.
    pub(super) address: IpAddr,
    /// The interface through which it is reached: an IPv6 router is known by an address that many
    /// interfaces may have.
    pub(super) interface: u32,
}

/// The default route of the interface that has the address.
pub(super) async fn of(ip: IpAddr) -> Option<DefaultRoute> {
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
    Some(DefaultRoute {
        address,
        interface: interface.index,
    })
}
