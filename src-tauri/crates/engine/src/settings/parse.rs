//! Values of settings: text on one side, what the engine works with on the other.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use if_watch::IpNet;
use libp2p::multiaddr::Protocol;
use libp2p::pnet::PreSharedKey;
use libp2p::{Multiaddr, PeerId};
use url::Url;

use crate::settings::schedule::{Days, Hours};
use net::devices::{Card, Kind};
use net::limits::{
    CONNECTIONS, CONNECTIONS_OF_NETWORK, CONNECTIONS_OF_PEER, MAX_CHOSEN_PEERS, MAX_DEVICE_NAME,
};
use store::files::read_small;

/// Bytes of a `swarm.key` that is read: it has 95.
const MAX_KEY_FILE: u64 = 4096;

/// What a setting takes, as text.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Name,
    Addresses,
    OnOff,
    Rate,
    Folder,
    Connections,
    Hours,
    Days,
    OneOf(&'static [&'static str]),
    /// Multiaddrs that name their peer, or peer IDs alone.
    Peers,
    PeerIds,
    Networks,
    Urls,
    NetworkKey,
    ConnectionsOfPeer,
    ConnectionsOfNetwork,
}

impl Takes {
    pub(super) fn expected(self) -> String {
        let text = match self {
            Self::Name => {
                return format!("a name on one line of at most {MAX_DEVICE_NAME} characters");
            }
            Self::Addresses => "multiaddrs separated by commas, or \"none\"",
            Self::OnOff => "\"on\" or \"off\"",
            Self::Rate => "a number of bytes a second, 0 for no limit",
            Self::Folder => "the full path of a folder",
            Self::Connections => "a number from 16 to 2000",
            Self::Hours => "hours such as 22:00-07:00",
            Self::Days => "days out of mon,tue,wed,thu,fri,sat,sun",
            Self::OneOf(values) => return format!("one of {}", values.join(", ")),
            Self::Peers => {
                "peer IDs or multiaddrs that end in one, separated by commas, or \"none\""
            }
            Self::PeerIds => "peer IDs separated by commas, or \"none\"",
            Self::Networks => "networks such as 192.0.2.0/24 separated by commas, or \"none\"",
            Self::Urls => "http or https addresses separated by commas, or \"none\"",
            Self::NetworkKey => {
                "64 hex digits, the full path of a swarm.key or the text in it, or \"none\""
            }
            Self::ConnectionsOfPeer => "a number from 1 to 8",
            Self::ConnectionsOfNetwork => "a number from 1 to 256",
        };
        text.to_owned()
    }

    /// What a person gave: of a key they may give the file that it lies in, which must be there now.
    pub(super) fn given(self, value: String) -> String {
        match self {
            Self::NetworkKey => key_file(&value).unwrap_or(value),
            _ => value,
        }
    }

    /// What is kept of a value: a key without the file around it.
    pub(super) fn kept(self, value: &str) -> String {
        match self {
            Self::NetworkKey => network_key_digits(value),
            _ => None,
        }
        .unwrap_or_else(|| value.to_owned())
    }

    pub(super) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Name => !value.is_empty() && Card::new(value, Kind::Other).name == value,
            Self::Addresses => list::<Multiaddr>(value).is_some(),
            Self::OnOff => switch(value).is_some(),
            Self::Rate => value.parse::<u64>().is_ok(),
            Self::Folder => Path::new(value).is_absolute(),
            Self::Connections => number(value, &CONNECTIONS).is_some(),
            Self::Hours => value.parse::<Hours>().is_ok(),
            Self::Days => value.parse::<Days>().is_ok(),
            Self::OneOf(values) => values.contains(&value),
            Self::Peers => peers(value).is_some(),
            Self::PeerIds => list::<PeerId>(value).is_some(),
            Self::Networks => networks(value).is_some(),
            Self::Urls => urls(value).is_some(),
            Self::NetworkKey => value == "none" || network_key(value).is_some(),
            Self::ConnectionsOfPeer => number(value, &CONNECTIONS_OF_PEER).is_some(),
            Self::ConnectionsOfNetwork => number(value, &CONNECTIONS_OF_NETWORK).is_some(),
        }
    }
}

/// Values separated by commas; "none" is an empty list.
pub(super) fn list<T: FromStr>(value: &str) -> Option<Vec<T>> {
    if value == "none" {
        return Some(Vec::new());
    }
    let parts = value.split(',').map(str::trim);
    // Nothing is a multiaddr too.
    parts
        .map(|part| {
            if part.is_empty() {
                None
            } else {
                part.parse().ok()
            }
        })
        .collect()
}

pub(super) fn joined(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        return "none".to_owned();
    }
    values.join(",")
}

/// Multiaddrs that name a peer at their end; a peer ID alone becomes one without a place.
pub(super) fn peers(value: &str) -> Option<Vec<Multiaddr>> {
    let peer = |text: String| match text.parse::<PeerId>() {
        Ok(peer) => Some(Multiaddr::from(Protocol::P2p(peer))),
        Err(_) => text
            .parse::<Multiaddr>()
            .ok()
            .filter(|address| matches!(address.iter().last(), Some(Protocol::P2p(_)))),
    };
    let texts = list::<String>(value).filter(|texts| texts.len() <= MAX_CHOSEN_PEERS)?;
    texts.into_iter().map(peer).collect()
}

/// Networks, or single addresses, which stand for themselves.
pub(super) fn networks(value: &str) -> Option<Vec<IpNet>> {
    let network = |text: String| {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| single()).ok()
    };
    list::<String>(value)?.into_iter().map(network).collect()
}

pub(super) fn urls(value: &str) -> Option<Vec<Url>> {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    list::<Url>(value).filter(|urls| urls.iter().all(is_web))
}

/// The key of a private network: 64 hex digits, or all that stands in a `swarm.key`.
pub(super) fn network_key(value: &str) -> Option<PreSharedKey> {
    let digits = network_key_digits(value)?;
    format!("/key/swarm/psk/1.0.0/\n/base16/\n{digits}\n")
        .parse()
        .ok()
}

/// The text of the file that a full path names: another process may have another working directory.
fn key_file(path: &str) -> Option<String> {
    let path = Path::new(path);
    let bytes = path.is_absolute().then(|| read_small(path, MAX_KEY_FILE));
    String::from_utf8(bytes?.ok()?).ok()
}

fn network_key_digits(value: &str) -> Option<String> {
    let mut lines = value.lines().map(str::trim);
    let mut digits = lines.next()?;
    if digits == "/key/swarm/psk/1.0.0/" {
        let encoding = lines.next()?;
        digits = lines.next().filter(|_| encoding == "/base16/")?;
    }
    let is_key = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then(|| digits.to_ascii_lowercase())
}

pub(super) fn number(value: &str, range: &RangeInclusive<u32>) -> Option<u32> {
    let number = value.parse().ok();
    number.filter(|number| range.contains(number))
}

pub(super) fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}
