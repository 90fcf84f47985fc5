//! Opening files that may be something else by now. Nothing here follows a symlink at the end of a path, or waits for the other end
//! of a pipe.

use std::io;
use std::path::Path;

use fs_err as fs;

/// Opens a regular file for reading. Neither follows a symlink nor waits for the other end of a pipe.
pub fn open_for_reading(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    no_follow(&mut options);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(not_a_file(path))
}

/// Makes a file that is not there yet, and opens it for writing. Whatever is there, a broken symlink too, is `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
}

/// Opens a regular file that is there for writing. What is in it stays.
pub fn open_for_writing(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    no_follow(&mut options);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(not_a_file(path))
}

/// Is anything there, a broken symlink included?
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn not_a_file(path: &Path) -> io::Error {
    io::Error::other(format!("{} is not a file", path.display()))
}

#[cfg(unix)]
fn no_follow(options: &mut fs::OpenOptions) {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn no_follow(_: &mut fs::OpenOptions) {}
