//! A file that appears under its name once it is whole, and never replaces another.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::disk::{rename_no_replace, sync_folder};
use super::open::exists;

/// Names that are tried beside it.
const MAX_NUMBER: u32 = 100;

/// A file on its way. Until then it has no name, so that nothing of it stays if this program ends; where a file system can't do
/// that, it has one of its own beside, which goes with it in any other case.
#[derive(Debug)]
pub struct Unfinished {
    file: fs::File,
    path: PathBuf,
    /// Its own name until then.
    part: Option<PathBuf>,
}

impl Unfinished {
    /// Fails with `AlreadyExists` where something is there.
    pub fn new(path: &Path) -> io::Result<Self> {
        if exists(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let Some(file) = nameless(path) {
            let path = path.to_owned();
            return Ok(Self {
                file,
                path,
                part: None,
            });
        }
        for number in 1..=MAX_NUMBER {
            let mut part = path.as_os_str().to_owned();
            part.push(match number {
                1 => ".part".to_owned(),
                number => format!(".{number}.part"),
            });
            let (path, part) = (path.to_owned(), PathBuf::from(part));
            match fs::File::create_new(&part) {
                // Somebody's own, or left by a program that was ended.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    return Ok(Self {
                        file,
                        path,
                        part: Some(part),
                    });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub fn file(&self) -> &fs::File {
        &self.file
    }

    /// It is whole: it survives a loss of power, and gets its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        match &self.part {
            Some(part) => rename_no_replace(part, &self.path)?,
            None => name(&self.file, &self.path)?,
        }
        self.part = None;
        // Not every file system can; then a loss of power may take the name.
        let _ = self.path.parent().map(sync_folder);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // It was made above, and is of no use.
            let _ = fs::remove_file(part);
        }
    }
}

#[cfg(target_os = "linux")]
const OPEN_FILES: &str = "/proc/self/fd";

/// A file without a name in that one's folder.
#[cfg(target_os = "linux")]
fn nameless(path: &Path) -> Option<fs::File> {
    use rustix::fs::{Mode, OFlags};
    // It gets its name by way of there.
    if !exists(Path::new(OPEN_FILES)) {
        return None;
    }
    let folder = match path.parent()? {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    // As for any new file: the umask takes from it.
    let file = rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)).ok()?;
    Some(fs::File::from_parts(file.into(), path))
}

#[cfg(target_os = "linux")]
fn name(file: &fs::File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let open = Path::new(OPEN_FILES).join(file.as_raw_fd().to_string());
    let named = linkat(CWD, &open, CWD, path, AtFlags::SYMLINK_FOLLOW);
    named.map_err(|error| super::naming("name", path, &error.into()))
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<fs::File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn name(_: &fs::File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn it_is_there_when_it_is_whole_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.car");
        let unfinished = Unfinished::new(&path).unwrap();
        unfinished.file().write_all(b"whole").unwrap();
        assert!(!path.exists());
        unfinished.finish().unwrap();
        assert_eq!(names(dir.path()), ["x.car"]);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        let error = Unfinished::new(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);

        // Something is put there meanwhile.
        let other = dir.path().join("y.car");
        let unfinished = Unfinished::new(&other).unwrap();
        fs::write(&other, "mine").unwrap();
        let error = unfinished.finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&other).unwrap(), b"mine");
        drop(Unfinished::new(&dir.path().join("z.car")).unwrap());
        assert_eq!(names(dir.path()).len(), 2);
    }

    /// A program that is killed gives nothing up in order.
    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_of_it_stays_when_the_program_ends() {
        let dir = tempfile::tempdir().unwrap();
        let unfinished = Unfinished::new(&dir.path().join("x.car")).unwrap();
        unfinished.file().write_all(b"half").unwrap();
        std::mem::forget(unfinished);
        assert_eq!(names(dir.path()), [""; 0]);
    }
}
