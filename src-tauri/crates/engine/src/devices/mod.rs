//! Devices: those that are near, and the marks by which people tell them apart.

mod key;

use net::Net;
use net::NetError;
use net::devices::{Card, Device};

use self::key::fingerprint;
use crate::api::{DeviceView, DevicesView, OwnDevice};
use crate::collate;

/// This device, which calls itself so, and those that are near.
pub(crate) async fn list(net: &Net, own: Card) -> Result<DevicesView, NetError> {
    let mut devices: Vec<DeviceView> = net.devices().await?.iter().map(view).collect();
    devices.sort_by_cached_key(|device| {
        let name = collate::order(&device.name);
        (!device.here, name, device.key.clone())
    });
    let peer = net.peer_id();
    Ok(DevicesView {
        own: OwnDevice {
            peer: peer.to_string(),
            name: own.name,
            kind: own.kind.into(),
            key: fingerprint(&peer),
        },
        devices,
    })
}

fn view(device: &Device) -> DeviceView {
    DeviceView {
        peer: device.peer.to_string(),
        name: device.card.name.clone(),
        kind: device.card.kind.into(),
        key: fingerprint(&device.peer),
        here: device.here,
        connected: device.connected,
        seen: device.seen,
    }
}
