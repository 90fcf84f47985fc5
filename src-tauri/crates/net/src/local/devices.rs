//! Asks the devices of this network to make themselves known, by mDNS.
//!
//! libp2p asks by itself, but as soon as it starts, when it may not know yet where it listens;
//! after the first answer it asks again in five minutes only, and until then a device that came
//! meanwhile may be unknown to all others, and a device that came back elsewhere as well. Every
//! device answers a question to all, whoever asked, and so do we to our own.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use libp2p::{Multiaddr, mdns};

use crate::address;

/// Where mDNS is spoken.
const PORT: u16 = 5353;
/// One question: who is `_p2p._udp.local`?
const QUESTION: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_p2p\x04_udp\x05local\0\0\x0c\0\x01";

/// Asks in each network in which we listen. As in libp2p, over IPv4 alone.
pub(crate) fn ask<'a>(listeners: impl Iterator<Item = &'a Multiaddr>) {
    for own in networks(listeners) {
        if let Err(error) = ask_from(own) {
            tracing::debug!(%own, %error, "devices can't be asked");
        }
    }
}

/// The address that we have in each network.
fn networks<'a>(listeners: impl Iterator<Item = &'a Multiaddr>) -> BTreeSet<Ipv4Addr> {
    let own = listeners.filter_map(|listener| match address::ip(listener)? {
        IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_unspecified() => Some(ip),
        _ => None,
    });
    own.collect()
}

fn ask_from(own: Ipv4Addr) -> io::Result<()> {
    let socket = UdpSocket::bind((own, 0))?;
    // What doesn't go out at once is lost, as anything may be here.
    socket.set_nonblocking(true)?;
    socket.send_to(QUESTION, (mdns::IPV4_MDNS_MULTICAST_ADDRESS, PORT))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_is_asked_once_and_this_machine_alone_is_none() {
        let listeners = [
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/192.168.1.2/tcp/1",
            "/ip4/192.168.1.2/udp/1/quic-v1",
            "/ip4/10.0.0.2/tcp/1",
            "/ip6/fe80::1/tcp/1",
        ];
        let listeners = listeners.map(|text| text.parse::<Multiaddr>().unwrap());
        let asked = networks(listeners.iter());
        assert_eq!(
            asked,
            [[10, 0, 0, 2], [192, 168, 1, 2]].map(Ipv4Addr::from).into()
        );
    }
}
