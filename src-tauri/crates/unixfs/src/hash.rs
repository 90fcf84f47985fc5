//! Hash functions: those that blocks are verified with, and what others are called.
//!
//! They are the ones that the public network lets in, by the multicodec table's codes and names.
//! Pure: bytes in, digests out.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use blake2::digest::Output;
use blake2::digest::block_api::{Buffer, VariableOutputCore};
use blake2::{Blake2bVarCore, Blake2sVarCore};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use sha3::{Keccak224, Keccak256, Keccak384, Keccak512, Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};

use crate::limits::{MAX_DIGEST_BYTES, MIN_DIGEST_BYTES};

/// Multihash code of "the digest is the data".
pub const IDENTITY: u64 = 0x00;
/// Multihash code of SHA-1, which git uses. Two blocks of one digest can be made, so that it is read and never written.
pub const SHA1: u64 = 0x11;
/// Multihash code of SHA-256.
pub const SHA2_256: u64 = 0x12;
/// Multihash code of SHA-512.
pub const SHA2_512: u64 = 0x13;
/// Multihash code of SHA3-512.
pub const SHA3_512: u64 = 0x14;
/// Multihash code of SHA3-384.
pub const SHA3_384: u64 = 0x15;
/// Multihash code of SHA3-256.
pub const SHA3_256: u64 = 0x16;
/// Multihash code of SHA3-224.
pub const SHA3_224: u64 = 0x17;
/// Multihash code of SHAKE256, at 64 bytes and less.
pub const SHAKE_256: u64 = 0x19;
/// Multihash code of Keccak-224, which came before SHA-3.
pub const KECCAK_224: u64 = 0x1a;
/// Multihash code of Keccak-256.
pub const KECCAK_256: u64 = 0x1b;
/// Multihash code of Keccak-384.
pub const KECCAK_384: u64 = 0x1c;
/// Multihash code of Keccak-512.
pub const KECCAK_512: u64 = 0x1d;
/// Multihash code of BLAKE3, of any output length.
pub const BLAKE3: u64 = 0x1e;
/// Multihash code of SHA-256 over a SHA-256.
pub const DBL_SHA2_256: u64 = 0x56;
/// Multihash code of BLAKE2b with a digest of one byte; the codes of longer ones follow.
pub const BLAKE2B_8: u64 = 0xb201;
/// Multihash code of BLAKE2b with a digest of 64 bytes.
pub const BLAKE2B_512: u64 = 0xb240;
/// Multihash code of BLAKE2s with a digest of one byte; the codes of longer ones follow.
pub const BLAKE2S_8: u64 = 0xb241;
/// Multihash code of BLAKE2s with a digest of 32 bytes.
pub const BLAKE2S_256: u64 = 0xb260;

/// Bytes of the longest digest that is made by a function other than BLAKE3.
const MAX_PLAIN_BYTES: usize = 64;

/// How long a digest may be. `None`: no block is verified with this function, or none of its digests would be safe.
pub(crate) fn lengths(code: u64) -> Option<RangeInclusive<usize>> {
    let longest = match code {
        IDENTITY => return Some(0..=MAX_DIGEST_BYTES),
        BLAKE3 => MAX_DIGEST_BYTES,
        _ => usual_length(code)?,
    };
    (longest >= MIN_DIGEST_BYTES).then_some(MIN_DIGEST_BYTES..=longest)
}

/// Bytes of a whole digest; of BLAKE3, as it is mostly used. `None` for the identity, and for what isn't known.
pub(crate) fn usual_length(code: u64) -> Option<usize> {
    let length = match code {
        SHA1 => 20,
        SHA3_224 | KECCAK_224 => 28,
        SHA2_256 | DBL_SHA2_256 | SHA3_256 | KECCAK_256 | BLAKE3 => 32,
        SHA3_384 | KECCAK_384 => 48,
        SHA2_512 | SHA3_512 | KECCAK_512 | SHAKE_256 => 64,
        BLAKE2B_8..=BLAKE2B_512 => code - BLAKE2B_8 + 1,
        BLAKE2S_8..=BLAKE2S_256 => code - BLAKE2S_8 + 1,
        _ => return None,
    };
    usize::try_from(length).ok()
}

/// Hands on the digest of that length: a shorter one than the function's own begins like it. `None` if no digest of that function
/// has this length.
pub(crate) fn with_digest<T>(
    code: u64,
    length: usize,
    data: &[u8],
    f: impl FnOnce(&[u8]) -> T,
) -> Option<T> {
    if !lengths(code)?.contains(&length) {
        return None;
    }
    if code == IDENTITY {
        return (data.len() == length).then(|| f(data));
    }
    let mut output = [0; MAX_DIGEST_BYTES];
    if code == BLAKE3 {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(data)
            .finalize_xof()
            .fill(&mut output[..length]);
    } else {
        output[..MAX_PLAIN_BYTES].copy_from_slice(&plain(code, data)?);
    }
    Some(f(&output[..length]))
}

/// The digest of a function with one length, at the front.
fn plain(code: u64, data: &[u8]) -> Option<[u8; MAX_PLAIN_BYTES]> {
    let mut output = [0; MAX_PLAIN_BYTES];
    let mut put = |digest: &[u8]| output[..digest.len()].copy_from_slice(digest);
    match code {
        SHA1 => put(&Sha1::digest(data)),
        SHA2_256 => put(&Sha256::digest(data)),
        SHA2_512 => put(&Sha512::digest(data)),
        DBL_SHA2_256 => put(&Sha256::digest(Sha256::digest(data))),
        SHA3_224 => put(&Sha3_224::digest(data)),
        SHA3_256 => put(&Sha3_256::digest(data)),
        SHA3_384 => put(&Sha3_384::digest(data)),
        SHA3_512 => put(&Sha3_512::digest(data)),
        KECCAK_224 => put(&Keccak224::digest(data)),
        KECCAK_256 => put(&Keccak256::digest(data)),
        KECCAK_384 => put(&Keccak384::digest(data)),
        KECCAK_512 => put(&Keccak512::digest(data)),
        SHAKE_256 => {
            let mut hasher = Shake256::default();
            hasher.update(data);
            hasher.finalize_xof().read(&mut output);
        }
        BLAKE2B_8..=BLAKE2B_512 => put(&blake2::<Blake2bVarCore>(usual_length(code)?, data)?),
        BLAKE2S_8..=BLAKE2S_256 => put(&blake2::<Blake2sVarCore>(usual_length(code)?, data)?),
        _ => return None,
    }
    Some(output)
}

/// The digest's length goes into BLAKE2: a shorter one is no front of a longer one.
fn blake2<Core: VariableOutputCore>(length: usize, data: &[u8]) -> Option<Vec<u8>> {
    let mut core = Core::new(length).ok()?;
    let mut buffer = Buffer::<Core>::default();
    buffer.digest_blocks(data, |blocks| core.update_blocks(blocks));
    let mut output = Output::<Core>::default();
    core.finalize_variable_core(&mut buffer, &mut output);
    Some(output[..length].to_vec())
}

/// What the multicodec table calls a function, verified with here or not.
pub(crate) fn name(code: u64) -> Cow<'static, str> {
    let name = match code {
        IDENTITY => "identity",
        SHA1 => "sha1",
        SHA2_256 => "sha2-256",
        SHA2_512 => "sha2-512",
        SHA3_512 => "sha3-512",
        SHA3_384 => "sha3-384",
        SHA3_256 => "sha3-256",
        SHA3_224 => "sha3-224",
        0x18 => "shake-128",
        SHAKE_256 => "shake-256",
        KECCAK_224 => "keccak-224",
        KECCAK_256 => "keccak-256",
        KECCAK_384 => "keccak-384",
        KECCAK_512 => "keccak-512",
        BLAKE3 => "blake3",
        0x20 => "sha2-384",
        0x22 => "murmur3-x64-64",
        0x23 => "murmur3-32",
        DBL_SHA2_256 => "dbl-sha2-256",
        0xd4 => "md4",
        0xd5 => "md5",
        0x1012 => "sha2-256-trunc254-padded",
        0x1013 => "sha2-224",
        0x1014 => "sha2-512-224",
        0x1015 => "sha2-512-256",
        0x1022 => "murmur3-x64-128",
        0x1052 => "ripemd-128",
        0x1053 => "ripemd-160",
        0x1054 => "ripemd-256",
        0x1055 => "ripemd-320",
        0x1100 => "x11",
        0x1d01 => "kangarootwelve",
        0x534d => "sm3-256",
        0xb401 => "poseidon-bls12_381-a2-fc1",
        BLAKE2B_8..=BLAKE2B_512 => return format!("blake2b-{}", (code - BLAKE2B_8 + 1) * 8).into(),
        BLAKE2S_8..=BLAKE2S_256 => return format!("blake2s-{}", (code - BLAKE2S_8 + 1) * 8).into(),
        _ => return format!("{code:#x}").into(),
    };
    name.into()
}
