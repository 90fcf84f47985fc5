//! Random events, after each of which all tables must tell the same story.

use proptest::prelude::*;

use super::*;
use crate::client::peer::{Answer, Kind};
use crate::client::session::Coverage;
use crate::client::want::Place;

#[derive(Debug, Clone)]
enum Event {
    Open(u8),
    Close(u8),
    Want(u8, Vec<(u8, i8)>),
    Unwant(u8, u8),
    Providers(u8, Vec<u8>),
    Connect(u8, bool),
    Disconnect(u8),
    DialFailed(u8),
    Wanted(u8, u8),
    Presence(u8, u8, bool),
    AnswerAll(u8, bool),
    Block(u8, u8),
    SendAsked(u8),
    BadMessage(u8),
    Limit(Option<u16>),
    Release,
    Wait(u16),
}

fn event() -> impl Strategy<Value = Event> {
    let session = 0..3u8;
    let peer = 1..8u8;
    let block = 0..60u8;
    prop_oneof![
        2 => session.clone().prop_map(Event::Open),
        1 => session.clone().prop_map(Event::Close),
        4 => (session.clone(), prop::collection::vec((block.clone(), -1..2i8), 1..40)).prop_map(|(s, w)| Event::Want(s, w)),
        2 => (session.clone(), block.clone()).prop_map(|(s, b)| Event::Unwant(s, b)),
        4 => (session, prop::collection::vec(peer.clone(), 1..4)).prop_map(|(s, p)| Event::Providers(s, p)),
        6 => (peer.clone(), prop::bool::weighted(0.8)).prop_map(|(p, new)| Event::Connect(p, new)),
        2 => peer.clone().prop_map(Event::Disconnect),
        1 => peer.clone().prop_map(Event::DialFailed),
        2 => (peer.clone(), block.clone()).prop_map(|(p, b)| Event::Wanted(p, b)),
        4 => (peer.clone(), block.clone(), any::<bool>()).prop_map(|(p, b, has)| Event::Presence(p, b, has)),
        4 => (peer.clone(), any::<bool>()).prop_map(|(p, has)| Event::AnswerAll(p, has)),
        2 => (peer.clone(), block).prop_map(|(p, b)| Event::Block(p, b)),
        8 => peer.clone().prop_map(Event::SendAsked),
        1 => peer.prop_map(Event::BadMessage),
        1 => prop::option::of(any::<u16>()).prop_map(Event::Limit),
        4 => Just(Event::Release),
        6 => any::<u16>().prop_map(Event::Wait),
    ]
}

impl Rig {
    fn apply(&mut self, event: &Event) {
        let Self { client, now } = self;
        let now = *now;
        let id = |n: u8| SessionId(n.into());
        match event {
            Event::Open(s) => client.open(id(*s), now),
            Event::Close(s) => client.close(id(*s), now),
            Event::Want(s, wants) => {
                let wants = wants.iter().map(|&(n, p)| want(n, p.into())).collect();
                client.want(id(*s), wants, now);
            }
            Event::Unwant(s, n) => client.unwant(id(*s), &[cid(*n)], now),
            Event::Providers(s, peers) => {
                let peers: Vec<PeerId> = peers.iter().map(|&n| peer(n)).collect();
                client.add_providers(id(*s), &peers, now);
            }
            Event::Connect(p, new) => {
                let version = if *new { Version::V1_2 } else { Version::V1_1 };
                client.connected(peer(*p), version, now);
            }
            Event::Disconnect(p) => client.disconnected(peer(*p), now),
            Event::DialFailed(p) => client.dial_failed(peer(*p), now),
            Event::Wanted(p, n) => client.on_wanted(peer(*p), &[cid(*n)], now),
            Event::Presence(p, n, has) => {
                let presence = if *has {
                    Presence::Have
                } else {
                    Presence::DontHave
                };
                client.on_presences(peer(*p), &[(cid(*n), presence)], now);
            }
            Event::AnswerAll(p, has) => {
                let Some(slot) = client.peers.find(&peer(*p)) else {
                    return;
                };
                let sent: Vec<usize> = client
                    .peers
                    .get(slot)
                    .unwrap()
                    .sent
                    .keys()
                    .copied()
                    .collect();
                let presence = if *has {
                    Presence::Have
                } else {
                    Presence::DontHave
                };
                let all: Vec<(Cid, Presence)> = sent
                    .into_iter()
                    .map(|id| (client.wants.get(id).unwrap().cid(), presence))
                    .collect();
                client.on_presences(peer(*p), &all, now);
            }
            Event::Block(p, n) => client.on_block(peer(*p), cid(*n), block(), now),
            Event::SendAsked(p) => {
                let Some(slot) = client.peers.find(&peer(*p)) else {
                    return;
                };
                let asked: Vec<usize> = client
                    .peers
                    .get(slot)
                    .unwrap()
                    .asked
                    .values()
                    .copied()
                    .collect();
                for id in asked {
                    let Some(cid) = client.wants.get(id).map(super::super::want::WantState::cid)
                    else {
                        continue;
                    };
                    client.on_block(peer(*p), cid, block(), now);
                }
            }
            Event::BadMessage(p) => client.on_bad_message(peer(*p), now),
            Event::Limit(rate) => client.set_download_limit(rate.map(u64::from), now),
            Event::Release => client.release(5000, now),
            Event::Wait(ms) => {
                self.now += Duration::from_millis(u64::from(*ms));
                client.on_deadline(self.now);
            }
        }
    }

    fn drain(&mut self) {
        // Far more than any event can cause: an endless loop must not hang the test.
        for _ in 0..10_000 {
            if self.client.poll(self.now).is_none() {
                assert!(
                    self.client.deadline().is_none_or(|at| at > self.now)
                        || self.client.timers.pop_due(self.now).is_some()
                );
                return;
            }
        }
        panic!("the client never comes to rest");
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
            .map(super::super::session::Session::pending)
            .sum::<usize>()
    );
}

fn check_session(client: &Client, name: SessionId, session: &super::super::session::Session) {
    for &(_, _, id) in &session.queue {
        assert!(client.wants.active(id).is_none() && client.wants.get(id).unwrap().home == name);
    }
    let (mut asked, mut shared_bytes) = (0, 0);
    let mut owned = std::collections::BTreeMap::<usize, u64>::new();
    for &id in &session.active {
        let want = client.wants.get(id).unwrap();
        assert_eq!(want.home, name);
        let active = want.active.as_deref().expect("it is active");
        for list in [&active.listed, &active.askers, &active.holders] {
            let unique: std::collections::BTreeSet<_> = list.iter().collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_tables_agree_after_any_events(events in prop::collection::vec(event(), 1..120)) {
        let mut rig = Rig::new(0..40, &[1, 2, 3], &[1, 2]);
        rig.client.budget = super::super::budget::Budget::new(20_000);
        for event in &events {
            rig.apply(event);
            check_tables(&rig.client);
            rig.drain();
            check_tables(&rig.client);
        }
        for session in 0..3 {
            rig.client.close(SessionId(session), rig.now);
        }
        rig.drain();
        check_tables(&rig.client);
        prop_assert_eq!(rig.client.pending(), 0);
        prop_assert_eq!(rig.client.budget.requested(), 0);
        let longest = super::super::limits::SPOILT_MAX;
        prop_assert!(rig.client.timers.next().is_none_or(|at| at <= rig.now + longest));
    }
}
