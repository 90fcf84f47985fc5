//! Settings as files, people and other programs bring them, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::parse::{Takes, network_key};
use super::schedule::{Days, Hours, Limits, Schedule, limits_at};
use super::table::SETTINGS;
use super::unreadable::{self, Unusable};
use super::{Settings, check};
use crate::api::Standing;
use crate::fuzz_input::Input;

fn settings(kept: BTreeMap<String, String>) -> Settings {
    Settings {
        file: PathBuf::new(),
        kept,
        environment: BTreeMap::new(),
        local: false,
        unusable: Unusable::default(),
    }
}

/// Whatever stands in a settings file, what is taken of it can be used, reads the same when it is kept, and the engine can start
/// with it; or nobody starts, where somebody could get in who is to stay out.
pub(crate) fn file(bytes: &[u8]) {
    let path = Path::new("settings.json");
    let Ok((kept, _)) = unreadable::understood(bytes, path) else {
        return;
    };
    for setting in SETTINGS {
        if let Some(value) = kept.get(setting.key) {
            check(setting, value).expect("what is kept can be used");
        }
    }
    let written = serde_json::to_vec_pretty(&kept).unwrap();
    let (again, unusable) =
        unreadable::understood(&written, path).expect("what was written is read");
    assert_eq!((&again, unusable), (&kept, Unusable::default()));
    let settings = settings(kept);
    let config = settings.config();
    assert_eq!(config, settings.config());
    assert_eq!(settings.all().len(), SETTINGS.len());
}

/// What a setting accepts it accepts in the form in which it is kept, and means the same; so it does after somebody was trusted or
/// blocked.
pub(crate) fn values(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut kept = BTreeMap::new();
    for _ in 0..=input.below(4) {
        let setting = &SETTINGS[input.below(SETTINGS.len())];
        let value = String::from_utf8_lossy(input.some()).into_owned();
        if check(setting, &value).is_ok() {
            let held = setting.takes.kept(&value);
            check(setting, &held).expect("what is kept can be used");
            assert_eq!(setting.takes.kept(&held), held);
            let config = |value: &str| {
                settings([(setting.key.to_owned(), value.to_owned())].into()).config()
            };
            assert_eq!(config(&value), config(&held));
            kept.insert(setting.key.to_owned(), held);
        }
    }
    let hash = libp2p::multihash::Multihash::wrap(0x12, &[input.byte(); 32]).unwrap();
    let peer = libp2p::PeerId::from_multihash(hash).unwrap();
    let standing = [Standing::Trusted, Standing::Blocked, Standing::Usual][input.below(3)];
    let mut changed = settings(kept);
    for (key, value) in changed.standing(peer, standing) {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        if check(setting, &value).is_err() {
            // One more than there may be.
            return;
        }
        changed.kept.insert(key.to_owned(), value);
    }
    let trust = changed.config().net.trust;
    assert_eq!(trust.blocked.contains(&peer), standing == Standing::Blocked);
    let names = |address: &libp2p::Multiaddr| {
        address
            .iter()
            .any(|part| part == libp2p::multiaddr::Protocol::P2p(peer))
    };
    assert!(standing != Standing::Trusted || trust.trusted.iter().any(names));
}

/// The text of a `swarm.key`, or the key alone, is one key in every form.
pub(crate) fn swarm_key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(key) = network_key(&text) else {
        return;
    };
    let kept = Takes::NetworkKey.kept(&text);
    assert!(kept.len() == 64 && kept.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!(network_key(&kept), Some(key));
    for lines in ["\n", "\r\n"] {
        let file = [
            "/key/swarm/psk/1.0.0/",
            "/base16/",
            &kept.to_uppercase(),
            "",
        ]
        .join(lines);
        assert_eq!(network_key(&file), Some(key));
    }
}

/// Hours and days are read in one form; what counts at a moment counts until the moment at which it is looked at again.
pub(crate) fn schedule(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (hours, days) = (input.text(), input.text());
    let (Ok(from_to), Ok(week)) = (hours.parse::<Hours>(), days.parse::<Days>()) else {
        return;
    };
    assert!(hours.len() == 11 && hours.is_ascii());
    let within = Limits {
        upload: Some(1),
        download: None,
    };
    let schedule = Schedule {
        hours: from_to,
        days: week,
        limits: within,
    };
    let at = |seconds: u64| {
        let monday = date(2026, 1, 5)
            .at(0, 0, 0, 0)
            .to_zoned(TimeZone::UTC)
            .unwrap();
        monday.checked_add(Duration::from_secs(seconds)).unwrap()
    };
    let now = u64::from(input.short()) * 10;
    let counts = |seconds: u64| limits_at(Limits::default(), Some(schedule), &at(seconds));
    let until = schedule.until_change(&at(now)).as_secs();
    assert!((1..=24 * 3600).contains(&until));
    for _ in 0..8 {
        let moment = now + input.long() % until;
        assert_eq!(counts(moment), counts(now));
    }
    assert_eq!(counts(now + until - 1), counts(now));
    assert_eq!(counts(now + 7 * 24 * 3600), counts(now));
}
