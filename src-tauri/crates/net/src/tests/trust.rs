//! Whom the person trusts and blocks, and private networks, between real networks over loopback.

use std::time::Instant;

use libp2p::pnet::PreSharedKey;

use super::*;

/// How long nobody may get in for a test to believe that nobody does.
const WATCHED: Duration = Duration::from_millis(300);

fn in_private(byte: u8) -> Config {
    let mut config = config();
    config.trust.network_key = Some(PreSharedKey::new([byte; 32]));
    config
}

async fn is_connected(node: &Node, other: &Node) -> bool {
    let peers = node.net.peers().await;
    peers.iter().any(|info| info.peer == other.net.peer_id())
}

async fn connected(node: &Node, other: &Node) {
    until(async || is_connected(node, other).await.then_some(())).await;
}

async fn parted(node: &Node, other: &Node) {
    until(async || (!is_connected(node, other).await).then_some(())).await;
}

/// Dials in both directions, over and over, and nobody gets in.
async fn assert_apart(one: &Node, other: &Node) {
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        for (from, to) in [(one, other), (other, one)] {
            for address in to.net.listen_addrs().await {
                from.net.dial(address).await.unwrap();
            }
            assert!(!is_connected(from, to).await);
        }
    }
}

#[tokio::test]
async fn a_blocked_peer_goes_and_stays_away_until_it_is_forgiven() {
    let (here, there) = (Node::start(config()).await, Node::start(config()).await);
    here.net.dial(there.address("tcp").await).await.unwrap();
    connected(&here, &there).await;
    let mut blocking = config();
    blocking.trust.blocked = vec![there.net.peer_id()];
    here.net.configure(blocking).await;
    parted(&here, &there).await;
    parted(&there, &here).await;
    // A dial from there stands there for a moment, until here has seen who it is.
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        here.net.dial(there.address("tcp").await).await.unwrap();
        there.net.dial(here.address("tcp").await).await.unwrap();
        assert!(!is_connected(&here, &there).await);
    }
    here.net.configure(config()).await;
    until(async || {
        here.net.dial(there.address("tcp").await).await.unwrap();
        is_connected(&here, &there).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_blocked_network_is_refused_in_and_out() {
    let (here, there) = (Node::start(config()).await, Node::start(config()).await);
    here.net.dial(there.address("quic-v1").await).await.unwrap();
    connected(&here, &there).await;
    let mut blocking = config();
    blocking.trust.blocked_networks = vec!["127.0.0.0/8".parse().unwrap()];
    here.net.configure(blocking).await;
    parted(&here, &there).await;
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        here.net.dial(there.address("tcp").await).await.unwrap();
        there.net.dial(here.address("tcp").await).await.unwrap();
        there.net.dial(here.address("quic-v1").await).await.unwrap();
        assert!(!is_connected(&here, &there).await);
    }
}

#[tokio::test]
async fn a_trusted_peer_is_dialled_at_once_and_again_when_it_comes_back() {
    let there = Node::start(config()).await;
    let address = there.address("tcp").await;
    let mut trusting = config();
    trusting.trust.trusted = vec![address.clone()];
    let here = Node::start(trusting).await;
    connected(&here, &there).await;
    assert!(here.net.peers().await[0].trusted);
    there.net.clone().shutdown().await;
    parted(&here, &there).await;
    // It comes back where it was, as one that has a port of its own does.
    let mut back = config();
    back.listen.addresses = vec![address::split_peer(address).0];
    let there = there.again(back).await;
    connected(&here, &there).await;
}

#[tokio::test]
async fn trust_is_given_and_taken_while_it_runs() {
    let (here, there) = (Node::start(config()).await, Node::start(config()).await);
    let mut trusting = config();
    trusting.trust.trusted = vec![there.address("tcp").await];
    here.net.configure(trusting).await;
    connected(&here, &there).await;
    assert!(here.net.peers().await[0].trusted);
    here.net.configure(config()).await;
    let info = until(async || here.net.peers().await.pop()).await;
    assert!(!info.trusted);
}

#[tokio::test]
async fn one_peer_opens_no_more_connections_than_it_may_unless_it_is_trusted() {
    let mut limited = config();
    limited.limits.connections_of_peer = 1;
    let (here, there) = (Node::start(config()).await, Node::start(config()).await);
    let connections = async |address: &str| {
        there.net.dial(here.address(address).await).await.unwrap();
        let peers = here.net.peers().await;
        peers.first().map_or(0, |info| info.addresses.len())
    };
    here.net.configure(limited.clone()).await;
    until(async || (connections("tcp").await == 1).then_some(())).await;
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        assert!(connections("quic-v1").await <= 1);
    }
    let mut trusting = limited;
    trusting.trust.trusted =
        vec![Multiaddr::empty().with(libp2p::multiaddr::Protocol::P2p(there.net.peer_id()))];
    here.net.configure(trusting).await;
    until(async || (connections("quic-v1").await > 1).then_some(())).await;
}

#[tokio::test]
async fn only_those_with_the_key_get_in() {
    let here = Node::start(in_private(1)).await;
    assert!(here.net.network().await.unwrap().private_network);
    let addresses = here.net.listen_addrs().await;
    assert!(addresses.iter().all(address::is_tcp), "{addresses:?}");
    let (friend, public) = (
        Node::start(in_private(1)).await,
        Node::start(config()).await,
    );
    let other = Node::start(in_private(2)).await;
    assert_apart(&here, &public).await;
    assert_apart(&here, &other).await;
    let blocks = blocks(20);
    let cids = here.share(&blocks);
    let hints = here.net.listen_addrs().await;
    let mut session = friend.net.session(cids[0], hints).await.unwrap();
    assert_eq!(fetch(&mut session, &cids).await.len(), blocks.len());
}

#[tokio::test]
async fn nobody_of_a_private_network_is_kept_for_the_next_run() {
    let mut dht = in_private(1);
    dht.discovery.dht = true;
    let first = Node::start(dht.clone()).await;
    let mut joining = dht;
    joining.discovery.bootstrap = vec![first.address("tcp").await];
    let last = Node::start(joining).await;
    until(async || {
        let network = last.net.network().await.unwrap();
        network.dht_peers.filter(|peers| *peers >= 1)
    })
    .await;
    last.net.shutdown().await;
    assert!(
        crate::dht::remember::recall(&last.store.memory())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn another_key_holds_from_the_moment_on_that_it_is_set() {
    let (here, there) = (Node::start(config()).await, Node::start(config()).await);
    here.net.dial(there.address("quic-v1").await).await.unwrap();
    connected(&here, &there).await;
    here.net.configure(in_private(1)).await;
    parted(&here, &there).await;
    parted(&there, &here).await;
    assert_apart(&here, &there).await;
    there.net.configure(in_private(1)).await;
    until(async || {
        here.net.dial(there.address("tcp").await).await.unwrap();
        is_connected(&here, &there).await.then_some(())
    })
    .await;
    for node in [&here, &there] {
        node.net.configure(config()).await;
    }
    until(async || {
        let addresses = there.net.listen_addrs().await;
        let quic = addresses
            .into_iter()
            .find(|address| !address::is_tcp(address))?;
        here.net.dial(quic).await.unwrap();
        let info = here.net.peers().await.pop()?;
        info.addresses[0]
            .to_string()
            .contains("quic-v1")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn listening_moves_without_a_restart() {
    let node = Node::start(config()).await;
    let tcp = node.address("tcp").await;
    let mut moved = config();
    moved.listen.addresses = vec![
        "/ip4/127.0.0.1/tcp/0".parse().unwrap(),
        "/ip6/::1/tcp/0".parse().unwrap(),
    ];
    node.net.configure(moved).await;
    until(async || {
        let addresses = node.net.listen_addrs().await;
        let has = |part: &str| {
            addresses
                .iter()
                .any(|known| known.to_string().contains(part))
        };
        // What is wanted still was not touched.
        (addresses.contains(&tcp) && has("/ip6/::1") && !has("quic-v1")).then_some(())
    })
    .await;
}
