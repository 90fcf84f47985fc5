//! What peers say of our addresses and of themselves as relays, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::{Multiaddr, PeerId};

use super::autonat::Answer;
use super::observed::Observed;
pub(crate) use super::ports::fuzz::{pcp_answers, port_plan, router_answers};
use super::probe::Probe;
use super::relays::{Relays, Step};
use crate::address::fuzz::{any, peer};
use crate::address::{ip, is_relayed};
use crate::fuzz_input::Input;
use crate::limits::{MAX_KNOWN_RELAYS, MAX_OBSERVATIONS, MAX_PROBED_ADDRESSES, MAX_RELAYS};
use crate::status::{RelayState, RungKind, Verdict};

/// Where others say that they see us: few are kept, and what is likely is an address of our own that one of them named.
pub(crate) fn observations(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut observed = Observed::default();
    let mut named = BTreeSet::new();
    while !input.is_over() {
        let (observer, address) = (any(&mut input), any(&mut input));
        let Some(observer) = ip(&observer) else {
            continue;
        };
        observed.add(observer, &address);
        named.insert(crate::address::split_peer(address).0);
        let listen: Vec<Multiaddr> = (0..input.below(3)).map(|_| any(&mut input)).collect();
        let candidates = observed.candidates(&listen);
        assert!(candidates.len() <= MAX_OBSERVATIONS);
        let unique: BTreeSet<&Multiaddr> = candidates.iter().collect();
        assert_eq!(unique.len(), candidates.len());
        let is_sound = |address: &Multiaddr| ip(address).is_some() && !is_relayed(address);
        assert!(
            candidates
                .iter()
                .all(|address| named.contains(address) && is_sound(address))
        );
        let _ = observed.is_symmetric();
        if input.byte() == 0xff {
            observed.forget();
            assert!(observed.candidates(&listen).is_empty() && !observed.is_symmetric());
        }
    }
}

/// An address counts as reachable only if one who was asked got through and said the number there; few are asked at a time, and it
/// ends.
pub(crate) fn probes(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut probe = Probe::default();
    let mut now = Instant::now();
    let mut nonce = 0;
    let mut asked: Vec<(u64, Multiaddr, bool)> = Vec::new();
    let mut reached = BTreeSet::new();
    for _ in 0..300 {
        if input.is_over() {
            break;
        }
        match input.below(10) {
            0 => {
                let subjects = (0..input.below(30)).map(|_| (any(&mut input), RungKind::Direct));
                probe.set_subjects(subjects.collect(), now);
            }
            1 | 2 => probe.add_server(peer(input.byte() % 40)),
            3 => probe.remove_server(&peer(input.byte() % 40)),
            4 => {
                now += input.time();
                probe.refresh(now);
            }
            5 if input.flag() => probe.again(now),
            6 if !asked.is_empty() => {
                let at = input.below(asked.len());
                probe.heard(asked[at].0);
                asked[at].2 = true;
            }
            7 => {
                // Numbers that nobody was told.
                let other = input.long() | 1 << 63;
                probe.heard(other);
                probe.answered(other, Some(Answer::Reached));
            }
            _ if !asked.is_empty() => {
                let (nonce, address, heard) = asked.swap_remove(input.below(asked.len()));
                let answer = [
                    Some(Answer::Reached),
                    Some(Answer::NotReached),
                    Some(Answer::Refused),
                    None,
                ];
                let answer = answer[input.below(4)];
                if heard && answer == Some(Answer::Reached) {
                    reached.insert(address);
                }
                probe.answered(nonce, answer);
            }
            _ => {
                nonce += 1;
                if let Some((_, request)) = probe.next(nonce) {
                    assert_eq!(request.nonce, nonce);
                    asked.push((nonce, request.address, false));
                }
            }
        }
        let findings = probe.findings();
        assert!(findings.len() <= MAX_PROBED_ADDRESSES && probe.asked() <= 40);
        for finding in findings {
            assert!(finding.verdict != Verdict::Yes || reached.contains(&finding.address));
        }
    }
    // Everybody answers at last.
    for (nonce, ..) in asked.drain(..) {
        probe.answered(nonce, Some(Answer::Refused));
    }
    for number in 1..100_000_u64 {
        match probe.next(number << 20) {
            Some(_) => probe.answered(number << 20, Some(Answer::Refused)),
            None => break,
        }
    }
    assert!(probe.is_settled());
}

/// Few relays are asked and kept, none twice at a time; when they are not needed any more, they are left.
pub(crate) fn relays(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut relays = Relays::default();
    let mut now = Instant::now();
    let mut listeners: Vec<(PeerId, ListenerId)> = Vec::new();
    for _ in 0..300 {
        if input.is_over() {
            break;
        }
        let who = peer(input.byte() % 50);
        match input.below(8) {
            0 => {
                let chosen = (0..input.below(4)).map(|_| any(&mut input));
                relays.choose(&chosen.collect::<Vec<Multiaddr>>());
            }
            1 | 2 => relays.offered(who, (0..input.below(20)).map(|_| any(&mut input)).collect()),
            3 => relays.gone(&who),
            4 if !listeners.is_empty() => {
                let (who, _) = listeners[input.below(listeners.len())];
                relays.accepted(&who);
            }
            5 if !listeners.is_empty() => {
                let (_, listener) = listeners.swap_remove(input.below(listeners.len()));
                assert!(relays.closed(listener, now));
                assert!(!relays.closed(listener, now));
            }
            6 => now += input.time(),
            _ => {
                let needed = input.flag();
                step(&mut relays, needed, now, &mut listeners, &mut input);
            }
        }
        let statuses = relays.statuses();
        assert!(statuses.len() <= MAX_KNOWN_RELAYS + 50);
        let _ = (relays.is_waiting(), relays.is_in_use(&who));
    }
    // What is asked is waited for, then all are left.
    now += Duration::from_mins(1);
    step(&mut relays, false, now, &mut listeners, &mut input);
    for (_, listener) in listeners {
        assert!(relays.closed(listener, now));
    }
    let states = relays.statuses();
    assert!(
        states
            .iter()
            .all(|relay| relay.state == RelayState::Refused)
    );
}

fn step(
    relays: &mut Relays,
    needed: bool,
    now: Instant,
    listeners: &mut Vec<(PeerId, ListenerId)>,
    input: &mut Input<'_>,
) {
    let (mut asked, mut left) = (0, BTreeSet::new());
    for step in relays.steps(needed, now) {
        match step {
            Step::Ask { peer, address } => {
                assert!(needed && is_relayed(&address));
                assert!(
                    listeners.iter().all(|(other, _)| *other != peer),
                    "asked twice"
                );
                asked += 1;
                let listener = (input.byte() < 200).then(ListenerId::next);
                relays.asked(&peer, listener, now);
                listeners.extend(listener.map(|listener| (peer, listener)));
            }
            Step::Leave { peer } => {
                assert!(listeners.iter().any(|(other, _)| *other == peer));
                assert!(left.insert(peer), "left twice");
            }
        }
    }
    assert!(asked <= MAX_RELAYS);
}
