//! Items and their states, and what is asked of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Problem, Skipped};
use store::files::path_text;
use store::{deletion, index};

/// An item's number: small, stable, never used again. It is what a person types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct ItemId(pub i64);

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ItemId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl From<index::ItemId> for ItemId {
    fn from(id: index::ItemId) -> Self {
        Self(id.0)
    }
}

impl From<ItemId> for index::ItemId {
    fn from(id: ItemId) -> Self {
        Self(id.0)
    }
}

/// Where an item came from. A finished download is shared like any other item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    Share,
    Download,
}

impl From<index::ItemKind> for ItemKind {
    fn from(kind: index::ItemKind) -> Self {
        match kind {
            index::ItemKind::Share => Self::Share,
            index::ItemKind::Download => Self::Download,
        }
    }
}

/// What an item is doing now.
///
/// | from        | to                                     | when                                         |
/// |-------------|----------------------------------------|----------------------------------------------|
/// | Hashing     | Sharing, Paused, NeedsYou              | whole; the person paused; it cannot be read  |
/// | Finding     | Downloading, Paused, NeedsYou          | a first block came; paused; bad link or disk |
/// | Downloading | Finding, Sharing, Paused, NeedsYou     | nobody left; whole; paused; disk or content  |
/// | Verifying   | Sharing, Downloading, Paused, NeedsYou | whole; parts missing; paused; files changed  |
/// | Sharing     | Hashing, Verifying, Paused, NeedsYou   | updated; asked to; paused; files changed     |
/// | Paused      | whatever it was doing before           | resumed                                      |
/// | NeedsYou    | whatever solves it                     | the person took the next step, or it retried |
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "state", content = "problem")]
pub enum State {
    Hashing,
    Finding,
    Downloading,
    Verifying,
    Sharing,
    Paused,
    NeedsYou(Problem),
}

impl State {
    /// The state's stable name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hashing => "hashing",
            Self::Finding => "finding",
            Self::Downloading => "downloading",
            Self::Verifying => "verifying",
            Self::Sharing => "sharing",
            Self::Paused => "paused",
            Self::NeedsYou(_) => "needs-you",
        }
    }
}

/// One row of the list: everything that is shown of an item without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct ItemView {
    pub id: ItemId,
    pub kind: ItemKind,
    pub name: String,
    /// Where it lies on this machine: the shared path, or the download once it has a place.
    #[serde(default, with = "super::path::optional")]
    #[ts(as = "Option<PathBuf>")]
    pub path: Option<PathBuf>,
    /// Known once it is hashed, or at once for a download.
    pub cid: Option<String>,
    #[serde(flatten)]
    pub state: State,
    /// Bytes in all; 0 while unknown.
    pub total: u64,
    /// Bytes hashed, verified or downloaded.
    pub done: u64,
    pub files: u64,
    /// A folder, or several things; not a single file.
    pub folder: bool,
    /// Bytes a second.
    pub rate_down: u64,
    /// Bytes a second.
    pub rate_up: u64,
    /// Peers it comes from, or goes to, now.
    pub peers: u32,
    /// Peers known to have something of it, connected or not.
    pub having: u32,
    /// Those of them to whom no direct connection could be made.
    pub unreachable: u32,
    /// Why it stands still although people are connected.
    pub lacking: Option<Lacking>,
    /// Seconds left at the present rate, where that means something.
    pub eta: Option<u64>,
    pub skipped: u64,
    /// Unix seconds.
    pub created: i64,
}

/// What is left of a download that none of those has who are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Lacking {
    /// At least so many pieces.
    pub pieces: u64,
    /// Those who are connected, and said to have something of it.
    pub people: u32,
}

/// What others can find in the public directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Announce {
    #[default]
    Root,
    /// The root and each file in it.
    Files,
    None,
}

impl From<Announce> for index::Announce {
    fn from(announce: Announce) -> Self {
        match announce {
            Announce::Root => Self::Root,
            Announce::Files => Self::Files,
            Announce::None => Self::None,
        }
    }
}

/// Share files and folders where they lie, as one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ShareRequest {
    /// Full paths. One is shared as itself; several become the entries of a folder.
    #[serde(with = "super::path::list")]
    #[ts(as = "Vec<PathBuf>")]
    pub paths: Vec<PathBuf>,
    /// What others see it called; else the one path's own name.
    pub name: Option<String>,
    /// Name of the profile that decides how content becomes blocks.
    pub profile: Option<String>,
    /// Hidden files inside folders too.
    pub hidden: bool,
    pub announce: Announce,
    /// Permissions and times become part of the content; else as the settings say.
    #[serde(default)]
    #[ts(optional)]
    pub metadata: Option<bool>,
}

/// Fetch what a link names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DownloadRequest {
    pub link: String,
    /// A full path; else the folder from the settings.
    #[serde(default, with = "super::path::optional")]
    #[ts(as = "Option<PathBuf>")]
    pub into: Option<PathBuf>,
    /// Paths inside the item; empty is all of it.
    pub select: Vec<String>,
    /// More peers that are said to have it, as multiaddrs.
    pub providers: Vec<String>,
    /// The permissions and times that its sharer gave along are kept; else as the settings say.
    #[serde(default)]
    #[ts(optional)]
    pub metadata: Option<bool>,
    /// It may unfold to far more than is fetched for it; else the person is asked.
    #[serde(default)]
    #[ts(optional)]
    pub unfold: Option<bool>,
}

/// What a CAR file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarView {
    /// The items that it became, in its order.
    pub ids: Vec<ItemId>,
    /// What it names as an item and can't be one.
    pub left_out: Vec<Skipped>,
    /// Blocks in it that belong to none of its items.
    pub foreign: u64,
}

/// What can be done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Pause,
    Resume,
    /// Read every byte again and compare.
    Verify,
    /// Share a changed share as it is now: its content, and with that its link, changes.
    Update,
}

/// What is known of an item beyond its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Report {
    /// Where the item lies, once it has a place.
    #[serde(default, with = "super::path::optional")]
    #[ts(as = "Option<PathBuf>")]
    pub path: Option<PathBuf>,
    pub skipped: Vec<Skipped>,
    /// Who sent how much, most first.
    #[ts(inline)]
    pub sources: Vec<SourceView>,
    /// Seconds that it took to fetch it.
    pub secs: f64,
    /// Permissions and times were to be kept, and are as they were: it was here, and Shoal did not make it.
    #[serde(default)]
    pub undressed: bool,
    /// What was done last to make it whole, in this run of the engine.
    #[ts(inline)]
    pub last: LastWork,
    /// Other items that share what lies there.
    pub also: Vec<ItemId>,
    /// What a download under way waits for.
    #[ts(inline)]
    pub missing: Missing,
    /// Checks of all its content that ended in this run of the engine.
    #[serde(default)]
    pub checks: u64,
    /// What the last of them found, if it came to its end and the person need not decide.
    #[serde(default)]
    #[ts(inline)]
    pub checked: Option<Checked>,
    /// Who of those that its link names is kept away from, while it is not whole.
    #[serde(default)]
    #[ts(inline)]
    pub kept_away: Vec<KeptAway>,
}

/// Somebody who is said to have an item, and is neither asked nor let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptAway {
    /// Its peer ID.
    pub peer: String,
    #[ts(inline)]
    pub why: WhyKeptAway,
}

/// Why somebody is kept away from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum WhyKeptAway {
    /// The person blocked it.
    Blocked,
    /// The person blocked its network.
    Network,
    /// It broke the rules of the exchange.
    Banned,
}

/// A piece of work that made an item whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct LastWork {
    /// Who sent how much; most first.
    #[ts(inline)]
    pub sources: Vec<SourceView>,
    pub secs: f64,
    /// All of it was here before: it was checked, and nothing was fetched.
    pub was_here: bool,
}

/// What a check of an item's content found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Checked {
    /// All of it is here, and as it was shared.
    pub whole: bool,
    /// Of an item that is not whole: bytes that are here, and as they were shared.
    pub here: u64,
    /// Of one: pieces that were not, and are fetched again.
    pub wrong_blocks: u64,
}

/// Files of a download that are not whole, and asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Missing {
    /// Files that are whole.
    pub here: u64,
    /// Paths inside the item, in order, and not more than can be read.
    pub files: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// Folders of which a part is missing, so that what is in it is not known; empty for the item itself.
    pub folders: Vec<String>,
}

/// What became of the files of an item that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Removed {
    /// What of a download stays: the first of it.
    pub kept: Vec<KeptFile>,
    /// How much stays in all.
    pub count: u64,
}

/// A file or folder that was not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptFile {
    pub path: String,
    pub reason: KeptReason,
    /// The item that shares it.
    pub item: Option<ItemId>,
    /// What the system said.
    pub detail: Option<String>,
}

/// Why something was not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum KeptReason {
    /// Shoal did not make it: it was there before, or was put there since.
    NotMade,
    /// Its content is no longer what was downloaded.
    Changed,
    /// Another item shares it.
    Shared,
    /// A folder with something in it that is not the download's.
    NotEmpty,
    /// It could not be deleted.
    Failed,
    /// It was not to be deleted.
    NotAsked,
    /// The same, and it is what came so far of a download that was not whole.
    Unfinished,
}

impl From<deletion::Kept> for Removed {
    fn from(kept: deletion::Kept) -> Self {
        Self {
            kept: kept.list.into_iter().map(KeptFile::from).collect(),
            count: kept.count,
        }
    }
}

impl From<(PathBuf, deletion::Reason)> for KeptFile {
    fn from((path, reason): (PathBuf, deletion::Reason)) -> Self {
        use deletion::Reason;
        let (reason, item, detail) = match reason {
            Reason::NotMade => (KeptReason::NotMade, None, None),
            Reason::Changed => (KeptReason::Changed, None, None),
            Reason::SharedBy(item) => (KeptReason::Shared, Some(item.into()), None),
            Reason::NotEmpty => (KeptReason::NotEmpty, None, None),
            Reason::Failed(words) => (KeptReason::Failed, None, Some(words)),
            Reason::NotAsked => (KeptReason::NotAsked, None, None),
            Reason::Unfinished => (KeptReason::Unfinished, None, None),
        };
        let path = path_text(&path);
        Self {
            path,
            reason,
            item,
            detail,
        }
    }
}

/// A peer's part in a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceView {
    /// Its peer ID, or the address of a gateway.
    pub peer: String,
    pub bytes: u64,
}
