//! Who provides what, as other peers told us: the DHT records that we keep for the network, bounded
//! in every direction.
//!
//! Only provider records are kept. Values (IPNS, public keys) are not ours to answer for, so none
//! is stored. A record's addresses were filtered before it came here. When all places are taken new
//! keys are refused: what is there expires by itself, while making room would let one peer push the
//! others out.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Instant;

use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use libp2p::{Multiaddr, PeerId};

use crate::limits::{
    MAX_KEYS_PER_PROVIDER, MAX_PROVIDER_KEY_BYTES, MAX_PROVIDER_RECORDS, MAX_PROVIDERS_PER_KEY,
};

/// Provider records by key.
#[derive(Debug)]
pub(crate) struct ProviderStore {
    local: PeerId,
    /// Where others reach us, now.
    own_addresses: Vec<Multiaddr>,
    records: HashMap<RecordKey, Vec<ProviderRecord>>,
    /// Records of each provider, so that one peer can't take all places.
    by_provider: HashMap<PeerId, usize>,
    count: usize,
}

impl ProviderStore {
    pub(crate) fn new(local: PeerId) -> Self {
        Self {
            local,
            own_addresses: Vec::new(),
            records: HashMap::new(),
            by_provider: HashMap::new(),
            count: 0,
        }
    }

    /// What to answer for ourselves. libp2p would name every address that we listen at, those at
    /// home too.
    pub(crate) fn set_own_addresses(&mut self, addresses: Vec<Multiaddr>) {
        self.own_addresses = addresses;
    }

    /// Drops what has expired.
    pub(crate) fn expire(&mut self, now: Instant) {
        let by_provider = &mut self.by_provider;
        let count = &mut self.count;
        self.records.retain(|_, providers| {
            providers.retain(|record| {
                let keep = !record.is_expired(now);
                if !keep {
                    *count -= 1;
                    forget_one(by_provider, &record.provider);
                }
                keep
            });
            !providers.is_empty()
        });
    }

    /// Drops records of peers, or single addresses in them.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&PeerId, &Multiaddr) -> bool) {
        let (local, by_provider, count) = (self.local, &mut self.by_provider, &mut self.count);
        self.records.retain(|_, providers| {
            providers.retain_mut(|record| {
                let had = !record.addresses.is_empty();
                let provider = record.provider;
                record
                    .addresses
                    .retain(|address| !is_gone(&provider, address));
                let keep = provider == local || !had || !record.addresses.is_empty();
                if !keep {
                    *count -= 1;
                    forget_one(by_provider, &provider);
                }
                keep
            });
            !providers.is_empty()
        });
    }

    fn has_room(&self, record: &ProviderRecord) -> bool {
        let of_provider = self.by_provider.get(&record.provider).copied();
        let of_key = self.records.get(&record.key).map_or(0, Vec::len);
        self.count < MAX_PROVIDER_RECORDS
            && of_provider.unwrap_or(0) < MAX_KEYS_PER_PROVIDER
            && of_key < MAX_PROVIDERS_PER_KEY
    }
}

fn forget_one(by_provider: &mut HashMap<PeerId, usize>, provider: &PeerId) {
    if let Some(count) = by_provider.get_mut(provider) {
        *count -= 1;
        if *count == 0 {
            by_provider.remove(provider);
        }
    }
}

impl RecordStore for ProviderStore {
    type RecordsIter<'a> = std::iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> = std::iter::Empty<Cow<'a, ProviderRecord>>;

    fn get(&self, _: &RecordKey) -> Option<Cow<'_, Record>> {
        None
    }

    fn put(&mut self, _: Record) -> Result<()> {
        Err(Error::MaxRecords)
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        std::iter::empty()
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if !(1..=MAX_PROVIDER_KEY_BYTES).contains(&record.key.as_ref().len()) {
            return Err(Error::ValueTooLarge);
        }
        if let Some(known) = self
            .records
            .get_mut(&record.key)
            .and_then(|providers| providers.iter_mut().find(|known| **known == record))
        {
            *known = record;
            return Ok(());
        }
        // Our own announcements are bounded by what the person shares.
        if record.provider != self.local && !self.has_room(&record) {
            return Err(Error::MaxProvidedKeys);
        }
        self.count += 1;
        *self.by_provider.entry(record.provider).or_default() += 1;
        self.records
            .entry(record.key.clone())
            .or_default()
            .push(record);
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let mut providers = self.records.get(key).cloned().unwrap_or_default();
        for record in &mut providers {
            if record.provider == self.local {
                record.addresses.clone_from(&self.own_addresses);
            }
        }
        providers.retain(|record| record.provider != self.local || !record.addresses.is_empty());
        providers
    }

    /// Nothing: announcing again follows our own schedule, not libp2p's.
    fn provided(&self) -> Self::ProvidedIter<'_> {
        std::iter::empty()
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        let Some(providers) = self.records.get_mut(key) else {
            return;
        };
        let before = providers.len();
        providers.retain(|record| record.provider != *provider);
        if providers.len() < before {
            self.count -= 1;
            forget_one(&mut self.by_provider, provider);
        }
        if providers.is_empty() {
            self.records.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(number: usize) -> RecordKey {
        RecordKey::new(&number.to_be_bytes())
    }

    fn record(number: usize, provider: PeerId) -> ProviderRecord {
        ProviderRecord::new(key(number), provider, Vec::new())
    }

    fn store() -> ProviderStore {
        ProviderStore::new(PeerId::random())
    }

    #[test]
    fn one_key_has_few_providers() {
        let mut store = store();
        for _ in 0..MAX_PROVIDERS_PER_KEY {
            store.add_provider(record(1, PeerId::random())).unwrap();
        }
        assert!(store.add_provider(record(1, PeerId::random())).is_err());
        assert_eq!(store.providers(&key(1)).len(), MAX_PROVIDERS_PER_KEY);
    }

    #[test]
    fn one_provider_has_few_keys_but_we_have_all_of_ours() {
        let mut store = store();
        let (stranger, own) = (PeerId::random(), store.local);
        for number in 0..MAX_KEYS_PER_PROVIDER {
            store.add_provider(record(number, stranger)).unwrap();
        }
        let one_more = MAX_KEYS_PER_PROVIDER;
        assert!(store.add_provider(record(one_more, stranger)).is_err());
        for number in 0..=MAX_KEYS_PER_PROVIDER {
            store.add_provider(record(number, own)).unwrap();
        }
        store.remove_provider(&key(0), &stranger);
        store.add_provider(record(one_more, stranger)).unwrap();
    }

    #[test]
    fn all_places_together_are_bounded() {
        let mut store = store();
        let mut stored = 0;
        for _ in 0..=MAX_PROVIDER_RECORDS / MAX_KEYS_PER_PROVIDER {
            let provider = PeerId::random();
            for number in 0..MAX_KEYS_PER_PROVIDER {
                stored += usize::from(store.add_provider(record(number, provider)).is_ok());
            }
        }
        assert!(stored <= MAX_PROVIDER_RECORDS);
        assert_eq!(stored, store.count);
    }

    #[test]
    fn a_record_told_again_takes_no_new_place() {
        let mut store = store();
        let provider = PeerId::random();
        store.add_provider(record(1, provider)).unwrap();
        let address: Multiaddr = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
        let mut again = record(1, provider);
        again.addresses = vec![address.clone()];
        store.add_provider(again).unwrap();
        assert_eq!(store.count, 1);
        assert_eq!(store.providers(&key(1))[0].addresses, [address]);
    }

    #[test]
    fn we_are_named_with_the_addresses_that_reach_us_or_not_at_all() {
        let mut store = store();
        let own = store.local;
        store.add_provider(record(1, own)).unwrap();
        assert!(store.providers(&key(1)).is_empty());
        let address: Multiaddr = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
        store.set_own_addresses(vec![address.clone()]);
        assert_eq!(store.providers(&key(1))[0].addresses, [address]);
    }

    #[test]
    fn what_expired_makes_room() {
        let mut store = store();
        let now = Instant::now();
        let mut old = record(1, PeerId::random());
        old.expires = Some(now);
        store.add_provider(old).unwrap();
        store.add_provider(record(2, PeerId::random())).unwrap();
        store.expire(now + Duration::from_secs(1));
        assert!(store.providers(&key(1)).is_empty());
        assert_eq!((store.count, store.by_provider.len()), (1, 1));
    }

    #[test]
    fn odd_keys_and_values_are_refused() {
        let mut store = store();
        let provider = PeerId::random();
        for len in [0, MAX_PROVIDER_KEY_BYTES + 1] {
            let key = RecordKey::from(vec![0; len]);
            let record = ProviderRecord::new(key, provider, Vec::new());
            assert!(store.add_provider(record).is_err());
        }
        assert!(store.put(Record::new(key(1), vec![1])).is_err());
        assert!(store.get(&key(1)).is_none());
    }
}
