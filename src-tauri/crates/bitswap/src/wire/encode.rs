//! A message on its way out, written around the blocks' bytes.

use bytes::{BufMut as _, Bytes, BytesMut};
use unixfs::proto::{bytes_field_len, put_bytes_header, put_number, put_varint, varint_len};

use super::{Cid, Prefix, Presence, Version, WantEntry, WantType};
use crate::limits::COPIED_BLOCK_BYTES;

/// What one message shall say. The caller keeps it within [`crate::limits::MAX_MESSAGE_BYTES`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub wantlist: Vec<WantEntry>,
    /// The wantlist replaces what the peer knows of ours.
    pub full: bool,
    pub blocks: Vec<(Cid, Bytes)>,
    pub presences: Vec<(Cid, Presence)>,
}

impl Outgoing {
    /// The message with its length in front, as segments to be written one after the other. A large
    /// block is a segment of its own and shares its memory with `self`; small ones are copied,
    /// since a segment costs more than they do. What the version cannot say (presences, want-have)
    /// is left out; no segments: nothing is left.
    pub fn encode(&self, version: Version) -> Vec<Bytes> {
        let entries: Vec<&WantEntry> = self
            .wantlist
            .iter()
            .filter(|e| can_say(version, e))
            .collect();
        let presences = if version.has_presences() {
            self.presences.as_slice()
        } else {
            &[]
        };
        if entries.is_empty() && !self.full && self.blocks.is_empty() && presences.is_empty() {
            return Vec::new();
        }

        let has_wantlist = self.full || !entries.is_empty();
        let wantlist_len = entries
            .iter()
            .map(|e| bytes_field_len(entry_len(version, e)))
            .sum::<usize>()
            + if self.full { 2 } else { 0 };
        let body_len = if has_wantlist {
            bytes_field_len(wantlist_len)
        } else {
            0
        } + self
            .blocks
            .iter()
            .map(|b| bytes_field_len(block_len(version, b)))
            .sum::<usize>()
            + presences
                .iter()
                .map(|p| bytes_field_len(presence_len(p)))
                .sum::<usize>();
        let copied = self
            .blocks
            .iter()
            .map(|(_, data)| data.len())
            .filter(|&n| n > COPIED_BLOCK_BYTES);
        let own_len = varint_len(body_len as u64) + body_len - copied.sum::<usize>();

        let mut segments = Vec::new();
        let mut out = BytesMut::with_capacity(own_len);
        put_varint(&mut out, body_len as u64);
        if has_wantlist {
            put_bytes_header(&mut out, 1, wantlist_len);
            for entry in entries {
                put_bytes_header(&mut out, 1, entry_len(version, entry));
                put_entry(&mut out, version, entry);
            }
            if self.full {
                put_number(&mut out, 2, 1);
            }
        }
        for block in &self.blocks {
            put_block_head(&mut out, version, block);
            if block.1.len() > COPIED_BLOCK_BYTES {
                segments.push(out.split().freeze());
                segments.push(block.1.clone());
            } else {
                out.put_slice(&block.1);
            }
        }
        for presence in presences {
            put_bytes_header(&mut out, 4, presence_len(presence));
            put_presence(&mut out, presence);
        }
        if !out.is_empty() {
            segments.push(out.freeze());
        }
        segments
    }
}

/// Old peers take every entry for a want of the block, so that a want-have must not reach them.
fn can_say(version: Version, entry: &WantEntry) -> bool {
    version.has_presences() || entry.cancel || entry.want_type == WantType::Block
}

// Like every proto3 writer, the following leave fields out that have their default.

fn entry_len(version: Version, entry: &WantEntry) -> usize {
    let flag = |is_set: bool| if is_set { 2 } else { 0 };
    let priority = if entry.priority == 0 {
        0
    } else {
        1 + varint_len(sign_extended(entry.priority))
    };
    bytes_field_len(entry.cid.encoded_len())
        + priority
        + flag(entry.cancel)
        + flag(version.has_presences() && entry.want_type == WantType::Have)
        + flag(version.has_presences() && entry.send_dont_have)
}

fn put_entry(out: &mut BytesMut, version: Version, entry: &WantEntry) {
    put_cid(out, 1, &entry.cid);
    if entry.priority != 0 {
        put_number(out, 2, sign_extended(entry.priority));
    }
    if entry.cancel {
        put_number(out, 3, 1);
    }
    if version.has_presences() {
        if entry.want_type == WantType::Have {
            put_number(out, 4, 1);
        }
        if entry.send_dont_have {
            put_number(out, 5, 1);
        }
    }
}

/// An `int32` is written as if it had 64 bits.
fn sign_extended(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}

/// Length of the block's field without key and length.
fn block_len(version: Version, (cid, data): &(Cid, Bytes)) -> usize {
    if version.has_prefixes() {
        bytes_field_len(Prefix::of(cid).encoded_len()) + bytes_field_len(data.len())
    } else {
        data.len()
    }
}

fn put_block_head(out: &mut BytesMut, version: Version, block: &(Cid, Bytes)) {
    if version.has_prefixes() {
        let prefix = Prefix::of(&block.0);
        put_bytes_header(out, 3, block_len(version, block));
        put_bytes_header(out, 1, prefix.encoded_len());
        prefix.encode(out);
        put_bytes_header(out, 2, block.1.len());
    } else {
        put_bytes_header(out, 2, block.1.len());
    }
}

fn presence_len((cid, presence): &(Cid, Presence)) -> usize {
    bytes_field_len(cid.encoded_len())
        + if *presence == Presence::DontHave {
            2
        } else {
            0
        }
}

fn put_presence(out: &mut BytesMut, (cid, presence): &(Cid, Presence)) {
    put_cid(out, 1, cid);
    if *presence == Presence::DontHave {
        put_number(out, 2, 1);
    }
}

fn put_cid(out: &mut BytesMut, field: u8, cid: &Cid) {
    put_bytes_header(out, field, cid.encoded_len());
    #[expect(
        clippy::expect_used,
        reason = "BytesMut grows as needed and never fails to write"
    )]
    cid.write_bytes(out.writer()).expect("memory takes bytes");
}
