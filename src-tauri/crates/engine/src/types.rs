//! What the engine tells its callers: items, their states and their problems. Plain data.
//!
//! These types are what crosses the border to the window and the command line, so every field says its unit.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

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

/// Where an item came from. A finished download is shared like any other item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    Share,
    Download,
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
#[serde(rename_all = "lowercase", tag = "state", content = "problem")]
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

/// Who tries again after a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// The engine does, by itself.
    Auto,
    /// The person can, when the cause is gone.
    User,
    /// It would fail again.
    Never,
}

/// A problem as a person reads it: what happened, to what, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Problem {
    /// Stable, for scripts: lower case with hyphens.
    pub code: String,
    /// One sentence that names the cause.
    pub message: String,
    /// The next step, where there is one.
    pub hint: Option<String>,
    pub retry: Retry,
    /// The file, link or setting it is about.
    pub subject: Option<String>,
    /// How many it is about: of "3 files changed", 3.
    pub count: Option<u64>,
    /// The field of a form that it is about: `link`, `into`, `select`, or a setting's key.
    pub field: Option<String>,
}

/// A file or folder that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Skipped {
    /// As the person knows it: a path on this machine, or inside the item.
    pub path: String,
    pub reason: String,
}

/// One row of the list: everything that is shown of an item without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct ItemView {
    pub id: ItemId,
    pub kind: ItemKind,
    pub name: String,
    /// Where it lies on this machine: the shared path, or the download once it has a place.
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
    /// Seconds left at the present rate, where that means something.
    pub eta: Option<u64>,
    pub skipped: u64,
    /// Unix seconds.
    pub created: i64,
}

impl ItemView {
    /// JSON can hold only text: what is none in a path is shown as a question mark in a box.
    pub fn make_text(&mut self) {
        if let Some(path) = &mut self.path
            && path.to_str().is_none()
        {
            *path = PathBuf::from(path.to_string_lossy().into_owned());
        }
    }
}
