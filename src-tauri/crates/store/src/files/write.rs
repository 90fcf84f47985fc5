//! Writing, so that nothing outside what is meant is touched.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;

use super::disk::sync_folder;
use super::naming;

/// Writes a small file whole or not at all: a crash leaves the old content or the new. It is for this person's eyes only.
pub fn replace_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    // What a crash left, or a pipe that would be waited for.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open_new_private(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // Not every file system can; then a loss of power may bring the old content back.
    let _ = path.parent().map(sync_folder);
    Ok(())
}

/// Opens a file that nobody else may read, whatever the umask, and makes it if nothing is there.
pub(crate) fn open_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    let file = options.open(path)?;
    make_private(path)?;
    Ok(file)
}

/// Makes a file that nobody else may read. Whatever is there is `AlreadyExists`.
pub(crate) fn open_new_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    options.open(path)
}

/// Takes a file, if it is there, from all others' eyes.
pub fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match fs::set_permissions(path, std::fs::Permissions::from_mode(PRIVATE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let _ = path;
    Ok(())
}

/// Mode of a file with the person's keys, links and paths.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

/// Writes a file at one go.
pub fn write_whole(file: &fs::File, data: &[u8]) -> io::Result<()> {
    if file.metadata()?.len() > data.len() as u64 {
        file.set_len(data.len() as u64)?;
    }
    write_at(file, data, 0)
}

#[cfg(unix)]
pub fn write_at(file: &fs::File, data: &[u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.file()
        .write_all_at(data, offset)
        .map_err(|error| naming("write to", file.path(), &error))
}

#[cfg(windows)]
pub fn write_at(file: &fs::File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !data.is_empty() {
        let written = file
            .file()
            .seek_write(data, offset)
            .map_err(|error| naming("write to", file.path(), &error))?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        data = &data[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Makes a symlink. One that is there already with the same target is fine: then it was not made, `false`.
#[cfg(unix)]
pub fn symlink(target: &Path, path: &Path) -> io::Result<bool> {
    match fs_err::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(path).is_ok_and(|there| there == target) {
                Ok(false)
            } else {
                Err(error)
            }
        }
        result => result.map(|()| true),
    }
}

#[cfg(not(unix))]
pub fn symlink(_: &Path, _: &Path) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
