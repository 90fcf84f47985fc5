//! What the client says to whom, step by step. That its tables agree after any sequence of events is
//! tried by the fuzzer (`client/fuzz.rs`).

use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use unixfs::cid::{Cid, Multihash};

use super::{Client, ClientAction, ClientConfig, SessionId, Want};
use crate::wire::{Presence, Version, WantEntry, WantType};

mod wrong;

const SESSION: SessionId = SessionId(1);

fn peer(n: u8) -> PeerId {
    let hash = libp2p::multihash::Multihash::wrap(0x12, &[n; 32]).unwrap();
    PeerId::from_multihash(hash).unwrap()
}

fn cid(n: u8) -> Cid {
    Cid::new_v1(0x55, Multihash::wrap(0x12, &[n; 32]).unwrap())
}

fn want(n: u8, priority: i32) -> Want {
    Want {
        cid: cid(n),
        size: Some(1000),
        priority,
    }
}

fn block() -> Bytes {
    Bytes::from_static(&[0; 1000])
}

struct Rig {
    client: Client,
    now: Instant,
}

impl Rig {
    /// An open session that wants these blocks of equal priority, and connected peers of version
    /// 1.2.
    fn new(blocks: impl IntoIterator<Item = u8>, connected: &[u8], providers: &[u8]) -> Self {
        let now = Instant::now();
        let mut client = Client::new(ClientConfig::new(peer(0)), 1);
        for &n in connected {
            client.connected(peer(n), Version::V1_2, now);
        }
        client.open(SESSION, now);
        let providers: Vec<PeerId> = providers.iter().map(|&n| peer(n)).collect();
        client.add_providers(SESSION, &providers, now);
        client.want(
            SESSION,
            blocks.into_iter().map(|n| want(n, 0)).collect(),
            now,
        );
        Self { client, now }
    }

    /// Everything to be done now and in the next 20 ms, in short words.
    fn actions(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for _ in 0..3 {
            while let Some(action) = self.client.poll(self.now) {
                out.push(short(&action));
            }
            self.now += Duration::from_millis(10);
            self.client.on_deadline(self.now);
        }
        out
    }

    /// The blocks that are asked for now.
    fn asked(&mut self) -> Vec<u8> {
        let said = self.actions();
        let words = said.iter().flat_map(|action| action.split([':', ';']));
        let blocks = words.filter_map(|word| word.trim().strip_prefix("block "));
        blocks.map(|n| n.parse().unwrap()).collect()
    }

    fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.actions(), expected);
    }

    fn presences(&mut self, from: u8, blocks: &[u8], presence: Presence) {
        let presences: Vec<_> = blocks.iter().map(|&n| (cid(n), presence)).collect();
        self.client.on_presences(peer(from), &presences, self.now);
    }

    fn block(&mut self, from: u8, n: u8) {
        self.client.on_block(peer(from), cid(n), block(), self.now);
    }
}

impl Client {
    pub(crate) fn knows(&self, peer: &PeerId) -> bool {
        self.peers.find(peer).is_some()
    }
}

fn name(id: &PeerId) -> String {
    let n = (0..=u8::MAX).find(|&n| peer(n) == *id);
    n.map_or_else(|| id.to_string(), |n| format!("p{n}"))
}

fn short(action: &ClientAction) -> String {
    let entry = |e: &WantEntry| {
        let n = e.cid.hash().digest()[0];
        match (e.cancel, e.want_type, e.send_dont_have) {
            (true, ..) => format!("cancel {n}"),
            (_, WantType::Block, true) => format!("block {n}"),
            (_, WantType::Block, false) => format!("block {n}, silent"),
            (_, WantType::Have, _) => format!("have {n}"),
        }
    };
    match action {
        ClientAction::Send {
            peer,
            entries,
            full,
        } => {
            let mut entries: Vec<String> = entries.iter().map(entry).collect();
            entries.sort();
            format!(
                "{}{} {}",
                name(peer),
                if *full { " full:" } else { ":" },
                entries.join("; ")
            )
        }
        ClientAction::Deliver { session, cid, .. } => {
            format!("deliver {} to {}", cid.hash().digest()[0], session.0)
        }
        ClientAction::FindProviders { .. } => "find providers".to_owned(),
        ClientAction::Dial { peer } => format!("dial {}", name(peer)),
        ClientAction::Misbehaved { peer } => format!("misbehaved {}", name(peer)),
    }
}

#[test]
fn a_known_source_is_asked_for_blocks_outright() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.check(&["p1 full: block 1; block 2"]);
    rig.block(1, 1);
    rig.check(&["deliver 1 to 1"]);
    rig.block(1, 2);
    rig.check(&["deliver 2 to 1"]);
    assert_eq!(rig.client.pending(), 0);
}

#[test]
fn strangers_are_only_asked_what_they_have() {
    let mut rig = Rig::new([1, 2], &[1], &[]);
    rig.check(&["p1 full: have 1; have 2"]);
    rig.presences(1, &[1], Presence::Have);
    rig.check(&["p1: block 1; block 2"]);
}

#[test]
fn a_provider_that_is_away_is_dialled_and_asked_when_it_comes() {
    let mut rig = Rig::new([1], &[], &[5]);
    rig.check(&["dial p5"]);
    rig.client.connected(peer(5), Version::V1_2, rig.now);
    rig.check(&["p5 full: block 1"]);
}

#[test]
fn old_peers_are_asked_for_blocks_only() {
    let mut rig = Rig::new([1], &[], &[5]);
    rig.client.connected(peer(5), Version::V1_0, rig.now);
    rig.client.connected(peer(6), Version::V1_1, rig.now);
    rig.check(&["dial p5", "p5 full: block 1, silent"]);
}

#[test]
fn a_block_is_asked_of_one_peer_and_of_the_next_when_that_one_lacks_it() {
    let mut rig = Rig::new([1], &[1, 2], &[1, 2]);
    rig.check(&["p1 full: block 1"]);
    rig.presences(1, &[1], Presence::DontHave);
    // The first one is left with a standing want-have, in a message after the cancel.
    rig.check(&["p1: cancel 1", "p1: have 1", "p2 full: block 1"]);
    rig.block(2, 1);
    rig.check(&["deliver 1 to 1", "p1: cancel 1"]);
}

#[test]
fn a_session_is_stuck_when_everybody_says_no_to_all_that_is_left() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.actions();
    rig.presences(1, &[1], Presence::DontHave);
    rig.actions();
    assert!(
        !rig.client.is_stuck(SESSION, rig.now),
        "the other is on its way"
    );
    rig.block(1, 2);
    rig.actions();
    assert!(rig.client.is_stuck(SESSION, rig.now));
    rig.client.connected(peer(2), Version::V1_2, rig.now);
    rig.client.add_providers(SESSION, &[peer(2)], rig.now);
    rig.actions();
    assert!(
        !rig.client.is_stuck(SESSION, rig.now),
        "somebody new may have it"
    );
    rig.presences(2, &[1], Presence::DontHave);
    rig.actions();
    assert!(rig.client.is_stuck(SESSION, rig.now));
    rig.presences(2, &[1], Presence::Have);
    rig.actions();
    assert!(!rig.client.is_stuck(SESSION, rig.now));
    rig.client.disconnected(peer(1), rig.now);
    rig.client.disconnected(peer(2), rig.now);
    assert!(
        !rig.client.is_stuck(SESSION, rig.now),
        "nobody is there to say so"
    );
}

#[test]
fn who_does_not_have_what_it_said_is_not_asked_again_at_once() {
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.check(&["p1 full: block 1"]);
    rig.presences(1, &[1], Presence::DontHave);
    rig.check(&["p1: cancel 1", "p1: have 1"]);
    rig.presences(1, &[1], Presence::Have);
    rig.check(&["p1: block 1"]);
    rig.presences(1, &[1], Presence::DontHave);
    rig.check(&["p1: cancel 1"]);
    assert!(rig.client.is_stuck(SESSION, rig.now));
    rig.now += super::limits::RETRY_REFUSED;
    rig.client.on_deadline(rig.now);
    rig.check(&["find providers", "p1: have 1"]);
}

/// Not everybody tells when a disk is back.
#[test]
fn who_said_no_is_asked_again_ever_more_rarely() {
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.actions();
    rig.presences(1, &[1], Presence::DontHave);
    rig.check(&["p1: cancel 1", "p1: have 1"]);
    let start = rig.now;
    let mut times = Vec::new();
    while let Some(at) = rig
        .client
        .deadline()
        .filter(|at| *at < start + Duration::from_hours(1))
    {
        rig.now = at;
        rig.client.on_deadline(at);
        while let Some(action) = rig.client.poll(at) {
            if short(&action) == "p1: have 1" {
                times.push((at - start).as_secs());
                rig.client
                    .on_presences(peer(1), &[(cid(1), Presence::DontHave)], at);
            }
        }
    }
    assert!((8..15).contains(&times.len()), "{times:?}");
    assert!(times[0] < 10 && times[2] < 60, "{times:?}");
    rig.presences(1, &[1], Presence::Have);
    rig.check(&["p1: block 1"]);
}

#[test]
fn who_obtains_a_block_later_is_asked_then() {
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.check(&["p1 full: block 1"]);
    rig.presences(1, &[1], Presence::DontHave);
    rig.check(&["p1: cancel 1", "p1: have 1"]);
    rig.presences(1, &[1], Presence::Have);
    rig.check(&["p1: block 1"]);
}

#[test]
fn higher_priority_goes_first() {
    let mut rig = Rig::new([], &[1], &[1]);
    rig.client.config.budget = 2000;
    rig.client.budget = super::budget::Budget::new(2000);
    let wants = (1..=20).map(|n| want(n, i32::from(n))).collect();
    rig.client.want(SESSION, wants, rig.now);
    rig.check(&["p1 full: block 19; block 20"]);
    rig.block(1, 20);
    rig.check(&["deliver 20 to 1"]);
    rig.client.release(1000, rig.now);
    rig.check(&["p1: block 18"]);
}

/// Otherwise a folder of small files costs a round trip for each.
#[test]
fn small_blocks_are_asked_for_by_the_hundred_whether_their_size_is_told_or_not() {
    let unknown = |n: u8| Want {
        size: None,
        ..want(n, 0)
    };
    let mut rig = Rig::new([], &[1], &[1]);
    rig.client
        .want(SESSION, (1..=100).map(|n| want(n, 0)).collect(), rig.now);
    assert_eq!(rig.asked().len(), 100);

    let mut rig = Rig::new([], &[1], &[1]);
    rig.client
        .want(SESSION, (1..=200).map(unknown).collect(), rig.now);
    let mut rounds = Vec::new();
    loop {
        let asked = rig.asked();
        if asked.is_empty() {
            break;
        }
        rounds.push(asked.len());
        rig.now += Duration::from_millis(50);
        for n in asked {
            rig.block(1, n);
            rig.client.release(1000, rig.now);
        }
    }
    assert_eq!(rounds.iter().sum::<usize>(), 200);
    assert!(rounds.len() <= 6, "{rounds:?}");
}

#[test]
fn a_block_wanted_twice_is_asked_once_and_delivered_twice() {
    let other = SessionId(2);
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.client.open(other, rig.now);
    // Another name of the same bytes.
    let alias = Cid::new_v1(0x70, *cid(1).hash());
    let wants = vec![Want {
        cid: alias,
        size: None,
        priority: 0,
    }];
    rig.client.want(other, wants, rig.now);
    rig.check(&["p1 full: block 1"]);
    rig.block(1, 1);
    rig.check(&["deliver 1 to 1", "deliver 1 to 2"]);
}

#[test]
fn what_the_closed_session_shared_is_inherited() {
    let other = SessionId(2);
    let mut rig = Rig::new([1], &[1], &[1]);
    rig.client.open(other, rig.now);
    rig.client.add_providers(other, &[peer(1)], rig.now);
    rig.client.want(other, vec![want(1, 0)], rig.now);
    rig.check(&["p1 full: block 1"]);
    rig.client.close(SESSION, rig.now);
    rig.check(&["p1: cancel 1", "p1: block 1"]);
    rig.block(1, 1);
    rig.check(&["deliver 1 to 2"]);
}

#[test]
fn what_nobody_wants_any_more_is_cancelled() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.check(&["p1 full: block 1; block 2"]);
    rig.client.unwant(SESSION, &[cid(1)], rig.now);
    rig.check(&["p1: cancel 1"]);
    rig.client.close(SESSION, rig.now);
    rig.check(&["p1: cancel 2"]);
    // The block that was under way is no offence.
    rig.block(1, 1);
    rig.check(&[]);
}

#[test]
fn fellow_downloaders_are_found_by_what_they_ask() {
    let mut rig = Rig::new([1, 2], &[1], &[1]);
    rig.check(&["p1 full: block 1; block 2"]);
    rig.client.connected(peer(2), Version::V1_2, rig.now);
    rig.check(&["p2 full: have 1; have 2"]);
    rig.client.on_wanted(peer(2), &[cid(2), cid(9)], rig.now);
    rig.check(&[]);
    assert!(rig.client.sessions[&SESSION].has_partials());
}

#[test]
fn without_sources_providers_are_looked_for_and_ever_more_rarely() {
    let mut rig = Rig::new([1], &[], &[]);
    let start = rig.now;
    let mut times = Vec::new();
    while let Some(at) = rig
        .client
        .deadline()
        .filter(|at| *at < start + Duration::from_hours(1))
    {
        rig.now = at;
        rig.client.on_deadline(at);
        while let Some(action) = rig.client.poll(at) {
            assert_eq!(short(&action), "find providers");
            times.push((at - start).as_secs());
        }
    }
    assert_eq!(times[0], 0);
    assert!((8..15).contains(&times.len()), "{times:?}");
}

#[test]
fn a_bystander_is_not_blamed_and_a_nuisance_is() {
    let mut rig = Rig::new([1], &[1, 2], &[1]);
    rig.actions();
    for n in 100..=150 {
        rig.client.on_block(peer(2), cid(n), block(), rig.now);
    }
    rig.check(&["misbehaved p2"]);
    rig.client.on_bad_message(peer(1), rig.now);
    rig.check(&[]);
}
