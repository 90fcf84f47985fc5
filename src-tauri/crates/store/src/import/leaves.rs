//! Leaves of files: read and hashed, one chunk after the other, through one buffer.

use std::io;
use std::ops::Range;

use fs_err::File;
use unixfs::{Leaf, Profile};

use crate::files;

/// Reads and hashes chunks. One for each thread: it keeps its buffer.
#[derive(Debug)]
pub(super) struct LeafReader {
    profile: Profile,
    buffer: Vec<u8>,
    /// The leaf of a chunk of zeros, once there was one.
    zeros: Option<Leaf>,
}

impl LeafReader {
    pub(super) fn new(profile: Profile) -> Self {
        LeafReader {
            profile,
            buffer: Vec::with_capacity(profile.chunk_size as usize),
            zeros: None,
        }
    }

    /// The leaf of one chunk of the file.
    pub(super) fn read(&mut self, file: &File, chunk: Range<u64>) -> io::Result<Leaf> {
        self.buffer.clear();
        // A chunk is 2 MiB at most.
        let len = usize::try_from(chunk.end - chunk.start).map_err(io::Error::other)?;
        files::append(file, &mut self.buffer, len, chunk.start)?;
        Ok(self.profile.leaf(&self.buffer))
    }

    /// The leaf of a chunk that lies in a hole of the file: nothing is read, and only the first is hashed.
    pub(super) fn zeros(&mut self, chunk: Range<u64>) -> Leaf {
        let len = chunk.end - chunk.start;
        if let Some(leaf) = self.zeros.filter(|leaf| leaf.bytes == len) {
            return leaf;
        }
        self.buffer.clear();
        self.buffer.resize(usize::try_from(len).unwrap_or(0), 0);
        let leaf = self.profile.leaf(&self.buffer);
        self.zeros = Some(leaf);
        leaf
    }
}

/// Where the next data lie at or behind an offset; the file's length if only a hole follows.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
pub(super) fn next_data(file: &File, offset: u64, length: u64) -> u64 {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => data,
        Err(rustix::io::Errno::NXIO) => length,
        // A file system that knows no holes.
        Err(_) => offset,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
pub(super) fn next_data(_file: &File, offset: u64, _length: u64) -> u64 {
    offset
}

/// Does the file take less room than it is long, so that looking for holes pays?
#[cfg(unix)]
pub(super) fn has_holes(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks().saturating_mul(512) < metadata.len()
}

#[cfg(not(unix))]
pub(super) fn has_holes(_metadata: &std::fs::Metadata) -> bool {
    false
}
