//! Connections from everywhere, for the fuzzer and the tests.

use super::*;
use crate::address::fuzz::{any, peer};
use crate::fuzz_input::Input;

/// Every count is what it counts, no network has more places than it may, and what closes gives its place back.
pub(crate) fn connections(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut limit = Behaviour::new(1 + u32::from(input.byte() % 8), u32::from(input.byte()));
    let mut open = Vec::new();
    for number in 0..400 {
        if input.is_over() {
            break;
        }
        match input.below(8) {
            0..4 => {
                let id = ConnectionId::new_unchecked(number);
                if limit.count(id, &any(&mut input)).is_ok() {
                    open.push(id);
                }
            }
            4 if !open.is_empty() => {
                let id = open[input.below(open.len())];
                let who = peer(input.byte() % 8);
                assert!(limit.admit(id, &who).is_ok() || !limit.trusted.contains(&who));
            }
            5 => limit.set_max(1 + u32::from(input.byte() % 8), u32::from(input.byte())),
            6 => {
                let trusted = input.some().iter().map(|number| peer(number % 8));
                limit.set_trusted(trusted.collect());
            }
            _ if !open.is_empty() => limit.forget(open.swap_remove(input.below(open.len()))),
            _ => {}
        }
        for (network, count) in &limit.of_network {
            let of = limit.counted.values().filter(|one| one.network == *network);
            let handshakes = of.clone().filter(|one| !one.is_open).count();
            let counted = (count.connections as usize, count.handshakes as usize);
            assert_eq!((of.count(), handshakes), counted);
            assert!(count.connections <= 8 + HANDSHAKES_FOR_TRUSTED);
        }
        let mut networks = limit.counted.values().map(|one| one.network);
        assert!(networks.all(|network| limit.of_network.contains_key(&network)));
    }
    for id in open {
        limit.forget(id);
    }
    assert!(limit.counted.is_empty() && limit.of_network.is_empty());
}
