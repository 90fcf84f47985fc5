//! One downloader and its sources: filled links, no duplicates, slow peers robbed, old peers.

use std::time::Duration;

use crate::liars::Manners;
use crate::node::{MB, MIB, Spec};
use crate::world::World;

fn duplicates(world: &World, node: usize, blocks: u64) -> f64 {
    world.nodes[node].count.duplicate_blocks as f64 / blocks as f64
}

#[test]
fn one_seed_over_a_long_fat_link() {
    let mut world = World::new(1);
    let seed = world.add_holder(
        Spec {
            up: 125.0 * MB,
            ..Spec::default()
        },
        0..1024,
    );
    let me = world.add(Spec::default());
    world.connect(seed, me, 25.0);
    world.fetch(me, 0..1024, &[seed]);
    world.run(60.0);
    let ideal = 1024.0 * f64::from(MIB) / (125.0 * MB);
    let took = world.finished_secs(me);
    println!("1 GiB, 1 Gbit x 50 ms: {took:.2} s, ideal {ideal:.2}");
    assert!(took < ideal * 1.05 + 0.3);
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
}

#[test]
fn one_seed_on_the_same_machine() {
    let mut world = World::new(2);
    let seed = world.add_holder(
        Spec {
            up: 2000.0 * MB,
            ..Spec::default()
        },
        0..1024,
    );
    let me = world.add(Spec {
        down: 2000.0 * MB,
        ..Spec::default()
    });
    world.connect(seed, me, 0.1);
    world.fetch(me, 0..1024, &[seed]);
    world.run(60.0);
    let ideal = 1024.0 * f64::from(MIB) / (2000.0 * MB);
    let took = world.finished_secs(me);
    println!("1 GiB, loopback: {took:.3} s, ideal {ideal:.3}");
    assert!(took < ideal * 1.03);
}

#[test]
fn four_limited_seeds() {
    for run in 0..4 {
        let mut world = World::new(30 + run);
        let seeds: Vec<_> = (0..4)
            .map(|_| {
                world.add_holder(
                    Spec {
                        up: 20.0 * MB,
                        ..Spec::default()
                    },
                    0..400,
                )
            })
            .collect();
        let me = world.add(Spec::default());
        for &seed in &seeds {
            world.connect(seed, me, 1.0);
        }
        world.fetch(me, 0..400, &seeds);
        world.run(60.0);
        let ideal = 400.0 * f64::from(MIB) / (80.0 * MB);
        let took = world.finished_secs(me);
        let doubled = duplicates(&world, me, 400);
        println!(
            "400 MiB, four seeds at 20 MB/s: {took:.3} s ({:.3} x ideal), duplicates {doubled:.4}",
            took / ideal
        );
        assert!(took < ideal * 1.03, "{took} of {ideal}");
        assert!(doubled <= 0.005);
    }
}

#[test]
fn a_slow_peer_neither_hoards_nor_delays_the_end() {
    let mut world = World::new(4);
    let fast = world.add_holder(
        Spec {
            up: 20.0 * MB,
            ..Spec::default()
        },
        0..200,
    );
    let slow = world.add_holder(
        Spec {
            up: 0.1 * MB,
            ..Spec::default()
        },
        0..200,
    );
    let me = world.add(Spec::default());
    world.connect(fast, me, 10.0);
    world.connect(slow, me, 10.0);
    world.fetch(me, 0..200, &[fast, slow]);
    world.run(60.0);
    let ideal = 200.0 * f64::from(MIB) / (20.1 * MB);
    let took = world.finished_secs(me);
    println!(
        "200 MiB, 20 MB/s and 0.1 MB/s: {took:.2} s, ideal {ideal:.2}, duplicates {}",
        world.nodes[me].count.duplicate_blocks
    );
    assert!(took < ideal * 1.04 + 0.1);
    assert!(world.nodes[slow].count.sent_blocks <= 3);
}

#[test]
fn peers_that_speak_only_1_0() {
    let mut world = World::new(5);
    let old = Spec {
        up: 20.0 * MB,
        version: bitswap::wire::Version::V1_0,
        ..Spec::default()
    };
    let all = world.add_holder(old.clone(), 0..100);
    let half = world.add_holder(old, 0..50);
    let me = world.add(Spec::default());
    world.connect(all, me, 20.0);
    world.connect(half, me, 20.0);
    world.fetch(me, 0..100, &[all, half]);
    world.run(60.0);
    println!(
        "100 MiB from two old peers, one with half: {:.2} s",
        world.finished_secs(me)
    );
    assert!(world.finished_secs(me) < 12.0);
}

#[test]
fn two_peers_with_a_half_each() {
    let mut world = World::new(6);
    let spec = Spec {
        up: 20.0 * MB,
        ..Spec::default()
    };
    let first = world.add_holder(spec.clone(), 0..2000);
    let second = world.add_holder(spec, 2000..4000);
    let me = world.add(Spec::default());
    world.block_size = MIB / 4;
    world.connect(first, me, 20.0);
    world.connect(second, me, 20.0);
    world.fetch(me, 0..4000, &[first, second]);
    world.run(120.0);
    let ideal = 4000.0 * f64::from(MIB / 4) / (40.0 * MB);
    let took = world.finished_secs(me);
    println!(
        "1000 MiB, each a half: {took:.2} s, ideal {ideal:.2}, duplicates {}",
        world.nodes[me].count.duplicate_blocks
    );
    assert!(took < ideal * 1.1);
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
}

#[test]
fn a_source_is_not_asked_for_more_than_the_consumer_takes() {
    let mut world = World::new(7);
    let seed = world.add_holder(Spec::default(), 0..100);
    let me = world.add(Spec::default());
    world.nodes[me].release = false;
    world.connect(seed, me, 5.0);
    world.fetch(me, 0..100, &[seed]);
    world.run(5.0);
    assert_eq!(world.nodes[me].count.unreleased, 24 << 20);
    let now = world.now;
    world.nodes[me].client.release(24 << 20, now);
    world.nodes[me].release = true;
    world.drive(me);
    world.run(20.0);
    world.finished_secs(me);
}

#[test]
fn a_download_limit_is_kept_and_reached() {
    let mut world = World::new(8);
    let seed = world.add_holder(Spec::default(), 0..100);
    let me = world.add(Spec::default());
    let now = world.now;
    world.nodes[me]
        .client
        .set_download_limit(Some(10_000_000), now);
    world.connect(seed, me, 5.0);
    world.fetch(me, 0..100, &[seed]);
    world.run(60.0);
    let rate = 100.0 * f64::from(MIB) / world.finished_secs(me);
    println!("limited to 10 MB/s: {:.2} MB/s", rate / MB);
    assert!(rate > 9.8 * MB && rate < 10.3 * MB);
}

#[test]
fn nobody_has_it() {
    let mut world = World::new(9);
    let seed = world.add_holder(Spec::default(), 0..10);
    let mute = world.add(Spec {
        manners: Manners::Mute,
        ..Spec::default()
    });
    let me = world.add(Spec::default());
    world.connect(seed, me, 5.0);
    world.connect(mute, me, 5.0);
    world.fetch(me, 0..12, &[seed, mute]);
    world.run(3600.0);
    let node = &world.nodes[me];
    assert_eq!(node.missing.iter().copied().collect::<Vec<_>>(), [10, 11]);
    println!(
        "searches in an hour: {:?}",
        node.count
            .searches
            .iter()
            .map(Duration::as_secs)
            .collect::<Vec<_>>()
    );
    assert!((5..20).contains(&node.count.searches.len()));
    assert!(
        node.count.want_entries < 2000,
        "{}",
        node.count.want_entries
    );
}

#[test]
fn many_small_blocks_beside_a_partial_holder() {
    let mut world = World::new(10);
    world.block_size = MIB / 32;
    let fast = Spec {
        up: 500.0 * MB,
        ..Spec::default()
    };
    let seed = world.add_holder(fast.clone(), 0..5000);
    let part = world.add_holder(fast, (0..5000).filter(|block| block % 10 == 0));
    let me = world.add(Spec::default());
    world.connect(seed, me, 0.2);
    world.connect(part, me, 0.2);
    world.fetch(me, 0..5000, &[seed, part]);
    world.run(60.0);
    let ideal = 5000.0 * f64::from(MIB / 32) / (550.0 * MB);
    let took = world.finished_secs(me);
    println!("5,000 blocks of 32 KiB beside a partial holder: {took:.3} s, ideal {ideal:.3}");
    assert!(took < ideal * 1.3);
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
}

#[test]
fn a_fast_peer_among_a_crowd_of_slow_ones() {
    let mut world = World::new(11);
    let slow = Spec {
        up: 0.1 * MB,
        ..Spec::default()
    };
    let mut all: Vec<_> = (0..60)
        .map(|_| world.add_holder(slow.clone(), 0..400))
        .collect();
    all.push(world.add_holder(
        Spec {
            up: 50.0 * MB,
            ..Spec::default()
        },
        0..400,
    ));
    let me = world.add(Spec::default());
    for &peer in &all {
        world.connect(peer, me, 20.0);
    }
    world.fetch(me, 0..400, &all);
    world.run(100.0);
    let ideal = 400.0 * f64::from(MIB) / (56.0 * MB);
    let took = world.finished_secs(me);
    let wasted = world.nodes[me].count.duplicate_blocks;
    println!(
        "400 MiB from 50 MB/s and 60 x 0.1 MB/s: {took:.2} s, ideal {ideal:.2}, duplicates {wasted}"
    );
    assert!(took < ideal * 1.8);
}
