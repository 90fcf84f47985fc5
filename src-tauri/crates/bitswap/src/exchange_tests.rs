//! Nodes that exchange blocks over loopback TCP, with real connections and no other part of the
//! program.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::select_all;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{ConnectionId, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, identify, noise, tcp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use unixfs::cid::{Cid, DAG_PB, RAW, SHA2_256, Version as CidVersion, hash};

use crate::limits::STUCK_AFTER;
use crate::wire::Version;
use crate::{Behaviour, Config, Event, Found, PeerStats, SessionId, Want};

const SESSION: SessionId = SessionId(1);

#[derive(NetworkBehaviour)]
struct Protocols {
    bitswap: Toggle<Behaviour>,
    identify: Toggle<identify::Behaviour>,
}

struct Options {
    /// `None`: the node does not speak Bitswap.
    newest: Option<Version>,
    identifies: bool,
    idle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            newest: Some(Version::V1_2),
            identifies: false,
            idle: Duration::from_mins(1),
        }
    }
}

struct Node {
    swarm: Swarm<Protocols>,
    store: HashMap<Cid, Bytes>,
    /// What a gateway would give, and what it was asked for.
    gateway: HashMap<Cid, Bytes>,
    asked_of_gateway: Vec<Cid>,
    received: BTreeMap<Cid, PeerId>,
    /// Blocks that are told to the behaviour when they come in, as a downloader does.
    shares_on: bool,
    lookups: usize,
    identified: usize,
}

impl Node {
    fn new(newest: Version) -> Self {
        Self::with(Options {
            newest: Some(newest),
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        let protocols = |key: &Keypair| {
            let local = key.public().to_peer_id();
            let bitswap = options.newest.map(|newest| {
                Behaviour::new(Config {
                    newest,
                    ..Config::new(local)
                })
            });
            let identify = identify::Config::new("/test/1".to_owned(), key.public());
            Protocols {
                bitswap: bitswap.into(),
                identify: options
                    .identifies
                    .then(|| identify::Behaviour::new(identify))
                    .into(),
            }
        };
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(
                tcp::Config::default(),
                noise::Config::new,
                libp2p_yamux::Config::default,
            )
            .unwrap()
            .with_behaviour(protocols)
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(options.idle))
            .build();
        swarm
            .listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap())
            .unwrap();
        Self {
            swarm,
            store: HashMap::new(),
            gateway: HashMap::new(),
            asked_of_gateway: Vec::new(),
            received: BTreeMap::new(),
            shares_on: false,
            lookups: 0,
            identified: 0,
        }
    }

    fn bitswap(&mut self) -> &mut Behaviour {
        self.swarm.behaviour_mut().bitswap.as_mut().unwrap()
    }

    fn stats(&self) -> Vec<PeerStats> {
        self.swarm
            .behaviour()
            .bitswap
            .as_ref()
            .map_or_else(Vec::new, Behaviour::peer_stats)
    }

    fn connection_in_use(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.swarm
            .behaviour()
            .bitswap
            .as_ref()?
            .connection_in_use(peer)
    }

    fn peer(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    fn add(&mut self, cid: Cid, data: Bytes) {
        self.store.insert(cid, data);
    }

    fn wants(&mut self, cids: impl IntoIterator<Item = Cid>) {
        let wants = cids
            .into_iter()
            .map(|cid| Want {
                cid,
                size: None,
                priority: 0,
            })
            .collect();
        self.bitswap().open_session(SESSION);
        self.bitswap().want(SESSION, wants);
    }

    fn on_event(&mut self, event: SwarmEvent<ProtocolsEvent>) {
        let event = match event {
            SwarmEvent::Behaviour(ProtocolsEvent::Bitswap(event)) => event,
            SwarmEvent::Behaviour(ProtocolsEvent::Identify(identify::Event::Received {
                ..
            })) => {
                self.identified += 1;
                return;
            }
            _ => return,
        };
        let behaviour = self.swarm.behaviour_mut().bitswap.as_mut().unwrap();
        match event {
            Event::Lookup { ticket, cids, .. } => {
                self.lookups += 1;
                let find = |cid| {
                    let data: &Bytes = self.store.get(cid)?;
                    let size = u32::try_from(data.len()).unwrap();
                    Some(Found { size, sure: true })
                };
                behaviour.answer_lookup(ticket, cids.iter().map(find).collect());
            }
            Event::Read { ticket, cid, .. } => {
                behaviour.answer_read(ticket, self.store.get(&cid).cloned());
            }
            Event::Block {
                cid, data, peer, ..
            } => {
                behaviour.release(data.len() as u64);
                self.received.insert(cid, peer);
                if self.shares_on {
                    self.store.insert(cid, data);
                    behaviour.available(&[cid]);
                }
            }
            Event::FindProviders { .. } => {}
            Event::Misbehaved { peer } => panic!("{peer} is called a liar"),
            Event::Ask {
                gateway, blocks, ..
            } => {
                for cid in blocks {
                    let data = self.gateway.get(&cid).cloned();
                    self.asked_of_gateway.push(cid);
                    match data {
                        Some(data) => behaviour.gateway_block(gateway, cid, data),
                        None => behaviour.gateway_lacks(gateway, cid),
                    }
                }
            }
        }
    }
}

fn raw_block(seed: usize, size: usize) -> (Cid, Bytes) {
    let data: Vec<u8> = (0..size)
        .map(|i| u8::try_from((i / 7 + seed * 31) % 251).unwrap())
        .collect();
    let data = [&seed.to_le_bytes()[..], &data].concat();
    (
        Cid::new_v1(RAW, hash(SHA2_256, &data).unwrap()),
        data.into(),
    )
}

/// Runs all nodes until `done`.
async fn run(nodes: &mut [Node], mut done: impl FnMut(&[Node]) -> bool) {
    // Ends a test that hangs; nothing that works comes near it.
    let end = tokio::time::sleep(Duration::from_mins(10));
    tokio::pin!(end);
    // Not all that changes shows as an event.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while !done(nodes) {
        let events = select_all(nodes.iter_mut().map(|node| node.swarm.next()));
        tokio::select! {
            (event, index, _) = events => nodes[index].on_event(event.unwrap()),
            _ = looks.tick() => {}
            () = &mut end => {
                let stats: Vec<_> = nodes.iter().map(Node::stats).collect();
                panic!("nothing more happens: {stats:?}")
            },
        }
    }
}

/// Lets everybody listen, and the first node dial all others.
async fn connect(nodes: &mut [Node]) {
    run(nodes, |nodes| {
        nodes
            .iter()
            .all(|node| node.swarm.listeners().next().is_some())
    })
    .await;
    let addresses: Vec<Multiaddr> = nodes[1..]
        .iter()
        .map(|node| node.swarm.listeners().next().unwrap().clone())
        .collect();
    for address in addresses {
        nodes[0].swarm.dial(address).unwrap();
    }
    let others = nodes.len() - 1;
    run(nodes, |nodes| {
        nodes[0].swarm.connected_peers().count() == others
    })
    .await;
}

fn has_all(node: &Node, cids: &[Cid]) -> bool {
    cids.iter().all(|cid| node.received.contains_key(cid))
}

#[tokio::test]
async fn blocks_of_all_sizes_reach_a_peer_of_each_version() {
    for (newest, other) in [
        (Version::V1_2, Version::V1_2),
        (Version::V1_2, Version::V1_1),
        (Version::V1_1, Version::V1_2),
        (Version::V1_2, Version::V1_0),
        (Version::V1_0, Version::V1_2),
        (Version::Unnumbered, Version::V1_2),
    ] {
        let mut nodes = [Node::new(newest), Node::new(other)];
        connect(&mut nodes).await;
        let mut cids = Vec::new();
        for (seed, size) in [1, 500, 1024, 5000, 100_000, 1 << 20, (2 << 20) - 8]
            .into_iter()
            .enumerate()
        {
            let (mut cid, data) = raw_block(seed, size);
            if newest.min(other) < Version::V1_1 {
                // All that a bare block can stand for.
                cid = Cid::new(CidVersion::V0, DAG_PB, *cid.hash()).unwrap();
            }
            nodes[1].add(cid, data);
            cids.push(cid);
        }
        nodes[0].wants(cids.clone());
        // Old peers cannot be asked whether they have something: somebody must say so.
        let provider = nodes[1].peer();
        nodes[0].bitswap().add_providers(SESSION, &[provider]);
        run(&mut nodes, |nodes| has_all(&nodes[0], &cids)).await;
        let stats = nodes[0].stats();
        assert_eq!(stats[0].version, newest.min(other));
        let bytes: usize = nodes[1].store.values().map(Bytes::len).sum();
        assert_eq!(stats[0].bytes_received, bytes as u64);
        run(&mut nodes, |nodes| {
            let stats = nodes[1].stats();
            stats[0].bytes_sent >= bytes as u64 && stats[0].wants == 0
        })
        .await;
    }
}

#[tokio::test]
async fn small_blocks_are_asked_for_and_answered_in_batches() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_2)];
    connect(&mut nodes).await;
    let blocks: Vec<_> = (0..1000).map(|seed| raw_block(seed, 40)).collect();
    let cids: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    nodes[1].store.extend(blocks);
    let wants = cids.iter().map(|cid| Want {
        cid: *cid,
        size: Some(48),
        priority: 0,
    });
    nodes[0].bitswap().open_session(SESSION);
    nodes[0].bitswap().want(SESSION, wants.collect());
    run(&mut nodes, |nodes| has_all(&nodes[0], &cids)).await;
    assert!(nodes[1].lookups < 500, "{}", nodes[1].lookups);
}

#[tokio::test]
async fn a_block_that_turns_up_later_is_sent_to_who_waits_for_it() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_2)];
    connect(&mut nodes).await;
    let (cid, data) = raw_block(1, 100_000);
    nodes[0].wants([cid]);
    run(&mut nodes, |nodes| nodes[1].lookups > 0).await;
    nodes[1].add(cid, data);
    nodes[1].bitswap().available(&[cid]);
    run(&mut nodes, |nodes| has_all(&nodes[0], &[cid])).await;
}

#[tokio::test]
async fn downloaders_feed_each_other() {
    // 0 knows both seed and fellow; the fellow knows only 0.
    let mut nodes = [
        Node::new(Version::V1_2),
        Node::new(Version::V1_2),
        Node::new(Version::V1_2),
    ];
    connect(&mut nodes).await;
    let blocks: Vec<_> = (0..40).map(|seed| raw_block(seed, 50_000)).collect();
    let cids: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    nodes[1].store.extend(blocks);
    nodes[0].shares_on = true;
    nodes[0].wants(cids.clone());
    nodes[2].wants(cids.clone());
    run(&mut nodes, |nodes| {
        has_all(&nodes[0], &cids) && has_all(&nodes[2], &cids)
    })
    .await;
    let middle = nodes[0].peer();
    assert!(nodes[2].received.values().all(|peer| *peer == middle));
}

#[tokio::test]
async fn a_second_connection_takes_over_when_the_first_closes() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_2)];
    connect(&mut nodes).await;
    let blocks: VecDeque<_> = (0..60).map(|seed| raw_block(seed, 300_000)).collect();
    let cids: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    nodes[1].store.extend(blocks);
    let back = nodes[0].swarm.listeners().next().unwrap().clone();
    nodes[1]
        .swarm
        .dial(
            libp2p::swarm::dial_opts::DialOpts::unknown_peer_id()
                .address(back)
                .build(),
        )
        .unwrap();
    run(&mut nodes, |nodes| {
        nodes[0]
            .swarm
            .network_info()
            .connection_counters()
            .num_established()
            == 2
    })
    .await;
    nodes[0].wants(cids.clone());
    run(&mut nodes, |nodes| nodes[0].received.len() > 5).await;
    let other = nodes[1].peer();
    let first = nodes[0].connection_in_use(&other).unwrap();
    assert!(nodes[0].swarm.close_connection(first));
    run(&mut nodes, |nodes| has_all(&nodes[0], &cids)).await;
    assert_ne!(nodes[0].connection_in_use(&other), Some(first));
}

/// As after a change of networks: one end has left a connection, and the other end is not told.
#[tokio::test]
async fn a_peer_that_starts_afresh_over_another_connection_is_answered_there() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_2)];
    let blocks: VecDeque<_> = (0..60).map(|seed| raw_block(seed, 300_000)).collect();
    let cids: Vec<_> = blocks.iter().map(|(cid, _)| *cid).collect();
    nodes[1].store.extend(blocks);
    run(&mut nodes, |nodes| {
        nodes[1].swarm.listeners().next().is_some()
    })
    .await;
    let straight = nodes[1].swarm.listeners().next().unwrap().clone();
    let (through, cut) = cable(&straight).await;
    nodes[0].swarm.dial(through).unwrap();
    nodes[0].wants(cids.clone());
    run(&mut nodes, |nodes| nodes[0].received.len() > 5).await;
    cut.notify_one();
    let (here, there) = (nodes[0].peer(), nodes[1].peer());
    let dead = nodes[1].connection_in_use(&here);
    let first = nodes[0].connection_in_use(&there).unwrap();
    assert!(nodes[0].swarm.close_connection(first));
    nodes[0].swarm.dial(straight).unwrap();
    let all = run(&mut nodes, |nodes| has_all(&nodes[0], &cids));
    // Long before the other end gives up the dead connection.
    let soon = STUCK_AFTER / 3;
    assert!(tokio::time::timeout(soon, all).await.is_ok());
    assert_ne!(nodes[1].connection_in_use(&here), dead);
}

/// Where one gets through to `target`, until it is cut: then nothing passes any more, and neither
/// end sees that.
async fn cable(target: &Multiaddr) -> (Multiaddr, Arc<Notify>) {
    let port = target.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let target = (Ipv4Addr::LOCALHOST, port.unwrap());
    let entrance = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = entrance.local_addr().unwrap().port();
    let cut = Arc::new(Notify::new());
    let is_cut = Arc::clone(&cut);
    tokio::spawn(async move {
        let (mut near, _) = entrance.accept().await.unwrap();
        let mut far = TcpStream::connect(target).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            () = is_cut.notified() => std::future::pending().await,
        }
    });
    let address = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    (address, cut)
}

#[tokio::test]
async fn a_provider_that_connects_late_is_used_and_an_absent_one_is_survived() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_1)];
    let (cid, data) = raw_block(1, 1000);
    nodes[1].add(cid, data);
    let (provider, local) = (nodes[1].peer(), nodes[0].peer());
    nodes[0].wants([cid]);
    nodes[0]
        .bitswap()
        .add_providers(SESSION, &[PeerId::random(), local]);
    connect(&mut nodes).await;
    nodes[0].bitswap().add_providers(SESSION, &[provider]);
    run(&mut nodes, |nodes| has_all(&nodes[0], &[cid])).await;
}

#[tokio::test]
async fn peers_that_say_what_they_speak_are_asked_only_if_it_is_bitswap() {
    let identifying = || Options {
        identifies: true,
        ..Options::default()
    };
    let mute = Options {
        newest: None,
        ..identifying()
    };
    let mut nodes = [
        Node::with(identifying()),
        Node::with(mute),
        Node::with(identifying()),
    ];
    connect(&mut nodes).await;
    run(&mut nodes, |nodes| {
        nodes[0].identified == 2 && nodes[2].identified == 1
    })
    .await;
    assert_eq!(nodes[0].stats(), [], "nobody has asked for anything yet");

    let (cid, data) = raw_block(1, 1000);
    nodes[2].add(cid, data);
    nodes[0].wants([cid]);
    run(&mut nodes, |nodes| has_all(&nodes[0], &[cid])).await;
    let speaking: Vec<_> = nodes[0].stats().iter().map(|stats| stats.peer).collect();
    assert_eq!(speaking, [nodes[2].peer()]);
}

#[tokio::test]
async fn a_connection_lasts_while_either_side_wants_something() {
    let idle = Duration::from_millis(200);
    let mut nodes = [0, 1].map(|_| {
        Node::with(Options {
            idle,
            ..Options::default()
        })
    });
    connect(&mut nodes).await;
    let (missing, _) = raw_block(1, 1000);
    nodes[0].wants([missing]);
    run(&mut nodes, |nodes| {
        nodes[1]
            .stats()
            .first()
            .is_some_and(|stats| stats.wants == 1)
    })
    .await;
    let begun = Instant::now();
    run(&mut nodes, |_| begun.elapsed() > 4 * idle).await;
    assert_eq!(nodes[0].swarm.connected_peers().count(), 1);

    nodes[0].bitswap().close_session(SESSION);
    run(&mut nodes, |nodes| {
        nodes
            .iter()
            .all(|node| node.swarm.connected_peers().count() == 0)
    })
    .await;
}

#[tokio::test]
async fn a_gateway_and_a_peer_give_what_each_has() {
    let mut nodes = [Node::new(Version::V1_2), Node::new(Version::V1_2)];
    connect(&mut nodes).await;
    let blocks: Vec<(Cid, Bytes)> = (0..40).map(|seed| raw_block(seed, 50_000)).collect();
    let cids: Vec<Cid> = blocks.iter().map(|(cid, _)| *cid).collect();
    // Each has one half, and a quarter of it is the other's too.
    for (i, (cid, data)) in blocks.into_iter().enumerate() {
        if i < 25 {
            nodes[1].add(cid, data.clone());
        }
        if i >= 15 {
            nodes[0].gateway.insert(cid, data);
        }
    }
    nodes[0].wants(cids.clone());
    let (peer, gateway) = (nodes[1].peer(), PeerId::random());
    let bitswap = nodes[0].bitswap();
    bitswap.add_providers(SESSION, &[peer]);
    bitswap.gateway_connected(gateway);
    bitswap.join_gateway(SESSION, &gateway);
    run(&mut nodes, |nodes| has_all(&nodes[0], &cids)).await;
    let from_gateway: Vec<&Cid> = cids
        .iter()
        .filter(|cid| nodes[0].received[cid] == gateway)
        .collect();
    assert!(from_gateway.len() >= 15, "{}", from_gateway.len());
    assert!(
        cids[25..]
            .iter()
            .all(|cid| nodes[0].received[cid] == gateway)
    );
    let mut asked = nodes[0].asked_of_gateway.clone();
    let all = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), all, "something was asked for twice");
    // It is no peer.
    assert_eq!(nodes[0].stats().len(), 1);
    nodes[0].bitswap().gateway_disconnected(&gateway);
    assert_eq!(nodes[0].bitswap().holdings(SESSION).len(), 1);
}
