//! What was not there, and turns up.

use super::*;
use crate::limits::{FEELERS, LOOK_AGAIN, LOOK_AGAIN_MAX, LOOK_AGAIN_MIN};

#[test]
fn who_waits_is_told_as_soon_as_it_is_said_that_something_may_be_here() {
    let mut node = Node::new();
    let peers = [node.peer(), node.peer()];
    let cids: Vec<_> = (0..20).map(|seed| make_block(seed, 5000).0).collect();
    let wants: Vec<_> = cids.iter().copied().map(want).collect();
    for peer in peers {
        node.wants(peer, &wants);
    }
    node.sent.clear();
    node.server.look_again(node.now);
    node.run();
    assert!(node.sent.is_empty(), "nobody is told no twice");
    for seed in 0..20 {
        node.block(seed, 5000);
    }
    // As often as one likes, but not at any cost.
    node.server.look_again(node.now);
    node.run();
    assert!(node.sent.is_empty());
    node.advance(LOOK_AGAIN_MIN);
    for peer in peers {
        let mut sent = node.blocks(peer);
        sent.sort_unstable();
        let mut all = cids.clone();
        all.sort_unstable();
        assert_eq!(sent, all);
    }
    assert!(node.server.waiting.is_empty());
}

#[test]
fn what_nobody_said_is_noticed_in_the_end() {
    let mut node = Node::new();
    let peer = node.peer();
    let cid = make_block(1, 5000).0;
    node.wants(peer, &[have(cid)]);
    node.sent.clear();
    node.block(1, 5000);
    node.advance(LOOK_AGAIN_MAX);
    assert_eq!(node.presences(peer), [(cid, Presence::Have)]);
    // Nobody waits, so nothing wakes an idle program.
    node.advance(LOOK_AGAIN_MAX);
    assert_eq!(node.server.deadline(), None);
}

/// A file that was changed, and then as before.
#[test]
fn blocks_that_were_no_good_are_tried_by_a_few_and_come_soon_once_they_are() {
    let mut node = Node::new();
    let peer = node.peer();
    let blocks: Vec<_> = (0..500).map(|seed| make_block(seed, 5000)).collect();
    let wants: Vec<_> = blocks.iter().map(|(cid, _)| want(*cid)).collect();
    for (cid, _) in &blocks {
        // Found, but not what its CID says.
        node.store.insert(*cid, Bytes::from(vec![0; 5000]));
    }
    node.is_sure = false;
    node.answers_reads = false;
    node.wants(peer, &wants);
    let deny_all = |node: &mut Node| {
        let mut reads = 0;
        while !node.reads.is_empty() {
            for (ticket, ..) in std::mem::take(&mut node.reads) {
                reads += 1;
                node.server.on_read(ticket, None, node.now);
            }
            node.run();
        }
        reads
    };
    assert_eq!(deny_all(&mut node), 500);
    assert_eq!(node.presences(peer).len(), 500);
    node.sent.clear();
    // An hour.
    let mut reads = 0;
    for _ in 0..360 {
        node.advance(Duration::from_secs(10));
        reads += deny_all(&mut node);
    }
    assert!((FEELERS..40 * FEELERS).contains(&reads), "{reads}");
    assert!(node.sent.is_empty());

    node.store.extend(blocks);
    node.answers_reads = true;
    node.advance(LOOK_AGAIN_MAX + Duration::from_secs(2));
    assert_eq!(node.blocks(peer).len(), 500);
}

#[test]
fn what_has_just_gone_is_looked_for_soon() {
    let mut node = Node::new();
    let peer = node.peer();
    let cid = node.block(1, 5000);
    node.answers_reads = false;
    node.wants(peer, &[want(cid)]);
    let (ticket, ..) = node.reads.pop().unwrap();
    node.server.on_read(ticket, None, node.now);
    node.run();
    assert_eq!(node.presences(peer), [(cid, Presence::DontHave)]);
    node.answers_reads = true;
    node.advance(LOOK_AGAIN);
    assert_eq!(node.blocks(peer), [cid]);
}
