//! Real networks in one process, over loopback.

use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::identity::Keypair;

use super::*;

/// Long enough for a slow machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn config() -> NetConfig {
    NetConfig {
        listen: vec![
            "/ip4/127.0.0.1/tcp/0".parse().unwrap(),
            "/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap(),
        ],
        bootstrap: Vec::new(),
        mdns: false,
        dht: false,
        upload_limit: None,
        download_limit: None,
        local_only: true,
        channels: Channels::All,
    }
}

async fn start(config: NetConfig) -> Net {
    let identity = Keypair::generate_ed25519();
    Net::start(config, identity).await.unwrap()
}

async fn address(net: &Net, kind: &str) -> Multiaddr {
    let addresses = net.listen_addrs().await;
    let matching = addresses
        .into_iter()
        .find(|address| address.to_string().contains(kind));
    matching.unwrap()
}

/// Asks again and again until the answer is there.
async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

/// Two networks meet over one kind of connection, and each knows what the other is.
async fn check_meeting(one: NetConfig, other: NetConfig, kind: &str) {
    let (one, other) = (start(one).await, start(other).await);
    one.dial(address(&other, kind).await).await.unwrap();
    for (here, there, inbound) in [(&one, &other, false), (&other, &one, true)] {
        let info = until(async || {
            let peers = here.peers().await;
            peers.into_iter().find(|info| info.agent.is_some())
        })
        .await;
        assert_eq!(info.peer, there.peer_id());
        assert_eq!(info.inbound, inbound);
        assert!(info.addresses[0].to_string().contains(kind));
        assert!(info.agent.unwrap().starts_with("shoal/"));
    }
    one.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn peers_meet_over_tcp_and_quic() {
    check_meeting(config(), config(), "tcp").await;
    check_meeting(config(), config(), "quic-v1").await;
}

#[tokio::test]
async fn peers_meet_over_tls_alone_and_over_noise_alone() {
    for channels in [Channels::TlsOnly, Channels::NoiseOnly] {
        let only = NetConfig {
            channels,
            ..config()
        };
        check_meeting(only.clone(), config(), "tcp").await;
        check_meeting(config(), only, "tcp").await;
    }
}

#[tokio::test]
async fn ports_are_real_and_addresses_name_the_peer() {
    let net = start(config()).await;
    let addresses = net.listen_addrs().await;
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        assert!(!address.to_string().contains("/0/"));
        assert_eq!(address::split_peer(address).1, Some(net.peer_id()));
    }
    net.clone().shutdown().await;
    assert!(net.listen_addrs().await.is_empty());
}

#[tokio::test]
async fn local_only_refuses_to_listen_elsewhere() {
    let everywhere = NetConfig {
        listen: vec!["/ip4/0.0.0.0/tcp/0".parse().unwrap()],
        ..config()
    };
    let result = Net::start(everywhere, Keypair::generate_ed25519()).await;
    assert!(matches!(result, Err(NetError::NotLocal(_))));
}
