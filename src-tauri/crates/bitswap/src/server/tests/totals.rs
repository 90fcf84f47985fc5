//! No count ever differs from what it counts, whatever peers do; and what is ready is sent.

use proptest::prelude::*;

use super::*;
use crate::limits::{FIRST_PIPE_BYTES, MAX_ALL_READS, MAX_READS};

/// A want-have for what was just read ends another want than the one that the read has ended.
#[test]
fn a_block_that_is_ready_is_sent_whatever_its_peer_asks_next() {
    for ask in [have, want] {
        let mut node = Node::new();
        node.answers_reads = false;
        let peer = node.peer();
        let (block, slow) = (node.block(1, 100_000), node.block(2, 100_000));
        node.wants(peer, &[want(block), want(slow)]);
        let (ticket, ..) = node.reads.remove(0);
        let data = node.store.get(&block).cloned();
        node.server.on_read(ticket, data.clone(), node.now);
        node.run();
        assert_eq!(node.blocks(peer), [], "it waits for the other");
        node.wants(peer, &[ask(block)]);
        for (ticket, _, cid) in std::mem::take(&mut node.reads) {
            let data = node.store.get(&cid).cloned();
            node.server.on_read(ticket, data, node.now);
        }
        node.run();
        node.advance(BATCH_DELAY);
        let sent = node.blocks(peer);
        assert!(sent.contains(&block) && sent.contains(&slow));
        node.server.disconnected(&peer);
        node.server.check();
        assert_eq!(node.server.pipes.get(), 0);
    }
}

#[test]
fn blocks_without_bytes_fill_a_pipe_too() {
    let mut node = Node::new();
    node.writes = false;
    node.answers_reads = false;
    let peer = node.peer();
    let slow = node.block(1, 5000);
    let empty = Cid::new_v1(RAW, hash(SHA2_256, b"").unwrap());
    node.wants(peer, &[want(slow)]);
    let entries = vec![want(empty); MAX_WANTLIST];
    for _ in 0..100 {
        node.wants(peer, &entries);
    }
    let most = FIRST_PIPE_BYTES / BLOCK_OVERHEAD;
    assert!(node.blocks(peer).len() as u64 <= most);
    assert!(node.server.pipes.get() <= FIRST_PIPE_BYTES + BLOCK_OVERHEAD);
}

#[test]
fn who_comes_and_goes_has_no_more_read_than_others() {
    let mut node = Node::new();
    node.answers_reads = false;
    let blocks: Vec<_> = (0..1000).map(|seed| want(node.block(seed, 10))).collect();
    for _ in 0..2 * MAX_ALL_READS / MAX_READS {
        let peer = node.peer();
        node.wants(peer, &blocks);
        node.server.disconnected(&peer);
    }
    assert_eq!(node.reads.len() as u64, MAX_ALL_READS);
    let honest = node.peer();
    node.wants(honest, &blocks[..1]);
    assert_eq!(node.blocks(honest), []);
    node.answers_reads = true;
    for (ticket, ..) in std::mem::take(&mut node.reads) {
        node.server.on_read(ticket, None, node.now);
    }
    node.run();
    assert_eq!(node.blocks(honest), [blocks[0].cid]);
}

#[test]
fn who_comes_back_has_one_turn_like_others() {
    let mut node = Node::new();
    node.server.set_upload_limit(Some(1), node.now);
    let peer = node.peer();
    let blocks: Vec<_> = (0..10).map(|seed| want(node.block(seed, 5000))).collect();
    for _ in 0..10 {
        node.wants(peer, &blocks);
        node.server.disconnected(&peer);
        node.server.connected(peer, Version::V1_2, node.now);
    }
    node.wants(peer, &blocks);
    assert_eq!(node.server.turns.len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Connect(u8),
    Disconnect(u8),
    Lost(u8),
    /// Peer, blocks, want-block or want-have or cancel, and whether this is all of its list.
    Wants(u8, Vec<(u8, u8)>, bool),
    /// Which question of those that wait, and whether the block is there.
    Answer(u8, bool, bool),
    Written(u8),
    Available(Vec<u8>),
    LookAgain,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..4_u8;
    let entries = prop::collection::vec((0..24_u8, 0..8_u8), 1..16);
    prop_oneof![
        3 => peer.clone().prop_map(Step::Connect),
        1 => peer.clone().prop_map(Step::Disconnect),
        1 => peer.clone().prop_map(Step::Lost),
        6 => (peer.clone(), entries, prop::bool::weighted(0.1)).prop_map(|(p, e, full)| Step::Wants(p, e, full)),
        12 => (any::<u8>(), prop::bool::weighted(0.7), any::<bool>()).prop_map(|(n, there, sure)| Step::Answer(n, there, sure)),
        4 => peer.prop_map(Step::Written),
        1 => prop::collection::vec(0..24_u8, 1..8).prop_map(Step::Available),
        1 => Just(Step::LookAgain),
        3 => any::<u16>().prop_map(Step::Wait),
    ]
}

/// A question that waits for its answer.
enum Asked {
    Lookup(Ticket, Vec<Cid>),
    Read(Ticket, Cid),
}

struct Rig {
    server: Server,
    now: Instant,
    blocks: Vec<(Cid, Bytes)>,
    asked: Vec<Asked>,
    /// What became ready and must be sent, unless it is cancelled or its peer leaves.
    owed: BTreeMap<PeerId, Vec<Cid>>,
    connected: BTreeMap<u8, PeerId>,
}

impl Rig {
    fn new() -> Self {
        let now = Instant::now();
        let sizes = [0, 1, 700, 5000, 100_000, 1 << 20, 2 << 20, 300_000];
        let blocks = (0..24).map(|n| make_block(n, sizes[usize::try_from(n % 8).unwrap()]));
        Self {
            server: Server::new(None, now),
            now,
            blocks: blocks.collect(),
            asked: Vec::new(),
            owed: BTreeMap::new(),
            connected: BTreeMap::new(),
        }
    }

    fn data(&self, cid: &Cid) -> Bytes {
        let (_, data) = self.blocks.iter().find(|(other, _)| other == cid).unwrap();
        data.clone()
    }

    fn peer(n: u8) -> PeerId {
        let hash = libp2p::multihash::Multihash::wrap(0x12, &[n; 32]).unwrap();
        PeerId::from_multihash(hash).unwrap()
    }

    fn apply(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Connect(n) => {
                self.server.connected(Self::peer(*n), Version::V1_2, now);
                self.connected.insert(*n, Self::peer(*n));
            }
            Step::Disconnect(n) => {
                self.server.disconnected(&Self::peer(*n));
                self.connected.remove(n);
                self.owed.remove(&Self::peer(*n));
            }
            Step::Lost(n) => self.server.connection_lost(&Self::peer(*n)),
            Step::Wants(n, entries, full) => {
                let peer = Self::peer(*n);
                let entries: Vec<WantEntry> = entries
                    .iter()
                    .map(|(block, kind)| {
                        let cid = self.blocks[usize::from(*block)].0;
                        match kind {
                            0..4 => want(cid),
                            4..7 => have(cid),
                            _ => cancel(cid),
                        }
                    })
                    .collect();
                if *full {
                    self.owed.remove(&peer);
                }
                for entry in entries.iter().filter(|entry| entry.cancel) {
                    self.owed
                        .entry(peer)
                        .or_default()
                        .retain(|cid| *cid != entry.cid);
                }
                self.server.on_wantlist(peer, &entries, *full, now);
            }
            Step::Answer(n, there, sure) => {
                if self.asked.is_empty() {
                    return;
                }
                let at = usize::from(*n) % self.asked.len();
                self.answer(at, *there, *sure);
            }
            Step::Written(n) => {
                self.server.on_written(Self::peer(*n), now);
            }
            Step::Available(blocks) => {
                let cids: Vec<Cid> = blocks
                    .iter()
                    .map(|n| self.blocks[usize::from(*n)].0)
                    .collect();
                self.server.available(&cids);
            }
            Step::LookAgain => self.server.look_again(now),
            Step::Wait(ms) => {
                self.now += Duration::from_millis(u64::from(*ms) * 4);
                self.server.on_deadline(self.now);
            }
        }
    }

    fn answer(&mut self, at: usize, there: bool, sure: bool) {
        match self.asked.swap_remove(at) {
            Asked::Lookup(ticket, cids) => {
                let found = cids.iter().map(|cid| {
                    let size = u32::try_from(self.data(cid).len()).unwrap();
                    there.then_some(Found { size, sure })
                });
                let found: Vec<_> = found.collect();
                self.server.on_lookup(ticket, &found, self.now);
            }
            Asked::Read(ticket, cid) => {
                let data = there.then(|| self.data(&cid));
                self.server.on_read(ticket, data, self.now);
            }
        }
    }

    /// Looks at everything after each thing that is done.
    fn drain(&mut self) {
        self.server.check();
        self.note_ready();
        while let Some(action) = self.server.poll(self.now) {
            match action {
                ServerAction::Lookup { ticket, cids, .. } => {
                    self.asked.push(Asked::Lookup(ticket, cids));
                }
                ServerAction::Read { ticket, cid, .. } => self.asked.push(Asked::Read(ticket, cid)),
                ServerAction::Send { peer, message } => {
                    let owed = self.owed.entry(peer).or_default();
                    for (cid, _) in &message.blocks {
                        owed.retain(|other| other != cid);
                    }
                }
                ServerAction::Drop { .. } => {}
            }
            self.server.check();
        }
    }

    fn note_ready(&mut self) {
        for (peer, ledger) in &self.server.peers {
            let owed = self.owed.entry(*peer).or_default();
            owed.extend(ledger.pipe.ready());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_counts_are_what_they_count_after_any_steps(steps in prop::collection::vec(step(), 1..150)) {
        let mut rig = Rig::new();
        for step in &steps {
            rig.apply(step);
            rig.drain();
        }
        // Everybody takes what is there, and leaves.
        for _ in 0..10_000 {
            if rig.asked.is_empty() {
                break;
            }
            rig.answer(0, true, true);
            for n in 0..4 {
                while rig.server.on_written(Rig::peer(n), rig.now) > 0 {}
            }
            rig.drain();
        }
        rig.now += BATCH_DELAY;
        rig.server.on_deadline(rig.now);
        rig.drain();
        prop_assert!(rig.owed.values().all(Vec::is_empty), "{:?}", rig.owed);
        for n in 0..4 {
            rig.server.disconnected(&Rig::peer(n));
        }
        rig.server.check();
        prop_assert_eq!(rig.server.reads.get() + rig.server.lookups.get(), 0);
        prop_assert_eq!(rig.server.pipes.get(), 0);
        prop_assert!(rig.server.waiting.is_empty());
    }
}
