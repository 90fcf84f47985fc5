//! Devices, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ItemId;

/// This device, and those that are near.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicesView {
    pub own: OwnDevice,
    /// Those that are here come first.
    pub devices: Vec<DeviceView>,
}

/// What devices of this network are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevice {
    pub peer: String,
    pub name: String,
    pub kind: DeviceKind,
    /// See [`DeviceView::key`].
    pub key: String,
}

/// Another Shoal on this network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    pub peer: String,
    /// What it calls itself: any text on one line, and maybe another one's name. Empty: it has none.
    pub name: String,
    pub kind: DeviceKind,
    /// Its key in short, to be compared by eye or ear: no two devices have one.
    pub key: String,
    /// It is on this network now, as far as that can be told.
    pub here: bool,
    pub connected: bool,
    /// When it was last heard of. Unix seconds.
    pub seen: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    Desktop,
    Laptop,
    Server,
    Other,
}

impl From<net::devices::Kind> for DeviceKind {
    fn from(kind: net::devices::Kind) -> Self {
        use net::devices::Kind;
        match kind {
            Kind::Desktop => Self::Desktop,
            Kind::Laptop => Self::Laptop,
            Kind::Server => Self::Server,
            Kind::Other => Self::Other,
        }
    }
}

/// Offer something to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    /// Its key in short, its peer ID, or its name.
    pub to: String,
    /// Empty: none.
    pub note: String,
    /// What is to be fetched from here. It is offered once it is hashed.
    pub item: Option<ItemId>,
}

/// Take what a device offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptRequest {
    pub id: i64,
    /// A full path; else the folder from the settings.
    #[serde(default, with = "super::path::optional")]
    pub into: Option<PathBuf>,
}

/// What was offered, either way, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffersView {
    /// To be given when it is asked what is newer.
    pub revision: u64,
    pub received: Vec<OfferView>,
    pub sent: Vec<SentView>,
}

/// What another device offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// A small number, never used again.
    pub id: i64,
    pub from: OtherDevice,
    /// Any text of any lines.
    pub note: String,
    pub items: Vec<OfferedView>,
    pub state: OutcomeKind,
    /// Thousandths of it that are here.
    pub part: u16,
    /// When it came. Unix seconds.
    pub at: i64,
    /// What it is fetched as.
    pub downloads: Vec<ItemId>,
}

/// Something that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedView {
    pub cid: String,
    /// What its sender calls it: any text, but no path.
    pub name: String,
    /// Bytes, as its sender says.
    pub size: u64,
    /// Files in it, as its sender says.
    pub count: u64,
}

/// What was offered to another device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentView {
    /// A small number, never used again.
    pub id: i64,
    pub to: OtherDevice,
    pub note: String,
    pub item: Option<ItemId>,
    pub state: OutcomeKind,
    /// Thousandths of it that are there.
    pub part: u16,
    /// It couldn't be asked the last time; it goes on when it is back.
    pub away: bool,
    /// Unix seconds.
    pub at: i64,
}

/// The other end of an offer, as it was when that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherDevice {
    pub peer: String,
    /// What it called itself.
    pub name: String,
    pub kind: DeviceKind,
    pub key: String,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// It has not been told yet.
    New,
    /// Nobody has decided.
    Waiting,
    /// It is being fetched.
    Taking,
    /// All of it is there, or was.
    Has,
    Declined,
    /// The other device doesn't take it.
    Refused,
}
