//! The server against peers that want much, want it unfairly, or change their mind.

use std::collections::BTreeMap;
use std::time::Duration;

use unixfs::cid::{IDENTITY, RAW, SHA2_256, hash};

use super::*;
use crate::limits::{
    BATCH_BYTES, BATCH_DELAY, BLOCK_OVERHEAD, MAX_LOOKUPS, MAX_PIPES_BYTES, MAX_WANTLIST,
};

mod again;
mod networks;
mod totals;

/// A server with its owner: a store of blocks, a clock, and everything that was sent.
struct Node {
    server: Server,
    store: HashMap<Cid, Bytes>,
    now: Instant,
    sent: BTreeMap<PeerId, Vec<Outgoing>>,
    /// Messages with blocks count as written as soon as they are sent.
    writes: bool,
    reads: Vec<(Ticket, PeerId, Cid)>,
    /// Reads are answered at once, else they gather in `reads`.
    answers_reads: bool,
    /// What is in the store is known to be what it was.
    is_sure: bool,
    dropped: Vec<PeerId>,
}

impl Node {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            server: Server::new(None, now),
            store: HashMap::new(),
            now,
            sent: BTreeMap::new(),
            writes: true,
            reads: Vec::new(),
            answers_reads: true,
            is_sure: true,
            dropped: Vec::new(),
        }
    }

    fn peer(&mut self) -> PeerId {
        let peer = PeerId::random();
        self.server.connected(peer, Version::V1_2, self.now);
        peer
    }

    /// A block of this size, different for each `seed`.
    fn block(&mut self, seed: u64, size: usize) -> Cid {
        let (cid, data) = make_block(seed, size);
        self.store.insert(cid, data);
        cid
    }

    fn wants(&mut self, peer: PeerId, entries: &[WantEntry]) {
        self.server.on_wantlist(peer, entries, false, self.now);
        self.run();
        self.server.check();
    }

    fn run(&mut self) {
        while let Some(action) = self.server.poll(self.now) {
            match action {
                ServerAction::Lookup { ticket, cids, .. } => {
                    let found = |cid| {
                        let data: &Bytes = self.store.get(cid)?;
                        let size = u32::try_from(data.len()).unwrap();
                        let sure = self.is_sure;
                        Some(Found { size, sure })
                    };
                    let found: Vec<_> = cids.iter().map(found).collect();
                    self.server.on_lookup(ticket, &found, self.now);
                }
                ServerAction::Read { ticket, cid, .. } if self.answers_reads => {
                    self.server
                        .on_read(ticket, self.store.get(&cid).cloned(), self.now);
                }
                ServerAction::Read { ticket, peer, cid } => self.reads.push((ticket, peer, cid)),
                ServerAction::Drop { peer } => {
                    self.server.disconnected(&peer);
                    self.dropped.push(peer);
                }
                ServerAction::Send { peer, message } => {
                    let has_blocks = !message.blocks.is_empty();
                    self.sent.entry(peer).or_default().push(message);
                    if self.writes && has_blocks {
                        self.server.on_written(peer, self.now);
                    }
                }
            }
        }
    }

    fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(at) = self.server.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.server.on_deadline(self.now);
            self.run();
        }
        self.now = end;
        self.server.check();
    }

    fn messages(&self, peer: PeerId) -> &[Outgoing] {
        self.sent.get(&peer).map_or(&[], Vec::as_slice)
    }

    fn blocks(&self, peer: PeerId) -> Vec<Cid> {
        self.messages(peer)
            .iter()
            .flat_map(|m| m.blocks.iter().map(|(cid, _)| *cid))
            .collect()
    }

    fn bytes(&self, peer: PeerId) -> usize {
        self.messages(peer)
            .iter()
            .flat_map(|m| m.blocks.iter().map(|(_, data)| data.len()))
            .sum()
    }

    fn presences(&self, peer: PeerId) -> Vec<(Cid, Presence)> {
        self.messages(peer)
            .iter()
            .flat_map(|m| m.presences.clone())
            .collect()
    }
}

fn make_block(seed: u64, size: usize) -> (Cid, Bytes) {
    let mut data = vec![0; size];
    let stamp = seed.to_le_bytes();
    let length = size.min(8);
    data[..length].copy_from_slice(&stamp[..length]);
    (
        Cid::new_v1(RAW, hash(SHA2_256, &data).unwrap()),
        data.into(),
    )
}

fn found(size: u32) -> Found {
    Found { size, sure: true }
}

fn want(cid: Cid) -> WantEntry {
    WantEntry {
        cid,
        priority: 1,
        cancel: false,
        want_type: WantType::Block,
        send_dont_have: true,
    }
}

fn have(cid: Cid) -> WantEntry {
    WantEntry {
        want_type: WantType::Have,
        ..want(cid)
    }
}

fn cancel(cid: Cid) -> WantEntry {
    WantEntry {
        cancel: true,
        ..want(cid)
    }
}

#[test]
fn what_we_have_is_sent_and_what_we_have_not_is_said() {
    let mut node = Node::new();
    let peer = node.peer();
    let (block, large) = (node.block(1, 5000), node.block(2, 5000));
    let (small, missing) = (node.block(3, 1024), make_block(4, 9).0);
    node.wants(
        peer,
        &[
            want(block),
            have(large),
            have(small),
            want(missing),
            have(make_block(5, 9).0),
        ],
    );
    assert_eq!(
        node.blocks(peer),
        [block, small],
        "a want-have for a small block is answered with it"
    );
    assert_eq!(
        node.presences(peer),
        [
            (large, Presence::Have),
            (missing, Presence::DontHave),
            (make_block(5, 9).0, Presence::DontHave)
        ]
    );
    assert_eq!(
        node.server.wants_of(&peer),
        2,
        "what we have not is still wanted"
    );
}

#[test]
fn what_may_have_changed_is_read_before_anybody_is_told_of_it() {
    let mut node = Node::new();
    let peer = node.peer();
    let (good, changed) = (node.block(1, 5000), node.block(2, 5000));
    node.is_sure = false;
    node.answers_reads = false;
    node.wants(peer, &[have(good), have(changed)]);
    assert_eq!(node.messages(peer), []);
    for (ticket, _, cid) in std::mem::take(&mut node.reads) {
        let data = node.store.get(&cid).filter(|_| cid == good).cloned();
        node.server.on_read(ticket, data, node.now);
    }
    node.run();
    let said = [(good, Presence::Have), (changed, Presence::DontHave)];
    assert_eq!(node.presences(peer), said);
    assert_eq!(node.blocks(peer), []);
    assert_eq!(
        (node.server.pipes.get(), node.server.wants_of(&peer)),
        (0, 1)
    );
}

#[test]
fn silence_where_no_dont_have_was_asked_for() {
    let mut node = Node::new();
    let peer = node.peer();
    node.wants(
        peer,
        &[WantEntry {
            send_dont_have: false,
            ..want(make_block(1, 9).0)
        }],
    );
    assert_eq!(node.messages(peer), []);

    let old = PeerId::random();
    node.server.connected(old, Version::V1_1, node.now);
    node.wants(old, &[want(make_block(1, 9).0)]);
    assert_eq!(node.messages(old), [], "old peers do not know DONT_HAVE");
}

#[test]
fn standing_wants_are_answered_when_the_block_turns_up() {
    let mut node = Node::new();
    let (wants_block, wants_have, gave_up, gone) =
        (node.peer(), node.peer(), node.peer(), node.peer());
    let cid = make_block(1, 5000).0;
    node.wants(wants_block, &[want(cid)]);
    node.wants(wants_have, &[have(cid)]);
    node.wants(gave_up, &[want(cid)]);
    node.wants(gave_up, &[cancel(cid)]);
    node.wants(gone, &[want(cid)]);
    node.server.disconnected(&gone);
    node.sent.clear();

    node.block(1, 5000);
    node.server.available(&[cid]);
    node.run();
    assert_eq!(node.blocks(wants_block), [cid]);
    assert_eq!(node.presences(wants_have), [(cid, Presence::Have)]);
    assert_eq!(node.messages(gave_up), []);
    assert_eq!(node.messages(gone), []);
    assert!(node.server.waiting.is_empty());
    assert!(!node.server.is_wanted_by(&wants_block));
}

#[test]
fn a_block_that_turns_up_while_it_is_looked_up_is_not_missed() {
    let mut node = Node::new();
    let peer = node.peer();
    let cid = make_block(1, 5000).0;
    node.server.on_wantlist(peer, &[want(cid)], false, node.now);
    let Some(ServerAction::Lookup { ticket, .. }) = node.server.poll(node.now) else {
        panic!()
    };
    node.block(1, 5000);
    node.server.available(&[cid]);
    node.server.on_lookup(ticket, &[None], node.now);
    node.run();
    assert_eq!(node.presences(peer), []);
    assert_eq!(node.blocks(peer), [cid]);
    assert!(node.server.waiting.is_empty());
}

#[test]
fn a_repeated_standing_want_is_answered_again() {
    let mut node = Node::new();
    let peer = node.peer();
    let cid = make_block(1, 9).0;
    node.wants(peer, &[have(cid)]);
    node.wants(peer, &[have(cid)]);
    assert_eq!(node.presences(peer), [(cid, Presence::DontHave); 2]);
    node.wants(peer, &[cancel(cid)]);
    assert!(node.server.waiting.is_empty());
}

#[test]
fn a_full_list_replaces_the_one_before() {
    let mut node = Node::new();
    let peer = node.peer();
    let [a, b, c] = [1, 2, 3].map(|seed| make_block(seed, 9).0);
    node.wants(peer, &[want(a), want(b)]);
    node.server
        .on_wantlist(peer, &[want(b), want(c)], true, node.now);
    node.run();
    assert_eq!(node.server.wants_of(&peer), 2);
    assert!(!node.server.waiting.contains_key(&a));
    node.server.on_wantlist(peer, &[], true, node.now);
    assert_eq!(node.server.wants_of(&peer), 0);
    assert!(node.server.waiting.is_empty());
}

#[test]
fn a_cancel_reaches_every_stage() {
    let mut node = Node::new();
    let peer = node.peer();
    let cid = node.block(1, 5000);

    // While it is looked up.
    node.server.on_wantlist(peer, &[want(cid)], false, node.now);
    let Some(ServerAction::Lookup { ticket, .. }) = node.server.poll(node.now) else {
        panic!()
    };
    node.server
        .on_wantlist(peer, &[cancel(cid)], false, node.now);
    node.server
        .on_lookup(ticket, &[Some(found(5000))], node.now);
    node.run();
    assert_eq!(node.messages(peer), []);

    // While it is read.
    node.answers_reads = false;
    node.wants(peer, &[want(cid)]);
    let (ticket, ..) = node.reads.pop().unwrap();
    node.wants(peer, &[cancel(cid)]);
    node.server
        .on_read(ticket, node.store.get(&cid).cloned(), node.now);
    node.run();
    assert_eq!(node.messages(peer), []);

    // While it waits for company.
    let other = node.block(2, 5000);
    node.wants(peer, &[want(cid), want(other)]);
    let (ticket, ..) = node.reads.remove(0);
    node.server
        .on_read(ticket, node.store.get(&cid).cloned(), node.now);
    node.wants(peer, &[cancel(cid)]);
    let (ticket, ..) = node.reads.pop().unwrap();
    node.server
        .on_read(ticket, node.store.get(&other).cloned(), node.now);
    node.run();
    assert_eq!(node.blocks(peer), [other]);
    assert_eq!(node.server.pipes.get(), 0);
    assert!(!node.server.is_wanted_by(&peer));
}

#[test]
fn higher_priority_goes_first_then_the_order_of_asking() {
    let mut node = Node::new();
    let peer = node.peer();
    let blocks = [0, 9, 0, 9].map(|priority| (priority, node.block(rand::random(), 300_000)));
    let entries = blocks.map(|(priority, cid)| WantEntry {
        priority,
        ..want(cid)
    });
    node.wants(peer, &entries);
    assert_eq!(
        node.blocks(peer),
        [blocks[1].1, blocks[3].1, blocks[0].1, blocks[2].1]
    );
}

#[test]
fn small_blocks_travel_together_and_large_ones_alone() {
    let mut node = Node::new();
    let peer = node.peer();
    node.answers_reads = false;
    let small: Vec<_> = (0..200).map(|seed| want(node.block(seed, 3000))).collect();
    let large: Vec<_> = (0..2).map(|seed| want(node.block(seed, 1 << 20))).collect();
    node.wants(peer, &[small, large].concat());
    for round in 0..10 {
        assert!(round < 9, "it ends");
        if node.reads.is_empty() {
            break;
        }
        for (ticket, _, cid) in std::mem::take(&mut node.reads) {
            node.server
                .on_read(ticket, node.store.get(&cid).cloned(), node.now);
        }
        node.run();
    }
    assert_eq!(node.blocks(peer).len(), 202);
    for message in node.messages(peer) {
        let bytes: usize = message.blocks.iter().map(|(_, data)| data.len()).sum();
        assert!(bytes <= BATCH_BYTES || message.blocks.len() == 1);
    }
    assert!(
        node.messages(peer).len() <= 6,
        "{}",
        node.messages(peer).len()
    );
}

#[test]
fn a_slow_read_does_not_hold_the_others_up() {
    let mut node = Node::new();
    let peer = node.peer();
    node.answers_reads = false;
    let (quick, slow) = (node.block(1, 5000), node.block(2, 5000));
    node.wants(peer, &[want(quick), want(slow)]);
    let (ticket, ..) = node.reads.remove(0);
    node.server
        .on_read(ticket, node.store.get(&quick).cloned(), node.now);
    node.run();
    assert_eq!(node.blocks(peer), []);
    node.advance(BATCH_DELAY);
    assert_eq!(node.blocks(peer), [quick]);
}

#[test]
fn a_peer_that_takes_nothing_is_read_for_within_its_pipe_only() {
    let mut node = Node::new();
    node.writes = false;
    let peer = node.peer();
    let entries: Vec<_> = (0..20)
        .map(|seed| want(node.block(seed, 1 << 20)))
        .collect();
    node.wants(peer, &entries);
    assert_eq!(node.bytes(peer), 1 << 20, "at first");

    // Takes them quickly: more at a time, up to the bound.
    for _ in 0..8 {
        node.now += Duration::from_millis(1);
        node.server.on_written(peer, node.now);
        node.run();
    }
    let pipe = node.server.peers[&peer].pipe.bytes();
    assert!(
        (3 << 20..=(4 << 20) + 4 * BLOCK_OVERHEAD).contains(&pipe),
        "{pipe}"
    );

    // Then slowly: less again.
    for _ in 0..7 {
        node.now += Duration::from_secs(1);
        node.server.on_written(peer, node.now);
        node.run();
    }
    let pipe = node.server.peers[&peer].pipe.bytes();
    assert_eq!(pipe, (1 << 20) + BLOCK_OVERHEAD);

    node.server.disconnected(&peer);
    assert_eq!(node.server.pipes.get(), 0);
}

#[test]
fn all_pipes_together_are_bounded() {
    let mut node = Node::new();
    node.writes = false;
    let entries: Vec<_> = (0..4).map(|seed| want(node.block(seed, 2 << 20))).collect();
    for _ in 0..100 {
        let peer = node.peer();
        node.wants(peer, &entries);
    }
    assert!(
        node.server.pipes.get() < MAX_PIPES_BYTES + (2 << 20),
        "{}",
        node.server.pipes.get()
    );
}

#[test]
fn peers_that_hold_all_memory_and_take_nothing_make_way() {
    let mut node = Node::new();
    node.writes = false;
    let large = node.block(1, 2 << 20);
    let holders: Vec<_> = (0..16).map(|_| node.peer()).collect();
    for holder in &holders {
        node.wants(*holder, &[want(large)]);
    }
    let waiting = node.peer();
    node.wants(waiting, &[want(large)]);
    assert_eq!(node.blocks(waiting), []);

    // One of them takes a little now and then: it is slow, not stalled.
    for _ in 0..10 {
        node.server.on_progress(&holders[0], node.now);
        node.advance(Duration::from_secs(1));
    }
    assert_eq!(node.blocks(waiting), [large]);
    assert!(!node.dropped.is_empty() && !node.dropped.contains(&holders[0]));
    assert!(
        node.dropped.len() < 8,
        "no more than needed: {}",
        node.dropped.len()
    );
}

#[test]
fn bytes_being_read_for_a_peer_that_left_still_count_until_they_are_there() {
    let mut node = Node::new();
    node.answers_reads = false;
    let peer = node.peer();
    let cid = node.block(1, 1 << 20);
    node.wants(peer, &[want(cid)]);
    node.server.disconnected(&peer);
    assert_eq!(node.server.pipes.get(), (1 << 20) + BLOCK_OVERHEAD);

    node.server.connected(peer, Version::V1_2, node.now);
    let (ticket, ..) = node.reads.pop().unwrap();
    node.server
        .on_read(ticket, node.store.get(&cid).cloned(), node.now);
    node.run();
    assert_eq!(node.server.pipes.get(), 0);
    assert_eq!(
        node.messages(peer),
        [],
        "the peer that came back has asked for nothing"
    );
}

/// With an upload limit everybody's turn counts.
fn shares_after(node: &mut Node, peers: &[PeerId], time: Duration) -> Vec<usize> {
    node.advance(time);
    peers.iter().map(|peer| node.bytes(*peer)).collect()
}

#[test]
fn many_wants_get_no_more_than_few() {
    let mut node = Node::new();
    node.server.set_upload_limit(Some(10 << 20), node.now);
    let (greedy, modest) = (node.peer(), node.peer());
    let large: Vec<_> = (0..200)
        .map(|seed| want(node.block(seed, 1 << 20)))
        .collect();
    let small: Vec<_> = (0..1000)
        .map(|seed| want(node.block(1000 + seed, 64 << 10)))
        .collect();
    node.wants(greedy, &large);
    node.wants(modest, &small);
    let shares = shares_after(&mut node, &[greedy, modest], Duration::from_secs(10));
    let ratio = shares[0] as f64 / shares[1] as f64;
    assert!((0.9..1.1).contains(&ratio), "{shares:?}");
}

#[test]
fn giving_earns_a_larger_share_and_newcomers_keep_one() {
    let mut node = Node::new();
    node.server.set_upload_limit(Some(10 << 20), node.now);
    let (giver, newcomer) = (node.peer(), node.peer());
    node.server.credit(&giver, 1 << 40);
    let entries: Vec<_> = (0..200)
        .map(|seed| want(node.block(seed, 256 << 10)))
        .collect();
    node.wants(giver, &entries);
    node.wants(newcomer, &entries);
    let shares = shares_after(&mut node, &[giver, newcomer], Duration::from_secs(6));
    let ratio = shares[0] as f64 / shares[1] as f64;
    assert!((1.8..2.2).contains(&ratio), "{shares:?}");
}

#[test]
fn the_upload_limit_is_met_and_smooth() {
    for (rate, size) in [
        (100_000, 1 << 20),
        (10 << 20, 256 << 10),
        (50_000_000, 1 << 20),
        (1 << 20, 400),
    ] {
        let mut node = Node::new();
        node.server.set_upload_limit(Some(rate), node.now);
        let peer = node.peer();
        let seconds = 20_u64.min(100_000_000 / rate);
        let count = (rate * seconds / size as u64 + 20).min(1000);
        let cids: Vec<_> = (0..count).map(|seed| node.block(seed, size)).collect();
        let mut bytes = 0;
        let mut most = 0;
        for _ in 0..seconds * 10 {
            // The peer asks for what it has got again: as if it were without end.
            node.sent.clear();
            let entries: Vec<_> = cids.iter().copied().map(want).collect();
            node.server.on_wantlist(peer, &entries, true, node.now);
            node.run();
            node.advance(Duration::from_millis(100));
            bytes += node.bytes(peer);
            most = most.max(node.bytes(peer));
        }
        let (bytes, most, size) = (bytes as f64, most as f64, size as f64);
        let wanted = (rate * seconds) as f64;
        assert!(
            bytes >= 0.98 * (wanted - size),
            "{rate}: {bytes} of {wanted}"
        );
        assert!(bytes <= 1.02 * wanted + size, "{rate}: {bytes} of {wanted}");
        assert!(
            most <= rate as f64 / 4.0 + size,
            "{rate}: {most} in a tenth of a second"
        );
    }
}

#[test]
fn lifting_the_limit_takes_effect_at_once() {
    let mut node = Node::new();
    node.server.set_upload_limit(Some(1000), node.now);
    let peer = node.peer();
    let entries: Vec<_> = (0..10)
        .map(|seed| want(node.block(seed, 1 << 20)))
        .collect();
    node.wants(peer, &entries);
    assert_eq!(node.blocks(peer).len(), 1);
    node.server.set_upload_limit(None, node.now);
    node.run();
    assert_eq!(node.blocks(peer).len(), 10);
}

#[test]
fn the_wantlist_does_not_grow_past_its_limit() {
    let mut node = Node::new();
    let peer = node.peer();
    let missing: Vec<_> = (0..MAX_WANTLIST as u64)
        .map(|seed| want(make_block(seed, 9).0))
        .collect();
    node.wants(peer, &missing);
    assert_eq!(node.server.wants_of(&peer), MAX_WANTLIST);

    // What we have displaces what we have not.
    let cid = node.block(1 << 40, 5000);
    node.wants(peer, &[want(cid)]);
    assert_eq!(node.blocks(peer), [cid]);
    assert!(node.server.waiting.len() < MAX_WANTLIST);

    // With a list full of blocks that we have, more is refused, with a word.
    node.answers_reads = false;
    let present: Vec<_> = (0..MAX_WANTLIST as u64)
        .map(|seed| want(node.block(seed, 5000)))
        .collect();
    node.server.on_wantlist(peer, &present, true, node.now);
    node.run();
    node.sent.clear();
    let one_more = node.block(1 << 41, 5000);
    node.wants(peer, &[want(one_more)]);
    assert_eq!(node.presences(peer), [(one_more, Presence::DontHave)]);
    assert_eq!(node.server.wants_of(&peer), MAX_WANTLIST);
}

#[test]
fn wants_that_come_and_go_leave_nothing_behind() {
    let mut node = Node::new();
    let peer = node.peer();
    // The look-up of the first is never answered.
    node.server
        .on_wantlist(peer, &[want(make_block(0, 9).0)], false, node.now);
    assert!(matches!(
        node.server.poll(node.now),
        Some(ServerAction::Lookup { .. })
    ));
    for seed in 1..20_000 {
        let cid = make_block(seed, 9).0;
        node.server.on_wantlist(peer, &[want(cid)], false, node.now);
        node.server
            .on_wantlist(peer, &[cancel(cid)], false, node.now);
        node.run();
    }
    let kept = format!("{:?}", node.server);
    assert!(kept.len() < 3_000_000, "{}", kept.len());
    node.server.disconnected(&peer);
    assert!(node.server.peers.is_empty() && node.server.waiting.is_empty());
}

#[test]
fn blocks_that_follow_from_their_cid_are_answered_from_it() {
    let mut node = Node::new();
    let peer = node.peer();
    let identity = Cid::new_v1(RAW, hash(IDENTITY, b"hello").unwrap());
    let empty = Cid::new_v1(RAW, hash(SHA2_256, b"").unwrap());
    node.wants(peer, &[want(identity), have(empty)]);
    assert_eq!(
        node.messages(peer)[0].blocks,
        [
            (identity, Bytes::from_static(b"hello")),
            (empty, Bytes::new())
        ]
    );
    assert_eq!(node.server.wants_of(&peer), 0);
}

#[test]
fn what_nobody_can_have_is_refused_and_forgotten() {
    let mut node = Node::new();
    let peer = node.peer();
    let strange = Cid::new_v1(0x71, hash(SHA2_256, b"dag-cbor").unwrap());
    node.wants(peer, &[want(strange)]);
    assert_eq!(node.presences(peer), [(strange, Presence::DontHave)]);
    assert_eq!(node.server.wants_of(&peer), 0);
}

#[test]
fn a_block_that_vanished_is_denied_and_costs_no_upload() {
    let mut node = Node::new();
    node.server.set_upload_limit(Some(1000), node.now);
    node.answers_reads = false;
    let peer = node.peer();
    let (gone, there) = (node.block(1, 1 << 20), node.block(2, 5000));
    node.wants(peer, &[want(gone)]);
    let (ticket, ..) = node.reads.pop().unwrap();
    node.server.on_read(ticket, None, node.now);
    node.run();
    assert_eq!(node.presences(peer), [(gone, Presence::DontHave)]);
    assert_eq!(node.server.pipes.get(), 0);
    node.answers_reads = true;
    node.wants(peer, &[want(there)]);
    assert_eq!(node.blocks(peer), [there]);
}

#[test]
fn what_a_lost_connection_had_is_sent_when_asked_for_again() {
    let mut node = Node::new();
    node.writes = false;
    let peer = node.peer();
    let entries = [0, 1, 2].map(|seed| want(node.block(seed, 1 << 20)));
    node.wants(peer, &entries);
    assert_eq!(node.blocks(peer).len(), 1);
    node.server.connection_lost(&peer);
    node.run();
    assert_eq!(
        node.blocks(peer).len(),
        2,
        "the pipe is free for what was never sent"
    );
    let asked_again = [entries[0].clone(), entries[2].clone()];
    node.server.on_wantlist(peer, &asked_again, true, node.now);
    node.server.on_written(peer, node.now);
    node.run();
    node.server.on_written(peer, node.now);
    node.run();
    assert_eq!(node.blocks(peer).len(), 4);
    assert_eq!(node.server.wants_of(&peer), 0);
}

#[test]
fn look_ups_are_shared_out() {
    let mut node = Node::new();
    let peers: Vec<_> = (0..2 * MAX_LOOKUPS).map(|_| node.peer()).collect();
    for peer in &peers {
        for seed in 0..3 {
            node.server
                .on_wantlist(*peer, &[want(make_block(seed, 9).0)], false, node.now);
        }
    }
    let mut asked = Vec::new();
    while let Some(action) = node.server.poll(node.now) {
        let ServerAction::Lookup { ticket, peer, cids } = action else {
            panic!("{action:?}")
        };
        assert_eq!(cids.len(), 3);
        asked.push((ticket, peer));
    }
    assert_eq!(asked.len() as u64, MAX_LOOKUPS);
    for (ticket, _) in asked {
        node.server.on_lookup(ticket, &[], node.now);
    }
    node.run();
    assert_eq!(node.sent.len(), peers.len());
}
