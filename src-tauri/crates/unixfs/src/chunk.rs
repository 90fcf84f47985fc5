//! Where a file becomes blocks: chunks of one size, and a last one of what is left.
//!
//! It works on lengths alone, so that whoever reads the file may do so in any order and on any
//! thread.

use std::ops::Range;

/// Cuts a length into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunker {
    size: u64,
}

impl Chunker {
    /// Chunks of `size` bytes; 0 is taken as 1.
    pub fn new(size: u32) -> Self {
        Chunker {
            size: u64::from(size.max(1)),
        }
    }

    /// How many chunks a file of so many bytes has. An empty one has none.
    pub fn count(self, length: u64) -> u64 {
        length.div_ceil(self.size)
    }

    /// Where the chunk with that number lies, `None` behind the last.
    pub fn get(self, length: u64, index: u64) -> Option<Range<u64>> {
        let start = index
            .checked_mul(self.size)
            .filter(|start| *start < length)?;
        Some(start..length.min(start.saturating_add(self.size)))
    }

    /// All chunks in order.
    pub fn chunks(self, length: u64) -> impl Iterator<Item = Range<u64>> {
        (0..).map_while(move |index| self.get(length, index))
    }
}
