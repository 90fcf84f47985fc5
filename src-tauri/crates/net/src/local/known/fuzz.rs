//! Devices as anything on a network may make them up, for the fuzzer and the tests.

use super::*;
use crate::address::fuzz::{any, peer};
use crate::fuzz_input::Input;

/// What is known is bounded, of each device at least one address, and those that are connected stay.
pub(crate) fn devices(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut devices = Devices::default();
    for _ in 0..200 {
        if input.is_over() {
            break;
        }
        let connected = input.byte();
        let is_connected = |other: &PeerId| connected < 100 && *other == peer(connected);
        let was_known = devices.known.contains_key(&peer(connected));
        let mut found = || {
            let found = (0..input.below(20)).map(|_| (peer(input.byte()), any(&mut input)));
            found.collect::<Vec<(PeerId, Multiaddr)>>()
        };
        match connected % 5 {
            0..3 => {
                let new = devices.discovered(found(), is_connected);
                assert!(
                    new.iter()
                        .all(|(peer, addresses)| devices.addresses(peer) == *addresses)
                );
                let stays = was_known && is_connected(&peer(connected));
                assert!(!stays || devices.known.contains_key(&peer(connected)));
            }
            3 => devices.expired(found()),
            _ => {
                let gone = found();
                devices.forget(|peer, address| gone.contains(&(*peer, address.clone())));
            }
        }
        assert!(devices.known.len() <= MAX_LAN_PEERS);
        assert!(devices.order.len() == devices.known.len());
        assert!(
            devices
                .order
                .iter()
                .all(|peer| devices.known.contains_key(peer))
        );
        for addresses in devices.known.values() {
            assert!((1..=MAX_PEER_ADDRESSES).contains(&addresses.len()));
        }
        assert_eq!(devices.targets().len(), devices.peers().count());
    }
}
