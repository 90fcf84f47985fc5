//! What can't be used of a settings file: values of another version or typed by hand, a file that a loss of power emptied, what is
//! no file at all. Defaults stand in until the person says otherwise, what can be read counts, and the file as it was is kept
//! beside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value};
use store::files::{is_no_small_file, keep_beside, read_small};

use super::table::SETTINGS;
use super::{ConfigError, Settings, check};
use crate::api::{Problem, Retry};

/// Without these somebody would get in who is to stay out: who finds them and can't read them starts nothing.
const GUARDS: [&str; 3] = ["network.key", "peers.blocked", "networks.blocked"];

/// Bytes of a settings file that is read: 100,000 blocked networks take about 2 MB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What of a settings file can't be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unusable {
    /// Settings whose values can't be used: they have their defaults now.
    keys: Vec<&'static str>,
    /// The file as a whole is none of ours: what stood in it may be lost without a trace.
    damaged: bool,
}

type Values = BTreeMap<String, String>;

/// The values of a settings file that can be used, none where there is no file, and what can't be used of it.
pub(super) fn read(file: &Path) -> Result<(Values, Unusable), ConfigError> {
    let bytes = match read_small(file, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Values::new(), Unusable::default()));
        }
        Err(error) if is_no_small_file(&error) => {
            let (keys, damaged) = (Vec::new(), true);
            return Ok((Values::new(), Unusable { keys, damaged }));
        }
        // It may be as it should be, with a key in it.
        Err(error) => return Err(ConfigError::Unreadable(error)),
    };
    understood(&bytes, file)
}

/// The same of the bytes of the file.
pub(super) fn understood(bytes: &[u8], file: &Path) -> Result<(Values, Unusable), ConfigError> {
    let text = decoded(bytes);
    if let Ok(values) = serde_json::from_str(&text) {
        let (kept, keys) = sort_out(values)?;
        let damaged = false;
        return Ok((kept, Unusable { keys, damaged }));
    }
    let (kept, mut keys) = sort_out(salvaged(&text))?;
    for setting in SETTINGS {
        let named = || text.contains(&format!("\"{}\"", setting.key));
        if kept.contains_key(setting.key) || keys.contains(&setting.key) || !named() {
            continue;
        }
        if GUARDS.contains(&setting.key) {
            let (path, key) = (file.to_owned(), setting.key);
            return Err(ConfigError::Damaged { path, key });
        }
        keys.push(setting.key);
    }
    let damaged = true;
    Ok((kept, Unusable { keys, damaged }))
}

/// The text of a file, however an editor wrote it.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |pair: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(pair).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) {
        [0xff, 0xfe, text @ ..] => utf16(u16::from_le_bytes, text),
        [0xfe, 0xff, text @ ..] => utf16(u16::from_be_bytes, text),
        text => String::from_utf8_lossy(text),
    }
}

/// The pairs of name and value that can be made out in a text that is no JSON as a whole.
fn salvaged(text: &str) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        let Some((key, behind)) = first::<String>(&rest[quote..]) else {
            rest = &rest[quote + 1..];
            continue;
        };
        let value = behind.trim_start().strip_prefix(':');
        rest = match value.and_then(first::<Value>) {
            Some((value, behind)) => {
                values.insert(key, value);
                behind
            }
            None => behind,
        };
    }
    values
}

/// What a text begins with, and the rest of it.
fn first<T: DeserializeOwned>(text: &str) -> Option<(T, &str)> {
    let mut values = Deserializer::from_str(text).into_iter();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

/// Takes the values that can't be used out of those of the file. Keys that nobody knows stay: they may be another version's.
fn sort_out(values: BTreeMap<String, Value>) -> Result<(Values, Vec<&'static str>), ConfigError> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let values = values.into_iter().map(|(key, value)| (key, text(value)));
    let mut kept: Values = values.collect();
    let mut unusable = Vec::new();
    for setting in SETTINGS {
        let Some(value) = kept.get(setting.key) else {
            continue;
        };
        match check(setting, value) {
            Err(error) if GUARDS.contains(&setting.key) => return Err(error),
            Err(_) => {
                kept.remove(setting.key);
                unusable.push(setting.key);
            }
            Ok(()) => {}
        }
    }
    Ok((kept, unusable))
}

impl Settings {
    /// Keeps the file beside if something of it can't be used, and goes on without that: so it is told once. Whoever calls it
    /// holds the data directory.
    pub(crate) fn put_aside(&mut self) -> Option<Problem> {
        let unusable = std::mem::take(&mut self.unusable);
        if unusable == Unusable::default() {
            return None;
        }
        let kept = self.keep_beside().unwrap_or_else(|error| {
            tracing::warn!(%error, "the settings file can't be kept beside");
            // It is still where it was.
            self.file.clone()
        });
        Some(unusable.told(&kept))
    }

    fn keep_beside(&self) -> io::Result<PathBuf> {
        let kept = keep_beside(&self.file, MAX_BYTES)?;
        self.keep(&self.kept)?;
        Ok(kept)
    }
}

impl Unusable {
    fn told(&self, kept: &Path) -> Problem {
        let keys = self.keys.join(", ");
        let kept = store::files::path_text(kept);
        let (code, message, look) = match (self.damaged, self.keys.is_empty()) {
            (false, _) => (
                "settings-unusable",
                format!(
                    "the settings file has values that can't be used, and defaults count in their place: {keys}"
                ),
                "",
            ),
            (true, true) => (
                "settings-lost",
                "the settings file was damaged: defaults count where nothing could be read"
                    .to_owned(),
                "Look through the settings, above all for a network key and for whom you blocked. ",
            ),
            (true, false) => (
                "settings-lost",
                format!(
                    "the settings file was damaged: defaults count where nothing could be read, as for {keys}"
                ),
                "Look through the settings. ",
            ),
        };
        Problem {
            code: code.to_owned(),
            message,
            hint: Some(format!("{look}The old file is kept as {kept}.")),
            retry: Retry::Never,
            subject: Some(kept),
            count: Some(self.keys.len() as u64),
            field: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn what_can_not_be_used_has_its_default_and_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        let old = r#"{"theme": "mauve", "upload.limit": 7000, "mdns": ["off"], "later": "1", "nat": "off"}"#;
        fs::write(&file, old).unwrap();
        let load = || Settings::load(file.clone(), |_| None).unwrap();
        let mut settings = load();
        assert_eq!(settings.get("theme"), "auto");
        assert_eq!(settings.get("nat"), "off");
        assert_eq!(settings.config().net.limits.upload, Some(7000));
        let told = settings.put_aside().unwrap();
        assert_eq!(
            (told.code.as_str(), told.count),
            ("settings-unusable", Some(2))
        );
        assert!(told.message.ends_with(": mdns, theme"), "{}", told.message);
        assert_eq!(fs::read_to_string(told.subject.unwrap()).unwrap(), old);
        assert_eq!(settings.put_aside(), None);
        let mut again = load();
        assert_eq!(again.put_aside(), None);
        assert_eq!(again.kept, settings.kept);
        assert!(again.kept.contains_key("later"));
    }

    #[test]
    fn a_damaged_file_is_read_as_far_as_that_goes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        let utf16: Vec<u8> = "\u{feff}{\"nat\": \"off\"}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (bytes, nat, is_told) in [
            (&b""[..], "on", true),
            (&[0; 300], "on", true),
            (b"[]", "on", true),
            (b"{\"nat\": \"off\",}", "off", true),
            (b"{\"nat\": \"off\", \"theme\": \"dar", "off", true),
            (b"{\"theme\": dark, \"nat\": \"off\"}", "off", true),
            (
                b"// mine\n{\"nat\": \"off\" \"mdns\": \"off\"}",
                "off",
                true,
            ),
            (b"{\"nat\": \"off\"}\xff\xfe", "off", true),
            (b"\xef\xbb\xbf{\"nat\": \"off\"}", "off", false),
            (&utf16, "off", false),
        ] {
            fs::write(&file, bytes).unwrap();
            let mut settings = Settings::load(file.clone(), |_| None).unwrap();
            let what = String::from_utf8_lossy(bytes);
            assert_eq!(settings.get("nat"), nat, "{what}");
            let told = settings.put_aside();
            assert_eq!(told.is_some(), is_told, "{what}");
            if let Some(told) = told {
                assert_eq!(told.code, "settings-lost");
                assert_eq!(fs::read(told.subject.unwrap()).unwrap(), bytes);
            }
            let mut again = Settings::load(file.clone(), |_| None).unwrap();
            assert_eq!(again.put_aside(), None, "{what}");
            assert_eq!(again.get("nat"), nat, "{what}");
        }
    }

    #[test]
    fn what_is_no_settings_file_makes_room_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        fs::create_dir(&file).unwrap();
        let mut settings = Settings::load(file.clone(), |_| None).unwrap();
        let told = settings.put_aside().unwrap();
        assert!(Path::new(&told.subject.unwrap()).is_dir());
        settings.set("nat", "off").unwrap();
        let again = Settings::load(file, |_| None).unwrap();
        assert_eq!(again.get("nat"), "off");
    }

    #[test]
    fn what_keeps_others_out_is_never_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        for key in GUARDS {
            for value in ["\"?\"}", "\"?\",}", "\"12D3", ""] {
                fs::write(&file, format!(r#"{{"{key}": {value}"#)).unwrap();
                let loaded = Settings::load(file.clone(), |_| None);
                let refused = matches!(
                    loaded,
                    Err(ConfigError::BadValue { .. } | ConfigError::Damaged { .. })
                );
                assert!(refused, "{key}: {value}");
            }
        }
    }
}
