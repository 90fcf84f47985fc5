//! `shoal network --check`: another peer of the network tries to get here, and it is said whether it could.

use serde_json::{Value, json};

use super::{network, network_where, reason};
use support::Wire;
use support::kubo::Kubo;
use support::lab::upnp::Speaks;
use support::lab::{Host, Lab, Nat};
use support::shoal::{Done, Shoal, text};
use support::wait::until;

#[test]
fn who_stands_in_public_is_reached() {
    let Some(mut lab) = Lab::new() else { return };
    let [other, here] = [(); 2].map(|()| lab.host());
    let Some((done, _)) = check(&other, Shoal::at(&here), |_| ()) else {
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
    let Some((done, _)) = check(&other, Shoal::at(&here), opened) else {
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
    let Some((done, _)) = check(&other, Shoal::at(&here), |_| ()) else {
        return;
    };
    let done = done.expect_code(1);
    assert_ne!(text(done.event("check"), "reachable"), "yes");
}

/// The router says that it has the address of the one before it, as where a person told it so.
#[test]
fn a_port_that_leads_nowhere_is_found_out() {
    let Some(mut lab) = Lab::new() else { return };
    let other = lab.host();
    let mut outer = lab.router(Nat::Cone);
    let mut inner = lab
        .router_behind(&mut outer, Nat::Cone)
        .opens_ports_as(Speaks::Upnp, outer.external());
    let here = lab.host_behind(&mut inner);
    let here = Shoal::at(&here).with("listen", "/ip4/0.0.0.0/tcp/4801");
    let opened = |shoal: &Shoal| {
        let view = network_where(shoal, "behind an open port", |view| {
            view["mappings"].as_array().unwrap().len() == 1
        });
        assert_eq!(reason(&view, "port"), "opened", "{view:#}");
    };
    let Some((done, view)) = check(&other, here, opened) else {
        return;
    };
    let done = done.expect_code(1);
    assert_eq!(text(done.event("check"), "reachable"), "no");
    assert_eq!(reason(&view, "port"), "not-confirmed", "{view:#}");
    let told = view["external"].to_string();
    assert!(!told.contains(&outer.external().to_string()), "{view:#}");
}

/// What it says once Kubo is met and `ready` is through, and how it stands then; `None` after a loud word where Kubo is missing.
fn check(other: &Host, here: Shoal, ready: impl Fn(&Shoal)) -> Option<(Done, Value)> {
    let other = Kubo::at(other, |config| {
        config["AutoNAT"] = json!({ "ServiceMode": "enabled" });
        config["Internal"] = json!({ "Libp2pForceReachability": "public" });
    })?;
    let other = other.daemon();
    let address = Wire::TcpTls.pick(&other.addresses);
    let here = here.with("peers.trusted", address);
    let (_daemon, _) = here.daemon();
    let is_met = || {
        let met = here.ok(&[&"peers"]).events;
        let mut agents = met.iter().filter_map(|peer| peer["agent"].as_str());
        agents.any(|agent| agent.starts_with("kubo")).then_some(())
    };
    until("the other one is not met", is_met);
    ready(&here);
    let done = here.run(&[&"network", &"--check"]);
    Some((done, network(&here)))
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
