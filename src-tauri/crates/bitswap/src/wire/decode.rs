//! A message that has come in.

use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;
use unixfs::proto::{ProtoError, Reader, Value};

use super::{Block, Cid, Prefix, Presence, Version, WantEntry, WantType};
use crate::limits::{
    MAX_BLOCK_BYTES, MAX_CID_BYTES, MAX_MESSAGE_BLOCKS, MAX_MESSAGE_BYTES, MAX_MESSAGE_CANCELS,
    MAX_MESSAGE_PRESENCES, MAX_WANTLIST,
};

/// What is wrong with a message. The stream that it came over cannot be trusted to be in step any
/// longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("the stream ends within the length of a message")]
    Truncated,
    #[error("{0}")]
    Proto(#[from] ProtoError),
    #[error("a message of {0} bytes is over the limit of {MAX_MESSAGE_BYTES}")]
    MessageTooLarge(u64),
    #[error("a block of {0} bytes is over the limit of {MAX_BLOCK_BYTES}")]
    BlockTooLarge(usize),
}

/// What a peer said. Entries with a CID that is none, or over the limits, are left out: they could
/// not be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub wantlist: Vec<WantEntry>,
    /// The wantlist replaces what we know of the peer's, even if it is empty.
    pub full: bool,
    pub blocks: Vec<Block>,
    pub presences: Vec<(Cid, Presence)>,
}

impl Message {
    /// Decodes a message without its length. Blocks share the memory of `body`.
    pub fn decode(body: Bytes, version: Version) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        let mut fields = Reader::new(&body, 0..body.len());
        while let Some(field) = fields.field()? {
            match field {
                (1, Value::Bytes(wantlist)) => message.read_wantlist(&body, wantlist)?,
                (2, Value::Bytes(data)) => message.add_block(Prefix::BARE, body.slice(data))?,
                (3, Value::Bytes(payload)) => message.read_payload(&body, payload)?,
                (4, Value::Bytes(presence)) if version.has_presences() => {
                    message.read_presence(&body, presence)?;
                }
                // Field 5 says how many bytes the peer has still queued for us: nobody needs it.
                _ => {}
            }
        }
        Ok(message)
    }

    fn read_wantlist(&mut self, body: &[u8], at: Range<usize>) -> Result<(), DecodeError> {
        let mut cancels = self.wantlist.iter().filter(|entry| entry.cancel).count();
        let mut wants = self.wantlist.len() - cancels;
        let mut fields = Reader::new(body, at);
        while let Some(field) = fields.field()? {
            match field {
                (1, Value::Bytes(entry)) => {
                    let Some(entry) = read_entry(body, entry)? else {
                        continue;
                    };
                    let (count, limit) = if entry.cancel {
                        (&mut cancels, MAX_MESSAGE_CANCELS)
                    } else {
                        (&mut wants, MAX_WANTLIST)
                    };
                    if *count < limit {
                        *count += 1;
                        self.wantlist.push(entry);
                    }
                }
                (2, Value::Varint(full)) => self.full = full != 0,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_payload(&mut self, body: &Bytes, at: Range<usize>) -> Result<(), DecodeError> {
        let mut prefix = None;
        let mut data = 0..0;
        let mut fields = Reader::new(body, at);
        while let Some(field) = fields.field()? {
            match field {
                (1, Value::Bytes(range)) => prefix = Prefix::decode(&body[range]),
                (2, Value::Bytes(range)) => data = range,
                _ => {}
            }
        }
        match prefix {
            Some(prefix) => self.add_block(prefix, body.slice(data)),
            None => Ok(()),
        }
    }

    fn add_block(&mut self, prefix: Prefix, data: Bytes) -> Result<(), DecodeError> {
        if data.len() > MAX_BLOCK_BYTES {
            return Err(DecodeError::BlockTooLarge(data.len()));
        }
        if self.blocks.len() < MAX_MESSAGE_BLOCKS {
            self.blocks.push(Block { prefix, data });
        }
        Ok(())
    }

    fn read_presence(&mut self, body: &[u8], at: Range<usize>) -> Result<(), DecodeError> {
        let mut cid = None;
        let mut presence = Some(Presence::Have);
        let mut fields = Reader::new(body, at);
        while let Some(field) = fields.field()? {
            match field {
                (1, Value::Bytes(range)) => cid = read_cid(&body[range]),
                (2, Value::Varint(0)) => presence = Some(Presence::Have),
                (2, Value::Varint(1)) => presence = Some(Presence::DontHave),
                (2, Value::Varint(_)) => presence = None,
                _ => {}
            }
        }
        if let (Some(cid), Some(presence)) = (cid, presence)
            && self.presences.len() < MAX_MESSAGE_PRESENCES
        {
            self.presences.push((cid, presence));
        }
        Ok(())
    }
}

fn read_entry(body: &[u8], at: Range<usize>) -> Result<Option<WantEntry>, DecodeError> {
    let mut cid = None;
    let (mut priority, mut cancel, mut want_type, mut send_dont_have) =
        (0, false, Some(WantType::Block), false);
    let mut fields = Reader::new(body, at);
    while let Some(field) = fields.field()? {
        match field {
            (1, Value::Bytes(range)) => cid = read_cid(&body[range]),
            (2, Value::Varint(number)) => priority = low_half(number),
            (3, Value::Varint(number)) => cancel = number != 0,
            (4, Value::Varint(0)) => want_type = Some(WantType::Block),
            (4, Value::Varint(1)) => want_type = Some(WantType::Have),
            (4, Value::Varint(_)) => want_type = None,
            (5, Value::Varint(number)) => send_dont_have = number != 0,
            _ => {}
        }
    }
    Ok(cid.zip(want_type).map(|(cid, want_type)| WantEntry {
        cid,
        priority,
        cancel,
        want_type,
        send_dont_have,
    }))
}

/// An int32 travels sign-extended to 64 bits: its low half is the number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the high half carries nothing"
)]
fn low_half(number: u64) -> i32 {
    number as i32
}

fn read_cid(bytes: &[u8]) -> Option<Cid> {
    if bytes.len() > MAX_CID_BYTES {
        return None;
    }
    let mut rest = bytes;
    let cid = Cid::read_bytes(&mut rest).ok()?;
    rest.is_empty().then_some(cid)
}
