//! A device that names others to its network by mDNS, real ones or a flood of made-up ones.

use std::net::Ipv4Addr;

use libp2p::PeerId;
use tokio::net::UdpSocket;

const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// Multicasts so many devices from that address, each with a name of its own that nobody else has.
pub async fn storm(from: Ipv4Addr, devices: usize) {
    let socket = UdpSocket::bind((from, 0)).await.unwrap();
    for number in 0..devices {
        let address = format!("/ip4/192.168.0.1/tcp/{}", 1 + number % 60_000);
        let answer = answer(number, &address, &PeerId::random());
        socket.send_to(&answer, GROUP).await.unwrap();
        // One after the other: what comes too fast is dropped on its way.
        tokio::task::yield_now().await;
    }
}

/// Multicasts from that address that a peer is at another one.
pub async fn name(from: Ipv4Addr, at: Ipv4Addr, peer: PeerId) {
    let socket = UdpSocket::bind((from, 0)).await.unwrap();
    let answer = answer(0, &format!("/ip4/{at}/tcp/1"), &peer);
    socket.send_to(&answer, GROUP).await.unwrap();
}

/// The answer to `_p2p._udp.local`: a pointer to a name, and with it the text of that name, which is where a peer is.
fn answer(number: usize, address: &str, peer: &PeerId) -> Vec<u8> {
    const POINTER: u16 = 12;
    const TEXT: u16 = 16;
    let own = labels(&[&format!("device{number}")]);
    let text = format!("dnsaddr={address}/p2p/{peer}");
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    packet.extend(record(&labels(&["_p2p", "_udp", "local"]), POINTER, &own));
    packet.extend(record(&own, TEXT, &labels(&[&text])[..=text.len()]));
    packet
}

fn labels(labels: &[&str]) -> Vec<u8> {
    let mut name = Vec::new();
    for label in labels {
        name.push(u8::try_from(label.len()).unwrap());
        name.extend(label.bytes());
    }
    name.push(0);
    name
}

/// Of the internet, for an hour.
fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let [kind, class] = [kind, 1].map(u16::to_be_bytes);
    [
        name,
        &kind,
        &class,
        &3600u32.to_be_bytes(),
        &length.to_be_bytes(),
        data,
    ]
    .concat()
}
