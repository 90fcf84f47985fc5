//! The one place that opens, reads, writes, names and renames files.
//!
//! | file | what it does |
//! |---|---|
//! | `open` | opens regular files only, through no symlink, and makes new ones |
//! | `identity` | which file or folder it is, whatever it is called |
//! | `read` | bytes at an offset, and leaves out of them |
//! | `write` | bytes at an offset, whole files, symlinks |
//! | `small` | small files of Shoal's own, whatever has become of them |
//! | `whole` | files that get their name when they are whole |
//! | `metadata` | modes and times of others, and the mark of what came from them |
//! | `mount` | on which disk something lies, and whether that is there |
//! | `disk` | syncs, renames without replacing, free space |
//! | [`names`] | names of strangers as names of files here |
//!
//! Invariant: nothing that exists is replaced, but by [`replace_whole`], which is for Shoal's own files.

mod disk;
mod identity;
mod metadata;
mod mount;
pub mod names;
mod open;
mod read;
mod small;
mod tried;
mod whole;
mod write;

use std::io;
use std::path::{Path, PathBuf};

pub use self::disk::{
    Room, allocated, free_space, rename_no_replace, room, sync_files, sync_folder,
};
pub use self::identity::{Identity, Same};
pub use self::metadata::{apply_metadata, mark_as_downloaded};
pub use self::mount::{is_mounted, mount_point};
pub use self::open::{create_new, exists, open_for_reading, open_for_writing};
pub use self::read::read_leaf;
pub(crate) use self::read::{append, leaf_into};
pub use self::small::{is_no_small_file, keep_beside, read_small};
pub use self::whole::Unfinished;
pub(crate) use self::write::open_private;
pub use self::write::{make_private, replace_whole, symlink, write_at, write_whole};

/// A path as text that leads back to it, for people and JSON: as [`unixfs::name`] writes names.
pub fn path_text(path: &Path) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    #[cfg(not(unix))]
    let bytes = path.as_os_str().as_encoded_bytes();
    unixfs::name::to_text(bytes).into_owned()
}

/// The path that [`path_text`] wrote.
pub fn text_path(text: &str) -> PathBuf {
    #[cfg(unix)]
    let path = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(
        unixfs::name::to_bytes(text).into_owned(),
    );
    #[cfg(not(unix))]
    let path = text;
    PathBuf::from(path)
}

/// The same kind of error, saying which file it was about.
fn naming(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("failed to {what} {}: {error}", path.display()),
    )
}
