//! All of them, running: the besieged, honest peers, and those who besiege.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::Wire;
use support::dag;
use support::dht;
use support::dht::simulated::{self, Hostile};
use support::kubo::Daemon;
use support::lab::Inside;
use support::process::{anonymous, handles};
use support::shoal::{Ready, Running, Shoal, text};
use support::siege::web::Liars;
use support::siege::{Force, Siege, Target, is_hostile};
use support::trees;
use support::wait::{HUNG, HUNG_SECONDS, until, within};

use super::Enemy;
use super::figures::{After, Held, Waits};
use super::place::{DHT_PEERS, Place};
use crate::dht::wait_for_announcements;
use crate::lab::network_where;

/// How long they are let before anything is fetched, where time is measured.
const ENDURE: Duration = Duration::from_secs(15);
/// In which all has to be as it was.
const REST: Duration = Duration::from_mins(1);
/// Handles that may come and go by themselves: of the index, of honest peers.
const SPARE_HANDLES: usize = 40;
/// Small files of a round, whose first bytes are waited for.
const SMALL: u64 = 5;
/// In which Kubo fetches, or begins anew with what it has by then.
const KUBO_SECONDS: u32 = 30;
/// Bytes of a block.
const BLOCK: usize = 1 << 20;

/// All of them, running.
pub(super) struct Stand<'a> {
    place: &'a Place,
    daemon: Running,
    ready: Ready,
    _honest: Running,
    honest_ready: Ready,
    _kubo: Daemon<'a>,
    target: Target,
}

/// Content that nobody has fetched yet: what the besieged has, and what the honest Shoal has.
pub(super) struct Round {
    number: u64,
    from: Shared,
    to: Shared,
    small_from: Vec<Shared>,
    small_to: Vec<Shared>,
}

struct Shared {
    file: PathBuf,
    cid: String,
}

/// Those who are there, and how they are made to go.
pub(super) enum Laid<'a> {
    Siege(Siege),
    Liars(&'a Liars),
    /// With where they are, whose end is theirs.
    Directory(Hostile, Inside),
}

impl Laid<'_> {
    pub(super) fn blows(&self) -> u64 {
        match self {
            Self::Siege(siege) => siege.blows(),
            Self::Liars(liars) => liars.blows(),
            Self::Directory(hostile, _) => hostile.asked() as u64,
        }
    }

    pub(super) fn lift(self) {
        match self {
            Self::Siege(siege) => drop(siege),
            Self::Liars(liars) => liars.end(),
            Self::Directory(_, inside) => drop(inside),
        }
    }

    /// They do something only when they are asked.
    fn waits_to_be_asked(&self) -> bool {
        !matches!(self, Self::Siege(_))
    }
}

impl<'a> Stand<'a> {
    /// Starts them; strangers know so many blocks of what the besieged has.
    pub(super) fn new(place: &'a Place, known: u64) -> Self {
        let (daemon, ready) = place.besieged.daemon();
        let (honest, honest_ready) = place.honest.daemon();
        for shoal in [&place.besieged, &place.honest] {
            if place.dht.is_some() {
                network_where(shoal, "answering for the DHT", |view| {
                    view["dht_server"] == true
                });
            }
        }
        let kubo = place.kubo.daemon();
        let known = trees::file(&place.folder.path().join("known"), 99, known << 20);
        let small = trees::file(&place.folder.path().join("small"), 98, 100_000);
        let mut blocks = Vec::new();
        for file in [small, known] {
            place.besieged.ok(&[&"share", &file]);
            let bytes = fs_err::read(&file).unwrap();
            blocks.extend(bytes.chunks(BLOCK).map(|block| dag::raw(block).cid));
        }
        let at = |wire| {
            let address = ready.address(wire);
            let (address, _) = address.rsplit_once("/p2p/").unwrap();
            address.parse().unwrap()
        };
        let target = Target {
            tcp: at(Wire::TcpTls),
            quic: at(Wire::Quic),
            blocks,
        };
        Self {
            place,
            daemon,
            ready,
            _honest: honest,
            honest_ready,
            _kubo: kubo,
            target,
        }
    }

    pub(super) fn process(&self) -> u32 {
        self.daemon.id()
    }

    /// Shares what the round is about.
    pub(super) fn prepare(&self, number: u64, size: u64) -> Round {
        let seed = 1000 * (number + 1);
        let share = |shoal: &Shoal, name: &str, seed: u64, size: u64| {
            let file = self.place.folder.path().join(format!("{name}-{seed}"));
            trees::file(&file, seed, size);
            let shared = shoal.ok(&[&"share", &file]);
            let cid = text(shared.event("shared"), "cid");
            Shared { file, cid }
        };
        let (besieged, honest) = (&self.place.besieged, &self.place.honest);
        let small = |shoal: &Shoal, name: &str, first: u64| -> Vec<Shared> {
            let shared = (first..first + SMALL).map(|seed| share(shoal, name, seed, 5000));
            shared.collect()
        };
        let round = Round {
            number,
            from: share(besieged, "from", seed, size),
            to: share(honest, "to", seed + 500, size),
            small_from: small(besieged, "small-from", seed + 100),
            small_to: small(honest, "small-to", seed + 600),
        };
        if self.place.dht.is_some() {
            let shared = honest.ok(&[&"list"]).events;
            wait_for_announcements(honest, shared.len());
        }
        round
    }

    /// What the besieged holds now.
    pub(super) fn rest(&self) -> Held {
        Held {
            bytes: anonymous(self.process()).unwrap(),
            handles: handles(self.process()).unwrap(),
        }
    }

    pub(super) fn lay(&self, enemy: Enemy, force: Force) -> Laid<'a> {
        let enemies = &self.place.enemies;
        match enemy {
            Enemy::Strangers(assault) => {
                Laid::Siege(Siege::lay(&enemies[0], assault, force, &self.target))
            }
            Enemy::Devices => Laid::Siege(Siege::storm(enemies, force.strangers)),
            Enemy::Services => {
                let liars = self.place.liars.as_ref().unwrap();
                liars.begin();
                Laid::Liars(liars)
            }
            Enemy::Directory => {
                let inside = enemies[0].inside();
                let ips = (DHT_PEERS..DHT_PEERS + force.strangers).map(dht::address);
                let victim = self.ready.address(Wire::TcpTls).parse().unwrap();
                let hostile = inside.run(simulated::attack(ips, vec![victim]));
                let describe = || format!("{} have not met", hostile.unmet());
                until(describe, || (hostile.unmet() == 0).then_some(()));
                Laid::Directory(hostile, inside)
            }
        }
    }

    /// Until they have struck so often; whoever lies only when asked is asked.
    pub(super) fn wait_for_blows(&self, laid: &Laid<'_>, blows: u64) {
        let describe = || format!("{} of {blows} blows", laid.blows());
        until(describe, || {
            if laid.waits_to_be_asked() {
                self.ask_for_nothing();
            }
            (laid.blows() >= blows).then_some(())
        });
    }

    /// A download that only liars say anything about.
    fn ask_for_nothing(&self) {
        let nothing = dag::raw(format!("{:?}", Instant::now()).as_bytes()).cid;
        let nothing = nothing.to_string();
        let besieged = &self.place.besieged;
        besieged.run(&[&"cat", &nothing, &"--timeout", &"3"]);
    }

    /// A while of it.
    pub(super) fn endure(&self, laid: &Laid<'_>) {
        if laid.waits_to_be_asked() {
            self.ask_for_nothing();
        }
        std::thread::sleep(ENDURE);
    }

    /// Honest peers hang up: to the besieged they come anew.
    pub(super) fn part(&self) {
        let besieged = self.ready.address(Wire::TcpTls);
        let disconnect = ["swarm", "disconnect", besieged];
        // It may be gone by itself.
        let _ = self.place.kubo.command().args(disconnect).output();
        for standing in ["--block", "--forget"] {
            let honest = &self.place.honest;
            honest.ok(&[&"peers", &standing, &self.ready.peer]);
        }
    }

    /// All three at once, to the last byte.
    pub(super) fn transfer(&self, round: &Round) -> [Duration; 3] {
        std::thread::scope(|scope| {
            let shoal = scope.spawn(|| {
                let from = self.ready.address(Wire::TcpTls);
                self.get(&self.place.honest, &round.from, &[from])
            });
            let kubo = scope.spawn(|| self.get_by_kubo(round));
            let own =
                scope.spawn(|| self.get(&self.place.besieged, &round.to, &self.way_to_honest()));
            [shoal, kubo, own].map(|transfer| transfer.join().unwrap())
        })
    }

    /// Where the besieged is told to find the honest Shoal: nowhere, if it can find out in the DHT.
    fn way_to_honest(&self) -> Vec<&str> {
        if self.place.dht.is_some() {
            return Vec::new();
        }
        vec![self.honest_ready.address(Wire::Quic)]
    }

    fn get(&self, shoal: &Shoal, shared: &Shared, from: &[&str]) -> Duration {
        let into = self.place.folder.path().join("into").join(&shared.cid);
        let start = Instant::now();
        let mut get: Vec<&dyn AsRef<OsStr>> = vec![&"get", &shared.cid, &"--into", &into];
        get.extend([&"--timeout" as &dyn AsRef<OsStr>, &HUNG_SECONDS]);
        for from in from {
            get.extend([&"--provider" as &dyn AsRef<OsStr>, from]);
        }
        shoal.ok(&get);
        let took = start.elapsed();
        trees::assert_same(&shared.file, &into.join(&shared.cid));
        took
    }

    fn get_by_kubo(&self, round: &Round) -> Duration {
        let out = self
            .place
            .folder
            .path()
            .join(format!("kubo-{}", round.number));
        let start = Instant::now();
        let kubo = |arguments: &[&dyn AsRef<OsStr>]| {
            let mut command = self.place.kubo.command();
            command.args(arguments.iter().map(AsRef::as_ref));
            command.output().unwrap().status.success()
        };
        // It may be turned away, as anybody; then it tries again.
        until("what Kubo fetches", || {
            let _ = fs_err::remove_file(&out);
            let way = self.ready.address(Wire::TcpTls);
            let patience = format!("--timeout={KUBO_SECONDS}s");
            let is_in = kubo(&[&"swarm", &"connect", &way]);
            if is_in && kubo(&[&"get", &patience, &"-o", &out, &round.from.cid]) {
                return Some(());
            }
            kubo(&[&"swarm", &"disconnect", &way]);
            None
        });
        let took = start.elapsed();
        trees::assert_same(&round.from.file, &out);
        took
    }

    /// What honest peers wait for.
    pub(super) fn timed(&self, round: &Round) -> Waits {
        let [shoal, kubo, own] = self.transfer(round);
        let from = self.ready.address(Wire::TcpTls);
        Waits {
            shoal,
            kubo,
            own,
            first: median(&self.place.honest, &round.small_from, &[from]),
            own_first: median(&self.place.besieged, &round.small_to, &self.way_to_honest()),
        }
    }

    /// Until nobody of them is connected, and nothing open that was for them.
    pub(super) fn wait_for_rest(&self, rest: &Held) {
        let describe = || format!("{} handles, {} at rest", self.rest().handles, rest.handles);
        until(describe, || self.is_at_rest(rest).then_some(()));
    }

    /// The same within a minute, and what memory is like then.
    pub(super) fn comes_to_rest(&self, rest: &Held) -> After {
        let lifted = Instant::now();
        let gone = within(REST, || self.is_at_rest(rest).then(|| lifted.elapsed()));
        let is_free = || self.rest().bytes.saturating_sub(rest.bytes) < rest.bytes / 10;
        within(REST.saturating_sub(lifted.elapsed()), || {
            is_free().then_some(())
        });
        After {
            gone,
            above: self.rest().bytes.saturating_sub(rest.bytes),
        }
    }

    fn is_at_rest(&self, rest: &Held) -> bool {
        let peers = self.place.besieged.ok(&[&"peers"]).stdout;
        !is_hostile(&peers) && self.rest().handles <= rest.handles + SPARE_HANDLES
    }
}

fn median(shoal: &Shoal, small: &[Shared], from: &[&str]) -> Duration {
    let mut waits: Vec<Duration> = small
        .iter()
        .map(|shared| to_first_byte(shoal, &shared.cid, from))
        .collect();
    waits.sort_unstable();
    waits[waits.len() / 2]
}

/// From the command to the first byte of content that it prints; very long if there is none.
fn to_first_byte(shoal: &Shoal, cid: &str, from: &[&str]) -> Duration {
    let start = Instant::now();
    let mut cat = shoal.bare_command();
    let hints: Vec<String> = from.iter().map(|at| format!("?provider={at}")).collect();
    cat.args(["cat", &format!("ipfs://{cid}{}", hints.concat())]);
    let mut cat = cat.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = cat.stdout.take().unwrap();
    let came = stdout.read_exact(&mut [0]).is_ok();
    let took = if came { start.elapsed() } else { HUNG };
    drop(stdout);
    cat.kill().unwrap();
    cat.wait().unwrap();
    took
}
