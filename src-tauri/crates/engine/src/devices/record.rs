//! Offers as they are kept, and as the index has them: JSON.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use crate::api::DeviceKind;
use net::devices::Offered;
use unixfs::cid;

/// A device as it was when an offer was made: its name is a stranger's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Who {
    #[serde(with = "as_text")]
    pub(crate) peer: PeerId,
    pub(crate) name: String,
    pub(crate) kind: DeviceKind,
}

/// What another device offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) from: Who,
    pub(crate) mark: u64,
    pub(crate) note: String,
    pub(crate) items: Vec<Thing>,
    /// Unix seconds.
    pub(crate) at: i64,
    pub(crate) decided: Decided,
}

/// What the person said to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decided {
    Open,
    /// Downloads of what was offered.
    Taken(Vec<i64>),
    /// All of it is here, or was.
    Has(Vec<i64>),
    Declined,
}

/// Something that was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thing {
    pub(crate) cid: String,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) count: u64,
}

/// What we offered another device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) to: Who,
    pub(crate) mark: u64,
    pub(crate) note: String,
    pub(crate) item: Option<i64>,
    /// Unix seconds.
    pub(crate) at: i64,
    pub(crate) fate: Fate,
}

/// What became of it, as far as it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It has not been told.
    New,
    Waiting,
    /// Thousandths.
    Taking(u16),
    Has,
    Declined,
    /// It is never taken.
    Refused,
}

impl Fate {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Has | Self::Declined | Self::Refused)
    }
}

impl From<Offered> for Thing {
    fn from(offered: Offered) -> Self {
        Self {
            cid: offered.cid.to_string(),
            name: offered.name,
            size: offered.size,
            count: offered.count,
        }
    }
}

impl Thing {
    pub(crate) fn offered(&self) -> Option<Offered> {
        Some(Offered {
            cid: cid::parse(&self.cid).ok()?,
            name: self.name.clone(),
            size: self.size,
            count: self.count,
        })
    }
}

mod as_text {
    use libp2p::PeerId;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(peer: &PeerId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(peer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PeerId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
