//! Devices of one network, of which one means harm.

use support::lab::storm::storm;
use support::lab::{Lab, Nat};
use support::shoal::Shoal;
use support::trees;

use super::{fetch, network_where, share};

#[test]
fn a_device_that_makes_up_hundreds_hides_no_real_one() {
    const MADE_UP: usize = 500;
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone);
    let [fetcher, seed, liar] = [(); 3].map(|()| lab.host_behind(&mut router));
    let fetcher = Shoal::at(&fetcher).with("mdns", "on").with("dht", "on");
    let (_fetching, _) = fetcher.daemon();
    let from = liar.address();
    let inside = liar.inside();
    let has_devices = |at_least: usize| {
        network_where(&fetcher, "told of made-up devices", |view| {
            view["nearby"].as_array().unwrap().len() >= at_least
        })
    };
    inside.run(storm(from, MADE_UP));
    let view = has_devices(1);
    let devices = view["nearby"].as_array().unwrap().len();
    assert!(devices < MADE_UP / 10, "{devices} devices of one");

    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 95, 100_000);
    let seed = Shoal::at(&seed).with("mdns", "on").with("dht", "on");
    let (_seeding, ready) = seed.daemon();
    let (cid, _) = share(&seed, &file);
    inside.run(storm(from, MADE_UP));
    network_where(&fetcher, "next to the real device", |view| {
        let devices = view["nearby"].as_array().unwrap();
        devices
            .iter()
            .any(|device| device["peer"] == ready.peer.as_str())
    });
    fetch(
        &fetcher,
        &cid,
        &["--timeout", support::wait::HUNG_SECONDS],
        &file,
    );
}
