//! Downloaders that feed each other, so that the first seed gives little more than one copy.

use std::time::Duration;

use crate::node::{MB, MIB, NodeId, Spec};
use crate::world::World;

/// A swarm around one seed of 10 MB/s.
struct Swarm {
    /// Runs with different random numbers.
    runs: u64,
    downloaders: usize,
    blocks: u64,
    block_size: u32,
    up: f64,
    /// The seed's limit is its server's own, on a fast link.
    limited_by_server: bool,
    /// Everybody is told of everybody; else only of the seed.
    introduced: bool,
    overhear: bool,
    /// Seconds between two joining.
    stagger: f64,
    jitter_ms: u64,
    latency_ms: f64,
    /// Of 100 pairs of downloaders so many are connected.
    mesh: u64,
}

const SWARM: Swarm = Swarm {
    runs: 3,
    downloaders: 4,
    blocks: 200,
    block_size: MIB,
    up: 100.0 * MB,
    limited_by_server: false,
    introduced: true,
    overhear: true,
    stagger: 0.0,
    jitter_ms: 0,
    latency_ms: 1.0,
    mesh: 100,
};

/// Checks that in every run the seed gives at most so many `copies`, the last downloader ends
/// within `slack` of the ideal time, and what came in vain stays below `waste` of everything.
fn check(name: &str, swarm: &Swarm, copies: f64, slack: f64, waste: f64) {
    let mut worst = (0.0f64, 0.0f64, 0.0f64);
    for seed in 0..swarm.runs {
        let outcome = run(swarm, seed);
        worst = (
            worst.0.max(outcome.0),
            worst.1.max(outcome.1),
            worst.2.max(outcome.2),
        );
    }
    println!(
        "{name}: seed's copies {:.3}, time {:.3} x ideal, wasted {:.4}",
        worst.0, worst.1, worst.2
    );
    assert!(worst.0 <= copies && worst.1 <= slack && worst.2 <= waste);
}

fn run(swarm: &Swarm, seed: u64) -> (f64, f64, f64) {
    let mut world = World::new(100 + seed);
    world.block_size = swarm.block_size;
    world.overhear = swarm.overhear;
    world.jitter = Duration::from_millis(swarm.jitter_ms);
    let spec = if swarm.limited_by_server {
        Spec {
            upload_limit: Some(10_000_000),
            ..Spec::default()
        }
    } else {
        Spec {
            up: 10.0 * MB,
            ..Spec::default()
        }
    };
    let first = world.add_holder(spec, 0..swarm.blocks);
    let spec = Spec {
        up: swarm.up,
        ..Spec::default()
    };
    let peers: Vec<NodeId> = (0..swarm.downloaders)
        .map(|_| world.add(spec.clone()))
        .collect();
    for (i, &a) in peers.iter().enumerate() {
        world.connect(first, a, swarm.latency_ms);
        for &b in &peers[..i] {
            if world.random() % 100 < swarm.mesh {
                world.connect(a, b, swarm.latency_ms);
            }
        }
    }
    for (i, &peer) in peers.iter().enumerate() {
        let providers = if swarm.introduced {
            [vec![first], peers.clone()].concat()
        } else {
            vec![first]
        };
        let blocks = swarm.blocks;
        world.at(swarm.stagger * i as f64, move |world| {
            world.fetch(peer, 0..blocks, &providers);
        });
        world.nodes[peer].missing.insert(u64::MAX);
    }
    for (i, &peer) in peers.iter().enumerate() {
        world.at(swarm.stagger * i as f64, move |world| {
            world.nodes[peer].missing.remove(&u64::MAX);
        });
    }
    world.run(1000.0);
    let ideal = swarm.blocks as f64 * f64::from(swarm.block_size) / (10.0 * MB);
    let mut times: Vec<f64> = peers
        .iter()
        .map(|&peer| world.finished_secs(peer))
        .collect();
    times.sort_by(f64::total_cmp);
    let (fastest, slowest) = (times[0], times[times.len() - 1]);
    // Who joined together ends together: nobody lives at the others' expense.
    assert!(swarm.stagger > 0.0 || fastest > 0.9 * slowest, "{times:?}");
    let wasted: u64 = peers
        .iter()
        .map(|&peer| world.nodes[peer].count.duplicate_blocks)
        .sum();
    let all = swarm.blocks * swarm.downloaders as u64;
    (
        world.copies_sent(first, swarm.blocks),
        slowest / ideal,
        wasted as f64 / all as f64,
    )
}

#[test]
fn four_downloaders_cost_the_seed_one_copy() {
    check("4 downloaders at 100 MB/s", &SWARM, 1.02, 1.03, 0.005);
    check(
        "4 at 50 MB/s",
        &Swarm {
            up: 50.0 * MB,
            ..SWARM
        },
        1.02,
        1.03,
        0.005,
    );
}

#[test]
fn a_server_that_limits_itself_makes_no_difference() {
    check(
        "4, seed limits itself",
        &Swarm {
            limited_by_server: true,
            ..SWARM
        },
        1.03,
        1.04,
        0.005,
    );
}

#[test]
fn downloaders_that_nobody_introduced_find_each_other() {
    check(
        "4, not introduced",
        &Swarm {
            introduced: false,
            ..SWARM
        },
        1.02,
        1.03,
        0.005,
    );
    let alone = Swarm {
        introduced: false,
        overhear: false,
        ..SWARM
    };
    check(
        "4, not introduced, deaf to wantlists",
        &alone,
        1.05,
        1.05,
        0.01,
    );
}

#[test]
fn twenty_downloaders() {
    let swarm = Swarm {
        downloaders: 20,
        runs: 1,
        ..SWARM
    };
    check("20 downloaders", &swarm, 1.08, 1.10, 0.01);
}

#[test]
fn far_apart_and_unsteady() {
    let swarm = Swarm {
        latency_ms: 40.0,
        jitter_ms: 60,
        ..SWARM
    };
    check(
        "4, 80 ms apart, up to 60 ms jitter",
        &swarm,
        1.05,
        1.07,
        0.01,
    );
}

#[test]
fn a_file_much_longer_than_the_window() {
    let swarm = Swarm {
        blocks: 1500,
        runs: 1,
        block_size: MIB / 4,
        ..SWARM
    };
    check("4, 1500 blocks of 256 KiB", &swarm, 1.03, 1.05, 0.005);
}

#[test]
fn downloaders_that_come_one_after_the_other() {
    check(
        "4, one a second",
        &Swarm {
            stagger: 1.0,
            ..SWARM
        },
        1.03,
        1.05,
        0.005,
    );
    check(
        "4, one in five seconds",
        &Swarm {
            stagger: 5.0,
            ..SWARM
        },
        1.08,
        1.08,
        0.005,
    );
}

#[test]
fn not_everybody_knows_everybody() {
    let swarm = Swarm {
        downloaders: 10,
        mesh: 50,
        ..SWARM
    };
    check("10, half of all pairs connected", &swarm, 1.6, 1.6, 0.02);
}
