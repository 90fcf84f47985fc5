//! `shoal devices`: other Shoals on this network.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::api::{DeviceKind, DeviceView};
use indicatif::HumanDuration;

use super::connect::Connection;
use super::event::Event;
use super::text::shown;
use super::{Context, OK, Outcome};
use crate::api::DevicesRequest;

/// List the other Shoals on this network, with their names and keys
///
/// A name is what its owner chose, and may be anybody's: compare the key before you trust it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let out = &context.out;
    let connection = Connection::running(context, "devices").await?;
    let view = connection.call(DevicesRequest).await?;
    if out.is_json() {
        out.event(&Event::Own(view.own))?;
        let mut devices = view.devices.into_iter();
        devices.try_for_each(|device| out.event(&Event::Device(device)))?;
        return OK;
    }
    let own = view.own;
    out.talk(&format!(
        "This {} is {}, its key {}.",
        kind(own.kind),
        shown(&own.name),
        own.key
    ));
    if view.devices.is_empty() {
        out.talk("No other Shoal is on this network, or none is known yet.");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    out.table(view.devices.into_iter().map(|device| row(device, now)))?;
    OK
}

fn row(device: DeviceView, now: u64) -> [String; 4] {
    let presence = if device.connected {
        "connected".to_owned()
    } else if device.here {
        "here".to_owned()
    } else {
        let seen = u64::try_from(device.seen).unwrap_or_default();
        let ago = HumanDuration(Duration::from_secs(now.saturating_sub(seen)));
        format!("seen {ago} ago")
    };
    // The name comes last: whatever is in it can't be taken for what stands beside it.
    let name = match device.name {
        name if name.is_empty() => "(without a name)".to_owned(),
        name => name,
    };
    [device.key, presence, kind(device.kind).to_owned(), name]
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Desktop => "desktop",
        DeviceKind::Laptop => "laptop",
        DeviceKind::Server => "server",
        DeviceKind::Other => "device",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_a_device_is_there() {
        let device = DeviceView {
            peer: "12D3".to_owned(),
            name: "Ben".to_owned(),
            kind: DeviceKind::Laptop,
            key: "abcd-efgh-ijkm-npqr".to_owned(),
            here: true,
            connected: true,
            seen: 100,
        };
        let check = |device: DeviceView, expected: [&str; 4]| {
            assert_eq!(row(device, 400), expected.map(str::to_owned));
        };
        let key = "abcd-efgh-ijkm-npqr";
        check(device.clone(), [key, "connected", "laptop", "Ben"]);
        let near = DeviceView {
            connected: false,
            name: String::new(),
            kind: DeviceKind::Other,
            ..device
        };
        check(near.clone(), [key, "here", "device", "(without a name)"]);
        let gone = DeviceView {
            here: false,
            ..near
        };
        check(
            gone,
            [key, "seen 5 minutes ago", "device", "(without a name)"],
        );
    }
}
