//! What the fuzzer does with a Bitswap message. The tests of `bitswap` run it on generated input.

use bitswap::limits::{MAX_BLOCK_BYTES, MAX_MESSAGE_BLOCKS, MAX_MESSAGE_PRESENCES};
use bitswap::wire::{Message, Outgoing, Version};
use bytes::Bytes;

/// What is read keeps the limits, and what is written again reads the same.
pub(crate) fn bitswap_message(bytes: &[u8]) {
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
