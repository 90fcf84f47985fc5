//! The fuzzer's bodies on generated input: noise, and good blocks with a few bytes changed.

use proptest::prelude::*;
use unixfs::{CarWriter, Profile, Root, symlink};

use crate::bodies;
use crate::support::{Store, any_metadata, any_profile};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        bodies::run_all(&bytes);
    }

    #[test]
    fn blocks_with_changes(
        profile in any_profile(),
        meta in any_metadata(),
        names in proptest::collection::btree_set("[a-z]{1,8}", 0..20),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut store = Store::default();
        let leaf = store.add_file(&profile, meta, b"some content that is cut into chunks");
        let entries = names.into_iter().map(|name| (name.into_bytes(), leaf));
        let directory: Root = store.add_directory(&profile, meta, entries);
        store.put(symlink(&Profile::V0_2015, b"target", &meta));
        let mut car = CarWriter::new(Vec::new(), &[directory.cid]).unwrap();
        for (cid, data) in &store.blocks {
            car.write(cid, &[data]).unwrap();
        }
        let car = car.finish().unwrap();
        let blocks = store.blocks.values().map(|data| data.to_vec());
        for mut bytes in blocks.chain([car, directory.cid.to_bytes()]) {
            for (index, value) in &changes {
                if !bytes.is_empty() {
                    let index = index.index(bytes.len());
                    bytes[index] = *value;
                }
            }
            bodies::run_all(&bytes);
        }
    }
}
