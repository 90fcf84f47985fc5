//! The files that are moved: bytes that no compression helps, made once in a run and hot in the page cache.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::machine::Scratch;

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The tree: 100 folders of 100 files, on average 34.6 KB, together about 346 MB.
pub(crate) const TREE_FILES: u64 = 10_000;
const TREE_FOLDERS: u64 = 100;
const SMALLEST: u64 = 200;
const LARGEST: u64 = 69_000;

/// What was made so far.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    made: u64,
    gib: Option<PathBuf>,
    tree: Option<Tree>,
}

#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl Samples {
    /// The 1 GiB file that most rows share.
    pub(crate) fn gib(&mut self, scratch: &Scratch) -> Result<PathBuf> {
        if let Some(path) = &self.gib {
            return Ok(path.clone());
        }
        let path = self.file(scratch, GIB)?;
        self.gib = Some(path.clone());
        Ok(path)
    }

    /// A new file, unlike every other.
    pub(crate) fn file(&mut self, scratch: &Scratch, size: u64) -> Result<PathBuf> {
        self.made += 1;
        let path = scratch.path(&format!("sample-{size}.bin"));
        write(&path, self.made << 32, size)?;
        scratch.settle()?;
        Ok(path)
    }

    /// One folder of files that are all of that size.
    pub(crate) fn small_files(
        &mut self,
        scratch: &Scratch,
        files: u64,
        size: u64,
    ) -> Result<PathBuf> {
        let path = scratch.folder("sample-small-files")?;
        self.made += 1;
        for file in 0..files {
            let seed = (self.made << 32) | (file << 12);
            write(&path.join(format!("file {file:04}.bin")), seed, size)?;
        }
        scratch.settle()?;
        Ok(path)
    }

    pub(crate) fn tree(&mut self, scratch: &Scratch) -> Result<Tree> {
        if let Some(tree) = &self.tree {
            return Ok(tree.clone());
        }
        let path = scratch.folder("sample-tree")?;
        let mut sizes = Bytes(1);
        let mut bytes = 0;
        for folder in 0..TREE_FOLDERS {
            let folder_path = path.join(format!("folder {folder:03}"));
            fs::create_dir(&folder_path)?;
            for file in 0..TREE_FILES / TREE_FOLDERS {
                let size = SMALLEST + sizes.next() % (LARGEST - SMALLEST);
                let seed = (folder << 8) | file;
                write(
                    &folder_path.join(format!("file {file:03}.bin")),
                    seed << 16,
                    size,
                )?;
                bytes += size;
            }
        }
        scratch.settle()?;
        let tree = Tree { path, bytes };
        self.tree = Some(tree.clone());
        Ok(tree)
    }
}

fn write(path: &Path, seed: u64, size: u64) -> Result<()> {
    let mut bytes = Bytes(seed);
    let mut file = fs::File::create(path)?;
    let mut left = size;
    let mut piece = Vec::new();
    while left > 0 {
        let take = left.min(MIB);
        piece.clear();
        for _ in 0..take.div_ceil(8) {
            piece.extend_from_slice(&bytes.next().to_le_bytes());
        }
        piece.truncate(usize::try_from(take)?);
        file.write_all(&piece)?;
        left -= take;
    }
    Ok(())
}

/// SplitMix64: the same bytes in every run.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
