//! What can go wrong with an item, and how a person reads it.
//!
//! It is kept with the item too: a job that fails leaves its [`Problem`] on record.

use std::io;
use std::path::PathBuf;

use super::relocate::{Difference, RelocateError};
use crate::api::{Problem, Retry};
use crate::faults::{Panicked, TRY_AGAIN};
use crate::fetch::{self, FetchError};
use crate::link::LinkError;
use crate::util::Stopping;
use store::files::path_text;
use store::index::{IndexError, ItemId};
use store::{ImportError, ScanError};
use unixfs::CidError;

/// A code, the next step, and who can take it.
type Kind = (&'static str, Option<&'static str>, Retry);

#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Relocate(#[from] RelocateError),
    #[error("{} can't be read: {}", .path.display(), fetch::unread(.source))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is a symlink that leads to nothing", .0.display())]
    DeadLink(PathBuf),
    #[error("{} is not a folder", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is a symlink that leads to nothing", .0.display())]
    DeadFolder(PathBuf),
    #[error("there is nothing to share")]
    NothingToShare,
    #[error("{} is neither a file nor a folder", .0.display())]
    NoFile(PathBuf),
    #[error("there is no profile {0:?}")]
    UnknownProfile(String),
    #[error("{0:?} is not an address of a peer")]
    BadAddress(String),
    #[error("there is no item {0}")]
    UnknownItem(ItemId),
    #[error("item {0} has no content address yet")]
    NotReady(ItemId),
    #[error("item {0} is not all here yet")]
    NotWhole(ItemId),
    #[error("{0:?} can't be the name of a file or folder")]
    BadName(String),
    #[error("item {0} is a download")]
    NotAShare(ItemId),
    #[error("item {0} is no download")]
    NotADownload(ItemId),
    #[error("item {0} is being worked on")]
    NotAtRest(ItemId),
    #[error("item {id} could not be {what}, and all is as before: {source}")]
    NotDone {
        id: ItemId,
        /// A participle.
        what: &'static str,
        source: IndexError,
    },
    #[error("this needs the network, and the engine runs without")]
    Offline,
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Panicked(#[from] Panicked),
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

impl ItemError {
    /// The error as a person reads it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Fetch(error) => return error.problem(),
            Self::Panicked(fault) => return fault.problem(),
            Self::Disk(error) => {
                let (kind, words) = (error.kind(), error.to_string());
                return FetchError::disk(io::Error::new(kind, words)).problem();
            }
            _ => {}
        }
        let (code, hint, retry) = self.kind();
        Problem {
            code: code.to_owned(),
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retry,
            subject: self.subject(),
            count: self.count(),
            field: self.field().map(str::to_owned),
        }
    }

    /// How many things it is about.
    fn count(&self) -> Option<u64> {
        match self {
            Self::Relocate(RelocateError::Differs { count, .. }) => Some(*count),
            _ => None,
        }
    }

    /// Where a form shows it.
    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Link(_) | Self::BadAddress(_) => Some("link"),
            Self::BadName(_) => Some("name"),
            Self::NoFolder(_) | Self::DeadFolder(_) => Some("into"),
            _ => None,
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::Unreadable { path, .. }
            | Self::DeadLink(path)
            | Self::NoFile(path)
            | Self::NoFolder(path)
            | Self::DeadFolder(path)
            | Self::Relocate(
                RelocateError::NotThere(path)
                | RelocateError::NoFolder(path)
                | RelocateError::Differs { path, .. },
            ) => Some(path_text(path)),
            Self::UnknownItem(id) | Self::NotReady(id) | Self::NotWhole(id) => Some(id.to_string()),
            _ => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Index(error)
            | Self::Scan(ScanError::Index(error))
            | Self::NotDone { source: error, .. } => index_kind(error),
            Self::Link(error) => link_kind(error),
            Self::Import(error) => import_kind(error),
            Self::Scan(ScanError::Stopped(_)) => ("stopped", None, Retry::User),
            Self::Fetch(_) | Self::Disk(_) | Self::Panicked(_) => ("fetch", None, Retry::User),
            Self::Relocate(error) => relocate_kind(error),
            Self::Unreadable { .. } => (
                "unreadable",
                Some("Check the path, and that you may read it."),
                Retry::User,
            ),
            Self::DeadLink(_) => (
                "dead-link",
                Some("Share what it was meant to lead to."),
                Retry::Never,
            ),
            Self::NoFolder(_) | Self::DeadFolder(_) => (
                "bad-path",
                Some("Choose a folder, or one that can be made."),
                Retry::Never,
            ),
            Self::NothingToShare | Self::NoFile(_) => (
                "nothing-to-share",
                Some("Name a file or folder."),
                Retry::Never,
            ),
            Self::UnknownProfile(_) => (
                "unknown-profile",
                Some("Profiles are unixfs-v1-2025 and unixfs-v0-2015."),
                Retry::Never,
            ),
            Self::BadAddress(_) => (
                "bad-address",
                Some("An address looks like /ip4/192.0.2.1/tcp/4001/p2p/12D3…"),
                Retry::Never,
            ),
            Self::UnknownItem(_) => (
                "unknown-item",
                Some("Choose one of the items that there are."),
                Retry::Never,
            ),
            Self::NotReady(_) => (
                "not-ready",
                Some("Wait until it is hashed or found."),
                Retry::Auto,
            ),
            Self::NotWhole(_) => (
                "not-whole",
                Some("Wait until it is done, or resume it."),
                Retry::User,
            ),
            Self::BadName(_) => (
                "bad-name",
                Some(
                    "A name has letters in it, is not all dots, has no slashes, and not more than 255 bytes.",
                ),
                Retry::Never,
            ),
            Self::NotAShare(_) => (
                "not-a-share",
                Some("A download's content is fixed by its link."),
                Retry::Never,
            ),
            Self::NotAtRest(_) => (
                "not-at-rest",
                Some("Pause it, or wait until it is done."),
                Retry::User,
            ),
            Self::NotADownload(_) => (
                "no-download",
                Some("This is for downloads only. What is shared from here stays as it is."),
                Retry::Never,
            ),
            Self::Offline => ("offline", Some("Try again while Shoal runs."), Retry::User),
            Self::Stopping(_) => ("stopping", Some("Try again while Shoal runs."), Retry::User),
        }
    }
}

fn relocate_kind(error: &RelocateError) -> Kind {
    match error {
        RelocateError::NotThere(_) => (
            "bad-path",
            Some("Name the file or folder where it lies now."),
            Retry::User,
        ),
        RelocateError::Differs {
            what: Difference::Missing,
            ..
        } => (
            "other-files",
            Some("Choose the file or folder itself, as it was."),
            Retry::User,
        ),
        RelocateError::Differs { .. } => (
            "other-files",
            Some("Share what is there anew, or choose another place."),
            Retry::User,
        ),
        RelocateError::NoFolder(_) => ("bad-path", Some("Choose a folder."), Retry::User),
    }
}

fn index_kind(error: &IndexError) -> Kind {
    match error {
        IndexError::Newer { .. } => (
            "data-dir-newer",
            Some("Install the newer version again, or use another folder for its data."),
            Retry::Never,
        ),
        IndexError::Foreign(_) => (
            "data-dir-foreign",
            Some("Use another folder for its data."),
            Retry::Never,
        ),
        IndexError::Damaged(_) => (
            "index-damaged",
            Some("Start Shoal again: it keeps the damaged file and reads the shared files anew."),
            Retry::User,
        ),
        IndexError::DiskFull => (
            "no-space",
            Some("Free some space, then try again."),
            Retry::User,
        ),
        IndexError::Sqlite(_) | IndexError::Io(_) => (
            "index",
            Some(
                "Check that the disk with Shoal's own data works, has room, and may be written to.",
            ),
            Retry::User,
        ),
        IndexError::Broke => ("fault", Some(TRY_AGAIN), Retry::User),
        _ => ("index", None, Retry::User),
    }
}

fn link_kind(error: &LinkError) -> Kind {
    let (code, hint) = match error {
        LinkError::Name(_) => (
            "name-link",
            "Ask for a link to the content itself, which begins with ipfs://.",
        ),
        LinkError::SmallLetters(_) => (
            "bad-link",
            "Copy it where its letters are still as they were, not from a browser's address line.",
        ),
        LinkError::NotFetchable {
            source: CidError::UnknownCodec(_),
            ..
        } => ("unknown-codec", "Only files and folders can be fetched."),
        LinkError::NotFetchable { .. } => (
            "unknown-hash",
            "Ask whoever made it to add it with another hash function, such as sha2-256.",
        ),
        _ => (
            "bad-link",
            "Copy the whole link again: it looks like ipfs://bafy… or https://…/ipfs/bafy…",
        ),
    };
    (code, Some(hint), Retry::Never)
}

fn import_kind(error: &ImportError) -> Kind {
    match error {
        ImportError::Unreadable(_) => (
            "unreadable",
            Some("Check that it is there and that you may read it, then try again."),
            Retry::User,
        ),
        ImportError::LeftOut { first, .. } if first.reason == store::OWN => (
            "own-data",
            Some("Its keys and settings stay with you. Share another folder."),
            Retry::User,
        ),
        ImportError::LeftOut { first, count: 1 } if first.reason == store::UNFINISHED => (
            "unfinished-download",
            Some("Share it once it is whole, or name the file itself if it is."),
            Retry::User,
        ),
        ImportError::LeftOut { .. } => (
            "all-left-out",
            Some(
                "Hidden files come along when they are asked for; name anything else itself to share it.",
            ),
            Retry::User,
        ),
        ImportError::Nothing => (
            "nothing-to-share",
            Some("Hidden files are shared only when they are asked for."),
            Retry::User,
        ),
        ImportError::Stopped(_) => ("stopped", None, Retry::User),
        ImportError::Index(error) => index_kind(error),
        ImportError::Directory(_) => ("bad-folder", Some("Rename what it names."), Retry::User),
    }
}
