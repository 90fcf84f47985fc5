//! CIDs and the hashes in them: which ones are accepted, and whether a block is what its CID says.
//!
//! Invariants: [`verify`] says yes only to a block within the size limit whose digest, of an
//! allowed hash function and length, equals the CID's. Nothing here looks inside a block.

use bytes::Bytes;
use sha2::{Digest as _, Sha256, Sha512};
use thiserror::Error;

pub use ::cid::Version;
pub use ::cid::multibase::Base;

use crate::limits::{MAX_BLOCK_BYTES, MAX_CID_TEXT, MAX_DIGEST_BYTES, MIN_DIGEST_BYTES};

/// A CID with room for the longest digest allowed, an identity of 128 bytes.
pub type Cid = ::cid::CidGeneric<128>;

/// A multihash with room for the longest digest allowed.
pub type Multihash = multihash::Multihash<128>;

/// Codec of a block that is bytes of a file and nothing else.
pub const RAW: u64 = 0x55;
/// Codec of a block with links.
pub const DAG_PB: u64 = 0x70;

/// Multihash code of "the digest is the data".
pub const IDENTITY: u64 = 0x00;
/// Multihash code of SHA-256.
pub const SHA2_256: u64 = 0x12;
/// Multihash code of SHA-512.
pub const SHA2_512: u64 = 0x13;
/// Multihash code of BLAKE3, of any output length.
pub const BLAKE3: u64 = 0x1e;

/// Why a CID, or a block under it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CidError {
    #[error("not a CID: {0}")]
    Malformed(String),
    #[error("its end is missing")]
    CutOff,
    #[error("codec {0:#x} is neither raw nor dag-pb")]
    UnknownCodec(u64),
    #[error("hash function {0:#x} is not supported")]
    UnknownHash(u64),
    #[error("a digest of {bytes} bytes is too short or too long for hash function {code:#x}")]
    DigestLength { code: u64, bytes: usize },
    #[error("a block of {0} bytes is over the limit of {MAX_BLOCK_BYTES}")]
    BlockTooLarge(usize),
    #[error("the block's bytes do not match its CID")]
    Mismatch,
}

/// Digest of `data` under the multihash code, at the function's usual length. `None`: the code is
/// unknown, or `data` is too long for an identity.
pub fn hash(code: u64, data: &[u8]) -> Option<Multihash> {
    match code {
        IDENTITY => Multihash::wrap(IDENTITY, data).ok(),
        SHA2_256 => Multihash::wrap(SHA2_256, &Sha256::digest(data)).ok(),
        SHA2_512 => Multihash::wrap(SHA2_512, &Sha512::digest(data)).ok(),
        BLAKE3 => Multihash::wrap(BLAKE3, blake3::hash(data).as_bytes()).ok(),
        _ => None,
    }
}

/// SHA-256 over the parts one after the other, so that nobody has to join them first.
pub(crate) fn sha2_256(parts: &[&[u8]]) -> Multihash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    #[expect(clippy::expect_used, reason = "32 bytes fit into 128")]
    Multihash::wrap(SHA2_256, &hasher.finalize()).expect("a sha2-256 digest fits")
}

/// The SHA-256 CID of a dag-pb block in the given version.
pub(crate) fn dag_pb_cid(version: Version, parts: &[&[u8]]) -> Cid {
    let hash = sha2_256(parts);
    #[expect(
        clippy::expect_used,
        reason = "dag-pb and a whole sha2-256 are what version 0 asks for"
    )]
    Cid::new(version, DAG_PB, hash).expect("dag-pb with sha2-256 has both versions")
}

/// Does the block belong to the CID? Checks the block's size, [`acceptable`], and the digest. A
/// digest shorter than the function's own is its prefix.
pub fn verify(cid: &Cid, data: &[u8]) -> Result<(), CidError> {
    if data.len() > MAX_BLOCK_BYTES {
        return Err(CidError::BlockTooLarge(data.len()));
    }
    acceptable(cid)?;
    verify_digest(cid.hash(), data)
}

/// The digest alone, of a hash that [`acceptable_hash`] has let pass.
fn verify_digest(hash: &Multihash, data: &[u8]) -> Result<(), CidError> {
    let digest = hash.digest();
    let matches = match hash.code() {
        IDENTITY => digest == data,
        SHA2_256 => Sha256::digest(data).starts_with(digest),
        SHA2_512 => Sha512::digest(data).starts_with(digest),
        BLAKE3 => {
            let mut output = [0; MAX_DIGEST_BYTES];
            let output = &mut output[..digest.len()];
            blake3::Hasher::new()
                .update(data)
                .finalize_xof()
                .fill(output);
            digest == output
        }
        code => return Err(CidError::UnknownHash(code)),
    };
    if matches {
        Ok(())
    } else {
        Err(CidError::Mismatch)
    }
}

/// Is it a CID that we ask for and answer: raw or dag-pb, a known hash function, a digest of a
/// length that is safe?
pub fn acceptable(cid: &Cid) -> Result<(), CidError> {
    match cid.codec() {
        RAW | DAG_PB => acceptable_hash(cid.hash()),
        codec => Err(CidError::UnknownCodec(codec)),
    }
}

fn acceptable_hash(hash: &Multihash) -> Result<(), CidError> {
    let bytes = hash.digest().len();
    let allowed = match hash.code() {
        IDENTITY => 0..=MAX_DIGEST_BYTES,
        SHA2_256 => MIN_DIGEST_BYTES..=32,
        SHA2_512 => MIN_DIGEST_BYTES..=64,
        BLAKE3 => MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES,
        code => return Err(CidError::UnknownHash(code)),
    };
    if allowed.contains(&bytes) {
        Ok(())
    } else {
        Err(CidError::DigestLength {
            code: hash.code(),
            bytes,
        })
    }
}

/// The block that follows from the CID alone: the content of an identity CID, and the empty block
/// where the digest is the hash of nothing. Such blocks must never be asked for, since Kubo does
/// not send empty blocks.
pub fn implied_block(cid: &Cid) -> Option<Bytes> {
    acceptable(cid).ok()?;
    let hash = cid.hash();
    if hash.code() == IDENTITY {
        return Some(Bytes::copy_from_slice(hash.digest()));
    }
    verify_digest(hash, &[]).ok().map(|()| Bytes::new())
}

/// Reads a CID from text: version 0 (`Qm…`) or version 1 in any multibase. Nothing may stand before
/// or after it.
pub fn parse(text: &str) -> Result<Cid, CidError> {
    let malformed = |reason: &dyn std::fmt::Display| CidError::Malformed(reason.to_string());
    if text.len() > MAX_CID_TEXT {
        return Err(malformed(&"too long"));
    }
    let is_v0 = text.len() == 46 && text.starts_with("Qm");
    let bytes = if is_v0 {
        Base::Base58Btc
            .decode(text)
            .map_err(|error| malformed(&error))?
    } else {
        ::cid::multibase::decode(text)
            .map_err(|error| malformed(&error))?
            .1
    };
    let cid = from_bytes(&bytes)?;
    if (cid.version() == Version::V0) != is_v0 {
        return Err(malformed(&"version 0 has one text form only, Qm…"));
    }
    Ok(cid)
}

/// Reads a CID in binary form that fills `bytes` to the end.
pub fn from_bytes(bytes: &[u8]) -> Result<Cid, CidError> {
    match read_prefix(bytes)? {
        (cid, length) if length == bytes.len() => Ok(cid),
        _ => Err(CidError::Malformed("bytes follow the CID".to_owned())),
    }
}

/// Reads a CID in binary form from the front of `bytes`, and says how many bytes it took. There is
/// one such form for each CID.
pub fn read_prefix(bytes: &[u8]) -> Result<(Cid, usize), CidError> {
    let malformed = |reason: &str| CidError::Malformed(reason.to_owned());
    let (cid, rest) = if let Some(rest) = bytes.strip_prefix(&[0x12, 32]) {
        let (digest, rest) = rest.split_at_checked(32).ok_or(CidError::CutOff)?;
        (Cid::new_v0(wrap(SHA2_256, digest)?), rest)
    } else {
        let (version, rest) = varint(bytes)?;
        if version != 1 {
            return Err(malformed("its version is neither 0 nor 1"));
        }
        let (codec, rest) = varint(rest)?;
        let (code, rest) = varint(rest)?;
        let (size, rest) = varint(rest)?;
        let split = usize::try_from(size)
            .ok()
            .and_then(|size| rest.split_at_checked(size));
        let (digest, rest) = split.ok_or(CidError::CutOff)?;
        (Ok(Cid::new_v1(codec, wrap(code, digest)?)), rest)
    };
    let cid = cid.map_err(|error| CidError::Malformed(error.to_string()))?;
    Ok((cid, bytes.len() - rest.len()))
}

fn wrap(code: u64, digest: &[u8]) -> Result<Multihash, CidError> {
    Multihash::wrap(code, digest).map_err(|error| CidError::Malformed(error.to_string()))
}

/// Bytes of the longest number that multiformats allow. The decoder would take a tenth and drop the
/// bits that do not fit, which would give one CID many forms.
const MAX_VARINT_BYTES: usize = 9;

/// Reads a number in its shortest form.
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), CidError> {
    let malformed = |reason: &dyn std::fmt::Display| CidError::Malformed(reason.to_string());
    let (value, rest) = unsigned_varint::decode::u64(bytes).map_err(|error| malformed(&error))?;
    if bytes.len() - rest.len() > MAX_VARINT_BYTES {
        return Err(malformed(&"a number is too long"));
    }
    Ok((value, rest))
}
