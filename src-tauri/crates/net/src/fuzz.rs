//! What the fuzzer does with its input, one function for each decoder and state machine that strangers reach over a network: each
//! panics if a promise is broken. The tests run them too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fuzz_input::Input;
pub use crate::fuzz_input::Target;
use crate::quota::Quota;
use crate::rounds::Rounds;
use crate::{address, connections, dht, exchange, identity, local, reachability, transport, web};

pub const TARGETS: &[Target] = &[
    ("addresses", address::fuzz::addresses),
    ("autonat_messages", reachability::autonat::fuzz::messages),
    ("certificates", transport::fuzz::certificates),
    ("connections", connections::subnet_limit::fuzz::connections),
    ("dht_providers", dht::find::fuzz::named),
    ("dials", exchange::dial::fuzz::dials),
    ("handshakes", transport::fuzz::handshakes),
    ("identity_key", identity_key),
    ("lan_devices", local::known::fuzz::devices),
    ("muxer", transport::fuzz::muxer),
    ("observations", reachability::fuzz::observations),
    ("pcp_answers", reachability::fuzz::pcp_answers),
    ("port_plan", reachability::fuzz::port_plan),
    ("probes", reachability::fuzz::probes),
    ("provider_records", dht::records::fuzz::records),
    ("relays", reachability::fuzz::relays),
    ("router_answers", reachability::fuzz::router_answers),
    ("routing_answers", web::fuzz::routing),
    ("turns", turns),
    ("web_answers", web::fuzz::answers),
];

/// A key that is read is the same key when it is written and read again.
fn identity_key(bytes: &[u8]) {
    let path = Path::new("identity.key");
    let Ok(key) = identity::read(bytes, path) else {
        return;
    };
    if let Ok(written) = key.to_protobuf_encoding() {
        let again = identity::read(&written, path).expect("what was written is read");
        assert_eq!(again.public(), key.public());
        let signed = key.sign(b"words").expect("a key signs");
        assert!(key.public().verify(b"words", &signed));
    }
}

/// Everybody has a turn before anybody has a second one, whoever brings most loses what is too much, and a quota gives nobody more
/// than a share.
fn turns(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let most = 1 + input.below(20);
    let mut rounds = Rounds::new(most);
    let (mut brought, mut taken, mut gone) = (0, 0, 0);
    let (each, all) = (
        1 + u32::from(input.byte() % 8),
        1 + u32::from(input.byte() % 32),
    );
    let minute = Duration::from_mins(1);
    let mut quota = Quota::new(minute, each, all);
    let mut now = Instant::now();
    let mut passed: Vec<(Instant, u8)> = Vec::new();
    while !input.is_over() {
        match input.below(4) {
            0 => {
                let part = input.some();
                brought += part.len();
                gone += rounds.add(part.iter().copied()).len();
            }
            1 => taken += usize::from(rounds.next().is_some()),
            2 => now += input.time(),
            _ => {
                let who = input.byte() % 8;
                if quota.take(who, now) {
                    passed.push((now, who));
                }
            }
        }
        let held = brought - taken - gone;
        assert!(held <= most);
    }
    assert_eq!(rounds.take().len(), brought - taken - gone);
    for (at, who) in &passed {
        let minute = passed
            .iter()
            .filter(|(other, _)| *other >= *at && *other < *at + minute);
        let own = minute.clone().filter(|(_, other)| other == who);
        // A stretch may end in the middle of any minute.
        assert!(own.count() <= 2 * each as usize && minute.count() <= 2 * all as usize);
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
            check(*target, 200);
        }
    }
}
