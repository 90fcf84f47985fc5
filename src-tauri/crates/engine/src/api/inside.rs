//! What is asked about the inside of an item, of paths and of links, and what is answered. Plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ItemId, Skipped};

/// What something in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    File,
    Folder,
    Symlink,
    /// Nothing that can be fetched: data of another kind, or damaged.
    Other,
}

impl EntryKind {
    /// What something is that has not been looked at: files have endings, folders mostly don't.
    pub(crate) fn guess(name: &str) -> Self {
        match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() && (1..=5).contains(&ending.len()) => {
                Self::File
            }
            _ => Self::Folder,
        }
    }
}

/// One level of an item's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FilesRequest {
    pub id: ItemId,
    /// A folder inside the item; empty is its top.
    pub dir: String,
    /// The window of rows that is shown, at most 1,000.
    pub offset: u32,
    pub limit: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FilesView {
    /// Rows of this level in all.
    pub total: u32,
    /// Folders first, by name.
    pub entries: Vec<FileView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileView {
    pub name: String,
    /// Its path inside the item.
    pub path: String,
    #[ts(inline)]
    pub kind: EntryKind,
    /// Bytes; of a folder that is not all here yet as its maker claims.
    pub size: u64,
    /// Bytes that are here and verified.
    pub done: u64,
    /// Inside a folder, as far as known; 1 for a file.
    pub files: u64,
    #[ts(inline)]
    pub chosen: Chosen,
    #[ts(inline)]
    pub priority: Priority,
    #[ts(inline)]
    pub state: FileCondition,
}

/// How much of it was chosen to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Chosen {
    All,
    Some,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Normal,
    High,
}

/// Is a file on the disk what it was when it was hashed?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum FileCondition {
    Ok,
    Changed,
    Missing,
}

/// Which parts of an item are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PiecesView {
    /// Blocks that are known of.
    pub blocks: u64,
    pub here: u64,
    /// Asked of others now.
    pub asked: u64,
    /// The item in equal slices, in order, at most 480: per cent that are here; 255 is asked for now.
    pub cells: Vec<u8>,
}

/// What sharing these paths would share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InspectPathsRequest {
    #[serde(with = "super::path::list")]
    #[ts(as = "Vec<PathBuf>")]
    pub paths: Vec<PathBuf>,
    /// Hidden files inside folders too.
    pub hidden: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PathsView {
    pub name: String,
    /// A folder, or several things.
    pub folder: bool,
    pub files: u64,
    pub folders: u64,
    pub bytes: u64,
    /// Looking took too long: the numbers are "at least".
    pub complete: bool,
    /// At most 100.
    pub skipped: Vec<Skipped>,
    pub skipped_count: u64,
}

/// Whether a text is a link, or has one in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckLinkRequest {
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum LinkCheck {
    Empty,
    Good {
        /// The name that the link suggests.
        name: Option<String>,
    },
    Bad {
        #[ts(inline)]
        why: BadLink,
    },
}

/// Why a text is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum BadLink {
    /// There is nothing in it that could be one.
    NoLink,
    /// An address on the web that does not lead to shared content.
    WebPage,
    /// The content address ends too early.
    CutOff,
    /// Letters that no content address has, or too many of them.
    Mistyped,
    /// Somebody made its letters small, which are part of it.
    SmallLetters,
    /// An IPNS name: the content behind it can change.
    Name,
    /// It leads to what is neither a file nor a folder, or by a hash that is not known.
    Unknown,
    /// Its path leads out of the content.
    Outside,
    TooLong,
}

/// What is behind a link, as far as it is known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InspectLinkRequest {
    pub link: String,
    /// A folder inside; empty is its top.
    pub dir: String,
    /// Milliseconds, at most 10,000: it is answered when there is news.
    pub wait_ms: u64,
    /// `rev` of the last answer, 0 at first.
    pub since: u64,
    /// For the free space; else the folder for downloads.
    #[serde(default, with = "super::path::optional")]
    #[ts(as = "Option<PathBuf>")]
    pub into: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InspectView {
    pub rev: u64,
    pub cid: String,
    pub name: String,
    /// Not known yet: nothing.
    #[ts(inline)]
    pub kind: Option<EntryKind>,
    /// Bytes, as its maker claims.
    pub total: Option<u64>,
    /// Not known yet: nothing. At most 1,000.
    pub entries: Option<Vec<InspectEntry>>,
    /// There are more.
    pub truncated: bool,
    /// People found who have it, or part of it.
    pub people: u32,
    /// What was tried, and is being tried.
    pub tried: Vec<Search>,
    /// It was looked for so long.
    pub seconds: u64,
    /// The folder that it would go into.
    pub into: String,
    /// Bytes free there, where that can be told.
    pub free: Option<u64>,
    /// It is in the library already.
    pub existing: Option<ItemId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InspectEntry {
    pub name: String,
    #[ts(inline)]
    pub kind: EntryKind,
    /// Bytes; of a folder as its maker claims.
    pub size: u64,
}

/// A way in which people are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Those who are connected are asked.
    Connected,
    /// The addresses in the link.
    Hints,
    Lan,
    Dht,
    Http,
}

/// Which parts of a download are to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SelectRequest {
    pub id: ItemId,
    /// Files and folders inside the item; empty is all of it.
    pub paths: Vec<String>,
    pub chosen: bool,
}

/// Which parts of a download come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PrioritizeRequest {
    pub id: ItemId,
    pub paths: Vec<String>,
    pub high: bool,
}

/// "It lies there now": checked, then shared from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RelocateRequest {
    pub id: ItemId,
    #[serde(with = "super::path::one")]
    #[ts(as = "PathBuf")]
    pub path: PathBuf,
}

/// A link to an item, for people with Shoal and for those without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LinkView {
    pub link: String,
    pub gateway: String,
}

/// What is inside a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    pub entries: Vec<EntryView>,
    /// These are all: no part of the folder is missing.
    pub complete: bool,
}

/// An entry of a folder, or a file, as a link shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    pub name: String,
    pub cid: String,
    /// Bytes of a file; of a folder as its maker claims.
    pub size: Option<u64>,
    /// `file`, `folder`, `symlink`, or `other` for what can't be fetched. Nothing: nobody told in
    /// time.
    pub kind: Option<String>,
    /// Why it can't be fetched.
    pub problem: Option<String>,
}
