//! Both sides behind routers that open no port: they meet through a relay, and content goes straight from one to the other.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bytes_from, link, network_where, reason, share};
use support::kubo::{Daemon, Kubo};
use support::lab::{Host, Lab, Nat, Router};
use support::shoal::{Ready, Running, Shoal};
use support::trees;
use support::wait::HUNG_SECONDS;

/// Many times what a relay passes on in one connection, 128 KiB.
const SIZE: u64 = 1_000_000;
const TRIES: u16 = 10;
/// Where both wires are there to choose from.
const FEW_TRIES: u16 = 3;
/// Of the seed; everybody who fetches takes the next one.
const PORT: u16 = 4900;

#[test]
fn holes_are_punched_over_tcp() {
    check(Wire::Tcp, TRIES);
}

#[test]
fn holes_are_punched_over_quic() {
    check(Wire::Quic, TRIES);
}

/// As by default: TCP and QUIC, at one port.
#[test]
fn holes_are_punched_where_everybody_speaks_over_both() {
    check(Wire::Both, FEW_TRIES);
}

/// Where no hole can be punched it is said on both sides, and another source serves.
#[test]
fn a_router_that_is_never_twice_the_same_keeps_others_out() {
    let Some(mut place) = Place::new(Wire::Quic, Nat::Symmetric) else {
        return;
    };
    let other = place.lab.host();
    let relays: Vec<Daemon<'_>> = place.relays.iter().map(Kubo::daemon).collect();
    let (_daemon, _, link) = place.seed(&relays, "symmetric-nat");
    let fetcher = place.somebody(&place.fetcher, PORT, &relays);
    let into = place.folder.path().join("into");
    // A relayed connection is given 20 s to become a direct one.
    let get: [&dyn AsRef<OsStr>; 6] = [&"get", &link, &"--into", &into, &"--timeout", &"50"];
    assert_eq!(fetcher.run(&get).problem(), "nobody-reachable");
    let (_share, ready, _) = Shoal::at(&other).share(&place.file, &[]);
    let provider: [&dyn AsRef<OsStr>; 2] = [&"--provider", &ready.listen[0]];
    let done = fetcher.ok(&[&get[..], &provider[..]].concat());
    trees::assert_same(&place.file, &into.join("file"));
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
}

/// Everybody who fetches is new, at a port at which the routers have seen nobody, and has nothing but the link.
fn check(wire: Wire, tries: u16) {
    let Some(place) = Place::new(wire, Nat::Cone) else {
        return;
    };
    let relays: Vec<Daemon<'_>> = place.relays.iter().map(Kubo::daemon).collect();
    let (_daemon, ready, link) = place.seed(&relays, "relayed");
    let passed_on = || place.relay_hosts.iter().map(Host::received).sum::<u64>();
    let (before, start) = (passed_on(), Instant::now());
    let fetch = |number| place.fetch(&relays, PORT + number, &link, &ready.peer);
    let came: Vec<bool> = (1..=tries).map(fetch).collect();
    let (passed_on, took) = (passed_on() - before, start.elapsed());
    let count = came.iter().filter(|came| **came).count();
    // To the stream itself: the test harness hides what a passing test prints.
    let _ = writeln!(
        std::io::stderr(),
        "{wire:?}: {count} of {tries} holes were punched, in {took:?}, and {passed_on} bytes came to the relays"
    );
    assert!(came.iter().all(|came| *came), "{wire:?}: {came:?}");
    let content = SIZE * u64::from(tries);
    assert!(passed_on < content / 4, "{passed_on} of {content} bytes");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Tcp,
    Quic,
    Both,
}

/// Two homes that are far from everybody, and two relays in public, all of which speak over one wire only, or all over both.
struct Place {
    wire: Wire,
    relays: Vec<Kubo>,
    relay_hosts: [Host; 2],
    seed: Host,
    fetcher: Host,
    folder: TempDir,
    file: PathBuf,
    _routers: [Router; 2],
    lab: Lab,
}

impl Place {
    /// `None` after a loud word where the tools are missing.
    fn new(wire: Wire, seeds: Nat) -> Option<Self> {
        let mut lab = Lab::new()?;
        let mut routers = [seeds, Nat::Cone].map(|nat| lab.far_router(nat));
        let [seed, fetcher] = routers.each_mut().map(|router| lab.host_behind(router));
        let relay_hosts = [(); 2].map(|()| lab.host());
        let relays = relay_hosts.iter().map(|host| {
            let listen = wire.at(&host.address().to_string(), 4001);
            Kubo::at(host, |config| serve(config, &listen))
        });
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            wire,
            relays: relays.collect::<Option<_>>()?,
            relay_hosts,
            seed,
            fetcher,
            file: trees::file(&folder.path().join("file"), 71, SIZE),
            folder,
            _routers: routers,
            lab,
        })
    }

    /// Somebody who knows the relays, as one who has been in the network for a while.
    fn somebody(&self, host: &Host, port: u16, relays: &[Daemon<'_>]) -> Shoal {
        let known = relays.iter().flat_map(|relay| relay.addresses.clone());
        Shoal::at(host)
            .with("listen", &self.wire.at("0.0.0.0", port).join(","))
            .with("dht", "on")
            .with("bootstrap", &known.collect::<Vec<_>>().join(","))
    }

    /// Shares the file, and returns the link once that is why others get here through the relays.
    fn seed(&self, relays: &[Daemon<'_>], rung: &str) -> (Running, Ready, String) {
        let seed = self.somebody(&self.seed, PORT, relays);
        let (daemon, ready) = seed.daemon();
        let (_, id) = share(&seed, &self.file);
        network_where(&seed, rung, |view| reason(view, "relay") == rung);
        let link = link(&seed, &id);
        assert!(link.contains("/p2p-circuit/"), "{link}");
        (daemon, ready, link)
    }

    /// Whether all of it came, and from there.
    fn fetch(&self, relays: &[Daemon<'_>], port: u16, link: &str, from: &str) -> bool {
        let into = self.folder.path().join(port.to_string());
        let fetcher = self.somebody(&self.fetcher, port, relays);
        let done = fetcher.run(&[&"get", &link, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
        if done.code != Some(0) {
            return false;
        }
        trees::assert_same(&self.file, &into.join("file"));
        assert!(bytes_from(&done, from) >= SIZE, "{}", done.stdout);
        true
    }
}

impl Wire {
    fn at(self, ip: &str, port: u16) -> Vec<String> {
        let tcp = format!("/ip4/{ip}/tcp/{port}");
        let quic = format!("/ip4/{ip}/udp/{port}/quic-v1");
        match self {
            Self::Tcp => vec![tcp],
            Self::Quic => vec![quic],
            Self::Both => vec![tcp, quic],
        }
    }
}

/// As a public node of Kubo is: it relays, and dials others' addresses for them.
fn serve(config: &mut Value, listen: &[String]) {
    config["Addresses"]["Swarm"] = json!(listen);
    config["AutoNAT"] = json!({ "ServiceMode": "enabled" });
    config["Internal"] = json!({ "Libp2pForceReachability": "public" });
    // All who fetch come from one address.
    config["Swarm"]["RelayService"] = json!({ "Enabled": true, "MaxReservationsPerIP": 100 });
}
