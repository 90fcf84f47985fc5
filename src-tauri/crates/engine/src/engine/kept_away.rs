//! Pure: who of those that a link names is kept away from, and why.

use std::net::IpAddr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use net::Banned;
use net::config::TrustConfig;

use crate::api::{KeptAway, WhyKeptAway};

pub(super) fn of(providers: &[String], trust: &TrustConfig, banned: &[Banned]) -> Vec<KeptAway> {
    let mut away: Vec<KeptAway> = Vec::new();
    for address in providers
        .iter()
        .filter_map(|provider| provider.parse().ok())
    {
        if let (Some(peer), Some(why)) = (peer(&address), why(&address, trust, banned))
            && away.iter().all(|known| known.peer != peer.to_string())
        {
            let peer = peer.to_string();
            away.push(KeptAway { peer, why });
        }
    }
    away
}

fn peer(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

fn why(address: &Multiaddr, trust: &TrustConfig, banned: &[Banned]) -> Option<WhyKeptAway> {
    let peer = peer(address)?;
    let ip = address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    });
    let is_in = |ip: IpAddr| {
        trust
            .blocked_networks
            .iter()
            .any(|network| network.contains(&ip))
    };
    if trust.blocked.contains(&peer) {
        Some(WhyKeptAway::Blocked)
    } else if ip.is_some_and(is_in) {
        Some(WhyKeptAway::Network)
    } else if banned.iter().any(|banned| banned.peer == peer) {
        Some(WhyKeptAway::Banned)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn whoever_is_kept_away_is_named_with_the_reason() {
        let peers: [PeerId; 4] = std::array::from_fn(|_| PeerId::random());
        let at = |place: &str, peer: usize| format!("{place}/p2p/{}", peers[peer]);
        let trust = TrustConfig {
            blocked: vec![peers[0]],
            blocked_networks: vec!["192.0.2.0/24".parse().unwrap()],
            ..TrustConfig::default()
        };
        let left = Duration::from_mins(1);
        let peer = peers[2];
        let banned = [Banned { peer, left }];
        let providers = [
            at("/ip4/127.0.0.1/tcp/1", 0),
            at("/ip4/127.0.0.1/udp/1/quic-v1", 0),
            at("/ip4/192.0.2.7/tcp/1", 1),
            at("/ip4/127.0.0.1/tcp/1", 2),
            at("/ip4/127.0.0.1/tcp/1", 3),
            "/ip4/127.0.0.1/tcp/1".to_owned(),
        ];
        let found = of(&providers, &trust, &banned).into_iter();
        let expected = [
            (peers[0].to_string(), WhyKeptAway::Blocked),
            (peers[1].to_string(), WhyKeptAway::Network),
            (peers[2].to_string(), WhyKeptAway::Banned),
        ];
        assert!(found.map(|away| (away.peer, away.why)).eq(expected));
    }
}
