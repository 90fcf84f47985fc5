//! The files that a download holds open, and how it reaches all others.

use std::collections::HashMap;
use std::io;

use fs_err as fs;
pub(crate) use store::files::{
    allocated, apply_metadata, exists, free_space, mark_as_downloaded, open_for_reading, read_leaf,
    rename_no_replace, symlink, sync_files, sync_folder, write_at, write_whole,
};

use super::error::FetchError;
use super::plan::FileKey;
use crate::fetch::limits::MAX_OPEN_FILES;

/// Open files for writing, the least used closed first.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    files: HashMap<FileKey, (u64, fs::File)>,
    clock: u64,
}

impl Handles {
    /// The open file; if need be it is opened.
    pub(crate) fn get(
        &mut self,
        key: FileKey,
        open: impl FnOnce() -> Result<fs::File, FetchError>,
    ) -> Result<&fs::File, FetchError> {
        self.clock += 1;
        if !self.files.contains_key(&key) {
            if self.files.len() >= MAX_OPEN_FILES
                && let Some(oldest) = self
                    .files
                    .iter()
                    .min_by_key(|(_, (used, _))| *used)
                    .map(|(key, _)| *key)
            {
                self.files.remove(&oldest);
            }
            self.files.insert(key, (self.clock, open()?));
        }
        // It was just put there.
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let entry = self.files.get_mut(&key).ok_or_else(missing)?;
        entry.0 = self.clock;
        Ok(&entry.1)
    }

    pub(crate) fn close(&mut self, key: FileKey) {
        self.files.remove(&key);
    }
}
