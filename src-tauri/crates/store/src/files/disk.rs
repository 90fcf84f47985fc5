//! Files as they are written and checked. Nothing here follows a symlink at the end of a path, and nothing that exists is
//! ever replaced.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err as fs;
use unixfs::{Cid, cid};

/// Writes a file at one go.
pub fn write_whole(path: &Path, data: &[u8]) -> io::Result<()> {
    let file = open_for_writing(path)?;
    if file.metadata()?.len() > data.len() as u64 {
        file.set_len(data.len() as u64)?;
    }
    write_at(&file, data, 0)
}

pub fn open_for_writing(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    no_follow(&mut options);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(not_a_file(path))
}

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

#[cfg(unix)]
pub fn write_at(file: &fs::File, data: &[u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.file()
        .write_all_at(data, offset)
        .map_err(|error| named(file.path(), "write to", &error))
}

#[cfg(unix)]
fn read_at(file: &fs::File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    file.file()
        .read_exact_at(buffer, offset)
        .map_err(|error| named(file.path(), "read", &error))
}

#[cfg(windows)]
pub fn write_at(file: &fs::File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !data.is_empty() {
        let written = file
            .file()
            .seek_write(data, offset)
            .map_err(|error| named(file.path(), "write to", &error))?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        data = &data[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &fs::File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buffer.is_empty() {
        let read = file
            .file()
            .seek_read(buffer, offset)
            .map_err(|error| named(file.path(), "read", &error))?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}

/// The same kind of error, saying which file it was about.
fn named(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("failed to {what} {}: {error}", path.display()),
    )
}

/// The leaf under a CID as it would be if its bytes are these of the file. `None`: they are not, or are not there.
pub fn read_leaf(file: &fs::File, cid: &Cid, offset: u64, len: u32) -> Option<Bytes> {
    let len = len as usize;
    let framed = cid.codec() != cid::RAW;
    let (before, after) = if framed {
        unixfs::leaf_frame(len)
    } else {
        Default::default()
    };
    let mut block = vec![0; before.len() + len + after.len()];
    block[..before.len()].copy_from_slice(&before);
    read_at(file, &mut block[before.len()..before.len() + len], offset).ok()?;
    block[before.len() + len..].copy_from_slice(&after);
    cid::verify(cid, &block).ok()?;
    Some(block.into())
}

/// Makes what was written to these files survive a loss of power.
///
/// One file after the other costs a write of the journal each; so where there are many, the whole file system is asked to write.
/// That may write other programs' data too, and is still 50 times faster for 10,000 small files.
pub fn sync_files(base: &Path, files: &[PathBuf]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if files.len() > crate::limits::MAX_SINGLE_SYNCS {
        let folder = fs::File::open(base)?;
        return rustix::fs::syncfs(folder.file()).map_err(io::Error::from);
    }
    let _ = base;
    files
        .iter()
        .try_for_each(|path| open_for_reading(path)?.sync_data())
}

/// Makes a rename in the folder survive a loss of power.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}

/// Renames, but never onto something that is there: then it fails with `AlreadyExists`.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // Some file systems cannot do it in one step.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(named(to, "rename to", &error.into())),
        }
    }
    if exists(to) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Is anything there, a broken symlink included?
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Bytes that can still be written there; `None` if that can't be told.
#[cfg(unix)]
pub fn free_space(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Makes a symlink. One that is there already with the same target is fine.
#[cfg(unix)]
pub fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    match fs_err::os::unix::fs::symlink(target, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(path).is_ok_and(|there| there == target) {
                Ok(())
            } else {
                Err(error)
            }
        }
        result => result,
    }
}

#[cfg(not(unix))]
pub fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives a file or folder the permissions and the time that its sharer wished to give along. What the file system refuses is
/// no reason to fail a download.
pub fn apply_metadata(path: &Path, meta: &unixfs::Metadata) {
    if meta.is_empty() {
        return;
    }
    #[cfg(unix)]
    if let Some(mode) = meta.mode {
        use std::os::unix::fs::PermissionsExt;
        // Read and write for the owner stay, or we could neither finish nor share it; set-uid and the like never come in.
        let mode = mode & 0o777 | if path.is_dir() { 0o700 } else { 0o600 };
        let _ = fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    }
    if let Some(mtime) = meta.mtime {
        let nanos = std::time::Duration::from_nanos(mtime.nanos.into());
        let seconds = std::time::Duration::from_secs(mtime.seconds.unsigned_abs());
        let time = if mtime.seconds < 0 {
            std::time::UNIX_EPOCH.checked_sub(seconds)
        } else {
            std::time::UNIX_EPOCH.checked_add(seconds)
        };
        if let Some(time) = time.and_then(|time| time.checked_add(nanos))
            && let Ok(file) = fs::File::open(path)
        {
            let _ = file.file().set_modified(time);
        }
    }
}
