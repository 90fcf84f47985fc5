//! Small files of Shoal's own, read as whatever they are by now: emptied by a loss of power, far too long, or no file at all.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::disk::rename_no_replace;
use super::write::open_new_private;

/// Files that are kept beside one, of as many starts that found it damaged.
const MAX_KEPT: u32 = 100;

/// A small file's bytes. A symlink is followed: whoever made one has the file elsewhere. What is no file is `InvalidInput`, and
/// is not waited for; one of more than `most` bytes is `FileTooLarge`.
pub fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        let message = format!("{} is not a file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut bytes = Vec::new();
    // One more tells a longer file from one that is just as long.
    fs::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("{} is longer than {most} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Keeps what is there under another name beside it, before it is replaced: `settings.json` as `settings.old-1.json`. A small
/// file is copied, so that it is there until then; anything else is renamed. Says where it is kept.
pub fn keep_beside(path: &Path, most: u64) -> io::Result<PathBuf> {
    let old = match read_small(path, most) {
        Ok(old) => Some(old),
        Err(error) if is_no_small_file(&error) => None,
        Err(error) => return Err(error),
    };
    for number in 1..=MAX_KEPT {
        let beside = beside(path, number);
        let kept = match &old {
            Some(old) => copy(&beside, old),
            None => rename_no_replace(path, &beside),
        };
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            kept => return kept.map(|()| beside),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// [`read_small`] found something that nobody could take for the file that it was.
pub fn is_no_small_file(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidInput};
    matches!(error.kind(), InvalidInput | FileTooLarge)
}

fn beside(path: &Path, number: u32) -> PathBuf {
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    path.with_extension(format!("old-{number}.{kind}"))
}

fn copy(beside: &Path, old: &[u8]) -> io::Result<()> {
    use io::Write;
    let mut file = open_new_private(beside)?;
    file.write_all(old)?;
    file.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_small_file_is_told_at_once_and_kept_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let kind = |most| read_small(&path, most).map_err(|error| error.kind());
        assert_eq!(kind(9), Err(io::ErrorKind::NotFound));
        fs::write(&path, "123456789").unwrap();
        assert_eq!(kind(9).unwrap(), b"123456789");
        assert_eq!(kind(8), Err(io::ErrorKind::FileTooLarge));
        let first = keep_beside(&path, 9).unwrap();
        assert_eq!(first, dir.path().join("a.old-1.json"));
        assert!(path.exists() && fs::read(&first).unwrap() == b"123456789");
        let second = keep_beside(&path, 8).unwrap();
        assert_eq!(second, dir.path().join("a.old-2.json"));
        assert!(!path.exists() && second.exists());

        fs::create_dir(&path).unwrap();
        assert_eq!(kind(9), Err(io::ErrorKind::InvalidInput));
        assert!(keep_beside(&path, 9).unwrap().is_dir());
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(kind(9), Err(io::ErrorKind::InvalidInput));
        // Where the person keeps it elsewhere.
        let link = dir.path().join("link.json");
        fs_err::os::unix::fs::symlink(&first, &link).unwrap();
        assert_eq!(read_small(&link, 9).unwrap(), b"123456789");
    }
}
