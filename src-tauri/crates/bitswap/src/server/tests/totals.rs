//! No count ever differs from what it counts, whatever peers do; and what is ready is sent. Any sequence of what they can do is
//! tried by the fuzzer (`server/fuzz.rs`).

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
