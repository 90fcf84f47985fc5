//! UnixFS over dag-pb: blocks from files, and files from blocks.
//!
//! This crate is arithmetic on bytes. It opens no file or socket, reads no clock and starts no
//! thread; builders take bytes or hashes and hand out blocks, readers take a block and say what
//! follows. That is why all of it can be tested and fuzzed alone.
//!
//! Writing: [`Profile::leaf`] hashes chunks, [`FileBuilder`] and [`DirectoryBuilder`] put trees
//! above them. The CIDs are those of IPIP-499. Reading: [`cid::verify`] says whether a block is
//! what was asked for, [`decode`] what it holds. [`walk`] goes from block to block: along a path,
//! through a folder, a file, or all of it.

pub mod car;
pub mod chunk;
pub mod cid;
pub mod dagpb;
mod data;
pub mod dir;
pub mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(any(test, fuzzing))]
mod fuzz_input {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/input.rs"
    ));
}
pub mod hamt;
mod hash;
pub mod limits;
pub mod name;
mod node;
pub mod profile;
pub mod proto;
mod shard;
pub mod walk;

pub use car::{CarError, CarReader, CarWriter, Section};
pub use chunk::Chunker;
pub use cid::{Cid, CidError, Multihash};
pub use dagpb::DagPbError;
pub use data::{DataError, Metadata, Mtime};
pub use dir::{DirectoryBuilder, DirectoryError};
pub use file::{Block, FileBuilder, Leaf, Root, leaf_frame, symlink};
pub use hamt::Fanout;
pub use node::{
    DecodeError, DirectoryNode, Entry, FileChild, FileNode, FilePosition, Node, ShardItem,
    ShardNode, SymlinkNode, decode,
};
pub use profile::{Estimate, Profile};
pub use proto::ProtoError;
pub use shard::{Lookup, ShardPath};
