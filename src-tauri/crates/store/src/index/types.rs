//! What is kept of an item.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use unixfs::cid::Cid;

use super::paths;
use crate::files::{Identity, path_text};
use crate::item::{ItemId, ItemKind, Skipped};

/// All that is kept of an item but its files and blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRecord {
    pub id: ItemId,
    pub kind: ItemKind,
    /// A share's own name; of a download the one that it has on this disk, as far as it is free there.
    pub name: String,
    /// What others see it called, where that is another.
    pub title: Option<String>,
    /// A share's once it is hashed, a download's once its link was followed.
    pub root: Option<Cid>,
    /// Name of the profile by which a share is made.
    pub profile: String,
    pub state: ItemState,
    /// All of it was here and verified. Files that went or changed since are seen in their own state.
    pub done: bool,
    pub bytes: u64,
    pub files: u64,
    /// Unix seconds.
    pub created: i64,
    /// The folder that a download goes into.
    pub into: Option<PathBuf>,
    /// What a share shares; where a download lies that is whole, or was.
    pub sources: Vec<PathBuf>,
    pub wanted: Wanted,
    /// What a download was asked for: content, and a path to follow from it.
    pub link: Option<String>,
    /// Multiaddrs of peers that a link named.
    pub providers: Vec<String>,
    pub options: ItemOptions,
    /// Where a download is being written.
    pub part: Option<PathBuf>,
    /// Where it was being written before it was taken elsewhere: what is there goes once it is whole.
    pub left: Option<PathBuf>,
    pub begun: Begun,
}

/// A CAR file that items are unpacked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Car {
    #[serde(with = "paths::one")]
    pub path: PathBuf,
    /// Blocks in it that belong to nothing that it holds: told with one of its items.
    pub foreign: u64,
}

impl Car {
    /// What is told of blocks that belong to nothing.
    pub fn told(&self) -> Option<Skipped> {
        let reason = match self.foreign {
            0 => return None,
            1 => "1 block that belongs to nothing in it".to_owned(),
            more => format!("{more} blocks that belong to nothing in it"),
        };
        let path = path_text(&self.path);
        Some(Skipped { path, reason })
    }
}

/// Where and with what an item was begun, and what a download has come to since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Begun {
    /// The folder that it was begun in: another one in its place is not written to. `None`: not begun, or by a version that kept
    /// no record of what it made.
    pub place: Option<Identity>,
    /// Where the disks are mounted that it lies on. Empty: not known.
    pub disks: Vec<PathBuf>,
    /// Bytes that are here and verified, until all are.
    pub here: u64,
    /// What it is unpacked from, instead of a link.
    pub car: Option<Car>,
    pub work: Work,
}

/// What it took to fetch an item, over all runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// Who sent how many bytes, most first.
    pub sources: Vec<(String, u64)>,
    /// Milliseconds until it was whole.
    pub millis: u64,
}

/// What of a download is wanted, by paths inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Chosen; empty means all.
    pub select: Vec<String>,
    /// Left out below what was chosen. Of a path in both lists the longer one decides.
    pub leave: Vec<String>,
    /// What comes first.
    pub high: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    Active,
    /// By the person. Its blocks are not served.
    Paused,
    /// Needs something; what can be served still is.
    Problem(StoredProblem),
}

/// Why an item needs something, as it is kept for the next start: whoever shows it knows what the words mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    pub retry: StoredRetry,
    pub subject: Option<String>,
    pub count: Option<u64>,
    pub field: Option<String>,
}

/// Who tries again after a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredRetry {
    Auto,
    User,
    Never,
}

/// How an item is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemOptions {
    /// Hidden files too.
    pub hidden: bool,
    pub announce: Announce,
    /// Modes and times become part of what is shared, and are kept of what is downloaded.
    pub metadata: bool,
    /// It is a folder, or several things.
    pub folder: bool,
    /// It may unfold to far more than is fetched for it: the person knows.
    pub unfold: bool,
}

/// What others can find in the public directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Announce {
    #[default]
    Root,
    /// The root and each file in it.
    Files,
    None,
}

/// A new item; it begins active and not done. All but the kind and the name may stay as in the default.
#[derive(Debug, Clone, Default)]
pub struct NewItem {
    pub kind: ItemKind,
    pub name: String,
    pub root: Option<Cid>,
    /// Empty for a download.
    pub profile: String,
    /// Unix seconds.
    pub created: i64,
    pub into: Option<PathBuf>,
    pub sources: Vec<PathBuf>,
    pub select: Vec<String>,
    pub link: Option<String>,
    pub providers: Vec<String>,
    pub options: ItemOptions,
    pub part: Option<PathBuf>,
    pub place: Option<Identity>,
    pub car: Option<Car>,
    pub disks: Vec<PathBuf>,
}

/// What of a record lies in one column, as nothing is ever searched by it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Details {
    #[serde(default, with = "paths::optional")]
    pub(super) into: Option<PathBuf>,
    #[serde(default, with = "paths::list")]
    pub(super) sources: Vec<PathBuf>,
    #[serde(flatten)]
    pub(super) wanted: Wanted,
    #[serde(default)]
    pub(super) link: Option<String>,
    #[serde(default)]
    pub(super) providers: Vec<String>,
    #[serde(default)]
    pub(super) options: ItemOptions,
    #[serde(default, with = "paths::optional")]
    pub(super) part: Option<PathBuf>,
    #[serde(default, with = "paths::optional")]
    pub(super) left: Option<PathBuf>,
    #[serde(default)]
    pub(super) place: Option<Identity>,
    #[serde(default, with = "paths::list")]
    pub(super) disks: Vec<PathBuf>,
    #[serde(default)]
    pub(super) work: Work,
    pub(super) profile: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) car: Option<Car>,
}

impl NewItem {
    pub(super) fn into_record(self, id: ItemId) -> ItemRecord {
        ItemRecord {
            id,
            kind: self.kind,
            name: self.name,
            title: None,
            root: self.root,
            profile: self.profile,
            state: ItemState::Active,
            done: false,
            bytes: 0,
            files: 0,
            created: self.created,
            into: self.into,
            sources: self.sources,
            wanted: Wanted {
                select: self.select,
                ..Wanted::default()
            },
            link: self.link,
            providers: self.providers,
            options: self.options,
            part: self.part,
            left: None,
            begun: Begun {
                place: self.place,
                disks: self.disks,
                here: 0,
                car: self.car,
                work: Work::default(),
            },
        }
    }
}

impl ItemRecord {
    pub(super) fn details(&self) -> Details {
        Details {
            into: self.into.clone(),
            sources: self.sources.clone(),
            wanted: self.wanted.clone(),
            link: self.link.clone(),
            providers: self.providers.clone(),
            options: self.options,
            part: self.part.clone(),
            left: self.left.clone(),
            place: self.begun.place,
            disks: self.begun.disks.clone(),
            work: self.begun.work.clone(),
            profile: self.profile.clone(),
            title: self.title.clone(),
            car: self.begun.car.clone(),
        }
    }

    /// What it is called, here and by others.
    pub fn shown_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}
