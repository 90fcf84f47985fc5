//! What is refused however well-formed it is: every bound of this crate, with its unit and its
//! reason.

/// Bytes of one block. Bitswap peers neither send nor take larger ones.
pub const MAX_BLOCK_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of a digest below which a hash no longer tells blocks apart safely (the public network's
/// allow list).
pub const MIN_DIGEST_BYTES: usize = 20;

/// Bytes of the longest digest, which bounds identity CIDs too (IPIP-512).
pub const MAX_DIGEST_BYTES: usize = 128;

/// Bytes of a CID in binary form that Bitswap servers still answer. With digests bounded, ours stay
/// below it.
pub const MAX_CID_BYTES: usize = 168;

/// Characters of a CID as text: base 2, the longest base, needs eight for a byte, and one names the
/// base.
pub const MAX_CID_TEXT: usize = 1 + 8 * MAX_CID_BYTES;

/// Links of one node. A link to a sha2-256 takes 40 bytes, so no honest 2 MiB block holds more than
/// about 52,000; without this bound links to empty identity CIDs would make a block unfold to
/// thirty times its size in memory.
pub const MAX_LINKS: usize = 65_536;

/// Bytes of a name that goes into a directory we write. File systems stop at 255 UTF-16 units,
/// which are 765 bytes; with 1024 the largest shard we write stays below the block limit.
pub const MAX_NAME_BYTES: usize = 1024;

/// Levels of a file's tree. Width 2 and chunks of one byte need 63 for the largest file; real ones
/// need 2 or 3.
pub const MAX_FILE_DEPTH: u32 = 64;

/// Parts of a file that are known and not yet read, each of about 200 bytes of memory: all links of two
/// nodes, one below the other, of as many as there can be.
pub const MAX_OPEN_PARTS: usize = 2 * MAX_LINKS;

/// Bytes of a file: what every file system's signed offset can express.
pub const MAX_FILE_BYTES: u64 = i64::MAX as u64;

/// Buckets of one HAMT shard (CVE-2023-23625: an unbounded fan-out is an unbounded allocation).
pub const MAX_FANOUT: u64 = 1024;

/// Bytes of a CAR's header: the CIDs of about 25,000 roots.
pub const MAX_CAR_HEADER_BYTES: usize = 1024 * 1024;
