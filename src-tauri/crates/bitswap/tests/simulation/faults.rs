//! Sources that die, lie or fall silent.

use crate::liars::Manners;
use crate::node::{MB, MIB, NodeId, Spec};
use crate::world::World;

#[test]
fn all_sources_but_one_die() {
    let mut world = World::new(1);
    let spec = Spec {
        up: 20.0 * MB,
        ..Spec::default()
    };
    let seeds: Vec<NodeId> = (0..4)
        .map(|_| world.add_holder(spec.clone(), 0..400))
        .collect();
    let me = world.add(Spec::default());
    for &seed in &seeds {
        world.connect(seed, me, 10.0);
    }
    world.fetch(me, 0..400, &seeds);
    for (i, &seed) in seeds[1..].iter().enumerate() {
        world.at(1.0 + 0.3 * i as f64, move |world| world.kill(seed));
    }
    world.run(60.0);
    // 80 MB/s for a second, 60 and 40 for 0.3 s each, then 20.
    let ideal = 1.6 + (400.0 * f64::from(MIB) - 110.0 * MB) / (20.0 * MB);
    let took = world.finished_secs(me);
    println!("three of four seeds die: {took:.2} s, ideal {ideal:.2}");
    assert!(took < ideal * 1.05);
}

#[test]
fn a_source_falls_silent() {
    let mut world = World::new(2);
    let spec = Spec {
        up: 20.0 * MB,
        ..Spec::default()
    };
    let good = world.add_holder(spec.clone(), 0..200);
    let sick = world.add_holder(spec, 0..200);
    let me = world.add(Spec::default());
    world.connect(good, me, 10.0);
    world.connect(sick, me, 10.0);
    world.fetch(me, 0..200, &[good, sick]);
    world.at(1.0, move |world| world.nodes[sick].spec.up = 1.0);
    world.run(60.0);
    let ideal = 1.0 + (200.0 * f64::from(MIB) - 40.0 * MB) / (20.0 * MB);
    let took = world.finished_secs(me);
    println!("one of two seeds falls silent: {took:.2} s, ideal {ideal:.2}");
    assert!(took < ideal * 1.05);
}

/// One honest peer of 20 MB/s among three of such manners: the download must take no more than
/// `slack` times its own time.
fn among_liars(manners: Manners, slack: f64, is_reported: bool) {
    let mut world = World::new(3);
    let honest = world.add_holder(
        Spec {
            up: 20.0 * MB,
            ..Spec::default()
        },
        0..200,
    );
    let liars: Vec<NodeId> = (0..3)
        .map(|_| {
            world.add(Spec {
                manners,
                ..Spec::default()
            })
        })
        .collect();
    let me = world.add(Spec::default());
    world.connect(honest, me, 10.0);
    for &liar in &liars {
        world.connect(liar, me, 5.0);
    }
    world.fetch(me, 0..200, &[vec![honest], liars.clone()].concat());
    world.run(300.0);
    let ideal = 200.0 * f64::from(MIB) / (20.0 * MB);
    let took = world.finished_secs(me);
    let count = &world.nodes[me].count;
    println!(
        "among {manners:?}: {took:.2} s, ideal {ideal:.2}, reported {:?}",
        count.reported
    );
    assert!(took < ideal * slack);
    assert!(!count.reported.contains(&honest));
    assert_eq!(!count.reported.is_empty(), is_reported);
}

#[test]
fn peers_that_only_say_that_they_have_it() {
    among_liars(Manners::Boaster, 1.1, false);
}

#[test]
fn peers_that_break_their_word() {
    among_liars(Manners::Fickle, 1.1, false);
}

#[test]
fn peers_that_send_what_nobody_asked_for() {
    among_liars(Manners::Spammer, 1.1, true);
}

#[test]
fn peers_that_send_something_else() {
    among_liars(Manners::Forger, 1.1, true);
}

/// Everything but what rotted comes at full speed from the only source, for as long as it is wanted;
/// that comes once somebody has it.
#[test]
fn a_disk_that_rots() {
    let mut world = World::new(6);
    let spec = Spec {
        up: 20.0 * MB,
        ..Spec::default()
    };
    let rotting = world.add_holder(spec.clone(), 0..200);
    let healthy = world.add_holder(spec, 0..200);
    let rotten = [3, 4, 77, 150];
    world.nodes[rotting].rotten.extend(rotten);
    let me = world.add(Spec::default());
    world.connect(rotting, me, 10.0);
    world.fetch(me, 0..200, &[rotting]);
    let ideal = 200.0 * f64::from(MIB) / (20.0 * MB);
    world.run(ideal * 1.05);
    assert_eq!(world.nodes[me].missing.len(), rotten.len());
    world.run(24.0 * 3600.0);
    let count = &world.nodes[me].count;
    assert!(count.reported.is_empty());
    assert!(count.duplicate_blocks < 60, "{}", count.duplicate_blocks);
    world.connect(healthy, me, 10.0);
    world.run(24.0 * 3600.0 + 10.0);
    assert!(world.nodes[me].missing.is_empty());
}

#[test]
fn peers_that_flood() {
    among_liars(Manners::Flooder, 1.1, true);
}

#[test]
fn peers_that_say_nothing() {
    among_liars(Manners::Mute, 1.1, false);
}

#[test]
fn who_promises_for_ever_is_no_enemy() {
    let mut world = World::new(4);
    let liar = world.add(Spec {
        manners: Manners::Boaster,
        ..Spec::default()
    });
    let other = world.add(Spec {
        manners: Manners::Boaster,
        ..Spec::default()
    });
    let me = world.add(Spec::default());
    world.connect(liar, me, 5.0);
    world.connect(other, me, 5.0);
    // Not named as providers: they come in by saying HAVE.
    world.fetch(me, 0..20, &[]);
    world.run(1200.0);
    assert_eq!(world.nodes[me].missing.len(), 20);
    assert!(world.nodes[me].count.reported.is_empty());
}

#[test]
fn lists_stay_within_what_peers_keep() {
    let mut world = World::new(5);
    world.block_size = MIB / 16;
    let spec = Spec {
        up: 50.0 * MB,
        ..Spec::default()
    };
    let holders: Vec<NodeId> = (0..6)
        .map(|i| {
            world.add_holder(
                spec.clone(),
                (0..6000).filter(move |block| block % 6 == i || block % 7 == i),
            )
        })
        .collect();
    let me = world.add(Spec::default());
    for &holder in &holders {
        world.connect(holder, me, 30.0);
    }
    world.fetch(me, 0..6000, &holders);
    world.run(60.0);
    let ideal = 6000.0 * f64::from(MIB / 16) / (300.0 * MB);
    let took = world.finished_secs(me);
    let longest = holders
        .iter()
        .map(|&holder| world.nodes[holder].count.longest_list)
        .max();
    println!(
        "6,000 blocks from six holders of a part: {took:.2} s, ideal {ideal:.2}, longest list {longest:?}"
    );
    assert!(longest.is_some_and(|longest| longest <= 1024));
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
    assert!(took < ideal * 1.8);
}
