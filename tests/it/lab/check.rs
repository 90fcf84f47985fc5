//! `shoal network --check`: another peer of the network tries to get here, and it is said whether it could.

use serde_json::{Value, json};

use super::{network_where, until};
use crate::support::Wire;
use crate::support::kubo::Kubo;
use crate::support::lab::upnp::Speaks;
use crate::support::lab::{Host, Lab, Nat};
use crate::support::shoal::{Done, Shoal, text};

#[test]
fn who_stands_in_public_is_reached() {
    let Some(mut lab) = Lab::new() else { return };
    let [other, here] = [(); 2].map(|()| lab.host());
    let Some(done) = check(&other, &here, |_| ()) else {
        return;
    };
    let done = done.expect_code(0);
    assert_reached(&done, &here.address().to_string(), "direct");
}

#[test]
fn who_stands_behind_an_open_port_is_reached() {
    let Some(mut lab) = Lab::new() else { return };
    let other = lab.host();
    let mut router = lab.router(Nat::Cone).opens_ports(Speaks::Upnp);
    let here = lab.host_behind(&mut router);
    let opened = |shoal: &Shoal| {
        network_where(shoal, "behind open ports", |view| {
            view["mappings"].as_array().unwrap().len() == 2
        });
    };
    let Some(done) = check(&other, &here, opened) else {
        return;
    };
    let done = done.expect_code(0);
    assert_reached(&done, &router.external().to_string(), "port");
}

#[test]
fn who_is_behind_a_closed_router_is_not_reached() {
    let Some(mut lab) = Lab::new() else { return };
    let other = lab.host();
    let mut router = lab.router(Nat::Cone);
    let here = lab.host_behind(&mut router);
    let Some(done) = check(&other, &here, |_| ()) else {
        return;
    };
    let done = done.expect_code(1);
    assert_ne!(text(done.event("check"), "reachable"), "yes");
}

/// What it says once Kubo is met and `ready` is through; `None` after a loud word where Kubo is missing.
fn check(other: &Host, here: &Host, ready: impl Fn(&Shoal)) -> Option<Done> {
    let other = Kubo::at(other, |config| {
        config["AutoNAT"] = json!({ "ServiceMode": "enabled" });
        config["Internal"] = json!({ "Libp2pForceReachability": "public" });
    })?;
    let other = other.daemon();
    let address = Wire::TcpTls.pick(&other.addresses);
    let here = Shoal::at(here).with("peers.trusted", address);
    let (_daemon, _) = here.daemon();
    let is_met = || {
        let met = here.ok(&[&"peers"]).events;
        let mut agents = met.iter().filter_map(|peer| peer["agent"].as_str());
        agents.any(|agent| agent.starts_with("kubo")).then_some(())
    };
    until(|| "the other one is not met".to_owned(), is_met);
    ready(&here);
    Some(here.run(&[&"network", &"--check"]))
}

/// Over TCP: a Kubo that has never seen QUIC get through anywhere doesn't try that.
fn assert_reached(done: &Done, ip: &str, by: &str) {
    let check = done.event("check");
    assert_eq!(text(check, "reachable"), "yes", "{check:#}");
    let at = format!("/ip4/{ip}/tcp/4801");
    let is_it = |address: &Value| {
        address["address"] == at.as_str() && address["by"] == by && address["reachable"] == "yes"
    };
    let addresses = check["addresses"].as_array().unwrap();
    assert!(addresses.iter().any(is_it), "{check:#}");
}
