//! A block that has come in, and the prefix that says how its CID is made from it.

use bytes::{Bytes, BytesMut};
use unixfs::cid::{Cid, DAG_PB, SHA2_256, Version as CidVersion, digest};
use unixfs::proto;

/// All of a CID but the digest: version, codec, hash function, digest length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    version: CidVersion,
    codec: u64,
    hash_code: u64,
    hash_len: usize,
}

impl Prefix {
    /// What a bare block of Bitswap 1.0 stands for.
    pub(super) const BARE: Self = Self {
        version: CidVersion::V0,
        codec: DAG_PB,
        hash_code: SHA2_256,
        hash_len: 32,
    };

    pub fn of(cid: &Cid) -> Self {
        Self {
            version: cid.version(),
            codec: cid.codec(),
            hash_code: cid.hash().code(),
            hash_len: cid.hash().digest().len(),
        }
    }

    /// `None` if it is none, or of a version that we do not know.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut number = || {
            let (number, length) = proto::varint(rest).ok()?;
            rest = &rest[length..];
            Some(number)
        };
        let version = CidVersion::try_from(number()?).ok()?;
        Some(Self {
            version,
            codec: number()?,
            hash_code: number()?,
            hash_len: usize::try_from(number()?).ok()?,
        })
    }

    fn numbers(self) -> [u64; 4] {
        [
            self.version.into(),
            self.codec,
            self.hash_code,
            self.hash_len as u64,
        ]
    }

    pub(super) fn encoded_len(self) -> usize {
        self.numbers().into_iter().map(proto::varint_len).sum()
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        for number in self.numbers() {
            proto::put_varint(out, number);
        }
    }
}

/// A block as it came in: what it is is known after hashing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub(super) prefix: Prefix,
    pub data: Bytes,
}

impl Block {
    /// Hashes the data, which takes about half a millisecond a MiB with the usual functions and up to four with the slowest. `None`: the hash function is
    /// unknown, or its digest cannot have the length that the prefix names, so that nobody can have
    /// asked for this.
    pub fn cid(&self) -> Option<Cid> {
        let Prefix {
            version,
            codec,
            hash_code,
            hash_len,
        } = self.prefix;
        let hash = digest(hash_code, hash_len, &self.data)?;
        Cid::new(version, codec, hash).ok()
    }
}
