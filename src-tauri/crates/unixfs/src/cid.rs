//! CIDs and the hashes in them: which ones are accepted, and whether a block is what its CID says.
//!
//! Invariants: [`verify`] says yes only to a block within the size limit whose digest, of an
//! allowed hash function and length, equals the CID's. Nothing here looks inside a block.

use std::borrow::Cow;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use ::cid::Version;
pub use ::cid::multibase::Base;

use crate::hash;
pub use crate::hash::{
    BLAKE2B_8, BLAKE2B_512, BLAKE2S_8, BLAKE2S_256, BLAKE3, DBL_SHA2_256, IDENTITY, KECCAK_224,
    KECCAK_256, KECCAK_384, KECCAK_512, SHA1, SHA2_256, SHA2_512, SHA3_224, SHA3_256, SHA3_384,
    SHA3_512, SHAKE_256,
};
use crate::limits::{MAX_BLOCK_BYTES, MAX_CID_TEXT, MIN_DIGEST_BYTES};

/// A CID with room for the longest digest allowed, an identity of 128 bytes.
pub type Cid = ::cid::CidGeneric<128>;

/// A multihash with room for the longest digest allowed.
pub type Multihash = multihash::Multihash<128>;

/// Codec of a block that is bytes of a file and nothing else.
pub const RAW: u64 = 0x55;
/// Codec of a block with links.
pub const DAG_PB: u64 = 0x70;

/// Why a CID, or a block under it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CidError {
    #[error("not a CID: {0}")]
    Malformed(String),
    #[error("its end is missing")]
    CutOff,
    #[error("it holds {}, which is no part of a file or folder", codec_name(*.0))]
    UnknownCodec(u64),
    #[error("it uses the hash function {}, which Shoal can't check", hash::name(*.0))]
    UnknownHash(u64),
    #[error("a digest of {bytes} bytes is too {} for the hash function {}", if *.bytes < MIN_DIGEST_BYTES {"short"} else {"long"}, hash::name(*.code))]
    DigestLength { code: u64, bytes: usize },
    #[error("a block of {0} bytes is over the limit of {MAX_BLOCK_BYTES}")]
    BlockTooLarge(usize),
    #[error("the block's bytes do not match its CID")]
    Mismatch,
}

/// Digest of `data` under the multihash code, at the function's usual length. `None`: the code is
/// unknown, or `data` is too long for an identity.
pub fn hash(code: u64, data: &[u8]) -> Option<Multihash> {
    let length = match code {
        IDENTITY => data.len(),
        _ => hash::usual_length(code)?,
    };
    digest(code, length, data)
}

/// Digest of `data` under the multihash code, of that length. `None`: no digest of the function has
/// it, or the code is unknown.
pub fn digest(code: u64, length: usize, data: &[u8]) -> Option<Multihash> {
    hash::with_digest(code, length, data, |digest| {
        Multihash::wrap(code, digest).ok()
    })?
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
    match hash::with_digest(hash.code(), digest.len(), data, |own| own == digest) {
        Some(true) => Ok(()),
        _ => Err(CidError::Mismatch),
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
    let (code, bytes) = (hash.code(), hash.digest().len());
    match hash::lengths(code) {
        Some(lengths) if lengths.contains(&bytes) => Ok(()),
        Some(_) => Err(CidError::DigestLength { code, bytes }),
        None => Err(CidError::UnknownHash(code)),
    }
}

/// What the multicodec table calls a codec that others use for blocks.
fn codec_name(code: u64) -> Cow<'static, str> {
    let name = match code {
        RAW => "raw",
        DAG_PB => "dag-pb",
        0x51 => "cbor",
        0x71 => "dag-cbor",
        0x72 => "libp2p-key",
        0x78 => "git-raw",
        0x85 => "dag-jose",
        0x0129 => "dag-json",
        0x0200 => "json",
        _ => return format!("blocks of the kind {code:#x}").into(),
    };
    name.into()
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

/// How many bytes the CID at the front takes. They need not all be there, and it may be one that no
/// [`Cid`] can hold.
pub fn prefix_len(bytes: &[u8]) -> Result<u64, CidError> {
    if bytes.starts_with(&[0x12, 32]) {
        return Ok(34);
    }
    let (version, rest) = varint(bytes)?;
    if version != 1 {
        let reason = "its version is neither 0 nor 1".to_owned();
        return Err(CidError::Malformed(reason));
    }
    let (_, rest) = varint(rest)?;
    let (_, rest) = varint(rest)?;
    let (size, rest) = varint(rest)?;
    Ok(size.saturating_add((bytes.len() - rest.len()) as u64))
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
