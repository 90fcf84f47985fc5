//! The test's hand on the desktop: one Python program (`desktop.py`) that owns the clipboard, is the tray's host and the
//! receiver of notifications, and offers files to drag. One JSON object a line, question and answer.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::group::Group;

#[derive(Debug)]
pub(super) struct Helper(Group);

impl Helper {
    /// `command` has the environment of the desktop.
    pub(super) fn start(command: &mut Command, logs: &Path) -> Self {
        let group = Group::start("desktop.py", command, logs);
        assert_eq!(group.line(), "ready", "see the log of desktop.py");
        Self(group)
    }

    /// The script, beside this file.
    pub(super) fn script() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/window/desktop.py")
    }

    pub(super) fn ask(&mut self, what: &str, with: Value) -> Value {
        self.try_ask(what, with)
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    pub(super) fn try_ask(&mut self, what: &str, with: Value) -> Result<Value, String> {
        self.0.say(&json!({ "do": what, "with": with }).to_string());
        let mut answer: Value = serde_json::from_str(&self.0.line()).unwrap();
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}
