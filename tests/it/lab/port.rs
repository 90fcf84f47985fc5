//! Behind a router that opens ports, and behind those that don't or that another one hides.

use serde_json::Value;

use super::{bytes_from, fetch, link, network, network_where, reason, share};
use support::lab::upnp::Speaks;
use support::lab::{Lab, Nat, Router};
use support::shoal::{Running, Shoal, text};
use support::trees;
use support::wait::until;

const SIZE: u64 = 3_000_000;

#[test]
fn a_link_leads_through_the_port_that_the_router_opened() {
    for nat in [Nat::Cone, Nat::Symmetric] {
        let Some(mut lab) = Lab::new() else { return };
        let public = lab.host();
        let mut router = lab.router(nat).opens_ports(Speaks::Upnp);
        let home = Shoal::at(&lab.host_behind(&mut router));
        let daemon = open(&home, &router, "upnp");
        fetch_by_link(&home, &Shoal::at(&public), &router);
        close(daemon, &router);
    }
}

#[test]
fn a_router_that_can_not_describe_its_service_opens_ports_as_well() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let router = lab.router(Nat::Cone).opens_ports(Speaks::Upnp);
    let mut router = router.describes_no_service();
    let home = Shoal::at(&lab.host_behind(&mut router));
    let daemon = open(&home, &router, "upnp");
    fetch_by_link(&home, &Shoal::at(&public), &router);
    close(daemon, &router);
}

#[test]
fn a_router_that_speaks_only_pcp_opens_ports_as_well() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let mut router = lab.router(Nat::Cone).opens_ports(Speaks::Pcp);
    let home = Shoal::at(&lab.host_behind(&mut router));
    let daemon = open(&home, &router, "pcp");
    fetch_by_link(&home, &Shoal::at(&public), &router);
    close(daemon, &router);
}

#[test]
fn what_a_router_forgot_is_opened_again() {
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone).opens_ports(Speaks::Upnp);
    let home = Shoal::at(&lab.host_behind(&mut router));
    let daemon = open(&home, &router, "upnp");
    let before = router.open_ports();
    router.restart();
    assert_eq!(router.open_ports(), [""; 0]);
    let describe = || format!("open are {:?}: {:#}", router.open_ports(), network(&home));
    until(describe, || (router.open_ports() == before).then_some(()));
    close(daemon, &router);
}

#[test]
fn without_upnp_the_ladder_says_so() {
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone);
    let home = Shoal::at(&lab.host_behind(&mut router));
    let (_daemon, _) = home.daemon();
    let view = network_where(&home, "without a router", |view| {
        reason(view, "port") == "no-router"
    });
    assert_eq!(view["mappings"], Value::Array(Vec::new()));
    assert_eq!(view["router"], Value::Null);
}

#[test]
fn a_router_behind_a_router_is_recognised() {
    let Some(mut lab) = Lab::new() else { return };
    let mut outer = lab.router(Nat::Cone);
    let mut inner = lab
        .router_behind(&mut outer, Nat::Cone)
        .opens_ports(Speaks::Upnp);
    let home = Shoal::at(&lab.host_behind(&mut inner));
    let (_daemon, _) = home.daemon();
    let view = network_where(&home, "behind two routers", |view| {
        reason(view, "port") == "double-nat"
    });
    assert_eq!(view["mappings"], Value::Array(Vec::new()), "{view:#}");
}

/// A daemon, once the router has opened both of its ports.
fn open(home: &Shoal, router: &Router, spoken: &str) -> Running {
    let (daemon, _) = home.daemon();
    let view = network_where(home, "open", |view| {
        view["mappings"].as_array().unwrap().len() == 2
    });
    let external = router.external();
    assert_eq!(view["router"]["spoken"], spoken, "{view:#}");
    assert_eq!(view["router"]["external"], external.to_string(), "{view:#}");
    let mut told: Vec<String> = view["mappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mapping| {
            let protocol = match &*text(mapping, "transport") {
                "quic" => "udp",
                _ => "tcp",
            };
            let outside = text(mapping, "external");
            let port = outside.strip_prefix(&format!("{external}:")).unwrap();
            format!("{protocol} {port} {}", text(mapping, "internal"))
        })
        .collect();
    told.sort();
    assert_eq!(told, router.open_ports());
    assert_eq!(router.leases().lines().count(), 2, "{}", router.leases());
    daemon
}

/// Ends the daemon, and looks that it closed what was open.
fn close(daemon: Running, router: &Router) {
    daemon.interrupt().expect_code(0);
    assert_eq!(router.open_ports(), [""; 0]);
    assert_eq!(router.leases(), "");
}

fn fetch_by_link(home: &Shoal, away: &Shoal, router: &Router) {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 1, SIZE);
    let (_, id) = share(home, &file);
    let link = link(home, &id);
    assert!(
        link.contains(&format!("/ip4/{}/", router.external())),
        "{link}"
    );
    let done = fetch(away, &link, &[], &file);
    let seed = text(&network(home), "peer");
    assert!(bytes_from(&done, &seed) >= SIZE, "{}", done.stdout);
}
