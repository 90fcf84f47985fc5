//! What the window asks of the list of items, and what it is told.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ItemId, ItemView, Problem};

/// Which items are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    #[default]
    All,
    Sharing,
    Downloading,
    NeedsYou,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    #[default]
    Newest,
    Name,
    Size,
}

/// The part of the list that is on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct LibraryRequest {
    /// The revision last seen; 0: answer at once.
    pub since: u64,
    /// Up to 60,000. Answers are at least 250 ms apart, unless `since` is 0 or something else is asked than last time.
    pub wait_ms: u64,
    pub filter: Filter,
    /// Words that a name must hold, all of them.
    pub search: String,
    pub sort: Sort,
    /// The window of rows that is shown.
    pub offset: u32,
    /// At most 500.
    pub limit: u32,
    /// The item that is open in the pane.
    pub focus: Option<ItemId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct LibraryView {
    /// To be given as `since` next time.
    pub rev: u64,
    #[ts(inline)]
    pub counts: Counts,
    /// Rows that filter and search leave.
    pub matching: u32,
    pub offset: u32,
    /// The window, whole: it replaces what was shown.
    pub items: Vec<ItemView>,
    /// `null`: it is gone, or none was asked for.
    pub focus: Option<Focus>,
    pub rates: Rates,
    /// People connected now.
    pub people: u32,
    pub reach: Reachability,
    /// Everything is paused, by "Pause all".
    pub paused: bool,
    /// What happened after `since`; nothing when that is 0.
    pub notices: Vec<Notice>,
}

/// Items that each filter shows, whatever the search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Counts {
    pub all: u32,
    pub sharing: u32,
    pub downloading: u32,
    pub needs_you: u32,
}

/// The item that is open, with its last minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Focus {
    pub item: ItemView,
    pub history: Vec<RateSample>,
}

/// Bytes a second of all items together, with the last minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Rates {
    pub down: u64,
    pub up: u64,
    /// One a second, oldest first, at most 60; none when nothing moved in the last minute.
    pub history: Vec<RateSample>,
}

/// Bytes a second: down, up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct RateSample(pub u64, pub u64);

/// Something that a person wants to hear of even when not looking.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct Notice {
    pub rev: u64,
    #[ts(inline)]
    pub kind: NoticeKind,
    pub id: ItemId,
    pub name: String,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    Finished,
    NeedsYou,
}

/// How others get here, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Reachability {
    #[default]
    Offline,
    Checking,
    Direct,
    Port,
    Relay,
    /// This network, or this machine, only.
    Local,
}

/// What changed since the revision that a reader named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// To be given as `since` next time.
    pub rev: u64,
    /// `items` is the whole state: forget what was known before.
    pub full: bool,
    pub items: Vec<ItemView>,
    pub removed: Vec<ItemId>,
}
