//! The network changes under a running Shoal, which goes on without being started anew.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{bytes_from, network, network_where, reason};
use support::Wire;
use support::lab::upnp::Speaks;
use support::lab::{Lab, Nat};
use support::shoal::{Ready, Running, Shoal, number, text};
use support::trees;
use support::wait::until;

pub(super) const SIZE: u64 = 12_000_000;
/// Bytes a second that a source can send: so few that the network changes midway.
const PACE: u64 = 3_000_000;
// Bounds that tell one way from another, not fast machines from slow ones: each lies as near as it can to what the other way
// would take.
/// A connection whose address this computer lost is closed at once, not when silence would tell, which takes from twenty seconds on.
const BEFORE_SILENCE: Duration = Duration::from_secs(19);
/// A change of the network makes a download go on, not the next of the looks for it, which come a minute apart.
const BEFORE_NEXT_LOOK: Duration = Duration::from_secs(50);
/// Pings tell that a line is dead, half a minute after the last was answered, not the system: that takes it a quarter of an hour.
const BEFORE_THE_SYSTEM: Duration = Duration::from_mins(5);

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
    let unplugged = Instant::now();
    wait_until_away(&fetcher, &ready.peer);
    let closed = unplugged.elapsed();
    home.plug_into(&mut second);
    let moved = Instant::now();
    let done = get.finish().expect_code(0);
    let took = moved.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    tell(&format!(
        "{wire:?}: closed after {closed:?}, done {took:?} after the move"
    ));
    assert!(closed < BEFORE_SILENCE, "{closed:?}");
    assert!(took < BEFORE_NEXT_LOOK, "{took:?}");
}

/// Shoal was started before the line was up that it is to listen at.
#[test]
fn an_address_that_comes_later_is_listened_at() {
    const LATER: &str = "10.99.0.7";
    let Some(mut lab) = Lab::new() else { return };
    let host = lab.host();
    let both = format!("/ip4/{}/tcp/0,/ip4/{LATER}/tcp/0", host.address());
    let shoal = Shoal::at(&host).with("listen", &both);
    let (_daemon, ready) = shoal.daemon();
    let is_there = |address: &str| address.contains(LATER);
    assert!(!ready.listen.iter().any(|address| is_there(address)));
    let address = format!("{LATER}/24");
    host.space()
        .run(&["ip", "address", "add", &address, "dev", "eth0"]);
    network_where(&shoal, "listening at the new address", |view| {
        let mut listen = view["listen"].as_array().unwrap().iter();
        listen.any(|address| is_there(address.as_str().unwrap()))
    });
}

/// Nobody gets to the source, and only it knows that it moved: it dials whom it trusts from where it is now.
#[test]
fn a_download_goes_on_when_its_source_comes_from_another_network() {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let [mut first, mut second] = [(); 2].map(|()| lab.router(Nat::Cone));
    let mut home = lab.host_behind(&mut first);
    home.send_at_most(PACE);
    let content = Content::new();
    let fetcher = Shoal::at(&public);
    let (_daemon, fetching) = fetcher.daemon();
    let source = Shoal::at(&home).with("peers.trusted", fetching.address(Wire::TcpTls));
    let (_source, ready, shared) = source.share(&content.file, &[]);
    wait_until_met(&fetcher, &ready.peer);
    let cid = text(&shared, "cid");
    let get = content.get(&fetcher, &cid, &[]);
    get.event_where("progress", |event| number(event, "done") >= SIZE / 4);

    home.unplug();
    home.plug_into(&mut second);
    let moved = Instant::now();
    let done = get.finish().expect_code(0);
    let took = moved.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    tell(&format!("done {took:?} after the move"));
    assert!(took < BEFORE_THE_SYSTEM, "{took:?}");
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
    assert!(
        noticed.iter().all(|after| *after < BEFORE_THE_SYSTEM),
        "{noticed:?}"
    );
}

/// Long enough for the connection to be given up: the same source is dialled again.
#[test]
fn a_download_goes_on_when_a_line_that_was_dead_works_again() {
    let Some(mut lab) = Lab::new() else { return };
    let [public, home] = [(); 2].map(|()| lab.host());
    public.send_at_most(PACE);
    let content = Content::new();
    let (_source, ready, shared) = Shoal::at(&public).share(&content.file, &[]);
    let fetcher = Shoal::at(&home);
    let (_daemon, _) = fetcher.daemon();
    let cid = text(&shared, "cid");
    let get = content.get(&fetcher, &cid, &[ready.address(Wire::Quic)]);
    get.event_where("progress", |event| number(event, "done") >= SIZE / 4);

    home.fall_silent();
    let dead = Instant::now();
    wait_until_away(&fetcher, &ready.peer);
    let noticed = dead.elapsed();
    home.speak_again();
    let back = Instant::now();
    let done = get.finish().expect_code(0);
    let took = back.elapsed();
    content.assert_same(&cid);
    assert!(bytes_from(&done, &ready.peer) >= SIZE, "{}", done.stdout);
    tell(&format!(
        "noticed after {noticed:?}, done {took:?} after the line was back"
    ));
    assert!(noticed < BEFORE_THE_SYSTEM, "{noticed:?}");
    assert!(took < BEFORE_NEXT_LOOK, "{took:?}");
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
    until("nothing is being fetched", is_there);

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
    assert!(took < BEFORE_NEXT_LOOK, "{took:?}");
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
    come_back_elsewhere(&home, friend, daemon, &ready);
}

/// Both are in one home, where devices make themselves known; nobody else is asked.
#[test]
fn a_trusted_peer_that_comes_back_elsewhere_in_the_same_home_is_met_again() {
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone);
    let [friend, home] = [(); 2].map(|()| lab.host_behind(&mut router));
    let friend = Shoal::at(&friend).with("mdns", "on");
    let (daemon, ready) = friend.daemon();
    let home = Shoal::at(&home).with("mdns", "on");
    let home = home.with("peers.trusted", ready.address(Wire::TcpTls));
    let (_home, _) = home.daemon();
    come_back_elsewhere(&home, friend, daemon, &ready);
}

/// The friend whom `home` trusts ends and starts again at another port.
fn come_back_elsewhere(home: &Shoal, friend: Shoal, daemon: Running, ready: &Ready) {
    wait_until_met(home, &ready.peer);
    daemon.interrupt().expect_code(0);
    wait_until_away(home, &ready.peer);
    let friend = friend.with("listen", "/ip4/0.0.0.0/tcp/4999");
    let (_daemon, _) = friend.daemon();
    let back = Instant::now();
    wait_until_met(home, &ready.peer);
    let took = back.elapsed();
    tell(&format!("met again after {took:?}"));
}

fn wait_until_met(shoal: &Shoal, peer: &str) {
    let describe = || format!("{peer} is not met: {:?}", peers(shoal));
    until(describe, || {
        peers(shoal).iter().any(|met| met == peer).then_some(())
    });
}

fn wait_until_away(shoal: &Shoal, peer: &str) {
    let is_away = || (!peers(shoal).iter().any(|met| met == peer)).then_some(());
    until(|| format!("{peer} is still there"), is_away);
}

/// What is fetched, and where to.
pub(super) struct Content {
    folder: TempDir,
    pub(super) file: PathBuf,
}

impl Content {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = trees::file(&folder.path().join("file"), 74, SIZE);
        Self { folder, file }
    }

    fn into(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// A download that has begun.
    pub(super) fn get(&self, fetcher: &Shoal, cid: &str, providers: &[&str]) -> Running {
        let into = self.into();
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &cid, &"--into", &into];
        for provider in providers {
            arguments.push(&"--provider");
            arguments.push(provider);
        }
        fetcher.start(&arguments)
    }

    pub(super) fn assert_same(&self, name: &str) {
        trees::assert_same(&self.file, &self.into().join(name));
    }
}

/// Those that are connected.
pub(super) fn peers(shoal: &Shoal) -> Vec<String> {
    let done = shoal.ok(&[&"peers"]);
    done.events.iter().map(|peer| text(peer, "peer")).collect()
}

/// To the stream itself: the test harness hides what a passing test prints.
pub(super) fn tell(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
