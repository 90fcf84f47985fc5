//! Under siege: strangers do all the harm that they can to a running Shoal while honest peers, a Shoal and a Kubo, fetch from it and
//! it fetches from one. What is asked for comes, whole; what strangers make it hold has a bound, and goes with them. `make test`
//! takes a short form of each, whose verdicts hang on no clock; `make siege` (`SHOAL_SIEGE=all`) measures against undisturbed
//! transfers, and prints a table.

mod figures;
mod place;
mod stand;

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use support::siege::{Assault, Force};

use figures::{Memory, Row};
use place::Place;
use stand::Stand;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enemy {
    /// Strangers of the internet.
    Strangers(Assault),
    /// Devices in the network at home.
    Devices,
    /// Web services that the person chose.
    Services,
    /// Peers of the DHT.
    Directory,
}

struct Scene {
    name: &'static str,
    enemy: Enemy,
    /// How many come in a run of all tests, and how often they have to have struck before anything is fetched.
    sample: Force,
    struck: u64,
    /// How many come in the long form.
    all: Force,
}

/// Bytes a second that honest lines carry where it is measured: far less than the programs could, so that it is not this machine
/// that is measured.
const PACE: u64 = 4_000_000;
/// Bytes above rest that strangers may make Shoal hold, whatever they do, the transfers meanwhile included.
const STRANGERS_BYTES: u64 = 256 << 20;
/// The same of devices in the network at home.
const DEVICES_BYTES: u64 = 64 << 20;

const fn force(strangers: usize, networks: usize) -> Force {
    Force {
        strangers,
        networks,
    }
}

#[test]
fn wants_that_are_taken_back_and_asked_for_again_hold_nobody_up() {
    besiege(&Scene {
        name: "wants, taken back and asked for again",
        enemy: Enemy::Strangers(Assault::Wants),
        sample: force(6, 1),
        struck: 1000,
        all: force(16, 1),
    });
}

#[test]
fn messages_that_never_end_hold_nobody_up() {
    besiege(&Scene {
        name: "half-sent messages, one network",
        enemy: Enemy::Strangers(Assault::HalfSent),
        sample: force(8, 1),
        struck: 100,
        all: force(16, 1),
    });
}

#[test]
fn messages_that_never_end_take_little_memory_however_many_send_them() {
    besiege(&Scene {
        name: "half-sent messages, many networks",
        enemy: Enemy::Strangers(Assault::HalfSent),
        sample: force(48, 8),
        struck: 400,
        all: force(1000, 32),
    });
}

#[test]
fn readers_that_take_a_kilobyte_a_second_hold_nobody_up() {
    besiege(&Scene {
        name: "slow readers",
        enemy: Enemy::Strangers(Assault::SlowReaders),
        sample: force(48, 4),
        struck: 40,
        all: force(64, 4),
    });
}

#[test]
fn peers_that_ask_and_never_listen_take_little_memory() {
    besiege(&Scene {
        name: "questions without listening",
        enemy: Enemy::Strangers(Assault::Deaf),
        sample: force(8, 1),
        struck: 100,
        all: force(64, 4),
    });
}

#[test]
fn second_connections_that_refuse_the_exchange_hold_nobody_up() {
    besiege(&Scene {
        name: "second connections that refuse",
        enemy: Enemy::Strangers(Assault::SecondConnections),
        sample: force(6, 1),
        struck: 12,
        all: force(16, 2),
    });
}

#[test]
fn strangers_of_many_networks_leave_room_for_others() {
    besiege(&Scene {
        name: "places taken",
        enemy: Enemy::Strangers(Assault::Squatters),
        sample: force(64, 8),
        struck: 20,
        all: force(1000, 32),
    });
}

#[test]
fn handshakes_that_never_end_leave_room_for_others() {
    besiege(&Scene {
        name: "handshakes that never end",
        enemy: Enemy::Strangers(Assault::Handshakes),
        sample: force(80, 20),
        struck: 80,
        all: force(1000, 32),
    });
}

#[test]
fn records_of_what_nobody_has_hold_nobody_up() {
    besiege(&Scene {
        name: "records and questions to the DHT",
        enemy: Enemy::Strangers(Assault::Records),
        sample: force(4, 2),
        struck: 200,
        all: force(16, 1),
    });
}

#[test]
fn thousands_who_come_and_go_hold_nobody_up() {
    besiege(&Scene {
        name: "comers and goers",
        enemy: Enemy::Strangers(Assault::Comers),
        sample: force(16, 4),
        struck: 32,
        all: force(512, 32),
    });
}

#[test]
fn peers_that_are_always_somebody_else_hold_nobody_up() {
    besiege(&Scene {
        name: "identities pushed",
        enemy: Enemy::Strangers(Assault::Identities),
        sample: force(4, 1),
        struck: 100,
        all: force(16, 1),
    });
}

#[test]
fn questions_whether_doors_are_open_hold_nobody_up() {
    besiege(&Scene {
        name: "AutoNAT requests",
        enemy: Enemy::Strangers(Assault::DialRequests),
        sample: force(4, 1),
        struck: 60,
        all: force(16, 1),
    });
}

#[test]
fn relay_and_hole_punching_requests_hold_nobody_up() {
    besiege(&Scene {
        name: "relay and hole punching requests",
        enemy: Enemy::Strangers(Assault::Relaying),
        sample: force(4, 1),
        struck: 100,
        all: force(16, 1),
    });
}

#[test]
fn storms_of_made_up_devices_hold_nobody_up() {
    besiege(&Scene {
        name: "mDNS storm of three devices",
        enemy: Enemy::Devices,
        sample: force(200, 1),
        struck: 600,
        all: force(2000, 1),
    });
}

#[test]
fn web_services_that_lie_stall_and_never_end_hold_nobody_up() {
    besiege(&Scene {
        name: "gateways and routers that lie",
        enemy: Enemy::Services,
        sample: force(0, 1),
        struck: 6,
        all: force(0, 1),
    });
}

#[test]
fn liars_in_the_dht_hold_nobody_up() {
    besiege(&Scene {
        name: "liars in the DHT",
        enemy: Enemy::Directory,
        sample: force(12, 12),
        struck: 4,
        all: force(30, 30),
    });
}

/// One at a time where they are measured.
static TURN: Mutex<()> = Mutex::new(());

fn besiege(scene: &Scene) {
    if std::env::var("SHOAL_SIEGE").is_ok_and(|form| form == "all") {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        measure(scene);
    } else {
        sample(scene);
    }
}

/// What is asked for comes all the same, and nothing is left of the strangers.
fn sample(scene: &Scene) {
    const SIZE: u64 = 3_000_000;
    const KNOWN: u64 = 24;
    let Some(place) = Place::new(scene.enemy) else {
        return;
    };
    let stand = Stand::new(&place, KNOWN);
    let undisturbed = stand.prepare(0, SIZE);
    stand.transfer(&undisturbed);
    let round = stand.prepare(1, SIZE);
    let rest = stand.rest();
    let memory = Memory::watch(stand.process());
    let siege = stand.lay(scene.enemy, scene.sample);
    stand.wait_for_blows(&siege, scene.struck);
    stand.part();
    stand.transfer(&round);
    let above = memory.peak().saturating_sub(rest.bytes);
    let blows = siege.blows();
    siege.lift();
    let most = match scene.enemy {
        Enemy::Devices => DEVICES_BYTES,
        Enemy::Strangers(_) | Enemy::Services | Enemy::Directory => STRANGERS_BYTES,
    };
    let name = scene.name;
    // To the stream itself: the test harness hides what a passing test prints.
    let _ = writeln!(
        std::io::stderr(),
        "{name}: {blows} blows, {above} bytes more than at rest"
    );
    assert!(above <= most, "{name}: {above} bytes more than at rest");
    stand.wait_for_rest(&rest);
}

/// The same against the clock.
fn measure(scene: &Scene) {
    const SIZE: u64 = 32_000_000;
    const KNOWN: u64 = 200;
    let Some(place) = Place::new(scene.enemy) else {
        return;
    };
    place.be_far(PACE);
    let stand = Stand::new(&place, KNOWN);
    let warm = stand.prepare(0, SIZE / 8);
    stand.transfer(&warm);
    let undisturbed = stand.prepare(1, SIZE);
    stand.part();
    let undisturbed = stand.timed(&undisturbed);
    let round = stand.prepare(2, SIZE);
    let rest = stand.rest();
    let memory = Memory::watch(stand.process());
    let siege = stand.lay(scene.enemy, scene.all);
    stand.endure(&siege);
    let alone = memory.peak().saturating_sub(rest.bytes);
    stand.part();
    let disturbed = stand.timed(&round);
    let above = memory.peak().saturating_sub(rest.bytes);
    let blows = siege.blows();
    siege.lift();
    figures::print(&Row {
        name: scene.name,
        force: scene.all,
        blows,
        undisturbed,
        disturbed,
        alone,
        above,
        after: stand.comes_to_rest(&rest),
    });
}
