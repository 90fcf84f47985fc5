//! Settings as a person sees them. Plain data.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One setting as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingView {
    pub key: String,
    pub value: String,
    pub default: String,
    pub meaning: String,
    #[ts(inline)]
    pub from: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Default,
    File,
    Environment,
}
