//! What can go wrong when something is asked of the engine, and how a person reads it.
//!
//! The rooms have errors of their own; they meet here, where each becomes a [`Problem`]: a stable
//! code, one sentence that names the cause, and the next step. Nothing below the engine names this
//! module.

use std::path::Path;
use std::sync::Arc;

use crate::api::{Problem, Retry};
use crate::devices::DeviceError;
use crate::fetch::FetchError;
use crate::items::error::ItemError;
use crate::link::LinkError;
use crate::paths::DataDirError;
use crate::settings::ConfigError;
use crate::util::Stopping;
use net::{IdentityError, NetError};
use store::ImportError;
use store::index::IndexError;

/// A code, the next step, and who can take it.
type Kind = (&'static str, Option<&'static str>, Retry);

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Item(#[from] ItemError),
    /// Why a look into a link failed: everybody who asks about that link is told.
    #[error(transparent)]
    Look(#[from] Arc<FetchError>),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("{0:?} is not the ID of a peer")]
    BadPeer(String),
    #[error("Shoal is stopping")]
    Stopping,
}

impl From<Stopping> for EngineError {
    fn from(_: Stopping) -> Self {
        Self::Stopping
    }
}

impl From<IndexError> for EngineError {
    fn from(error: IndexError) -> Self {
        ItemError::from(error).into()
    }
}

impl From<LinkError> for EngineError {
    fn from(error: LinkError) -> Self {
        ItemError::from(error).into()
    }
}

impl From<ImportError> for EngineError {
    fn from(error: ImportError) -> Self {
        ItemError::from(error).into()
    }
}

impl From<FetchError> for EngineError {
    fn from(error: FetchError) -> Self {
        ItemError::from(error).into()
    }
}

impl EngineError {
    /// The error as a person reads it.
    pub fn problem(&self) -> Problem {
        let (code, hint, retry) = match self {
            Self::Item(error) => return error.problem(),
            Self::Look(error) => return error.problem(),
            Self::Net(error) | Self::Device(DeviceError::Net(error)) => net_kind(error),
            Self::Device(error) => return error.problem(),
            Self::DataDir(DataDirError::InUse(_)) => (
                "data-dir-in-use",
                Some("Stop the other one, or give this one a folder of its own."),
                Retry::User,
            ),
            Self::DataDir(DataDirError::Io(_)) => (
                "data-dir",
                Some("Give a folder that you may write to."),
                Retry::User,
            ),
            Self::Config(error) => config_kind(error),
            Self::Identity(_) => (
                "identity",
                Some("Move the file identity.key away to become a new peer, or mend it."),
                Retry::User,
            ),
            Self::BadPeer(_) => (
                "bad-peer",
                Some("The ID of a peer looks like 12D3KooW… or Qm…"),
                Retry::Never,
            ),
            Self::Stopping => ("stopping", Some("Try again while Shoal runs."), Retry::User),
        };
        Problem {
            code: code.to_owned(),
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retry,
            subject: self.subject(),
            count: None,
            field: self.field(),
        }
    }

    /// Where a form shows it.
    fn field(&self) -> Option<String> {
        match self {
            Self::Config(ConfigError::BadValue { key, .. }) => Some((*key).to_owned()),
            Self::Config(ConfigError::UnknownKey(key)) => Some(key.clone()),
            _ => None,
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::DataDir(DataDirError::InUse(path)) => Some(path.to_string_lossy().into_owned()),
            _ => None,
        }
    }
}

/// The index was damaged and is made anew; the old one is `kept`.
pub(crate) fn index_recovered(kept: &Path) -> Problem {
    let message = "the index was damaged; the shared files are being hashed again";
    remark("index-recovered", message, "", kept)
}

/// The list of items, which the index was to come back from, is damaged too, and `kept`.
pub(crate) fn list_incomplete(kept: &Path) -> Problem {
    let message =
        "the list of what is shared and downloaded was damaged: some of it may be missing";
    let look = "Share again what you miss. Your files are where they were. ";
    remark("list-incomplete", message, look, kept)
}

/// What the start found, and where the old file is.
fn remark(code: &str, message: &str, look: &str, kept: &Path) -> Problem {
    let kept = store::files::path_text(kept);
    Problem {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: Some(format!("{look}The old file is kept as {kept}.")),
        retry: Retry::Never,
        subject: Some(kept),
        count: None,
        field: None,
    }
}

fn config_kind(error: &ConfigError) -> Kind {
    match error {
        ConfigError::UnknownKey(_) => (
            "unknown-setting",
            Some("Choose one of the settings that there are."),
            Retry::Never,
        ),
        ConfigError::BadValue { .. } => (
            "bad-setting",
            Some("What it may be stands beside each setting."),
            Retry::Never,
        ),
        ConfigError::Damaged { .. } => (
            "settings-damaged",
            Some("Mend the file, or move it away to begin with the defaults."),
            Retry::User,
        ),
        ConfigError::Unreadable(_) => (
            "settings-unreadable",
            Some("Let Shoal read the file again, or move it away to begin with the defaults."),
            Retry::User,
        ),
        ConfigError::Io(_) => (
            "settings",
            Some("Check that the disk has room, and that Shoal may write to its own folder."),
            Retry::User,
        ),
    }
}

fn net_kind(error: &NetError) -> Kind {
    match error {
        NetError::Listen { .. } => (
            "listen",
            Some("Another program may use the port: choose another in the settings."),
            Retry::User,
        ),
        NetError::NotLocal(_) => (
            "not-local",
            Some("Unset SHOAL_LOCAL, or use 127.0.0.1."),
            Retry::Never,
        ),
        NetError::Transport(_) => ("transport", None, Retry::Never),
        NetError::TooManySessions => (
            "busy",
            Some("Wait until some downloads are done."),
            Retry::User,
        ),
        NetError::Stopped => ("stopping", None, Retry::User),
        NetError::Restarting => (
            "network-restarting",
            Some("Try again in a moment: nothing is lost."),
            Retry::User,
        ),
    }
}
