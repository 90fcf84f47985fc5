//! Modes and times of folders until everything in them is written: that changes them again.
//!
//! They wait in a file of the data directory, so that memory does not grow with the number of folders.
//! It is read from its end: a folder comes before those that it is in.

use std::io::{BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use store::files::{path_text, text_path};
use store::index::ItemId;
use unixfs::{Metadata, Mtime};

use super::disk;
use super::error::FetchError;

/// Bytes behind each path: its length; whether there is a mode, and a time; those.
const ENTRY: usize = 4 + 2 + 4 + 8 + 4;

/// What folders are given when all is written.
pub(super) struct Folders {
    path: PathBuf,
    file: Option<BufWriter<fs::File>>,
}

impl Folders {
    pub(super) fn new(data: &Path, item: ItemId) -> Self {
        Self {
            path: data.join(format!("folders-{item}")),
            file: None,
        }
    }

    pub(super) fn add(&mut self, path: &Path, meta: &Metadata) -> Result<(), FetchError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut options = fs::OpenOptions::new();
                // What a kill left there is of no use.
                options.read(true).write(true).create(true).truncate(true);
                let file = options.open(&self.path).map_err(FetchError::disk)?;
                none.insert(BufWriter::new(file))
            }
        };
        let path = path_text(path);
        file.write_all(path.as_bytes())?;
        Ok(file.write_all(&encode(path.len(), meta))?)
    }

    /// Gives them what they are to have, deepest first.
    pub(super) fn apply(&mut self) -> Result<(), FetchError> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let mut file = file.into_inner().map_err(IntoInnerError::into_error)?;
        let mut end = file.seek(SeekFrom::End(0))?;
        while let Some(at) = end.checked_sub(ENTRY as u64) {
            let mut entry = [0; ENTRY];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut entry)?;
            let (length, meta) = decode(&entry);
            end = at.saturating_sub(length);
            let mut path = String::new();
            file.seek(SeekFrom::Start(end))?;
            Read::by_ref(&mut file)
                .take(length)
                .read_to_string(&mut path)?;
            disk::apply_metadata(&text_path(&path), &meta);
        }
        Ok(())
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        // Most downloads never made it.
        let _ = fs::remove_file(&self.path);
    }
}

fn encode(length: usize, meta: &Metadata) -> [u8; ENTRY] {
    let mtime = meta.mtime.unwrap_or(Mtime {
        seconds: 0,
        nanos: 0,
    });
    // A path has 4,096 bytes at most.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut bytes = [0; ENTRY];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4] = meta.mode.is_some().into();
    bytes[5] = meta.mtime.is_some().into();
    bytes[6..10].copy_from_slice(&meta.mode.unwrap_or(0).to_le_bytes());
    bytes[10..18].copy_from_slice(&mtime.seconds.to_le_bytes());
    bytes[18..].copy_from_slice(&mtime.nanos.to_le_bytes());
    bytes
}

/// The path's length, and the rest.
fn decode(bytes: &[u8; ENTRY]) -> (u64, Metadata) {
    let four =
        |at: usize| u32::from_le_bytes(bytes[at..].first_chunk().copied().unwrap_or_default());
    let seconds = bytes[10..].first_chunk().copied().unwrap_or_default();
    let mtime = Mtime {
        seconds: i64::from_le_bytes(seconds),
        nanos: four(18),
    };
    let meta = Metadata {
        mode: (bytes[4] != 0).then_some(four(6)),
        mtime: (bytes[5] != 0).then_some(mtime),
    };
    (four(0).into(), meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_get_their_times_after_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let outer = dir.path().join("outer");
        let inner = outer.join("inner \u{fffd}E9");
        fs::create_dir_all(&inner).unwrap();
        let time = |seconds| Metadata {
            mode: None,
            mtime: Some(Mtime { seconds, nanos: 5 }),
        };
        let mut folders = Folders::new(dir.path(), ItemId(3));
        folders.add(&outer, &time(1_000_000)).unwrap();
        folders.add(&inner, &time(2_000_000)).unwrap();
        folders.apply().unwrap();
        let seconds = |path: &Path| {
            let changed = fs::metadata(path).unwrap().modified().unwrap();
            changed
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        assert_eq!((seconds(&outer), seconds(&inner)), (1_000_000, 2_000_000));
        drop(folders);
        assert!(!dir.path().join("folders-3").exists());
    }
}
