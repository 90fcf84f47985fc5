//! The UnixFS message that a dag-pb node carries as its data.
//!
//! It is read as any protobuf: unknown fields are skipped, the last of a repeated number counts,
//! block sizes may be packed. It is written the one way that gives the published CIDs: fields in
//! order, block sizes unpacked. What the fields must be to each other is checked where a node is
//! put to use, in `node`.

use std::ops::Range;

use thiserror::Error;

use crate::limits::MAX_LINKS;
use crate::proto::{self, ProtoError, Reader, Value};

/// Permissions and time of a file or directory, where its sharer wished to give them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The twelve low bits of a Unix mode; others are neither written nor read.
    pub mode: Option<u32>,
    pub mtime: Option<Mtime>,
}

impl Metadata {
    pub fn is_empty(&self) -> bool {
        *self == Metadata::default()
    }
}

/// A moment, in seconds since 1970 (or before it) and the nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtime {
    pub seconds: i64,
    /// Below 1,000,000,000; more is written as 999,999,999.
    pub nanos: u32,
}

/// Why a dag-pb node's data is not UnixFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DataError {
    #[error("{0}")]
    Proto(#[from] ProtoError),
    #[error("field {0} is of the wrong wire type")]
    WireType(u64),
    #[error("the node's type is missing")]
    NoType,
    #[error("node type {0} is unknown")]
    UnknownType(u64),
    #[error("more than {MAX_LINKS} block sizes")]
    TooManyBlockSizes,
    #[error("the modification time is malformed")]
    Mtime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Directory,
    File,
    Symlink,
    Shard,
}

impl Kind {
    const ALL: [(u64, Kind); 5] = [
        (0, Kind::Raw),
        (1, Kind::Directory),
        (2, Kind::File),
        (4, Kind::Symlink),
        (5, Kind::Shard),
    ];

    fn number(self) -> u64 {
        Kind::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or(0, |(number, _)| *number)
    }

    fn from_number(number: u64) -> Option<Self> {
        Kind::ALL
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, kind)| *kind)
    }
}

const MODE_BITS: u32 = 0o7777;
const MAX_NANOS: u32 = 999_999_999;

/// The message. `bytes`, the field that others call data, is a range of the block it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    pub(crate) kind: Kind,
    pub(crate) bytes: Option<Range<usize>>,
    pub(crate) filesize: Option<u64>,
    pub(crate) blocksizes: Vec<u64>,
    pub(crate) hash_type: Option<u64>,
    pub(crate) fanout: Option<u64>,
    pub(crate) meta: Metadata,
}

/// Reads the message at a range of a block.
pub(crate) fn decode(block: &[u8], range: Range<usize>) -> Result<Data, DataError> {
    let mut kind = None;
    let mut data = Data {
        kind: Kind::Raw,
        bytes: None,
        filesize: None,
        blocksizes: Vec::new(),
        hash_type: None,
        fanout: None,
        meta: Metadata::default(),
    };
    let mut reader = Reader::new(block, range);
    while let Some((field, value)) = reader.field()? {
        match (field, value) {
            (1, Value::Varint(value)) => {
                kind = Some(Kind::from_number(value).ok_or(DataError::UnknownType(value))?);
            }
            (2, Value::Bytes(range)) => data.bytes = Some(range),
            (3, Value::Varint(value)) => data.filesize = Some(value),
            (4, Value::Varint(value)) => push_blocksize(&mut data.blocksizes, value)?,
            (4, Value::Bytes(range)) => {
                let mut packed = Reader::new(block, range);
                while let Some(value) = packed.packed()? {
                    push_blocksize(&mut data.blocksizes, value)?;
                }
            }
            (5, Value::Varint(value)) => data.hash_type = Some(value),
            (6, Value::Varint(value)) => data.fanout = Some(value),
            (7, Value::Varint(value)) => {
                // A uint32 field takes the low 32 bits of what is on the wire; of those only twelve
                // have a meaning.
                data.meta.mode = Some(u32::try_from(value & u64::from(MODE_BITS)).unwrap_or(0));
            }
            (8, Value::Bytes(range)) => data.meta.mtime = Some(decode_mtime(block, range)?),
            (field @ 1..=8, _) => return Err(DataError::WireType(field)),
            _ => {}
        }
    }
    data.kind = kind.ok_or(DataError::NoType)?;
    Ok(data)
}

fn push_blocksize(blocksizes: &mut Vec<u64>, value: u64) -> Result<(), DataError> {
    if blocksizes.len() == MAX_LINKS {
        return Err(DataError::TooManyBlockSizes);
    }
    blocksizes.push(value);
    Ok(())
}

fn decode_mtime(block: &[u8], range: Range<usize>) -> Result<Mtime, DataError> {
    let mut seconds = None;
    let mut nanos = 0;
    let mut reader = Reader::new(block, range);
    while let Some((field, value)) = reader.field()? {
        match (field, value) {
            (1, Value::Varint(value)) => seconds = Some(value.cast_signed()),
            (2, Value::Fixed32(value)) if (1..=MAX_NANOS).contains(&value) => nanos = value,
            (1 | 2, _) => return Err(DataError::Mtime),
            _ => {}
        }
    }
    Ok(Mtime {
        seconds: seconds.ok_or(DataError::Mtime)?,
        nanos,
    })
}

/// The message of a file's inner node: how many bytes each child has.
pub(crate) fn encode_file(
    blocksizes: impl Iterator<Item = u64> + Clone,
    meta: &Metadata,
) -> Vec<u8> {
    let mut out = start(Kind::File);
    proto::put_number(&mut out, 3, blocksizes.clone().sum());
    for size in blocksizes {
        proto::put_number(&mut out, 4, size);
    }
    put_metadata(&mut out, meta);
    out
}

/// What stands before and after `length` bytes of a file in a leaf's message.
pub(crate) fn leaf_frame(length: usize) -> (Vec<u8>, Vec<u8>) {
    let mut before = start(Kind::File);
    if length > 0 {
        proto::put_bytes_header(&mut before, 2, length);
    }
    let mut after = Vec::new();
    proto::put_number(&mut after, 3, length as u64);
    (before, after)
}

pub(crate) fn encode_directory(meta: &Metadata) -> Vec<u8> {
    let mut out = start(Kind::Directory);
    put_metadata(&mut out, meta);
    out
}

pub(crate) fn encode_symlink(target: &[u8], meta: &Metadata) -> Vec<u8> {
    let mut out = start(Kind::Symlink);
    proto::put_bytes(&mut out, 2, target);
    // A symlink's own mode means nothing, and Kubo gives it none.
    let meta = Metadata {
        mode: None,
        ..*meta
    };
    put_metadata(&mut out, &meta);
    out
}

pub(crate) fn encode_shard(
    bitfield: &[u8],
    hash_type: u64,
    fanout: u64,
    meta: &Metadata,
) -> Vec<u8> {
    let mut out = start(Kind::Shard);
    proto::put_bytes(&mut out, 2, bitfield);
    proto::put_number(&mut out, 5, hash_type);
    proto::put_number(&mut out, 6, fanout);
    put_metadata(&mut out, meta);
    out
}

fn start(kind: Kind) -> Vec<u8> {
    let mut out = Vec::new();
    proto::put_number(&mut out, 1, kind.number());
    out
}

fn put_metadata(out: &mut Vec<u8>, meta: &Metadata) {
    if let Some(mode) = meta.mode {
        proto::put_number(out, 7, u64::from(mode & MODE_BITS));
    }
    if let Some(mtime) = meta.mtime {
        let mut inner = Vec::new();
        proto::put_number(&mut inner, 1, mtime.seconds.cast_unsigned());
        if mtime.nanos > 0 {
            inner.push(2 << 3 | 5);
            inner.extend_from_slice(&mtime.nanos.min(MAX_NANOS).to_le_bytes());
        }
        proto::put_bytes(out, 8, &inner);
    }
}
