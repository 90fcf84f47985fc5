//! Devices, as plain data.

use serde::{Deserialize, Serialize};

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
