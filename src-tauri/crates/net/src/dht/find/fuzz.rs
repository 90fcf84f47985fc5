//! Providers as liars name them, for the fuzzer and the tests.

use std::collections::HashSet;

use super::*;
use crate::address::fuzz::{any, peer};
use crate::fuzz_input::Input;

/// However many somebody names, an answer has its small share, nobody is told of twice at one address, and what is kept is bounded.
pub(crate) fn named(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut search = Search::default();
    let mut told: HashSet<(PeerId, Multiaddr)> = HashSet::new();
    for _ in 0..200 {
        if input.is_over() {
            break;
        }
        let dht = DhtKind::BOTH[input.below(2)];
        let policy = DialPolicy::new(false, true, false);
        let providers = (0..input.below(40)).map(|_| {
            let who = peer(input.byte());
            let addresses: Vec<Multiaddr> = (0..input.below(6)).map(|_| any(&mut input)).collect();
            let believed = believable(dht, &policy, addresses, MAX_TOLD_ADDRESSES);
            assert!(
                believed
                    .iter()
                    .all(|address| dht.believes(&policy, address))
            );
            (who, input.flag().then_some(believed))
        });
        let providers: Vec<_> = providers.collect();
        let targets = search.named(dht, providers);
        assert!(targets.len() <= PROVIDERS_OF_ANSWER);
        for target in targets {
            assert!(target.addresses().len() <= MAX_PEER_ADDRESSES);
            let Target::Peer(who, addresses) = target else {
                panic!("nobody is named without a name")
            };
            for address in addresses {
                assert!(told.insert((who, address)), "told twice");
            }
        }
        assert!(search.named.len() <= MAX_PROVIDERS && search.nameless.len() <= MAX_NAMELESS);
        assert!(
            search
                .named
                .values()
                .all(|told| told.len() <= MAX_TOLD_ADDRESSES)
        );
        if input.flag() {
            search.waiting.next();
        }
    }
    assert!(search.later.take().len() <= MAX_WAITING_PROVIDERS);
}
