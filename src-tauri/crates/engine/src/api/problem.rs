//! What is told when something went wrong, or was left out. Plain data.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
