//! Settings: every key with its meaning, its default and where its value comes from.
//!
//! A value comes from the environment (`SHOAL_KEY`, for one run), else from `SHOAL_LOCAL=1`
//! (everything on this machine alone), else from the settings file, else from the default. Values
//! are text, checked when they are set and again when they are read: the rest of the engine sees
//! only typed, valid [`Config`]s. The keys are in [`table`], the values in [`parse`].

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod own;
mod parse;
pub(crate) mod schedule;
mod table;
mod unreadable;

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use self::parse::{Takes, joined, list, network_key, networks, number, peers, switch, urls};
use self::schedule::{Limits, Schedule};
use self::table::{PUBLIC, SETTINGS, Setting};
use self::unreadable::Unusable;
use crate::api::{Origin, SettingView, Standing};
use net::config::{
    DiscoveryConfig, LimitConfig, ListenConfig, RelayConfig, TrustConfig, WebConfig,
};
use net::devices::{Card, Kind};
use net::limits::{CONNECTIONS, CONNECTIONS_OF_NETWORK, CONNECTIONS_OF_PEER};

/// What the engine runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub net: net::Config,
    pub download_folder: PathBuf,
    /// Permissions and times are part of what is shared and downloaded, unless that is asked
    /// otherwise.
    pub keep_metadata: bool,
    /// Other limits for some hours.
    pub schedule: Option<Schedule>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no setting {0:?}")]
    UnknownKey(String),
    #[error("{key} can't be {value:?}: it takes {expected}")]
    BadValue {
        key: &'static str,
        value: String,
        expected: String,
    },
    #[error("the settings file {path} is damaged where {key} stands, which keeps others out")]
    Damaged { path: PathBuf, key: &'static str },
    #[error("the settings can't be read: {0}")]
    Unreadable(io::Error),
    #[error("the settings can't be kept: {0}")]
    Io(#[from] io::Error),
}

/// The settings of one data directory, as the file and the environment give them.
#[derive(Debug, Clone)]
pub struct Settings {
    file: PathBuf,
    kept: BTreeMap<String, String>,
    environment: BTreeMap<&'static str, String>,
    local: bool,
    /// What of the file can't be used.
    unusable: Unusable,
}

impl Settings {
    /// Reads the settings file, if there is one. `environment` gives the value of a variable, as
    /// [`std::env::var`] does. What of the file can't be used stops nobody, but where the default
    /// would let in whom it was to keep out.
    pub fn load(
        file: PathBuf,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let (kept, unusable) = unreadable::read(&file)?;
        let given = SETTINGS.iter().filter_map(|setting| {
            let value = environment(&variable(setting.key))?;
            Some((setting.key, setting.takes.kept(&setting.takes.given(value))))
        });
        let settings = Self {
            environment: given.collect(),
            local: is_local(environment(LOCAL).as_deref())?,
            file,
            kept,
            unusable,
        };
        for setting in SETTINGS {
            check(setting, &settings.value(setting).0)?;
        }
        Ok(settings)
    }

    pub fn config(&self) -> Config {
        Config {
            net: self.net(),
            download_folder: PathBuf::from(self.get("download.folder")),
            keep_metadata: self.on("keep.metadata"),
            schedule: self.on("schedule").then(|| self.schedule()).flatten(),
        }
    }

    fn net(&self) -> net::Config {
        let addresses = |key| list(&self.get(key)).unwrap_or_default();
        let peers = |key| peers(&self.get(key)).unwrap_or_default();
        let urls = |key| urls(&self.get(key)).unwrap_or_default();
        let number = |key, range: &RangeInclusive<u32>| {
            number(&self.get(key), range).unwrap_or(*range.end())
        };
        net::Config {
            device: Card::new(&self.get("device.name"), self.kind()),
            listen: ListenConfig {
                addresses: addresses("listen"),
                local_only: self.local,
                channels: net::Channels::All,
            },
            discovery: DiscoveryConfig {
                mdns: self.on("mdns"),
                dht: self.on("dht"),
                bootstrap: addresses("bootstrap"),
            },
            ports: self.on("nat"),
            relays: RelayConfig {
                enabled: self.on("relay"),
                chosen: peers("relays"),
                service: self.on("relay.service"),
            },
            web: WebConfig {
                routers: urls("http.routers"),
                gateways: urls("http.gateways"),
                check: urls("http.check").into_iter().next(),
            },
            trust: TrustConfig {
                trusted: peers("peers.trusted"),
                blocked: list(&self.get("peers.blocked")).unwrap_or_default(),
                blocked_networks: networks(&self.get("networks.blocked")).unwrap_or_default(),
                network_key: network_key(&self.get("network.key")),
            },
            limits: LimitConfig {
                upload: self.rate("upload.limit"),
                download: self.rate("download.limit"),
                connections: number("connections.max", &CONNECTIONS),
                connections_of_peer: number("connections.peer", &CONNECTIONS_OF_PEER),
                connections_of_network: number("connections.network", &CONNECTIONS_OF_NETWORK),
            },
        }
    }

    fn kind(&self) -> Kind {
        match self.get("device.kind").as_str() {
            "auto" => own::kind(),
            word => Kind::of_word(word),
        }
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule {
            hours: self.get("schedule.hours").parse().ok()?,
            days: self.get("schedule.days").parse().ok()?,
            limits: Limits {
                upload: self.rate("schedule.upload.limit"),
                download: self.rate("schedule.download.limit"),
            },
        })
    }

    fn on(&self, key: &str) -> bool {
        switch(&self.get(key)).unwrap_or_default()
    }

    /// Bytes a second; none is no limit.
    fn rate(&self, key: &str) -> Option<u64> {
        self.get(key).parse().ok().filter(|limit| *limit > 0)
    }

    /// Settings that are not the default, without what would tell of this machine or of others.
    pub(crate) fn told_to_strangers(&self) -> Vec<String> {
        let told = SETTINGS.iter().filter_map(|setting| {
            let (value, _) = self.value(setting);
            let shown = match setting.takes {
                Takes::Name
                | Takes::Addresses
                | Takes::Folder
                | Takes::Peers
                | Takes::PeerIds
                | Takes::Networks
                | Takes::Urls
                | Takes::NetworkKey => "(set)",
                _ => &value,
            };
            (value != (setting.default)()).then(|| format!("{} = {shown}", setting.key))
        });
        told.collect()
    }

    /// All settings, in the order in which they are explained.
    pub fn all(&self) -> Vec<SettingView> {
        let view = |setting: &Setting| {
            let (value, from) = self.value(setting);
            let (key, meaning) = (setting.key.to_owned(), setting.meaning.to_owned());
            SettingView {
                key,
                value,
                default: (setting.default)(),
                meaning,
                from,
            }
        };
        SETTINGS.iter().map(view).collect()
    }

    /// Keeps a value for this and later runs. The default is kept by forgetting the key.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let known = SETTINGS.iter().find(|setting| setting.key == key);
        let setting = known.ok_or_else(|| ConfigError::UnknownKey(key.to_owned()))?;
        let value = setting.takes.given(value.to_owned());
        check(setting, &value)?;
        let value = setting.takes.kept(&value);
        let mut kept = self.kept.clone();
        if value == (setting.default)() {
            kept.remove(key);
        } else {
            kept.insert(key.to_owned(), value);
        }
        self.keep(&kept)?;
        self.kept = kept;
        Ok(())
    }

    fn keep(&self, kept: &BTreeMap<String, String>) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(kept).map_err(io::Error::other)?;
        store::files::replace_whole(&self.file, &bytes)
    }

    /// The settings that make a peer trusted, blocked or neither, with their new values.
    pub(crate) fn standing(&self, peer: PeerId, standing: Standing) -> [(&'static str, String); 2] {
        let trust = self.net().trust;
        let names = |address: &Multiaddr| address.iter().last() == Some(Protocol::P2p(peer));
        let mut trusted = trust.trusted;
        let mut blocked = trust.blocked;
        if standing != Standing::Trusted {
            trusted.retain(|address| !names(address));
        } else if !trusted.iter().any(names) {
            trusted.push(Multiaddr::from(Protocol::P2p(peer)));
        }
        blocked.retain(|other| *other != peer);
        if standing == Standing::Blocked {
            blocked.push(peer);
        }
        let trusted = trusted.iter().map(|address| match address.iter().next() {
            Some(Protocol::P2p(peer)) => peer.to_string(),
            _ => address.to_string(),
        });
        let blocked = blocked.iter().map(PeerId::to_string);
        [
            ("peers.trusted", joined(trusted)),
            ("peers.blocked", joined(blocked)),
        ]
    }

    /// There is a network key, so that nothing of the public network is used.
    fn is_private_network(&self) -> bool {
        network_key(&self.get("network.key")).is_some()
    }

    fn get(&self, key: &str) -> String {
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        setting
            .map(|setting| self.value(setting).0)
            .unwrap_or_default()
    }

    fn value(&self, setting: &Setting) -> (String, Origin) {
        if let Some(value) = self.environment.get(setting.key) {
            return (value.clone(), Origin::Environment);
        }
        if self.local
            && let Some(value) = setting.local
        {
            return (value.to_owned(), Origin::Environment);
        }
        match self.kept.get(setting.key) {
            Some(value) => (value.clone(), Origin::File),
            None if PUBLIC.contains(&setting.key) && self.is_private_network() => {
                ("none".to_owned(), Origin::Default)
            }
            None => ((setting.default)(), Origin::Default),
        }
    }
}

/// The variable that keeps everything on this machine.
const LOCAL: &str = "SHOAL_LOCAL";

/// Whoever says that in other words must not be in the public network for it.
fn is_local(value: Option<&str>) -> Result<bool, ConfigError> {
    match value.unwrap_or_default() {
        "1" | "on" | "yes" | "true" => Ok(true),
        "" | "0" | "off" | "no" | "false" => Ok(false),
        other => Err(ConfigError::BadValue {
            key: LOCAL,
            value: other.to_owned(),
            expected: "1 or 0".to_owned(),
        }),
    }
}

/// `upload.limit` is `SHOAL_UPLOAD_LIMIT` in the environment.
fn variable(key: &str) -> String {
    format!("SHOAL_{}", key.to_uppercase().replace('.', "_"))
}

fn check(setting: &Setting, value: &str) -> Result<(), ConfigError> {
    if setting.takes.accepts(value) {
        return Ok(());
    }
    let expected = setting.takes.expected();
    Err(ConfigError::BadValue {
        key: setting.key,
        value: value.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn load(file: &Path, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::load(file.to_owned(), |name| {
            let given = environment.iter().find(|(key, _)| *key == name);
            given.map(|(_, value)| (*value).to_owned())
        })
    }

    fn origin(settings: &Settings, key: &str) -> (String, Origin) {
        let view = settings
            .all()
            .into_iter()
            .find(|view| view.key == key)
            .unwrap();
        (view.value, view.from)
    }

    #[test]
    fn defaults_are_valid_and_set_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let settings = load(&dir.path().join("s"), &[]).unwrap();
        let config = settings.config();
        assert_eq!(
            (
                config.net.listen.addresses.len(),
                config.net.discovery.bootstrap.len()
            ),
            (4, 7)
        );
        assert_eq!(
            (config.net.limits.upload, config.net.listen.local_only),
            (None, false)
        );
        assert!(
            settings
                .all()
                .iter()
                .all(|view| view.from == Origin::Default)
        );
    }

    #[test]
    fn a_value_is_kept_and_the_environment_wins_for_one_run() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        load(&file, &[])
            .unwrap()
            .set("upload.limit", "5000")
            .unwrap();
        let kept = load(&file, &[]).unwrap();
        assert_eq!(kept.config().net.limits.upload, Some(5000));
        let run = load(&file, &[("SHOAL_UPLOAD_LIMIT", "7")]).unwrap();
        assert_eq!(
            origin(&run, "upload.limit"),
            ("7".to_owned(), Origin::Environment)
        );
        load(&file, &[]).unwrap().set("upload.limit", "0").unwrap();
        assert_eq!(
            origin(&load(&file, &[]).unwrap(), "upload.limit").1,
            Origin::Default
        );
    }

    #[test]
    fn local_stays_on_this_machine_unless_a_key_says_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        load(&file, &[])
            .unwrap()
            .set("listen", "/ip4/0.0.0.0/tcp/1")
            .unwrap();
        let config = load(&file, &[("SHOAL_LOCAL", "1"), ("SHOAL_DHT", "on")])
            .unwrap()
            .config();
        assert_eq!(
            config.net.listen.addresses[0].to_string(),
            "/ip4/127.0.0.1/tcp/0"
        );
        assert!(
            config.net.discovery.dht
                && config.net.listen.local_only
                && !config.net.discovery.mdns
                && config.net.discovery.bootstrap.is_empty()
        );
    }

    #[test]
    fn who_wants_to_be_local_is_so_in_any_words_or_is_asked_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        let local = |value| load(&file, &[("SHOAL_LOCAL", value)]);
        for (value, is_local) in [("1", true), ("true", true), ("0", false), ("", false)] {
            let config = local(value).unwrap().config();
            assert_eq!(config.net.listen.local_only, is_local, "{value}");
        }
        assert!(matches!(local("maybe"), Err(ConfigError::BadValue { .. })));
    }

    #[test]
    fn a_schedule_counts_when_it_is_switched_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = load(&dir.path().join("s"), &[]).unwrap();
        settings.set("schedule.upload.limit", "900").unwrap();
        assert_eq!(settings.config().schedule, None);
        settings.set("schedule", "on").unwrap();
        let limits = settings.config().schedule.unwrap().limits;
        assert_eq!((limits.upload, limits.download), (Some(900), None));
    }

    #[test]
    fn strangers_are_told_neither_paths_nor_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = load(&dir.path().join("s"), &[]).unwrap();
        settings.set("download.folder", "/home/ada").unwrap();
        settings.set("listen", "/ip4/192.0.2.1/tcp/1").unwrap();
        settings.set("upload.limit", "5000").unwrap();
        let told = settings.told_to_strangers();
        assert_eq!(
            told,
            [
                "listen = (set)",
                "upload.limit = 5000",
                "download.folder = (set)"
            ]
        );
    }

    #[test]
    fn a_private_network_uses_nothing_of_the_public_one_unless_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        let mut settings = load(&file, &[]).unwrap();
        let digits = "0123456789ABCDEF".repeat(4);
        let swarm_key = format!("/key/swarm/psk/1.0.0/\r\n/base16/\r\n{digits}\r\n");
        settings.set("network.key", &swarm_key).unwrap();
        let kept = settings.get("network.key");
        assert_eq!(kept, digits.to_ascii_lowercase());
        let config = load(&file, &[]).unwrap().config();
        assert!(
            config.net.trust.network_key.is_some() && config.net.discovery.bootstrap.is_empty()
        );
        assert!(config.net.web.routers.is_empty() && config.net.web.gateways.is_empty());
        let own = "/ip4/192.0.2.1/tcp/1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";
        settings.set("bootstrap", own).unwrap();
        assert_eq!(settings.config().net.discovery.bootstrap.len(), 1);
        settings.set("network.key", "none").unwrap();
        assert_eq!(settings.config().net.web.routers.len(), 1);
    }

    #[test]
    fn a_peer_stands_in_one_way_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = load(&dir.path().join("s"), &[]).unwrap();
        let peer = PeerId::random();
        let mut stand = |standing| {
            for (key, value) in settings.standing(peer, standing) {
                settings.set(key, &value).unwrap();
            }
            let config = settings.config();
            (
                config.net.trust.trusted.len(),
                config.net.trust.blocked.len(),
            )
        };
        assert_eq!(stand(Standing::Trusted), (1, 0));
        assert_eq!(stand(Standing::Trusted), (1, 0));
        assert_eq!(stand(Standing::Blocked), (0, 1));
        assert_eq!(stand(Standing::Usual), (0, 0));
    }

    #[test]
    fn a_wrong_key_or_value_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        let mut settings = load(&file, &[]).unwrap();
        assert!(matches!(
            settings.set("colour", "red"),
            Err(ConfigError::UnknownKey(_))
        ));
        for (key, value) in [
            ("mdns", "yes"),
            ("listen", "localhost"),
            ("listen", ""),
            ("bootstrap", "/ip4/192.0.2.1/tcp/1,"),
            ("upload.limit", "-1"),
            ("nat", "yes"),
            ("peers.trusted", "/ip4/192.0.2.1/tcp/1"),
            ("networks.blocked", "192.0.2.0/33"),
            ("http.gateways", "ftp://example.org"),
            ("network.key", "0123"),
            ("network.key", "ééééééééééééééééééééééééééééééééé"),
            ("network.key", "/key/swarm/psk/1.0.0/\n/bin/\nxyz"),
            ("connections.peer", "0"),
            ("connections.max", "15"),
            ("schedule.hours", "from dusk to dawn"),
            ("schedule.days", "monday"),
            ("theme", "red"),
        ] {
            assert!(
                matches!(settings.set(key, value), Err(ConfigError::BadValue { .. })),
                "{key}"
            );
        }
        assert!(!file.exists());
        assert!(load(&file, &[("SHOAL_MDNS", "maybe")]).is_err());
    }
}
