//! The settings: each key with its meaning, its default, and what it takes, in the order in which
//! they are explained.

use std::path::PathBuf;

use super::own;
use super::parse::Takes;
use crate::paths;
use store::files::path_text;

/// A key, what it means, and what it takes.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) default: fn() -> String,
    pub(super) local: Option<&'static str>,
    pub(super) takes: Takes,
    pub(super) meaning: &'static str,
}

/// Bootstrap peers of the public network, as other implementations ship them.
const BOOTSTRAP: &str = "\
/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN,\
/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa,\
/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb,\
/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt,\
/dnsaddr/va1.bootstrap.libp2p.io/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8,\
/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ,\
/ip4/104.131.131.82/udp/4001/quic-v1/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ";

/// Settings whose defaults lead into the public network. In a private one they are "none", unless
/// the person says otherwise.
pub(super) const PUBLIC: [&str; 4] = ["bootstrap", "http.routers", "http.gateways", "http.check"];

/// A port of our own, so that links stay good from one start to the next; 4001 may be taken by
/// another IPFS node.
const LISTEN: &str = "\
/ip4/0.0.0.0/tcp/4801,/ip4/0.0.0.0/udp/4801/quic-v1,/ip6/::/tcp/4801,/ip6/::/udp/4801/quic-v1";

const LISTEN_LOCAL: &str = "/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "device.name",
        default: own::name,
        local: None,
        takes: Takes::Name,
        meaning: "what devices on this network see this one called",
    },
    Setting {
        key: "device.kind",
        default: || "auto".to_owned(),
        local: None,
        takes: Takes::OneOf(&["auto", "desktop", "laptop", "server"]),
        meaning: "what they see it is",
    },
    Setting {
        key: "listen",
        default: || LISTEN.to_owned(),
        local: Some(LISTEN_LOCAL),
        takes: Takes::Addresses,
        meaning: "addresses to accept connections at; port 0 is any free one",
    },
    Setting {
        key: "bootstrap",
        default: || BOOTSTRAP.to_owned(),
        local: Some("none"),
        takes: Takes::Addresses,
        meaning: "peers to meet the network through",
    },
    Setting {
        key: "mdns",
        default: || "on".to_owned(),
        local: Some("off"),
        takes: Takes::OnOff,
        meaning: "find devices on this network, and be found by them, from the next start",
    },
    Setting {
        key: "dht",
        default: || "on".to_owned(),
        local: Some("off"),
        takes: Takes::OnOff,
        meaning: "find content in the public directory, and announce what is shared there, from the next start",
    },
    Setting {
        key: "nat",
        default: || "on".to_owned(),
        local: Some("off"),
        takes: Takes::OnOff,
        meaning: "ask the router to open a port",
    },
    Setting {
        key: "relay",
        default: || "on".to_owned(),
        local: Some("off"),
        takes: Takes::OnOff,
        meaning: "be reachable through relays where nothing better is possible",
    },
    Setting {
        key: "relays",
        default: || "none".to_owned(),
        local: Some("none"),
        takes: Takes::Peers,
        meaning: "relays to use, with their peer IDs; none: those found in the network",
    },
    Setting {
        key: "relay.service",
        default: || "off".to_owned(),
        local: Some("off"),
        takes: Takes::OnOff,
        meaning: "pass connections on to peers that can't be reached otherwise, trusted ones first; from the next start",
    },
    Setting {
        key: "http.routers",
        default: || "https://delegated-ipfs.dev".to_owned(),
        local: Some("none"),
        takes: Takes::Urls,
        meaning: "web services to ask who has what",
    },
    Setting {
        key: "http.gateways",
        default: || "https://trustless-gateway.link".to_owned(),
        local: Some("none"),
        takes: Takes::Urls,
        meaning: "web services to fetch verified blocks from",
    },
    Setting {
        key: "http.check",
        default: || "https://ipfs-check-backend.ipfs.io".to_owned(),
        local: Some("none"),
        takes: Takes::Urls,
        meaning: "web service to ask, on request only, whether others can reach this computer",
    },
    Setting {
        key: "peers.trusted",
        default: || "none".to_owned(),
        local: None,
        takes: Takes::Peers,
        meaning: "peers to be always connected with: peer IDs, or addresses with them",
    },
    Setting {
        key: "peers.blocked",
        default: || "none".to_owned(),
        local: None,
        takes: Takes::PeerIds,
        meaning: "peer IDs to keep away from",
    },
    Setting {
        key: "networks.blocked",
        default: || "none".to_owned(),
        local: None,
        takes: Takes::Networks,
        meaning: "networks to keep away from, such as 192.0.2.0/24",
    },
    Setting {
        key: "network.key",
        default: || "none".to_owned(),
        local: None,
        takes: Takes::NetworkKey,
        meaning: "key of a private network (64 hex digits, or a swarm.key): nobody without it gets in",
    },
    Setting {
        key: "upload.limit",
        default: || "0".to_owned(),
        local: None,
        takes: Takes::Rate,
        meaning: "bytes a second to send at most; 0 is no limit",
    },
    Setting {
        key: "download.limit",
        default: || "0".to_owned(),
        local: None,
        takes: Takes::Rate,
        meaning: "bytes a second to fetch at most; 0 is no limit",
    },
    Setting {
        key: "download.folder",
        default: || {
            // Without a home, as in a container: where it was started.
            let folder = paths::default_download_dir().or_else(|| std::env::current_dir().ok());
            let folder = folder.unwrap_or_else(|| PathBuf::from(std::path::MAIN_SEPARATOR_STR));
            path_text(&folder)
        },
        local: None,
        takes: Takes::Folder,
        meaning: "where downloads go",
    },
    Setting {
        key: "keep.metadata",
        default: || "off".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "make permissions and times part of what is shared, and keep them of what is downloaded",
    },
    Setting {
        key: "connections.max",
        default: || "300".to_owned(),
        local: None,
        takes: Takes::Connections,
        meaning: "connections at a time",
    },
    Setting {
        key: "connections.peer",
        default: || "4".to_owned(),
        local: None,
        takes: Takes::ConnectionsOfPeer,
        meaning: "connections with one peer at a time",
    },
    Setting {
        key: "connections.network",
        default: || "16".to_owned(),
        local: None,
        takes: Takes::ConnectionsOfNetwork,
        meaning: "connections that others may open from one network (a /24, or a /56 of IPv6)",
    },
    Setting {
        key: "schedule",
        default: || "off".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "use other speed limits in some hours",
    },
    Setting {
        key: "schedule.hours",
        default: || "22:00-07:00".to_owned(),
        local: None,
        takes: Takes::Hours,
        meaning: "the hours for those limits",
    },
    Setting {
        key: "schedule.days",
        default: || "mon,tue,wed,thu,fri,sat,sun".to_owned(),
        local: None,
        takes: Takes::Days,
        meaning: "the days on which these hours begin",
    },
    Setting {
        key: "schedule.upload.limit",
        default: || "0".to_owned(),
        local: None,
        takes: Takes::Rate,
        meaning: "bytes a second to send at most in these hours; 0 is no limit",
    },
    Setting {
        key: "schedule.download.limit",
        default: || "0".to_owned(),
        local: None,
        takes: Takes::Rate,
        meaning: "bytes a second to fetch at most in these hours; 0 is no limit",
    },
    Setting {
        key: "language",
        default: || "auto".to_owned(),
        local: None,
        takes: Takes::OneOf(&["auto", "en", "de", "es", "zh"]),
        meaning: "the window's language",
    },
    Setting {
        key: "theme",
        default: || "auto".to_owned(),
        local: None,
        takes: Takes::OneOf(&["auto", "light", "dark"]),
        meaning: "the window's colours",
    },
    Setting {
        key: "keep.sharing",
        default: || "on".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "go on sharing when the window is closed",
    },
    Setting {
        key: "autostart",
        default: || "off".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "start with the computer",
    },
    Setting {
        key: "notifications",
        default: || "on".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "tell of finished downloads, and of what needs you",
    },
    Setting {
        key: "welcomed",
        default: || "off".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "the first run was seen",
    },
    Setting {
        key: "hidden.told",
        default: || "off".to_owned(),
        local: None,
        takes: Takes::OnOff,
        meaning: "it was told that sharing goes on when the window is closed",
    },
];
