//! Bytes that no honest peer would send, through the function that the fuzzer runs.

use bitswap::wire::{Outgoing, Presence, Version, WantEntry, WantType};
use bytes::Bytes;
use proptest::prelude::*;
use unixfs::cid::{Cid, RAW, SHA2_256, hash};

#[path = "../../../../fuzz/src/messages.rs"]
mod messages;

/// A message with everything in it, to be damaged.
fn honest_message() -> Vec<u8> {
    let data = Bytes::from_static(b"some bytes");
    let cid = hash(SHA2_256, &data).map(|hash| Cid::new_v1(RAW, hash));
    let entry = |cid| WantEntry {
        cid,
        priority: -1,
        cancel: false,
        want_type: WantType::Have,
        send_dont_have: true,
    };
    let message = Outgoing {
        wantlist: cid.into_iter().map(entry).collect(),
        full: true,
        blocks: cid.into_iter().map(|cid| (cid, data.clone())).collect(),
        presences: cid
            .into_iter()
            .map(|cid| (cid, Presence::DontHave))
            .collect(),
    };
    // Without its length of two bytes.
    message.encode(Version::V1_2).concat().split_off(2)
}

#[test]
fn an_honest_message_keeps_the_promises() {
    messages::bitswap_message(&honest_message());
}

proptest! {
    #[test]
    fn arbitrary_bytes_do(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        messages::bitswap_message(&bytes);
    }

    #[test]
    fn damaged_messages_do(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = honest_message();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(2 * bytes.len()));
        messages::bitswap_message(&bytes);
    }
}
