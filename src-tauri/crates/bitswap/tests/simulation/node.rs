//! One simulated node: the real client and the real server machine, a store of block numbers, and
//! what is counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bitswap::client::{Client, ClientConfig};
use bitswap::server::Server;
use bitswap::wire::{Cid, Presence, Version, WantEntry};
use libp2p::PeerId;
use unixfs::Multihash;

use crate::liars::Manners;

pub(crate) type NodeId = usize;
pub(crate) const MB: f64 = 1e6;
pub(crate) const MIB: u32 = 1 << 20;

#[derive(Debug, Clone)]
pub(crate) enum Msg {
    Wants(Vec<WantEntry>, bool),
    Answers {
        blocks: Vec<u64>,
        presences: Vec<(Cid, Presence)>,
        /// The real server wants to hear when it is written.
        from_server: bool,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Bytes/s of the link.
    pub(crate) up: f64,
    pub(crate) down: f64,
    /// Bytes/s, the server's own limit.
    pub(crate) upload_limit: Option<u64>,
    pub(crate) manners: Manners,
    pub(crate) version: Version,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            up: 100.0 * MB,
            down: 1000.0 * MB,
            upload_limit: None,
            manners: Manners::Honest,
            version: Version::V1_2,
        }
    }
}

pub(crate) struct Node {
    pub(crate) id: PeerId,
    pub(crate) spec: Spec,
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) have: BTreeSet<u64>,
    /// Those of them for which it sends other bytes.
    pub(crate) rotten: BTreeSet<u64>,
    pub(crate) missing: BTreeSet<u64>,
    /// Whether the consumer is done with a block at once.
    pub(crate) release: bool,
    pub(crate) links: BTreeMap<NodeId, Link>,
    pub(crate) last_served: NodeId,
    pub(crate) sending: bool,
    pub(crate) down_free: Instant,
    pub(crate) woken_at: Option<Instant>,
    pub(crate) count: Counted,
}

/// What is asserted on.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) finished: Option<Instant>,
    pub(crate) sent_blocks: u64,
    pub(crate) duplicate_blocks: u64,
    pub(crate) unreleased: u64,
    pub(crate) want_entries: u64,
    pub(crate) searches: Vec<Duration>,
    pub(crate) dials: usize,
    pub(crate) reported: Vec<NodeId>,
    pub(crate) longest_list: usize,
}

/// One direction of a connection.
pub(crate) struct Link {
    pub(crate) latency: Duration,
    pub(crate) last_arrival: Instant,
    /// Tells a connection from the one before it.
    pub(crate) epoch: u64,
    pub(crate) outgoing: VecDeque<Msg>,
}

impl Node {
    pub(crate) fn new(spec: Spec, chance: [u64; 3], now: Instant) -> Self {
        let mut digest = [0u8; 32];
        digest[..8].copy_from_slice(&chance[0].to_le_bytes());
        digest[8..16].copy_from_slice(&chance[1].to_le_bytes());
        let hash = libp2p::multihash::Multihash::wrap(0x12, &digest).expect("32 bytes fit");
        let id = PeerId::from_multihash(hash).expect("a hash of this kind names a peer");
        Self {
            id,
            client: Client::new(ClientConfig::new(id), chance[2]),
            server: Server::new(spec.upload_limit, now),
            spec,
            have: BTreeSet::new(),
            rotten: BTreeSet::new(),
            missing: BTreeSet::new(),
            release: true,
            links: BTreeMap::new(),
            last_served: 0,
            sending: false,
            down_free: now,
            woken_at: None,
            count: Counted::default(),
        }
    }
}

/// The CID of the block with this number.
pub(crate) fn cid_of(block: u64) -> Cid {
    let mut digest = [0u8; 32];
    for (word, i) in digest.chunks_mut(8).zip(0..) {
        word.copy_from_slice(&scramble(block.wrapping_mul(4).wrapping_add(i)).to_le_bytes());
    }
    Cid::new_v1(0x55, Multihash::wrap(0x12, &digest).expect("32 bytes fit"))
}

pub(crate) fn scramble(x: u64) -> u64 {
    let x = x
        .wrapping_add(0x1234_5678_9abc_def1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}
