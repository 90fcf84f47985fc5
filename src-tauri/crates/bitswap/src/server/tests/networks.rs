//! What is under way for one network leaves room for others.

use super::*;
use crate::held::Total;
use crate::limits::{SLOWEST_FRONT, STALL_TIMEOUT};

#[test]
fn a_network_whose_peers_take_nothing_leaves_room_for_others() {
    let mut node = Node::new();
    node.writes = false;
    let entries: Vec<_> = (0..4).map(|seed| want(node.block(seed, 2 << 20))).collect();
    let network = Total::default();
    for _ in 0..100 {
        let peer = PeerId::random();
        let version = Version::V1_2;
        node.server
            .connected_from(&network, peer, version, node.now);
        node.wants(peer, &entries);
    }
    assert!(network.get() < MAX_PIPES_BYTES / 2 + (3 << 20));
    let other = node.peer();
    node.wants(other, &entries);
    assert_eq!(node.blocks(other), [entries[0].cid]);
}

#[test]
fn who_takes_next_to_nothing_makes_way_as_who_takes_nothing() {
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
    for _ in 0..(SLOWEST_FRONT + STALL_TIMEOUT).as_secs() + 2 {
        for holder in &holders {
            node.server.on_progress(holder, node.now);
        }
        node.advance(Duration::from_secs(1));
    }
    assert_eq!(node.blocks(waiting), [large]);
    assert!(
        (1..4).contains(&node.dropped.len()),
        "no more than needed: {}",
        node.dropped.len()
    );
}
