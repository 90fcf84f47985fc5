//! Why a download stopped, and what a person can do about it.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use unixfs::Cid;
use unixfs::walk::{WalkError, shown};

use super::car::CarFault;
use super::plan::{Fault, SelectionError};
use crate::api::{Problem, Retry};
use crate::faults::{Panicked, TRY_AGAIN};
use crate::link::LinkError;
use crate::util::Stopping;
use net::NetError;
use store::index::{IndexError, Skipped};

/// Codes of problems after which resuming means to begin anew, if nothing is left of what was begun.
pub(crate) const IN_THE_WAY: &str = "in-the-way";
pub(crate) const PART_GONE: &str = "part-gone";
/// Code of the problem after which resuming means that an item may unfold to whatever it does.
pub(crate) const UNFOLDS: &str = "unfolds";
pub(crate) const FOLDER_REPLACED: &str = "folder-replaced";
/// Codes of problems that end by themselves when what is away is back.
pub(crate) const FOLDER_GONE: &str = "folder-gone";
pub(crate) const DISK_MISSING: &str = "disk-missing";

/// Why a download, or a look into an item, came to an end. What was recorded until then stays, and the next run goes on there.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Paused, or the engine stops.
    #[error("stopped")]
    Stopped,
    #[error("{0}")]
    Content(Fault),
    #[error("{0}")]
    Selection(#[from] SelectionError),
    #[error("not enough space in {folder}: {} more is needed", in_words(needed.saturating_sub(*free)))]
    NoSpace {
        folder: String,
        needed: u64,
        free: u64,
    },
    #[error("the disk of {0} can hold no more files, whatever room is left on it")]
    NoFiles(String),
    #[error("the folder {0} is not there")]
    FolderGone(String),
    /// What is to hold the download is a file, or lies in one.
    #[error("{} is not a folder", .0.display())]
    NoFolder(PathBuf),
    /// There is a folder of that name, on the same disk.
    #[error(
        "{} is another folder now: what was fetched so far is in the one that was there before",
        .0.display()
    )]
    FolderReplaced(PathBuf),
    #[error("the disk that {} lies on is not there", .0.display())]
    DiskMissing(PathBuf),
    /// In a place that was begun, something that the download did not make.
    #[error("{} is in the way: it is not of this download", .0.display())]
    InTheWay(PathBuf),
    #[error("{} is not the file that Shoal began", .0.display())]
    Replaced(PathBuf),
    #[error("{} is gone: what was fetched so far was in it", .0.display())]
    PartGone(PathBuf),
    #[error("another program changes {} again and again while it is fetched", .0.display())]
    Touched(PathBuf),
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Index(#[from] IndexError),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("{} is not in the item", shown(.path))]
    NotInItem { path: String },
    #[error("this part of {} is not here yet", shown(.path))]
    NotHere { path: String },
    #[error("{} is not a file", shown(.path))]
    NotAFile { path: String },
    #[error(transparent)]
    Panicked(#[from] Panicked),
    #[error(transparent)]
    Car(#[from] CarFault),
    /// Of an item that was whole.
    #[error("block {0} cannot be read: the files have changed or gone")]
    BlockGone(Box<Cid>),
    #[error("{} can't be written: {}", .path.display(), why(.source))]
    Unwritten { path: PathBuf, source: io::Error },
    #[error("the item holds nothing that can be written here")]
    Nothing,
    /// Every entry was left out: the first, and how many there are.
    #[error("the item holds nothing that can be written here: {}: {}{}", first.path, first.reason, and_more(*count))]
    LeftOut { first: Skipped, count: u64 },
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("item {0} is no download")]
    NoDownload(store::index::ItemId),
}

impl From<Stopping> for FetchError {
    fn from(_: Stopping) -> Self {
        Self::Stopped
    }
}

impl From<Fault> for FetchError {
    fn from(fault: Fault) -> Self {
        Self::Content(fault)
    }
}

impl From<WalkError> for FetchError {
    fn from(error: WalkError) -> Self {
        Self::Content(match error {
            WalkError::NotThere { path } => return Self::NotInItem { path },
            WalkError::NotAFile { path } => return Self::NotAFile { path },
            WalkError::Cid { path, cid, source } => Fault::Cid { path, cid, source },
            WalkError::Block { path, cid, source } => Fault::Block { path, cid, source },
            WalkError::Kind { path, cid } => Fault::Kind { path, cid },
            WalkError::TooManyEntries { path, most } => Fault::FolderTooLarge { path, most },
            WalkError::TooDeep { path, .. } => Fault::TooDeep { path },
        })
    }
}

impl FetchError {
    pub(crate) fn disk(error: impl Into<io::Error>) -> Self {
        Self::Disk(error.into())
    }

    /// The error as a person reads it.
    pub fn problem(&self) -> Problem {
        if let Self::Panicked(fault) = self {
            return fault.problem();
        }
        let (code, hint, retry) = self.kind();
        Problem {
            code: code.to_owned(),
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retry,
            subject: self.subject(),
            count: None,
            field: self.field().map(str::to_owned),
        }
    }

    /// What was asked for and can't be had.
    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Content(Fault::NotThere(_)) | Self::NotInItem { .. } | Self::Selection(_) => {
                Some("select")
            }
            Self::NoSpace { .. }
            | Self::NoFiles(_)
            | Self::FolderGone(_)
            | Self::NoFolder(_)
            | Self::FolderReplaced(_)
            | Self::DiskMissing(_) => Some("into"),
            Self::Disk(error) => match disk_kind(error.kind()).0 {
                "disk" => None,
                _ => Some("into"),
            },
            Self::Link(_) => Some("link"),
            _ => None,
        }
    }

    fn kind(&self) -> (&'static str, Option<&'static str>, Retry) {
        match self {
            Self::Stopped | Self::Panicked(_) => ("stopped", None, Retry::User),
            Self::Content(Fault::NotThere(_)) | Self::NotInItem { .. } => (
                "not-in-item",
                Some("List what the item holds, and choose again."),
                Retry::Never,
            ),
            Self::Content(Fault::Name { .. }) => (
                "unsafe-name",
                Some("Whoever made this link may wish you harm."),
                Retry::Never,
            ),
            Self::Content(Fault::Unfolds { .. }) => (
                UNFOLDS,
                Some("Resume it if you trust whoever gave you the link, or remove it."),
                Retry::User,
            ),
            Self::Content(Fault::OverDisk) => disk_kind(io::ErrorKind::FileTooLarge),
            Self::Content(_) => (
                "bad-content",
                Some("Ask whoever gave you the link for another one."),
                Retry::Never,
            ),
            Self::Selection(_) => (
                "bad-selection",
                Some("Choose at least one file or folder that is in the item."),
                Retry::Never,
            ),
            Self::NoSpace { .. } => (
                "no-space",
                Some("Free some space and try again: it goes on where it stopped."),
                Retry::User,
            ),
            Self::NoFiles(_) => (
                "no-files",
                Some(
                    "Delete files there that you don't need, many small ones rather than a large one, and try again: it goes on where it stopped.",
                ),
                Retry::User,
            ),
            Self::FolderGone(_) => (
                FOLDER_GONE,
                Some("Put the folder back: it goes on by itself then. Or choose another one."),
                Retry::User,
            ),
            Self::FolderReplaced(_) => (
                FOLDER_REPLACED,
                Some(
                    "Put the old one back: it goes on by itself then. Or resume, to fetch all of it again into this one.",
                ),
                Retry::User,
            ),
            Self::DiskMissing(_) => (
                DISK_MISSING,
                Some("Plug it in again: it goes on by itself then."),
                Retry::User,
            ),
            Self::Touched(_) => (
                "touched",
                Some(
                    "Close the program that writes to it, then try again: it goes on where it stopped.",
                ),
                Retry::User,
            ),
            Self::NoFolder(_) => ("bad-path", Some("Choose a folder."), Retry::User),
            Self::InTheWay(_) | Self::Replaced(_) => (
                IN_THE_WAY,
                Some("Move it away, then resume. Shoal leaves it as it is."),
                Retry::User,
            ),
            Self::PartGone(_) => (
                PART_GONE,
                Some("Put it back, then resume; or resume at once to fetch all of it again."),
                Retry::User,
            ),
            Self::Disk(error) => disk_kind(error.kind()),
            Self::Index(IndexError::DiskFull) => disk_kind(io::ErrorKind::StorageFull),
            Self::Index(IndexError::Broke) => ("fault", Some(TRY_AGAIN), Retry::User),
            Self::Index(_) => (
                "index",
                Some(
                    "See that the disk with Shoal's own data has room and is sound, then try again.",
                ),
                Retry::User,
            ),
            Self::Net(_) => ("network", None, Retry::Auto),
            Self::Car(fault) => {
                let (next, retry) = fault.next();
                ("bad-car", Some(next), retry)
            }
            Self::BlockGone(_) => (
                "files-changed",
                Some("Check the item, then put its files back or share them anew."),
                Retry::User,
            ),
            Self::Unwritten { source, .. } => unwritten_kind(source.kind()),
            Self::NotHere { .. } => (
                "not-here",
                Some("Wait until more of it is here."),
                Retry::Auto,
            ),
            Self::NotAFile { .. } => (
                "not-a-file",
                Some("List it to see what it holds."),
                Retry::Never,
            ),
            Self::Link(_) => (
                "bad-link",
                Some(
                    "Copy the whole link again: it looks like ipfs://bafy… or https://…/ipfs/bafy…",
                ),
                Retry::Never,
            ),
            Self::Nothing | Self::LeftOut { .. } => (
                "nothing-to-write",
                Some("Ask whoever gave you the link for one to files or folders."),
                Retry::Never,
            ),
            Self::NoDownload(_) => (
                "no-download",
                Some("This is for downloads only. What is shared from here stays as it is."),
                Retry::Never,
            ),
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::NoSpace { folder, .. } | Self::NoFiles(folder) | Self::FolderGone(folder) => {
                Some(folder.clone())
            }
            Self::NoFolder(path)
            | Self::InTheWay(path)
            | Self::Replaced(path)
            | Self::PartGone(path)
            | Self::FolderReplaced(path)
            | Self::DiskMissing(path)
            | Self::Touched(path)
            | Self::Unwritten { path, .. } => Some(path.display().to_string()),
            Self::Car(fault) => Some(fault.path().display().to_string()),
            Self::NotInItem { path } | Self::NotAFile { path } | Self::NotHere { path } => {
                Some(path.clone())
            }
            Self::Content(
                Fault::Cid { path, .. }
                | Fault::Block { path, .. }
                | Fault::Kind { path, .. }
                | Fault::Name { path, .. }
                | Fault::TooDeep { path }
                | Fault::FolderTooLarge { path, .. }
                | Fault::NotThere(path),
            ) => Some(path.clone()).filter(|path| !path.is_empty()),
            _ => None,
        }
    }
}

fn and_more(count: u64) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {more} more"),
    }
}

/// An amount of bytes as people read it, rounded up: less would not be enough.
pub(super) fn in_words(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths = tenths.div_ceil(1000);
        unit += 1;
    }
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {}", units[unit]),
        (whole, tenth) => format!("{whole}.{tenth} {}", units[unit]),
    }
}

fn disk_kind(kind: io::ErrorKind) -> (&'static str, Option<&'static str>, Retry) {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            "no-space",
            Some("Free some space and try again: it goes on where it stopped."),
            Retry::User,
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            "no-permission",
            Some("Allow writing there, then try again: it goes on where it stopped."),
            Retry::User,
        ),
        io::ErrorKind::NotFound => (
            FOLDER_GONE,
            Some("Plug the disk in again or put the folder back, then try again."),
            Retry::User,
        ),
        io::ErrorKind::FileTooLarge => (
            "file-too-large",
            Some("Choose a folder on a disk with another file system."),
            Retry::User,
        ),
        _ => (
            "disk",
            Some("Check the disk, then try again: it goes on where it stopped."),
            Retry::User,
        ),
    }
}

/// Of a file that the person named, and of which nothing is left.
fn unwritten_kind(kind: io::ErrorKind) -> (&'static str, Option<&'static str>, Retry) {
    let hint = match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free some space, or choose another disk. Nothing of it is left there."
        }
        io::ErrorKind::AlreadyExists => "Choose another name: nothing is replaced.",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "Make the folder first, or choose another one."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Choose a folder that you may write to."
        }
        io::ErrorKind::FileTooLarge => "Choose a folder on a disk with another file system.",
        _ => "Choose another place. Nothing of it is left there.",
    };
    ("unwritten", Some(hint), Retry::User)
}

/// Why something can't be read, in words where there are some.
pub(crate) fn unread(error: &io::Error) -> Cow<'static, str> {
    Cow::Borrowed(match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder",
        io::ErrorKind::NotADirectory => "a part of its path is no folder",
        io::ErrorKind::PermissionDenied => "you may not read it",
        io::ErrorKind::InvalidFilename => "its name is too long",
        _ => return Cow::Owned(error.to_string()),
    })
}

/// Why something can't be written, in words where there are some.
fn why(error: &io::Error) -> Cow<'static, str> {
    Cow::Borrowed(match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "your part of the disk is used up",
        io::ErrorKind::AlreadyExists => "it is there already",
        io::ErrorKind::NotFound => "there is no such folder",
        io::ErrorKind::NotADirectory => "a part of its path is no folder",
        io::ErrorKind::PermissionDenied => "you may not write there",
        io::ErrorKind::ReadOnlyFilesystem => "the disk can only be read",
        io::ErrorKind::FileTooLarge => "the disk holds no files of that size",
        io::ErrorKind::InvalidFilename => "the name is too long for the disk",
        _ => return Cow::Owned(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_never_less_than_they_are() {
        let check = |bytes, words| assert_eq!(in_words(bytes), words);
        check(0, "0 bytes");
        check(999, "999 bytes");
        check(1000, "1 kB");
        check(1_234_567, "1.3 MB");
        check(999_999, "1 MB");
        check(u64::MAX, "18.5 EB");
    }

    #[test]
    fn what_a_walk_finds_wrong_names_its_place() {
        let path = "folder/file".to_owned();
        let cid = Box::new(unixfs::cid::Cid::new_v1(unixfs::cid::RAW, empty_hash()));
        let problem = FetchError::from(WalkError::Kind { path, cid }).problem();
        assert_eq!(problem.code, "bad-content");
        assert_eq!(problem.subject.as_deref(), Some("folder/file"));
        assert!(problem.message.contains("folder/file"), "{problem:?}");
    }

    fn empty_hash() -> unixfs::Multihash {
        unixfs::cid::hash(unixfs::cid::SHA2_256, b"").unwrap()
    }

    #[test]
    fn a_full_disk_says_how_much_is_missing() {
        let error = FetchError::NoSpace {
            folder: "/media/usb".to_owned(),
            needed: 5_000_000_000,
            free: 2_000_000_000,
        };
        let problem = error.problem();
        assert_eq!(
            problem.message,
            "not enough space in /media/usb: 3 GB more is needed"
        );
        assert_eq!(
            (problem.code.as_str(), problem.field.as_deref()),
            ("no-space", Some("into"))
        );
    }
}
