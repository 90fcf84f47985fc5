//! Opening files that may be something else by now.

use std::fs::File;
use std::io;
use std::path::Path;

use fs_err as fs;

/// Opens a regular file for reading. Neither follows a symlink nor waits for the other end of a pipe.
pub(crate) fn regular(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        use rustix::fs::OFlags;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file.into_file());
    }
    Err(io::Error::other(format!(
        "{} is not a file",
        path.display()
    )))
}
