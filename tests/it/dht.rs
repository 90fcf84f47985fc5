//! Finding content by its CID alone: through the DHT, with Kubo in it, with liars in it, and with a great many peers in it.
//!
//! On this machine Shoal and Kubo meet in the local DHT (`/ipfs/lan/kad/1.0.0`), for Kubo keeps private addresses out of the public one.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{network, network_where};
use support::Wire;
use support::dht::{address, simulated};
use support::kubo::{Daemon, Kubo};
use support::lab::{Host, Lab};
use support::shoal::{Running, Shoal, number, text};
use support::trees::{self, Kinds};
use support::wait::{HUNG_SECONDS, until};

#[test]
fn kubo_and_shoal_find_each_others_content_through_the_dht_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ours = trees::sample(&folder.path().join("ours"), 92, Kinds::FilesAndFolders);
    let theirs = trees::sample(&folder.path().join("theirs"), 93, Kinds::All);
    let (_meeting_point, ready) = Shoal::new().with("dht", "on").daemon();
    let entrance = &*ready.listen[0];
    let neighbour = || {
        let shoal = Shoal::new().with("dht", "on");
        shoal.with("bootstrap", entrance)
    };
    let (Some(giver), Some(taker)) = (Kubo::in_dht(&[entrance]), Kubo::in_dht(&[entrance])) else {
        return;
    };

    let (_share, _, shared) = neighbour().share(&ours, &[]);
    let cid = text(&shared, "cid");
    let taking = taker.daemon();
    let out = folder.path().join("out");
    taking.wait_for_provider(&cid);
    taking.get(&cid, &out);
    trees::assert_same(&ours, &out);

    let cid = giver.add(&theirs, &[]);
    let giving = giver.daemon();
    announce(&giving, &cid);
    let into = folder.path().join("into");
    neighbour().ok(&[&"get", &cid, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
    trees::assert_same(&theirs, &into.join(&cid));
}

/// Kubo announces only once it knows somebody.
fn announce(kubo: &Daemon<'_>, cid: &str) {
    kubo.wait_for_peers("lan", 1);
    kubo.announce(cid);
}

const TRIES: u64 = 10;

/// Tests with crowds take turns: two at once would keep each other waiting.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn sixty_peers_find_what_others_announced_and_still_do_though_three_in_ten_are_hostile() {
    const SHOALS: usize = 20;
    const KUBOS: usize = 40;
    const HOSTILE: usize = 26;
    let _turn = turn();
    let Some(mut lab) = Lab::new() else { return };
    let place = lab.host();
    place.be_many();
    let inside = place.inside();
    let kubos = (0..KUBOS).map_while(|number| Kubo::at(&place, |config| serve_dht(config, number)));
    let kubos: Vec<Kubo> = kubos.collect();
    if kubos.len() < KUBOS {
        return;
    }
    let kubos: Vec<Daemon<'_>> = all_at_once(kubos.iter().map(|kubo| || kubo.daemon()));
    let entrances: Vec<String> = kubos
        .iter()
        .take(10)
        .map(|kubo| kubo.addresses[0].clone())
        .collect();
    for kubo in &kubos[1..] {
        kubo.connect(&entrances[0]);
    }
    let entrances = entrances.join(",");
    let joined = (0..SHOALS).map(|number| Peer::join(&place, KUBOS + number, &entrances));
    let (peers, joined): (Vec<Peer>, Vec<Duration>) = joined.unzip();
    tell("Shoal starts, comes in and announces", joined);

    let folder = tempfile::tempdir().unwrap();
    let measure = |round: usize| {
        let announcing = peers.iter().map(|peer| || peer.announce());
        let (ours, announced): (Vec<Announced>, Vec<Duration>) =
            all_at_once(announcing).into_iter().unzip();
        let found = find_all(peers.iter().rev(), &ours);
        // Each of them waits a minute for those who don't answer.
        let of_kubo = all_at_once(kubos.iter().take(SHOALS).enumerate().map(|(number, kubo)| {
            let file = folder.path().join(format!("{round}-{number}"));
            let content = format!("a file of Kubo's, round {round}, number {number}");
            move || {
                fs_err::write(&file, &content).unwrap();
                let cid = kubo.add(&file);
                kubo.announce(&cid);
                Announced { cid, content }
            }
        }));
        let found_of_kubo = find_all(peers.iter(), &of_kubo);
        tell("Shoal announces", announced);
        tell("Shoal finds what Shoal announced", found);
        tell("Shoal finds what Kubo announced", found_of_kubo);
    };
    measure(0);

    let victims: Vec<Multiaddr> = kubos
        .iter()
        .map(|kubo| kubo.addresses[0].parse().unwrap())
        .chain(peers.iter().map(|peer| peer.address.parse().unwrap()))
        .collect();
    let from = KUBOS + SHOALS;
    let in_tables = || -> u64 {
        let tables = peers.iter().map(|peer| network(&peer.shoal));
        tables.map(|view| number(&view, "dht_peers")).sum()
    };
    let before = in_tables();
    let introductions = HOSTILE * victims.len();
    let hostile = inside.run(simulated::attack(
        (from..from + HOSTILE).map(address),
        victims,
    ));
    let describe = || format!("{} of {introductions} have not met", hostile.unmet());
    until(describe, || {
        (hostile.unmet() * 10 < introductions).then_some(())
    });
    let (asked, after) = (hostile.asked(), in_tables());
    say(&format!(
        "{HOSTILE} hostile peers come in: {before} entries in the tables of {SHOALS}, then {after}"
    ));
    measure(1);
    // They were in the way of every search.
    let asked = hostile.asked() - asked;
    say(&format!("hostile peers were asked {asked} times meanwhile"));
    assert!(
        asked >= 2 * SHOALS,
        "hostile peers were asked {asked} times"
    );
}

/// What came of each, in order.
fn all_at_once<T: Send>(work: impl Iterator<Item = impl FnOnce() -> T + Send>) -> Vec<T> {
    std::thread::scope(|scope| {
        let under_way: Vec<_> = work.map(|part| scope.spawn(part)).collect();
        let ended = under_way.into_iter().map(|part| part.join().unwrap());
        ended.collect()
    })
}

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of many that answer for the DHT.
struct Peer {
    shoal: Shoal,
    address: String,
    files: TempDir,
    _daemon: Running,
}

impl Peer {
    /// Says how long it took from its start until it had announced something.
    fn join(place: &Host, peer: usize, entrances: &str) -> (Self, Duration) {
        let start = Instant::now();
        let shoal = Shoal::at(place)
            .with("listen", &listen(peer).join(","))
            .with("bootstrap", entrances)
            .with("dht", "on")
            .with("nat", "off")
            .with("relay", "off")
            // All are on one computer here, and come from one address.
            .with("connections.network", "256");
        let (daemon, ready) = shoal.daemon();
        let peer = Self {
            shoal,
            address: Wire::TcpTls.pick(&ready.listen).to_owned(),
            files: tempfile::tempdir().unwrap(),
            _daemon: daemon,
        };
        peer.announce();
        let took = start.elapsed();
        network_where(&peer.shoal, "in the DHT", |view| {
            view["dht_server"] == true && number(view, "dht_peers") >= 10
        });
        (peer, took)
    }

    /// Shares one more file, and says how long it took until it was announced.
    fn announce(&self) -> (Announced, Duration) {
        let many = fs_err::read_dir(self.files.path()).unwrap().count() + 1;
        let file = self.files.path().join(many.to_string());
        let content = format!("file {many} of {}", self.address);
        fs_err::write(&file, &content).unwrap();
        let start = Instant::now();
        let shared = self.shoal.ok(&[&"share", &file]);
        wait_for_announcements(&self.shoal, many);
        let took = start.elapsed();
        let cid = text(shared.event("shared"), "cid");
        (Announced { cid, content }, took)
    }

    /// Fetches it from whoever is found, and says how long that took from the command to its end.
    fn find(&self, announced: &Announced) -> Duration {
        let start = Instant::now();
        let got = self.shoal.ok(&[&"cat", &announced.cid]);
        let took = start.elapsed();
        assert_eq!(got.stdout, announced.content);
        took
    }
}

/// A file that the DHT knows of, and what it holds.
struct Announced {
    cid: String,
    content: String,
}

/// Each is found by another peer.
fn find_all<'a>(peers: impl Iterator<Item = &'a Peer>, all: &[Announced]) -> Vec<Duration> {
    let found = peers.zip(all);
    found
        .map(|(peer, announced)| peer.find(announced))
        .collect()
}

/// Everybody has a port of its own: who dials from the port at which it listens, as all do, would meet itself at the same port of
/// another address of its own computer.
fn listen(number: usize) -> [String; 2] {
    let (ip, port) = (address(number), 4801 + number);
    [
        format!("/ip4/{ip}/tcp/{port}"),
        format!("/ip4/{ip}/udp/{port}/quic-v1"),
    ]
}

/// One of many.
fn serve_dht(config: &mut Value, number: usize) {
    config["Addresses"]["Swarm"] = json!(listen(number));
    join_dht(config);
    // All are on one computer here, and may come from one address.
    config["Swarm"]["ResourceMgr"] = json!({ "Enabled": false });
}

/// As a public node of Kubo is: it answers for the DHT, and dials others' addresses for them.
fn join_dht(config: &mut Value) {
    config["AutoNAT"] = json!({ "ServiceMode": "enabled" });
    config["Internal"] = json!({ "Libp2pForceReachability": "public" });
    config["Provide"] = json!({ "Enabled": true, "Strategy": "roots" });
    config["Routing"] = json!({ "Type": "dhtserver", "DelegatedRouters": [] });
}

/// The same in the public DHT, between computers with public addresses.
#[test]
fn kubo_and_shoal_find_each_others_content_through_the_public_dht_alone() {
    const PEERS: usize = 100;
    let _turn = turn();
    let Some(mut lab) = Lab::new() else { return };
    let city = lab.host();
    city.be_many();
    let [kubo, seed, stranger] = [(); 3].map(|()| lab.host());
    for host in [&kubo, &seed, &stranger] {
        host.know_the_way_to(&city);
    }
    let inside = city.inside();
    let dht = inside.run(simulated::dht((0..PEERS).map(address)));
    let entrances: Vec<String> = dht[..4].iter().map(ToString::to_string).collect();
    let Some(kubo) = Kubo::at(&kubo, |config| {
        join_dht(config);
        config["Bootstrap"] = json!(entrances);
    }) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ours = trees::sample(&folder.path().join("ours"), 94, Kinds::FilesAndFolders);
    let theirs = trees::sample(&folder.path().join("theirs"), 95, Kinds::All);
    let their_cid = kubo.add(&theirs, &[]);
    let kubo = kubo.daemon();
    kubo.wait_for_peers("wan", 20);
    kubo.announce(&their_cid);
    let somebody = |host| {
        let shoal = Shoal::at(host).with("dht", "on");
        shoal.with("bootstrap", &entrances.join(","))
    };
    let seed = somebody(&seed);
    let (_daemon, _) = seed.daemon();
    let shared = seed.ok(&[&"share", &ours]);
    wait_for_announcements(&seed, 1);

    let out = folder.path().join("out");
    let cid = text(shared.event("shared"), "cid");
    kubo.wait_for_provider(&cid);
    kubo.get(&cid, &out);
    trees::assert_same(&ours, &out);
    let into = folder.path().join("into");
    somebody(&stranger).ok(&[
        &"get",
        &their_cid,
        &"--into",
        &into,
        &"--timeout",
        &HUNG_SECONDS,
    ]);
    trees::assert_same(&theirs, &into.join(&their_cid));
}

#[test]
fn a_link_leads_to_its_first_byte_among_a_thousand_peers_far_away() {
    const PEERS: usize = 1000;
    let _turn = turn();
    let Some(mut lab) = Lab::new() else { return };
    let (city, far, fetcher) = (lab.host(), lab.far_host(), lab.far_host());
    city.be_many();
    for host in [&far, &fetcher] {
        host.know_the_way_to(&city);
    }
    let inside = city.inside();
    let dht = inside.run(simulated::dht((0..PEERS).map(address)));
    let entrances: Vec<String> = dht[..4].iter().map(ToString::to_string).collect();
    let somebody = |host| {
        let shoal = Shoal::at(host).with("dht", "on");
        shoal.with("bootstrap", &entrances.join(","))
    };

    let folder = tempfile::tempdir().unwrap();
    let seed = somebody(&far);
    let (_seeding, ready) = seed.daemon();
    let share = |number: u64| {
        let file = trees::file(&folder.path().join(number.to_string()), number, 5000);
        seed.ok(&[&"share", &file]).event("shared").clone()
    };
    let shared: Vec<Value> = (0..2 * TRIES).map(share).collect();
    wait_for_announcements(&seed, shared.len());

    let fetcher = somebody(&fetcher);
    let (_fetching, _) = fetcher.daemon();
    network_where(&fetcher, "in the DHT", |view| {
        number(view, "dht_peers") >= 20
    });
    let tries = |what: &[Value], field: &str| {
        let try_one = |shared: &Value| {
            let took = to_first_byte(&fetcher, &text(shared, field));
            // It is a stranger again.
            fetcher.ok(&[&"peers", &"--block", &ready.peer]);
            fetcher.ok(&[&"peers", &"--forget", &ready.peer]);
            took
        };
        what.iter().map(try_one).collect()
    };
    let (by_cid, by_link) = shared.split_at(shared.len() / 2);
    tell("From a bare CID to the first byte", tries(by_cid, "cid"));
    tell("From a link to the first byte", tries(by_link, "link"));
}

/// Until the public DHT was told of so many shares.
pub(crate) fn wait_for_announcements(seed: &Shoal, many: usize) {
    let database = rusqlite::Connection::open(seed.data_dir().join("index.db")).unwrap();
    let announced = || {
        let count = "SELECT count(*) FROM announced WHERE time > 0";
        let count = database.query_row(count, [], |row| row.get::<_, i64>(0));
        usize::try_from(count.unwrap()).unwrap()
    };
    let describe = || format!("{} announced: {:#}", announced(), network(seed));
    until(describe, || (announced() >= many).then_some(()));
}

/// From the command to the first byte of content that it prints.
fn to_first_byte(shoal: &Shoal, what: &str) -> Duration {
    let start = Instant::now();
    let mut cat = shoal.bare_command();
    cat.args(["cat", what]).stdout(Stdio::piped());
    let mut cat = cat.spawn().unwrap();
    cat.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let took = start.elapsed();
    cat.kill().unwrap();
    cat.wait().unwrap();
    took
}

/// Prints the median and the 95th percentile, for whoever wants to know: how long it takes says as much of the machine.
fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let (median, most) = (at(50), at(95));
    say(&format!(
        "{what}: median {median:.2?}, 95th percentile {most:.2?}, {} times",
        times.len()
    ));
}

/// To the stream itself: the test harness hides what a passing test prints.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
