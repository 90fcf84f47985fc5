//! What can go wrong between devices, and how a person reads it.

use crate::api::{Problem, Retry};
use crate::items::ItemError;
use crate::util::Stopping;
use net::NetError;
use net::limits::MAX_NOTE_CHARS;
use store::index::IndexError;

/// A code, the next step, and who can take it.
type Kind = (&'static str, Option<&'static str>, Retry);

#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("there is no device {0:?} on this network")]
    Unknown(String),
    #[error("several devices are called {name:?}: {}", .keys.join(", "))]
    Several { name: String, keys: Vec<String> },
    #[error("there is nothing to send")]
    Nothing,
    #[error("a note has at most {MAX_NOTE_CHARS} characters")]
    LongNote,
    #[error("too much is on its way to other devices")]
    Full,
    #[error("there is no offer {0}")]
    NoOffer(i64),
    #[error("offer {0} is decided already")]
    Decided(i64),
    #[error(transparent)]
    Item(#[from] ItemError),
    #[error(transparent)]
    Net(#[from] NetError),
}

impl From<IndexError> for DeviceError {
    fn from(error: IndexError) -> Self {
        ItemError::from(error).into()
    }
}

impl From<Stopping> for DeviceError {
    fn from(stopping: Stopping) -> Self {
        ItemError::from(stopping).into()
    }
}

impl DeviceError {
    /// The error as a person reads it.
    pub(crate) fn problem(&self) -> Problem {
        if let Self::Item(error) = self {
            return error.problem();
        }
        let (code, hint, retry) = self.kind();
        Problem {
            code: code.to_owned(),
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retry,
            subject: None,
            count: None,
            field: None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Unknown(_) => (
                "no-such-device",
                Some("Choose one of the devices that are near."),
                Retry::User,
            ),
            Self::Several { .. } => (
                "several-devices",
                Some("Name it by its key, which the other side can read to you."),
                Retry::User,
            ),
            Self::Nothing => (
                "nothing-to-send",
                Some("Name files, or write a note."),
                Retry::User,
            ),
            Self::LongNote => (
                "note-too-long",
                Some("Put it into a file, and send that."),
                Retry::User,
            ),
            Self::Full => (
                "too-much-sent",
                Some("Wait until some of it has arrived."),
                Retry::User,
            ),
            Self::NoOffer(_) => (
                "no-such-offer",
                Some("Choose one of the offers that there are."),
                Retry::User,
            ),
            Self::Decided(_) => (
                "already-decided",
                Some("Ask the other side to send it again."),
                Retry::User,
            ),
            // They bring their own along.
            Self::Net(_) | Self::Item(_) => ("told", None, Retry::User),
        }
    }
}
