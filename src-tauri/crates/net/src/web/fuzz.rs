//! What web services answer, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::time::{Duration, Instant};

use super::check;
use super::client::{is_strangers, pause_of};
use super::gateway::block_url;
use super::health::Health;
use super::routing::{Found, Lines, listed};
use super::{DialPolicy, WebError};
use crate::exchange::dial::Target;
use crate::fuzz_input::Input;
use crate::limits::{ENOUGH_PROVIDERS, MAX_CHECK_WORDS, MAX_FOUND_GATEWAYS, MAX_PEER_ADDRESSES};

/// However an answer came, it names the same few, at addresses that a stranger may name.
pub(crate) fn routing(bytes: &[u8]) {
    let Some((first, answer)) = bytes.split_first() else {
        return;
    };
    let policy = DialPolicy::new(false, first & 1 == 1, false);
    policy.network_up("9.9.9.0/24".parse().unwrap());
    if first & 2 == 2 {
        if let Ok(found) = listed(answer, &policy) {
            check_found(&found, &policy);
        }
        return;
    }
    let whole = in_pieces(answer, usize::MAX, &policy);
    let pieces = in_pieces(answer, 1 + usize::from(first / 4), &policy);
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        check_found(&whole, &policy);
        assert_eq!(whole, pieces);
    }
}

fn in_pieces(answer: &[u8], len: usize, policy: &DialPolicy) -> Result<Found, WebError> {
    let mut lines = Lines::new(policy);
    let mut all = Found::default();
    for piece in answer.chunks(len.min(answer.len().max(1))) {
        add(&mut all, lines.read(piece)?);
    }
    add(&mut all, lines.end()?);
    Ok(all)
}

fn add(all: &mut Found, found: Found) {
    all.targets.extend(found.targets);
    all.gateways.extend(found.gateways);
}

fn check_found(found: &Found, policy: &DialPolicy) {
    assert!(found.targets.len() <= ENOUGH_PROVIDERS && found.gateways.len() <= MAX_FOUND_GATEWAYS);
    for target in &found.targets {
        assert!(matches!(target, Target::Peer(..)));
        let addresses = target.addresses();
        assert!(addresses.len() <= MAX_PEER_ADDRESSES);
        assert!(addresses.iter().all(|address| policy.believes(address)));
    }
    let cid =
        unixfs::cid::parse("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e").unwrap();
    for gateway in &found.gateways {
        let block = block_url(gateway, &cid).expect("a block has an address there");
        assert!(is_strangers(gateway) && is_strangers(&block));
        assert_eq!(block.origin(), gateway.origin());
        assert!(matches!(gateway.host(), Some(url::Host::Domain(_))));
    }
}

/// The public test says a line; and a server that does badly, or asks for a pause, is left alone no longer than it may be.
pub(crate) fn answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.flag() {
        if let Ok(found) = check::read(input.rest()) {
            let words = found.detail.unwrap_or_default();
            assert!(words.chars().count() <= MAX_CHECK_WORDS && !words.contains(char::is_control));
        }
        return;
    }
    let longest = Duration::from_mins(10);
    let mut health = Health::default();
    let mut now = Instant::now();
    let moment = jiff::Timestamp::UNIX_EPOCH;
    while !input.is_over() {
        let error = match input.below(12) {
            0 => WebError::Lacks,
            1 => WebError::Timeout,
            2 => WebError::Status(input.short()),
            3 => WebError::Wrong,
            4 => WebError::Unreachable(String::new()),
            5..9 => WebError::Busy(pause_of(&input.text(), moment)),
            9 => {
                health.succeeded();
                assert!(!health.backs_off(now) && health.problem().is_none());
                continue;
            }
            10 => {
                health.reset_backoff();
                continue;
            }
            _ => {
                now += input.time();
                continue;
            }
        };
        let began = health.failed(&error, now);
        assert!(!began || health.backs_off(now));
        assert!(!health.backs_off(now + longest));
    }
}
