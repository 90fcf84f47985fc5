//! Values in the settings file that can't be used: of another version, or typed by hand. They have their defaults until the
//! person says otherwise, and the file as it was is kept beside.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use fs_err as fs;
use serde_json::Value;

use super::table::SETTINGS;
use super::{ConfigError, Settings, check};

/// Without these somebody would get in who is to stay out: who can't read them starts nothing.
const GUARDS: [&str; 3] = ["network.key", "peers.blocked", "networks.blocked"];

/// Files that are kept beside, of as many starts.
const MAX_KEPT: u32 = 100;

/// What was wrong with the settings file at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// They have their defaults now.
    pub keys: Vec<&'static str>,
    /// The file as it was, if it could be kept.
    pub kept: Option<PathBuf>,
}

/// Takes the values that can't be used out of those of the file. Keys that nobody knows stay: they may be another version's.
pub(super) fn sort_out(
    values: BTreeMap<String, Value>,
) -> Result<(BTreeMap<String, String>, Vec<&'static str>), ConfigError> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let values = values.into_iter().map(|(key, value)| (key, text(value)));
    let mut kept: BTreeMap<String, String> = values.collect();
    let mut unreadable = Vec::new();
    for setting in SETTINGS {
        let Some(value) = kept.get(setting.key) else {
            continue;
        };
        match check(setting, value) {
            Err(error) if GUARDS.contains(&setting.key) => return Err(error),
            Err(_) => {
                kept.remove(setting.key);
                unreadable.push(setting.key);
            }
            Ok(()) => {}
        }
    }
    Ok((kept, unreadable))
}

impl Settings {
    /// Keeps the file beside if something in it can't be used, and goes on without that: so it is told once. Whoever calls it
    /// holds the data directory.
    pub(crate) fn put_aside(&mut self) -> Option<Unreadable> {
        let keys = std::mem::take(&mut self.unreadable);
        if keys.is_empty() {
            return None;
        }
        let kept = self.keep_beside();
        if let Err(error) = &kept {
            tracing::warn!(%error, "the settings file can't be kept beside");
        }
        let kept = kept.ok();
        Some(Unreadable { keys, kept })
    }

    fn keep_beside(&self) -> io::Result<PathBuf> {
        let old = fs::read(&self.file)?;
        for number in 1..=MAX_KEPT {
            let beside = self.file.with_extension(format!("old-{number}.json"));
            match fs::File::create_new(&beside) {
                Ok(mut file) => {
                    store::files::make_private(&beside)?;
                    file.write_all(&old)?;
                    file.sync_all()?;
                    self.keep(&self.kept)?;
                    return Ok(beside);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

#[cfg(test)]
mod tests {
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
        let found = settings.put_aside().unwrap();
        assert_eq!(found.keys, ["mdns", "theme"]);
        assert_eq!(fs::read_to_string(found.kept.unwrap()).unwrap(), old);
        assert_eq!(settings.put_aside(), None);
        let mut again = load();
        assert_eq!(again.put_aside(), None);
        assert_eq!(again.kept, settings.kept);
        assert!(again.kept.contains_key("later"));
    }

    #[test]
    fn what_keeps_others_out_is_never_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.json");
        for key in GUARDS {
            fs::write(&file, format!(r#"{{"{key}": "?"}}"#)).unwrap();
            let loaded = Settings::load(file.clone(), |_| None);
            assert!(matches!(loaded, Err(ConfigError::BadValue { .. })), "{key}");
        }
    }
}
