//! The network changes under a running Shoal, which goes on without being started anew.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{bytes_from, network, network_where, reason, until};
use crate::support::Wire;
use crate::support::lab::upnp::Speaks;
use crate::support::lab::{Lab, Nat};
use crate::support::shoal::{Running, Shoal, number, text};
use crate::support::trees;

const SIZE: u64 = 12_000_000;
/// Bytes a second that a source can send: so few that the network changes midway.
const PACE: u64 = 3_000_000;
/// A download goes on so soon after its computer came into another network. A dead connection would hold it up for longer.
const SOON: Duration = Duration::from_secs(15);
/// A connection of which nothing is heard any more is closed by then: a ping goes out every 15 s, and is waited for for 20 s.
const DEAD: Duration = Duration::from_secs(45);

#[test]
fn a_download_over_tcp_goes_on_in_another_network() {
    move_midway(Wire::TcpTls);
}

#[test]
fn a_download_over_quic_goes_on_in_another_network() {
    move_midway(Wire::Quic);
}

fn move_midway(wire: Wire) {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    public.send_at_most(PACE);
    let [mut first, mut second] = [(); 2].map(|()| lab.router(Nat::Cone));
    let mut home = lab.host_behind(&mut first);
    let content = Content::new();
    let (_source, ready, shared) = Shoal::at(&public).share(&content.file, &[]);
    let fetcher = Shoal::at(&home);
    let (_daemon, _) = fetcher.daemon();
    let cid = text(&shared, "cid");
    let get = content.get(&fetcher, &cid, &[ready.address(wire)]);
    get.event_where("progress", |event| number(event, "done") >= SIZE / 4);

    home.unplug();
    home.plug_into(&mut second);
    let moved = Instant::now();
    let done = get.finish().expect_code(0);
    let took = moved.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    tell(&format!("{wire:?}: done {took:?} after the move"));
    assert!(took < SOON, "{took:?}");
}

/// No end of the connection is told that the line is dead.
#[test]
fn a_source_that_falls_silent_is_given_up_and_another_one_serves() {
    let Some(mut lab) = Lab::new() else { return };
    let [dying, other, home] = [(); 3].map(|()| lab.host());
    dying.send_at_most(PACE);
    let content = Content::new();
    let dying_shoal = Shoal::at(&dying);
    let (_dying, first, shared) = dying_shoal.share(&content.file, &[]);
    // It tells where it will be, and isn't there yet: only who notices that the first one is dead looks for it.
    let other = Shoal::at(&other);
    let (sharing, second, _) = other.share(&content.file, &[]);
    sharing.interrupt().expect_code(0);
    let fetcher = Shoal::at(&home);
    let (_daemon, fetching) = fetcher.daemon();
    let cid = text(&shared, "cid");
    let providers = [&first, &second].map(|ready| ready.address(Wire::TcpTls));
    let get = content.get(&fetcher, &cid, &providers);
    get.event_where("progress", |event| number(event, "done") >= SIZE / 4);

    dying.fall_silent();
    let dead = Instant::now();
    let (_sharing, _, _) = other.share(&content.file, &[]);
    let ends = [(&fetcher, &first), (&dying_shoal, &fetching)];
    let noticed = ends.map(|(shoal, other)| {
        until(
            || format!("{} seems to stand", other.peer),
            || (!peers(shoal).contains(&other.peer)).then(|| dead.elapsed()),
        )
    });
    let done = get.finish().expect_code(0);
    let took = dead.elapsed();
    content.assert_same(&cid);
    let parts = [&first, &second].map(|ready| bytes_from(&done, &ready.peer));
    tell(&format!(
        "noticed after {noticed:?}, done after {took:?}, {parts:?} bytes from each"
    ));
    assert!(parts.iter().all(|bytes| *bytes > 0), "{parts:?}");
    assert!(noticed.iter().all(|after| *after < DEAD), "{noticed:?}");
}

/// Nothing was there at the start, not even an address.
#[test]
fn what_was_begun_without_a_network_goes_on_when_one_comes() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let mut router = lab.router(Nat::Cone).opens_ports(Speaks::Upnp);
    let mut home = lab.host_behind(&mut router);
    home.unplug();
    let content = Content::new();
    let source = Shoal::at(&public).with("dht", "on");
    let (_source, ready, shared) = source.share(&content.file, &[]);
    let fetcher = Shoal::at(&home)
        .with("dht", "on")
        .with("bootstrap", ready.address(Wire::TcpTls));
    let (_daemon, _) = fetcher.daemon();
    let view = network(&fetcher);
    assert_eq!(reason(&view, "port"), "offline", "{view:#}");
    let cid = text(&shared, "cid");
    let get = content.get(&fetcher, &cid, &[ready.address(Wire::Quic)]);
    let is_there = || (!fetcher.ok(&[&"list"]).events.is_empty()).then_some(());
    until(|| "nothing is being fetched".to_owned(), is_there);

    home.plug_into(&mut router);
    let plugged = Instant::now();
    let done = get.finish().expect_code(0);
    let took = plugged.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    let is_in = |view: &Value| {
        let opened = view["mappings"].as_array().unwrap().len() == 2;
        opened && view["dht_peers"].as_u64() > Some(0)
    };
    network_where(&fetcher, "in the DHT and behind open ports", is_in);
    let all = plugged.elapsed();
    tell(&format!("done after {took:?}, all else after {all:?}"));
    assert!(took < SOON, "{took:?}");
}

/// Who trusts it is behind a router and knows only where it was: others tell where it is now.
#[test]
fn a_trusted_peer_that_comes_back_elsewhere_is_met_again() {
    let Some(mut lab) = Lab::new() else { return };
    let [guide, friend] = [(); 2].map(|()| lab.host());
    let mut router = lab.router(Nat::Cone);
    let home = lab.host_behind(&mut router);
    let (_guide, ready) = Shoal::at(&guide).with("dht", "on").daemon();
    let entrance = ready.address(Wire::TcpTls);
    let in_dht = |host| {
        let shoal = Shoal::at(host).with("dht", "on");
        shoal.with("bootstrap", entrance)
    };
    let friend = in_dht(&friend);
    let (daemon, ready) = friend.daemon();
    let home = in_dht(&home).with("peers.trusted", ready.address(Wire::TcpTls));
    let (_home, _) = home.daemon();
    let meet = || {
        let describe = || format!("{} is not met: {:?}", ready.peer, peers(&home));
        until(describe, || {
            peers(&home).contains(&ready.peer).then_some(())
        });
    };
    meet();
    daemon.interrupt().expect_code(0);
    let is_away = || (!peers(&home).contains(&ready.peer)).then_some(());
    until(|| format!("{} is still there", ready.peer), is_away);

    let friend = friend.with("listen", "/ip4/0.0.0.0/tcp/4999");
    let back = Instant::now();
    let (_daemon, _) = friend.daemon();
    meet();
    tell(&format!("met again after {:?}", back.elapsed()));
}

/// What is fetched, and where to.
struct Content {
    folder: TempDir,
    file: PathBuf,
}

impl Content {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = trees::file(&folder.path().join("file"), 74, SIZE);
        Self { folder, file }
    }

    fn into(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// A download that has begun.
    fn get(&self, fetcher: &Shoal, cid: &str, providers: &[&str]) -> Running {
        let into = self.into();
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &cid, &"--into", &into];
        for provider in providers {
            arguments.push(&"--provider");
            arguments.push(provider);
        }
        fetcher.start(&arguments)
    }

    fn assert_same(&self, name: &str) {
        trees::assert_same(&self.file, &self.into().join(name));
    }
}

/// Those that are connected.
fn peers(shoal: &Shoal) -> Vec<String> {
    let done = shoal.ok(&[&"peers"]);
    done.events.iter().map(|peer| text(peer, "peer")).collect()
}

/// To the stream itself: the test harness hides what a passing test prints.
fn tell(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
