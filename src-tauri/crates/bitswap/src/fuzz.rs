//! What the fuzzer does with its input, one function for each decoder and state machine that peers reach: each panics if a promise
//! is broken. The tests run them too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::fuzz_input::Input;
pub use crate::fuzz_input::Target;
use crate::limits::{MAX_BLOCK_BYTES, MAX_MESSAGE_BLOCKS, MAX_MESSAGE_PRESENCES};
use crate::pace::{Backoff, Bucket};
use crate::wire::{Message, Outgoing, Version};
use crate::{client, handler, rate, server};

pub const TARGETS: &[Target] = &[
    ("allowances", allowances),
    ("bitswap_client", |bytes| {
        client::fuzz::client(&mut Input::new(bytes), Instant::now());
    }),
    ("bitswap_message", bitswap_message),
    ("bitswap_server", |bytes| {
        server::fuzz::server(&mut Input::new(bytes), Instant::now());
    }),
    ("bitswap_stream", handler::fuzz::stream),
    ("paces", paces),
];

/// What is read keeps the limits, and what is written again reads the same.
fn bitswap_message(bytes: &[u8]) {
    for version in Version::ALL {
        let Ok(message) = Message::decode(Bytes::copy_from_slice(bytes), version) else {
            continue;
        };
        assert!(message.blocks.len() <= MAX_MESSAGE_BLOCKS);
        assert!(message.presences.len() <= MAX_MESSAGE_PRESENCES);
        assert!(
            message
                .blocks
                .iter()
                .all(|block| block.data.len() <= MAX_BLOCK_BYTES)
        );

        let known = message
            .blocks
            .iter()
            .filter_map(|block| Some((block.cid()?, block.data.clone())));
        let outgoing = Outgoing {
            wantlist: message.wantlist.clone(),
            full: message.full,
            blocks: known.collect(),
            presences: message.presences.clone(),
        };
        let written = Bytes::from(outgoing.encode(Version::V1_2).concat());
        let Some(length_bytes) = written.iter().position(|byte| byte & 0x80 == 0) else {
            assert!(written.is_empty());
            continue;
        };
        let Ok(again) = Message::decode(written.slice(length_bytes + 1..), Version::V1_2) else {
            panic!("what was written does not read")
        };
        assert_eq!(again.wantlist, message.wantlist);
        assert_eq!(again.full, message.full);
        assert_eq!(again.presences, message.presences);
        let blocks: Vec<_> = again
            .blocks
            .iter()
            .map(|block| (block.cid(), &block.data))
            .collect();
        let expected: Vec<_> = outgoing
            .blocks
            .iter()
            .map(|(cid, data)| (Some(*cid), data))
            .collect();
        assert_eq!(blocks, expected);
    }
}

/// The mean rate is met whatever passes when, nothing passes while something is owed, and each wait ends when it was said to. A
/// backoff's pauses lie between its first and its longest.
fn paces(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let start = Instant::now();
    let (mut now, mut passed, mut most) = (start, 0_u64, 0.0);
    let rate = u64::from(input.short());
    let mut bucket = Bucket::new(rate, now);
    let mut backoff = Backoff::new(input.time(), Duration::from_hours(3));
    let mut last = 0;
    while !input.is_over() {
        match input.below(5) {
            0 => {
                let wait = input.time();
                most += wait.as_secs_f64() * bucket.rate() as f64;
                now += wait;
            }
            1 | 2 => match bucket.check(now) {
                Ok(()) => {
                    last = u64::from(input.short()) << 6;
                    bucket.take(last);
                    passed += last;
                }
                Err(at) => {
                    assert!(at > now);
                    most += (at - now).as_secs_f64() * bucket.rate() as f64;
                    now = at;
                    assert_eq!(bucket.check(now), Ok(()));
                }
            },
            3 if passed == 0 => bucket.set_rate(u64::from(input.short()), now),
            _ => {
                let pause = backoff.pause();
                assert!(pause <= Duration::from_hours(3));
                assert!(backoff.jittered(input.long()) <= pause + pause / 4);
                assert_eq!(backoff.retry_at(now), now + pause);
                assert!(backoff.pause() >= pause);
                if input.flag() {
                    backoff.reset();
                }
            }
        }
        // What passed last is owed, and no more than a burst was saved.
        let burst = bucket.rate() as f64 / 10.0;
        assert!(passed.saturating_sub(last) as f64 <= most + burst + 1.0);
    }
}

/// Nobody's word counts against others who say little, each network has one allowance, and no wait is longer than what was said.
fn allowances(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut now = Instant::now();
    let mut all = rate::Allowances::new(now);
    let mut held = Vec::new();
    let mut said = Duration::ZERO;
    while !input.is_over() {
        let network = network(&mut input);
        let allowance = all.of(network, now);
        assert!(std::sync::Arc::ptr_eq(&allowance, &all.of(network, now)));
        let cost = input.time();
        allowance.take(cost, now);
        said += cost;
        assert!(allowance.wait(now) <= said);
        now += input.time();
        if input.flag() {
            held.push(allowance);
        } else {
            held.truncate(input.below(9));
        }
    }
    now += said;
    assert!(held.iter().all(|allowance| allowance.wait(now).is_zero()));
}

/// One of a few networks, or nobody knows which.
fn network(input: &mut Input<'_>) -> Option<IpAddr> {
    match input.byte() % 8 {
        0 => None,
        1 => Some([0x2600_u16, 1, 2, 3, 0, 0, 0, 0].into()),
        number => Some([8, 8, number, 0].into()),
    }
}

#[cfg(test)]
mod tests {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/check.rs"
    ));

    #[test]
    fn promises_are_kept_on_kept_and_on_damaged_input() {
        for target in super::TARGETS {
            check(*target, 100);
        }
    }
}
