//! The people connected: what each says it is, how it is connected, how fast bytes go both ways,
//! and what part of an item it has.

use std::collections::HashMap;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use unixfs::Cid;

use crate::api::ItemView;
use crate::api::{How, PersonView};
use crate::rates;
use net::address::{self, Scope};
use net::status::Transport;
use net::{Net, PeerInfo, Rate};

/// Everybody who is connected, or who has to do with that item, in an order that stays.
pub(crate) async fn people(net: &Net, item: Option<&ItemView>) -> Vec<PersonView> {
    let mut infos = net.peers().await;
    let parts = match item {
        Some(item) => {
            let parts = parts_of(net, item).await;
            infos.retain(|info| parts.contains_key(&info.peer));
            parts
        }
        None => HashMap::new(),
    };
    let rates = net.meter().of_peers();
    infos.sort_unstable_by_key(|info| info.peer);
    let person = |info: PeerInfo| {
        let rate = rates.get(&info.peer).copied().unwrap_or_default();
        let part = parts.get(&info.peer).copied().flatten();
        view(info, rate, part)
    };
    infos.into_iter().map(person).collect()
}

/// Who has to do with an item, each with its part of it: what bitswap's answers tell of those we
/// fetch from, and at least what we gave to those who fetch from us.
async fn parts_of(net: &Net, item: &ItemView) -> HashMap<PeerId, Option<f64>> {
    let root: Option<Cid> = item
        .cid
        .as_deref()
        .and_then(|cid| unixfs::cid::parse(cid).ok());
    let mut parts = match root {
        Some(root) => net.holders(root).await,
        None => HashMap::new(),
    };
    for (peer, taken) in net.meter().partners(rates::tag(item.id.into())) {
        let part = parts.entry(peer).or_default();
        if taken > 0 && item.total > 0 {
            let given = (taken as f64 / item.total as f64).min(1.0);
            *part = Some(part.unwrap_or(0.0).max(given));
        }
    }
    parts
}

fn view(info: PeerInfo, rate: Rate, has: Option<f64>) -> PersonView {
    let mut addresses = info.addresses;
    addresses.sort_unstable();
    PersonView {
        peer: info.peer.to_string(),
        app: info.agent.map(app),
        rate_down: rate.down,
        rate_up: rate.up,
        received: info.received,
        sent: info.sent,
        how: how(&addresses),
        transport: addresses
            .first()
            .map_or(Transport::Other, Transport::of)
            .into(),
        address: addresses.first().map(ToString::to_string),
        inbound: info.inbound,
        trusted: info.trusted,
        rtt_ms: info
            .rtt
            .map(|rtt| u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX)),
        has,
    }
}

/// Shoal by its name; other programs as they call themselves.
fn app(agent: String) -> String {
    match agent.strip_prefix("shoal/") {
        Some(version) => format!("Shoal {version}"),
        None => agent,
    }
}

fn how(addresses: &[Multiaddr]) -> How {
    let is_near = |address| matches!(address::scope(address), Scope::Loopback | Scope::Private);
    let is_relayed = |address: &Multiaddr| address.iter().any(|part| part == Protocol::P2pCircuit);
    if addresses
        .iter()
        .any(|address| !is_relayed(address) && is_near(address))
    {
        How::Nearby
    } else if !addresses.is_empty() && addresses.iter().all(is_relayed) {
        How::Relay
    } else {
        How::Direct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: How, over: Transport) {
        let address: Multiaddr = address.parse().unwrap();
        assert_eq!(how(std::slice::from_ref(&address)), expected, "{address}");
        assert_eq!(Transport::of(&address), over, "{address}");
    }

    #[test]
    fn an_address_tells_how_somebody_is_connected() {
        let id = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";
        check("/ip4/127.0.0.1/tcp/1", How::Nearby, Transport::Tcp);
        check(
            "/ip4/192.168.1.2/udp/1/quic-v1",
            How::Nearby,
            Transport::Quic,
        );
        check("/ip6/2a00::1/tcp/1/ws", How::Direct, Transport::Tcp);
        let relay = format!("/ip4/8.8.8.8/tcp/1/p2p/{id}/p2p-circuit");
        check(&relay, How::Relay, Transport::Tcp);
    }

    #[test]
    fn ours_have_a_name() {
        assert_eq!(app("shoal/0.1.0".to_owned()), "Shoal 0.1.0");
        assert_eq!(app("kubo/0.43.0/abc".to_owned()), "kubo/0.43.0/abc");
    }
}
