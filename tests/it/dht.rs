//! Finding content by its CID alone: through the DHT, with Kubo in it, with liars in it, and with a great many peers in it.
//!
//! On this machine Shoal and Kubo meet in the local DHT (`/ipfs/lan/kad/1.0.0`), for Kubo keeps private addresses out of the public one.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::net::NetworkInfo;
use futures::future::join_all;
use libp2p::Multiaddr;
use serde_json::{Value, json};

use crate::lab::{network, network_where, until};
use crate::support::dht::peers::Peer;
use crate::support::dht::{address, simulated};
use crate::support::kubo::{Daemon, Kubo};
use crate::support::lab::Lab;
use crate::support::shoal::{Shoal, number, text};
use crate::support::trees::{self, Kinds};

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
    taking.get(&cid, &out);
    trees::assert_same(&ours, &out);

    let cid = giver.add(&theirs, &[]);
    let giving = giver.daemon();
    announce(&giving, &cid);
    let into = folder.path().join("into");
    neighbour().ok(&[&"get", &cid, &"--into", &into, &"--timeout", &"100"]);
    trees::assert_same(&theirs, &into.join(&cid));
}

/// Kubo announces only once it knows somebody.
fn announce(kubo: &Daemon<'_>, cid: &str) {
    kubo.wait_for_peers("lan", 1);
    kubo.announce(cid);
}

/// A person who waits longer thinks that it does not work. Far above what is measured: the machine does other things too.
const BEARABLE: Duration = Duration::from_secs(30);
const KEYS: usize = 20;
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
    // One after another: for one process, to greet a whole DHT is much, and this is no test of that.
    let join = |number: usize| join_as_server(KUBOS + number, entrances.clone());
    let joined = (0..SHOALS).map(|number| inside.run(join(number)));
    let (peers, joined): (Vec<Peer>, Vec<Duration>) = joined.unzip();
    let peers = Arc::new(peers);
    tell("Shoal starts, comes in and announces", joined);

    let folder = tempfile::tempdir().unwrap();
    let measure = |round: usize| {
        let (announced, found) = inside.run(exchange(Arc::clone(&peers), round));
        // Each of them waits a minute for those who don't answer.
        let files = all_at_once(kubos.iter().take(KEYS).enumerate().map(|(number, kubo)| {
            let file = folder.path().join(format!("{round}-{number}"));
            let text = format!("a file of Kubo's, round {round}, number {number}");
            move || {
                fs_err::write(&file, text).unwrap();
                let cid = kubo.add(&file);
                kubo.announce(&cid);
                cid
            }
        }));
        let found_of_kubo = inside.run(find_all(Arc::clone(&peers), files));
        tell("Shoal announces", announced);
        [
            tell("Shoal finds what Shoal announced", found),
            tell("Shoal finds what Kubo announced", found_of_kubo),
        ]
    };
    let mut all = measure(0).to_vec();

    let victims: Vec<Multiaddr> = kubos
        .iter()
        .map(|kubo| kubo.addresses[0].parse().unwrap())
        .chain(peers.iter().map(|peer| inside.run(peer.address())))
        .collect();
    let from = KUBOS + SHOALS;
    let before = inside.run(tables(Arc::clone(&peers), |_, _| true));
    inside.run(simulated::attack(
        (from..from + HOSTILE).map(address),
        victims,
    ));
    // Most of them are in most tables.
    inside.run(tables(Arc::clone(&peers), move |number, known| {
        known >= before[number] + 5
    }));
    say(&format!("{HOSTILE} hostile peers come in"));
    all.extend(measure(1));
    assert!(all.iter().all(|most| *most < BEARABLE), "{all:?}");
}

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

/// How many each peer knows, once it is as many as it should.
async fn tables(peers: Arc<Vec<Peer>>, fits: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut known = Vec::new();
    for (number, peer) in peers.iter().enumerate() {
        let fits = |network: &NetworkInfo| fits(number, network.dht_peers.unwrap_or_default());
        let network = peer.network_where("another size of the table", fits).await;
        known.extend(network.dht_peers);
    }
    known
}

/// Everybody's block is announced, by all at once, and found by another peer.
async fn exchange(peers: Arc<Vec<Peer>>, round: usize) -> (Vec<Duration>, Vec<Duration>) {
    let data = |number: usize| Bytes::from(format!("a block, round {round}, number {number}"));
    let announcing = (0..KEYS).map(|number| peers[number].announce(data(number)));
    let (mut announced, mut found) = (Vec::new(), Vec::new());
    for (number, (cid, took)) in join_all(announcing).await.into_iter().enumerate() {
        announced.push(took);
        let (got, took) = peers[peers.len() - 1 - number].find(cid).await;
        found.push(took);
        assert_eq!(got, data(number));
    }
    (announced, found)
}

/// Each is found by another peer.
async fn find_all(peers: Arc<Vec<Peer>>, cids: Vec<String>) -> Vec<Duration> {
    let mut found = Vec::new();
    for (peer, cid) in peers.iter().zip(cids) {
        found.push(peer.find(cid.parse().unwrap()).await.1);
    }
    found
}

/// Everybody has another one: who dials from the port at which it listens, as all do, would meet itself at the same port of another
/// address of its own computer.
fn port(number: usize) -> u16 {
    4801 + u16::try_from(number).unwrap()
}

/// One of many.
fn serve_dht(config: &mut Value, number: usize) {
    let (ip, port) = (address(number), port(number));
    config["Addresses"]["Swarm"] = json!([
        format!("/ip4/{ip}/tcp/{port}"),
        format!("/ip4/{ip}/udp/{port}/quic-v1"),
    ]);
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
    kubo.get(&text(shared.event("shared"), "cid"), &out);
    trees::assert_same(&ours, &out);
    let into = folder.path().join("into");
    somebody(&stranger).ok(&[&"get", &their_cid, &"--into", &into, &"--timeout", &"100"]);
    trees::assert_same(&theirs, &into.join(&their_cid));
}

#[test]
fn a_link_leads_to_its_first_byte_soon_among_a_thousand_peers_far_away() {
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
    let all = [
        tell("From a bare CID to the first byte", tries(by_cid, "cid")),
        tell("From a link to the first byte", tries(by_link, "link")),
    ];
    assert!(all.iter().all(|most| *most < BEARABLE));
}

/// Until the public DHT was told of so many shares.
fn wait_for_announcements(seed: &Shoal, many: usize) {
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

/// A new peer that answers for the DHT, and how long it took from its start until it had announced something.
async fn join_as_server(number: usize, entrances: Vec<String>) -> (Peer, Duration) {
    let start = Instant::now();
    let peer = Peer::join(address(number), port(number), &entrances).await;
    peer.announce(Bytes::from(format!("the first block of peer {number}")))
        .await;
    let took = start.elapsed();
    peer.network_where("a place in the DHT", |network| {
        network.dht_server && network.dht_peers.is_some_and(|peers| peers >= 10)
    })
    .await;
    (peer, took)
}

/// Prints the median and the 95th percentile, and gives the latter.
fn tell(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let (median, most) = (at(50), at(95));
    say(&format!(
        "{what}: median {median:.2?}, 95th percentile {most:.2?}, {} times",
        times.len()
    ));
    most
}

/// To the stream itself: the test harness hides what a passing test prints.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
