//! Any events, after each of which all tables must tell the same story. For the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use unixfs::cid::{Multihash, RAW, SHA2_256};

use super::budget::Budget;
use super::limits::SPOILT_MAX;
use super::peer::{Answer, Kind};
use super::session::{Coverage, Session};
use super::want::Place;
use super::*;
use crate::fuzz_input::Input;
use crate::wire::{Presence, Version};

/// More steps than any event can cause: an endless loop is no rest.
const MOST: usize = 10_000;

struct Rig {
    client: Client,
    now: Instant,
}

/// Three sessions of sixty blocks, and eight sources of which one is a gateway: each may say anything at any time.
pub(crate) fn client(input: &mut Input<'_>, now: Instant) {
    let config = ClientConfig::new(peer(0));
    let client = Client::new(config, 1);
    let mut rig = Rig { client, now };
    rig.client.budget = Budget::new(20_000);
    for _ in 0..300 {
        if input.is_over() {
            break;
        }
        rig.step(input);
        check_tables(&rig.client);
        rig.drain();
        check_tables(&rig.client);
    }
    for session in 0..3 {
        rig.client.close(SessionId(session), rig.now);
    }
    rig.drain();
    check_tables(&rig.client);
    assert_eq!(rig.client.pending(), 0);
    assert_eq!(rig.client.budget.requested(), 0);
    let next = rig.client.timers.next();
    assert!(next.is_none_or(|at| at <= rig.now + SPOILT_MAX));
}

impl Rig {
    fn step(&mut self, input: &mut Input<'_>) {
        let Self { client, now } = self;
        let now = *now;
        let kind = input.byte();
        let session = SessionId(u64::from(kind >> 5) % 3);
        match kind & 31 {
            0 | 1 => client.open(session, now),
            2 => client.close(session, now),
            3..7 => {
                let wants = input.some().iter();
                let wants = wants.map(|number| Want {
                    cid: cid(number % 60),
                    size: (*number < 200).then_some(1000),
                    priority: i32::from(number / 60),
                });
                client.want(session, wants.collect(), now);
            }
            7 => client.unwant(session, &[cid(input.byte() % 60)], now),
            8..11 => {
                let peers = input.some().iter().map(|number| peer(number % 9));
                client.add_providers(session, &peers.collect::<Vec<PeerId>>(), now);
            }
            11..14 => {
                let number = input.byte();
                let version = Version::ALL[usize::from(number >> 6)];
                match number & 7 {
                    0 => client.gateway_connected(peer(8), now),
                    other => client.connected(peer(other), version, now),
                }
            }
            14 => client.join_gateway(session, &peer(8), now),
            15 => client.disconnected(source(input), now),
            16 => client.dial_failed(source(input), now),
            17 => {
                let wanted = input.some().iter().map(|number| cid(number % 60));
                client.on_wanted(source(input), &wanted.collect::<Vec<Cid>>(), now);
            }
            18 | 19 => {
                let said = input.some().iter();
                let said = said.map(|number| (cid(number % 60), presence(*number >= 128)));
                client.on_presences(source(input), &said.collect::<Vec<_>>(), now);
            }
            20 | 21 => self.answer_all(source(input), input.flag()),
            22 => client.on_block(source(input), cid(input.byte() % 64), block(), now),
            23..26 => self.send_asked(source(input), input.below(20)),
            26 => client.on_bad_message(source(input), now),
            27 => {
                let limit = u64::from(input.short());
                client.set_download_limit((limit > 0).then_some(limit), now);
            }
            28 => client.release(5000, now),
            29 => {
                let peer = source(input);
                let under_way = client.under_way(&peer);
                client.expect_late(&peer, under_way);
                let _ = (
                    client.expects(&peer, now),
                    client.holdings(session),
                    client.is_stuck(session, now),
                );
            }
            _ => {
                self.now += input.time();
                client.on_deadline(self.now);
            }
        }
    }

    fn answer_all(&mut self, from: PeerId, has: bool) {
        let client = &mut self.client;
        let peer = client
            .peers
            .find(&from)
            .and_then(|slot| client.peers.get(slot));
        let sent = peer.map(|peer| peer.sent.keys().copied().collect::<Vec<_>>());
        let sent = sent.unwrap_or_default().into_iter();
        let all = sent.map(|id| (client.wants.get(id).unwrap().cid(), presence(has)));
        let all: Vec<(Cid, Presence)> = all.collect();
        client.on_presences(from, &all, self.now);
    }

    fn send_asked(&mut self, from: PeerId, most: usize) {
        let client = &mut self.client;
        let peer = client
            .peers
            .find(&from)
            .and_then(|slot| client.peers.get(slot));
        let asked = peer.map(|peer| peer.asked.values().copied().collect::<Vec<_>>());
        for id in asked.unwrap_or_default().into_iter().take(most) {
            if let Some(cid) = client.wants.get(id).map(want::WantState::cid) {
                client.on_block(from, cid, block(), self.now);
            }
        }
    }

    fn drain(&mut self) {
        for _ in 0..MOST {
            if let Some(action) = self.client.poll(self.now) {
                if let ClientAction::Send { entries, .. } = action {
                    assert!(
                        entries.len()
                            <= crate::limits::MAX_WANTLIST + crate::limits::MAX_MESSAGE_CANCELS
                    );
                }
                continue;
            }
            let is_later = self.client.deadline().is_none_or(|at| at > self.now);
            assert!(is_later || self.client.timers.pop_due(self.now).is_some());
            return;
        }
        panic!("the client never comes to rest");
    }
}

fn source(input: &mut Input<'_>) -> PeerId {
    peer(1 + input.byte() % 8)
}

fn peer(number: u8) -> PeerId {
    let hash = libp2p::multihash::Multihash::wrap(SHA2_256, &[number; 32]).unwrap();
    PeerId::from_multihash(hash).unwrap()
}

fn cid(number: u8) -> Cid {
    Cid::new_v1(RAW, Multihash::wrap(SHA2_256, &[number; 32]).unwrap())
}

fn block() -> Bytes {
    Bytes::from_static(&[0; 1000])
}

fn presence(has: bool) -> Presence {
    if has {
        Presence::Have
    } else {
        Presence::DontHave
    }
}

fn check_tables(client: &Client) {
    let mut requested = 0;
    for (slot, peer) in client.peers.iter() {
        assert!(peer.sent.len() <= 1024);
        let mut asked = 0;
        for (&id, sent) in &peer.sent {
            let active = client
                .wants
                .active(id)
                .expect("only active wants are in lists");
            assert!(active.listed.contains(&slot));
            assert_eq!(
                active.askers.contains(&slot),
                peer.asked.get(&sent.seq) == Some(&id)
            );
            if active.askers.contains(&slot) {
                assert_eq!(sent.kind, Kind::Block);
                asked += u64::from(sent.bytes);
            }
            if active.holders.contains(&slot) {
                assert_eq!(sent.answer, Answer::Have);
            }
        }
        assert!(peer.wrong.len() <= peer.asked.len());
        assert_eq!(peer.window.asked_bytes(), asked);
        assert_eq!(peer.asked.is_empty(), peer.window.silent_since.is_none());
        requested += asked;
        for session in &peer.sessions {
            assert!(client.sessions[session].members.contains_key(&slot));
        }
        for key in &peer.ready {
            assert_eq!(
                client.wants.active(key.3).unwrap().place,
                Place::Shared(*key)
            );
        }
    }
    assert_eq!(client.budget.requested(), requested);
    for (name, session) in &client.sessions {
        check_session(client, *name, session);
    }
    assert_eq!(
        client.wants.len(),
        client
            .sessions
            .values()
            .map(Session::pending)
            .sum::<usize>()
    );
}

fn check_session(client: &Client, name: SessionId, session: &Session) {
    for &(_, _, id) in &session.queue {
        assert!(client.wants.active(id).is_none() && client.wants.get(id).unwrap().home == name);
    }
    let (mut asked, mut shared_bytes) = (0, 0);
    let mut owned = BTreeMap::<usize, u64>::new();
    for &id in &session.active {
        let want = client.wants.get(id).unwrap();
        assert_eq!(want.home, name);
        let active = want.active.as_deref().expect("it is active");
        for list in [&active.listed, &active.askers, &active.holders] {
            let unique: BTreeSet<_> = list.iter().collect();
            assert_eq!(unique.len(), list.len());
        }
        assert!(active.askers.len() <= 2);
        assert!(
            active.listed.iter().all(|&slot| client
                .peers
                .get(slot)
                .unwrap()
                .sent
                .contains_key(&id))
        );
        assert!(
            active
                .holders
                .iter()
                .all(|slot| active.listed.contains(slot))
        );
        match active.place {
            Place::Asked => {
                assert!(
                    !active.askers.is_empty(),
                    "a want in no pool was asked of somebody"
                );
                asked += 1;
            }
            Place::Rare(key) => {
                assert!(
                    active.askers.is_empty()
                        && active.holders.is_empty()
                        && session.rare.contains(&key)
                );
                if let Some(owner) = active.owner {
                    *owned.entry(owner).or_default() += u64::from(want.expected());
                }
            }
            Place::Shared(key) => {
                assert!(active.askers.is_empty() && session.shared.contains(&key));
                shared_bytes += u64::from(want.expected());
                for &holder in &active.holders {
                    assert!(client.peers.get(holder).unwrap().ready.contains(&key));
                }
            }
        }
    }
    assert_eq!(session.asked(), asked);
    assert_eq!(session.shared_bytes, shared_bytes);
    for (slot, member) in &session.members {
        assert!(client.peers.get(*slot).unwrap().sessions.contains(&name));
        assert_eq!(member.owned_bytes, owned.get(slot).copied().unwrap_or(0));
    }
    let partials = session
        .members
        .values()
        .filter(|m| m.coverage == Coverage::Partial)
        .count();
    assert_eq!(session.partial_count, partials);
    for &id in &session.guests {
        assert!(
            client
                .wants
                .get(id)
                .unwrap()
                .sessions()
                .any(|session| session == name)
        );
    }
}
