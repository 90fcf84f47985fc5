//! The one place that opens, reads, writes, names and renames files.

mod disk;
pub mod names;
mod open;
mod pread;

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;

pub use self::disk::{
    apply_metadata, exists, free_space, open_for_reading, open_for_writing, read_leaf,
    rename_no_replace, symlink, sync_files, sync_folder, write_at, write_whole,
};
pub(crate) use self::open::regular;
pub(crate) use self::pread::append;

/// Writes a small file whole or not at all: a crash leaves the old content or the new.
pub fn replace_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
