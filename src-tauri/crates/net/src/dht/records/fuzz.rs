//! Provider records as strangers send them, for the fuzzer and the tests.

use std::time::Duration;

use super::*;
use crate::address::fuzz::{any, peer};
use crate::fuzz_input::Input;

/// Every count is what it counts, whatever comes and goes, and nobody has more places than a share.
pub(crate) fn records(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut store = ProviderStore::new(peer(0));
    let start = Instant::now();
    let mut now = start;
    for _ in 0..500 {
        if input.is_over() {
            break;
        }
        let key = input.byte();
        let provider = peer(key & 31);
        let length = if key == 0xff { input.below(100) } else { 34 };
        let key = RecordKey::from(vec![key >> 5; length]);
        match input.below(10) {
            0..6 => {
                let addresses = (0..input.below(4)).map(|_| any(&mut input)).collect();
                let mut record = ProviderRecord::new(key, provider, addresses);
                record.expires = input
                    .flag()
                    .then(|| now + Duration::from_secs(input.byte().into()));
                let _ = store.add_provider(record);
            }
            6 => store.remove_provider(&key, &provider),
            7 => {
                now += input.time();
                store.expire(now);
            }
            8 => {
                let gone = any(&mut input);
                store.forget(|other, address| *other == provider || *address == gone);
            }
            _ => {
                store.set_own_addresses((0..input.below(3)).map(|_| any(&mut input)).collect());
                for record in store.providers(&key) {
                    assert!(record.provider != peer(0) || record.addresses == store.own_addresses);
                }
            }
        }
        store.check();
    }
}

impl ProviderStore {
    fn check(&self) {
        let all = || self.records.values().flatten();
        assert_eq!(self.count, all().count());
        assert!(self.count <= MAX_PROVIDER_RECORDS);
        assert!(self.records.values().all(|providers| !providers.is_empty()));
        let of = |peer: &PeerId| all().filter(|record| record.provider == *peer).count();
        assert!(
            self.by_provider
                .iter()
                .all(|(peer, count)| *count == of(peer) && *count > 0)
        );
        assert!(all().all(|record| self.by_provider.contains_key(&record.provider)));
        for (key, providers) in &self.records {
            assert!((1..=MAX_PROVIDER_KEY_BYTES).contains(&key.as_ref().len()));
            assert!(providers.len() <= MAX_PROVIDERS_PER_KEY + 1);
            assert!(providers.iter().all(|record| record.key == *key));
        }
    }
}
