//! What an item is, for all rooms: a number, a kind, and what was left out of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An item's number: small, stable, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub i64);

/// Where an item came from. A finished download is shared like any other item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    #[default]
    Share,
    Download,
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A file or folder that was left out, and why; or that is there by another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// As the person knows it: a path on this machine, or inside the item.
    pub path: String,
    pub reason: String,
}

impl Skipped {
    /// What begins the reason of what is there, by the name that follows. The window and the command line know it too.
    pub const SAVED_AS: &str = "saved as ";

    /// It is not there at all.
    pub fn is_left_out(&self) -> bool {
        !self.reason.starts_with(Self::SAVED_AS)
    }
}
