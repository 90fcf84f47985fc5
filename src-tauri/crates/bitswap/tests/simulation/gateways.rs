//! Gateways beside peers: one plan, nothing asked for twice, and what happens when either goes
//! away.

use crate::liars::Manners;
use crate::node::{MB, MIB, Spec};
use crate::world::World;

fn source(world: &mut World, mb_per_sec: f64, blocks: u64) -> usize {
    let spec = Spec {
        up: mb_per_sec * MB,
        ..Spec::default()
    };
    world.add_holder(spec, 0..blocks)
}

#[test]
fn a_gateway_takes_its_share_beside_a_peer_and_nothing_comes_twice() {
    let mut world = World::new(70);
    let seed = source(&mut world, 10.0, 400);
    let gateway = source(&mut world, 20.0, 400);
    let me = world.add(Spec::default());
    world.connect(seed, me, 10.0);
    world.add_gateway(me, gateway, 40.0);
    world.fetch(me, 0..400, &[seed]);
    world.at(1.0, move |world| world.join_gateway(me, gateway));
    world.run(120.0);
    let took = world.finished_secs(me);
    let (peer, web) = (
        world.copies_sent(seed, 400),
        world.copies_sent(gateway, 400),
    );
    println!(
        "400 MiB, a peer at 10 MB/s and a gateway at 20 MB/s: {took:.2} s, {web:.2} from the gateway"
    );
    assert!(took < 0.6 * 400.0 * f64::from(MIB) / (10.0 * MB));
    assert!(peer > 0.2 && web > 0.2, "{peer} {web}");
    assert!(world.nodes[me].count.duplicate_blocks <= 2);
}

#[test]
fn a_quick_peer_carries_most() {
    let mut world = World::new(71);
    let seed = source(&mut world, 100.0, 1000);
    let gateway = source(&mut world, 100.0, 1000);
    let me = world.add(Spec::default());
    world.connect(seed, me, 10.0);
    world.add_gateway(me, gateway, 40.0);
    world.fetch(me, 0..1000, &[seed]);
    world.join_gateway(me, gateway);
    world.run(120.0);
    world.finished_secs(me);
    let web = world.copies_sent(gateway, 1000);
    println!("1000 MiB, both at 100 MB/s: {web:.2} from the gateway");
    assert!(web < 0.4, "{web}");
}

#[test]
fn a_gateway_alone_is_enough() {
    let mut world = World::new(72);
    let gateway = source(&mut world, 20.0, 100);
    let me = world.add(Spec::default());
    world.add_gateway(me, gateway, 40.0);
    world.fetch(me, 0..100, &[]);
    world.at(1.0, move |world| world.join_gateway(me, gateway));
    world.run(60.0);
    let took = world.finished_secs(me);
    assert!(
        took < 1.0 + 1.3 * 100.0 * f64::from(MIB) / (20.0 * MB),
        "{took}"
    );
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
    // It is not told to be dialled, and peers are looked for all the same.
    assert_eq!(world.nodes[me].count.dials, 0);
    assert!(!world.nodes[me].count.searches.is_empty());
}

#[test]
fn the_peer_goes_on_when_the_gateway_ends_and_the_other_way_round() {
    for peer_ends in [false, true] {
        let mut world = World::new(73);
        let seed = source(&mut world, 10.0, 200);
        let gateway = source(&mut world, 10.0, 200);
        let me = world.add(Spec::default());
        world.connect(seed, me, 10.0);
        world.add_gateway(me, gateway, 10.0);
        world.fetch(me, 0..200, &[seed]);
        world.join_gateway(me, gateway);
        let ends = if peer_ends { seed } else { gateway };
        world.at(5.0, move |world| world.kill(ends));
        world.run(60.0);
        let took = world.finished_secs(me);
        assert!(took < 25.0, "{took}");
        // Of what was under way when it ended.
        assert!(world.nodes[me].count.duplicate_blocks <= 4);
    }
}

#[test]
fn a_gateway_without_the_content_is_left_alone() {
    let mut world = World::new(74);
    let seed = source(&mut world, 2.0, 60);
    let empty = source(&mut world, 100.0, 0);
    let mute = world.add(Spec {
        manners: Manners::Mute,
        ..Spec::default()
    });
    let me = world.add(Spec::default());
    world.connect(seed, me, 10.0);
    for gateway in [empty, mute] {
        world.add_gateway(me, gateway, 10.0);
    }
    world.fetch(me, 0..60, &[seed]);
    for gateway in [empty, mute] {
        world.join_gateway(me, gateway);
    }
    let asked_before = world.nodes[me].count.want_entries;
    world.run(120.0);
    let took = world.finished_secs(me);
    let ideal = 60.0 * f64::from(MIB) / (2.0 * MB);
    println!("60 MiB beside two useless gateways: {took:.1} s, ideal {ideal:.1}");
    assert!(took < ideal * 1.1 + 2.0, "{took}");
    assert_eq!(world.nodes[me].count.duplicate_blocks, 0);
    let asked = world.nodes[me].count.want_entries - asked_before;
    assert!(asked < 60 * 2 + 60, "{asked}");
}
