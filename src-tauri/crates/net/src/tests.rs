//! Real networks in one process, over loopback.

pub(crate) mod store;
mod trim;
mod trust;

use std::time::Duration;

use bitswap::Want;
use bytes::Bytes;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use unixfs::cid::Cid;

use self::store::{Store, cid_of};
use super::*;

/// Ends a test that hangs. No verdict: nothing that works comes near it, however busy the machine
/// is.
const HUNG: Duration = Duration::from_mins(10);

fn config() -> Config {
    Config::local()
}

/// A network with a store to serve from.
struct Node {
    net: Net,
    store: Store,
    identity: Keypair,
}

impl Node {
    async fn start(config: Config) -> Self {
        let store = Store::default();
        let identity = Keypair::generate_ed25519();
        let net = store.join(config, identity.clone()).await.unwrap();
        Self {
            net,
            store,
            identity,
        }
    }

    /// The same peer once more, after it was shut down.
    async fn again(self, config: Config) -> Self {
        let net = self
            .store
            .join(config, self.identity.clone())
            .await
            .unwrap();
        Self { net, ..self }
    }

    async fn address(&self, kind: &str) -> Multiaddr {
        let addresses = self.net.listen_addrs().await;
        let mut matching = addresses.into_iter();
        let address = matching.find(|address| address.to_string().contains(kind));
        address.unwrap()
    }

    fn share(&self, blocks: &[Bytes]) -> Vec<Cid> {
        self.store.put(blocks)
    }

    fn announce(&self, cids: &[Cid]) {
        self.store.announce(cids);
        self.net.shared_changed();
    }
}

fn blocks(count: u8) -> Vec<Bytes> {
    (0..count)
        .map(|byte| Bytes::from(vec![byte; 100_000]))
        .collect()
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
    tokio::time::timeout(HUNG, asking).await.unwrap()
}

/// Wants all of these, and gives them in the order of their CIDs, with the peers that they came
/// from.
async fn fetch(session: &mut Session, cids: &[Cid]) -> Vec<(Cid, Bytes, PeerId)> {
    let want = |cid: &Cid| Want {
        cid: *cid,
        size: None,
        priority: 1,
    };
    session.want(cids.iter().map(want).collect()).await.unwrap();
    let mut fetched = Vec::new();
    let fetching = async {
        while fetched.len() < cids.len() {
            if let SessionEvent::Block { peer, cid, data } = session.events.recv().await.unwrap() {
                session.release(data.len() as u64);
                fetched.push((cid, data, peer));
            }
        }
    };
    tokio::time::timeout(HUNG, fetching).await.unwrap();
    fetched.sort_by_key(|(cid, ..)| *cid);
    fetched
}

/// Two networks meet over one kind of connection, and each knows what the other is.
async fn check_meeting(one: Config, other: Config, kind: &str) {
    let (one, other) = (Node::start(one).await, Node::start(other).await);
    one.net.dial(other.address(kind).await).await.unwrap();
    for (here, there, inbound) in [(&one, &other, false), (&other, &one, true)] {
        let info = until(async || {
            let peers = here.net.peers().await;
            peers.into_iter().find(|info| info.agent.is_some())
        })
        .await;
        assert_eq!(info.peer, there.net.peer_id());
        assert_eq!(info.inbound, inbound);
        assert!(info.addresses[0].to_string().contains(kind));
        assert!(info.agent.unwrap().starts_with("shoal/"));
    }
    one.net.shutdown().await;
    other.net.shutdown().await;
}

#[tokio::test]
async fn peers_meet_over_tcp_and_quic() {
    check_meeting(config(), config(), "tcp").await;
    check_meeting(config(), config(), "quic-v1").await;
}

#[tokio::test]
async fn peers_meet_over_tls_alone_and_over_noise_alone() {
    for channels in [Channels::TlsOnly, Channels::NoiseOnly] {
        let mut only = config();
        only.listen.channels = channels;
        check_meeting(only.clone(), config(), "tcp").await;
        check_meeting(config(), only, "tcp").await;
    }
}

#[tokio::test]
async fn ports_are_real_and_addresses_name_the_peer() {
    let node = Node::start(config()).await;
    let addresses = node.net.listen_addrs().await;
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        assert!(!address.to_string().contains("/0/"));
        assert_eq!(address::split_peer(address).1, Some(node.net.peer_id()));
    }
    node.net.clone().shutdown().await;
    assert!(node.net.listen_addrs().await.is_empty());
}

#[tokio::test]
async fn local_only_refuses_to_listen_elsewhere() {
    let mut everywhere = config();
    everywhere.listen.addresses = vec!["/ip4/0.0.0.0/tcp/0".parse().unwrap()];
    let node = Node::start(config()).await;
    let identity = Keypair::generate_ed25519();
    let result = node.store.join(everywhere, identity).await;
    assert!(matches!(result, Err(NetError::NotLocal(_))));
}

#[tokio::test]
async fn a_session_fetches_from_a_peer_that_the_link_names() {
    for kind in ["tcp", "quic-v1"] {
        let (seed, fetcher) = (Node::start(config()).await, Node::start(config()).await);
        let blocks = blocks(50);
        let cids = seed.share(&blocks);
        let hints = vec![seed.address(kind).await];
        let mut session = fetcher.net.session(cids[0], hints).await.unwrap();
        let fetched = fetch(&mut session, &cids).await;
        let mut expected: Vec<_> = cids
            .iter()
            .zip(&blocks)
            .map(|(cid, data)| (*cid, data.clone(), seed.net.peer_id()))
            .collect();
        expected.sort_by_key(|(cid, ..)| *cid);
        assert_eq!(fetched, expected);
        let info = fetcher.net.peers().await.remove(0);
        assert_eq!(info.received, 50 * 100_000);
        assert!(info.addresses[0].to_string().contains(kind));
    }
}

#[tokio::test]
async fn near_peers_are_met_over_tcp_though_quic_is_offered_too() {
    let (seed, fetcher) = (Node::start(config()).await, Node::start(config()).await);
    let cids = seed.share(&blocks(1));
    let mut hints = seed.net.listen_addrs().await;
    hints.reverse();
    let mut session = fetcher.net.session(cids[0], hints).await.unwrap();
    fetch(&mut session, &cids).await;
    let info = fetcher.net.peers().await.remove(0);
    assert!(info.addresses[0].to_string().contains("tcp"));
}

#[tokio::test]
async fn an_unreachable_hint_does_not_hide_a_good_one() {
    let (seed, fetcher) = (Node::start(config()).await, Node::start(config()).await);
    let cids = seed.share(&blocks(1));
    let gone = Node::start(config()).await;
    let mut hints = gone.net.listen_addrs().await;
    gone.net.shutdown().await;
    hints.push("/ip4/8.8.8.8/tcp/1".parse().unwrap());
    hints.push("/dns4/example.invalid/tcp/1".parse().unwrap());
    hints.push(seed.address("tcp").await);
    let mut session = fetcher.net.session(cids[0], hints).await.unwrap();
    fetch(&mut session, &cids).await;
}

#[tokio::test]
async fn a_provider_may_be_named_later_and_what_comes_later_is_served() {
    let (seed, fetcher) = (Node::start(config()).await, Node::start(config()).await);
    let data = blocks(1);
    let cids = vec![cid_of(&data[0])];
    let mut session = fetcher.net.session(cids[0], Vec::new()).await.unwrap();
    session
        .add_provider(seed.address("tcp").await)
        .await
        .unwrap();
    until(async || seed.net.peers().await.pop()).await;
    let late = async {
        seed.share(&data);
        seed.net.available(cids.clone()).await;
    };
    let (fetched, ()) = tokio::join!(fetch(&mut session, &cids), late);
    assert_eq!(fetched[0].1, data[0]);
}

#[tokio::test]
async fn a_peer_that_comes_back_is_found_again() {
    let seed = Node::start(config()).await;
    let address = address::split_peer(seed.address("tcp").await).0;
    let fetcher = Node::start(config()).await;
    let blocks = blocks(2);
    let cids = seed.share(&blocks);
    let mut session = fetcher
        .net
        .session(cids[0], vec![address.clone()])
        .await
        .unwrap();
    fetch(&mut session, &cids[..1]).await;
    seed.net.shutdown().await;
    until(async || fetcher.net.peers().await.is_empty().then_some(())).await;

    let mut at_same = config();
    at_same.listen.addresses = vec![address];
    let back = Node::start(at_same).await;
    back.share(&blocks);
    fetch(&mut session, &cids[1..]).await;
}

#[tokio::test]
async fn a_dropped_session_leaves_room_for_the_next() {
    let (seed, fetcher) = (Node::start(config()).await, Node::start(config()).await);
    let blocks: Vec<Bytes> = (0..40)
        .map(|byte| Bytes::from(vec![byte; 1 << 20]))
        .collect();
    let cids = seed.share(&blocks);
    let hints = vec![seed.address("tcp").await];
    for _ in 0..3 {
        let session = fetcher.net.session(cids[0], hints.clone()).await.unwrap();
        let want = |cid: &Cid| Want {
            cid: *cid,
            size: Some(1 << 20),
            priority: 1,
        };
        let wants = cids.iter().map(want).collect();
        session.want(wants).await.unwrap();
        // More was asked for than the budget holds, and nothing is ever released.
        let full = async || (session.events.len() >= 20).then_some(());
        until(full).await;
    }
    let mut session = fetcher.net.session(cids[0], hints).await.unwrap();
    assert_eq!(fetch(&mut session, &cids).await.len(), 40);
}

#[tokio::test]
async fn the_dht_leads_to_who_announced() {
    let mut dht = config();
    dht.discovery.dht = true;
    let first = Node::start(dht.clone()).await;
    let mut joining = dht;
    joining.discovery.bootstrap = vec![first.address("tcp").await];
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(Node::start(joining.clone()).await);
    }
    let (seed, fetcher) = (&others[0], &others[3]);
    let data = blocks(1);
    let cids = seed.share(&data);
    seed.announce(&cids);
    // Kept only once it went out.
    until(async || {
        let announced = seed.store.announcements();
        announced.into_iter().find(|(_, time)| *time > 0)
    })
    .await;

    let mut session = fetcher.net.session(cids[0], Vec::new()).await.unwrap();
    let fetched = fetch(&mut session, &cids).await;
    assert_eq!(fetched[0].2, seed.net.peer_id());

    seed.announce(&[]);
    until(async || seed.store.announcements().is_empty().then_some(())).await;
}

#[tokio::test]
async fn the_dht_is_found_again_without_its_bootstrap_peers() {
    let mut dht = config();
    dht.discovery.dht = true;
    let first = Node::start(dht.clone()).await;
    let mut joining = dht.clone();
    joining.discovery.bootstrap = vec![first.address("tcp").await];
    let (other, last) = (
        Node::start(joining.clone()).await,
        Node::start(joining).await,
    );
    until(async || {
        let network = last.net.network().await.unwrap();
        network.dht_peers.filter(|peers| *peers >= 2)
    })
    .await;
    last.net.shutdown().await;
    first.net.shutdown().await;

    let identity = Keypair::generate_ed25519();
    let again = last.store.join(dht, identity).await.unwrap();
    let found = other.net.peer_id();
    until(async || {
        again
            .peers()
            .await
            .into_iter()
            .find(|info| info.peer == found)
    })
    .await;
}

#[tokio::test]
async fn nobody_announces_without_a_dht() {
    let node = Node::start(config()).await;
    let cids = node.share(&blocks(1));
    node.announce(&cids);
    let kept = until(async || node.store.announcements().pop()).await;
    assert_eq!(kept, (*cids[0].hash(), 0));
}

#[tokio::test]
async fn what_is_not_shared_any_more_is_withdrawn_at_the_next_start() {
    let node = Node::start(config()).await;
    let cids = node.share(&blocks(2));
    node.announce(&cids);
    until(async || (node.store.announcements().len() == 2).then_some(())).await;
    node.net.clone().shutdown().await;
    node.store.announce(&cids[1..]);
    let node = node.again(config()).await;
    until(async || (node.store.announcements().len() == 1).then_some(())).await;
    assert_eq!(node.store.announcements(), [(*cids[1].hash(), 0)]);
}
