//! Runs the real `shoal` on a data directory of its own, with nothing but 127.0.0.1 or the lab, and reads its events.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::Wire;
use super::lab::Host;
use super::process::{Finished, Process};

/// As by default, without IPv6, which the lab has not.
const LAB_LISTEN: &str = "/ip4/0.0.0.0/tcp/4801,/ip4/0.0.0.0/udp/4801/quic-v1";

/// One data directory, as one person's Shoal.
#[derive(Debug)]
pub(crate) struct Shoal {
    data: Arc<Data>,
    settings: Vec<(String, String)>,
    /// The namespace it runs in; none: this machine alone.
    space: Option<String>,
}

#[derive(Debug)]
enum Data {
    Own(TempDir),
    Given(PathBuf),
}

/// A command that goes on: a daemon, a foreground share, a download. Its data directory stays as long as it does.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    _data: Arc<Data>,
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What a node said of itself when it was ready.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) peer: String,
    pub(crate) listen: Vec<String>,
}

impl Shoal {
    pub(crate) fn new() -> Self {
        Self {
            data: Arc::new(Data::Own(tempfile::tempdir().unwrap())),
            settings: Vec::new(),
            space: None,
        }
    }

    /// With a data directory that is the test's own.
    pub(crate) fn on(data: &Path) -> Self {
        Self {
            data: Arc::new(Data::Given(data.to_owned())),
            settings: Vec::new(),
            space: None,
        }
    }

    /// On a computer of the lab, as a person has it there, but without the public network's own machines.
    pub(crate) fn at(host: &Host) -> Self {
        let mut shoal = Self::new();
        shoal.space = Some(host.space().name().to_owned());
        let settings = [
            ("listen", LAB_LISTEN),
            ("bootstrap", "none"),
            ("dht", "off"),
            ("mdns", "off"),
            ("nat", "on"),
            ("relay", "on"),
            ("http.routers", "none"),
            ("http.gateways", "none"),
            ("http.check", "none"),
        ];
        settings
            .into_iter()
            .fold(shoal, |shoal, (key, value)| shoal.with(key, value))
    }

    /// The same with a setting given for every run, such as `("download.limit", "1000000")`.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        let variable = format!("SHOAL_{}", key.to_uppercase().replace('.', "_"));
        self.settings.push((variable, value.to_owned()));
        self
    }

    pub(crate) fn data_dir(&self) -> &Path {
        match &*self.data {
            Data::Own(folder) => folder.path(),
            Data::Given(folder) => folder,
        }
    }

    /// The command with `--json`, not yet started.
    pub(crate) fn command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = self.bare_command();
        command.arg("--json");
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    /// The command as a person types it: no `--json`.
    pub(crate) fn bare_command(&self) -> Command {
        let mut command = match &self.space {
            Some(space) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", space]).arg(program());
                command
            }
            None => Command::new(program()),
        };
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SHOAL_") {
                command.env_remove(variable);
            }
        }
        if self.space.is_none() {
            command.env("SHOAL_LOCAL", "1");
        }
        command
            .env("SHOAL_DOWNLOAD_FOLDER", self.data_dir().join("downloads"))
            .envs(self.settings.iter().cloned());
        command.arg("--data-dir").arg(self.data_dir());
        command
    }

    pub(crate) fn start(&self, arguments: &[&dyn AsRef<OsStr>]) -> Running {
        Running {
            process: Process::start(&mut self.command(arguments)),
            _data: Arc::clone(&self.data),
        }
    }

    /// Runs a command to its end, whatever that is.
    pub(crate) fn run(&self, arguments: &[&dyn AsRef<OsStr>]) -> Done {
        self.start(arguments).finish()
    }

    /// Runs a command that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&dyn AsRef<OsStr>]) -> Done {
        self.run(arguments).expect_code(0)
    }

    /// A daemon that is up.
    pub(crate) fn daemon(&self) -> (Running, Ready) {
        let daemon = self.start(&[&"daemon"]);
        let ready = daemon.ready();
        (daemon, ready)
    }

    /// A foreground share that is ready to be fetched, and its `shared` event.
    pub(crate) fn share(&self, path: &Path, options: &[&str]) -> (Running, Ready, Value) {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"share", &path];
        arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
        let share = self.start(&arguments);
        let ready = share.ready();
        let shared = share.event("shared");
        (share, ready, shared)
    }
}

impl Running {
    /// Waits for the first event of that name.
    pub(crate) fn event(&self, name: &str) -> Value {
        self.event_where(name, |_| true)
    }

    /// Waits for the first event of that name that `fits`.
    pub(crate) fn event_where(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.process
            .wait_for(&format!("the event {name:?}"), |lines| {
                lines
                    .iter()
                    .map(|line| parse(line))
                    .find(|event| event["event"] == name && fits(event))
            })
    }

    pub(crate) fn ready(&self) -> Ready {
        let event = self.event("ready");
        Ready {
            peer: text(&event, "peer_id"),
            listen: event["listen"]
                .as_array()
                .unwrap_or_else(|| panic!("no addresses in {event}"))
                .iter()
                .map(|address| address.as_str().unwrap().to_owned())
                .collect(),
        }
    }

    pub(crate) fn finish(self) -> Done {
        Done::new(self.process.finish())
    }

    /// Ctrl-C, and what it left.
    pub(crate) fn interrupt(self) -> Done {
        self.process.interrupt();
        self.finish()
    }

    /// `kill -9`, and what was said until then.
    pub(crate) fn kill(self) -> Done {
        Done::new(self.process.kill())
    }
}

impl Done {
    fn new(finished: Finished) -> Self {
        let events = finished
            .stdout
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Self {
            code: finished.status.code(),
            events,
            stdout: finished.stdout.join("\n"),
            stderr: finished.stderr,
        }
    }

    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "standard output:\n{}\nstandard error:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The last event of that name.
    pub(crate) fn event(&self, name: &str) -> &Value {
        self.events
            .iter()
            .rfind(|event| event["event"] == name)
            .unwrap_or_else(|| panic!("no event {name:?} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// The problem's code, after checking that it is told with words a person can use.
    pub(crate) fn problem(&self) -> String {
        let error = self.event("error");
        assert!(!text(error, "message").is_empty(), "no message in {error}");
        assert!(!text(error, "hint").is_empty(), "no hint in {error}");
        text(error, "code")
    }
}

impl Ready {
    /// The address at which this node is reached over `wire`, with its peer ID.
    pub(crate) fn address(&self, wire: Wire) -> &str {
        wire.pick(&self.listen)
    }
}

/// The program under test: the one just built, or that of `SHOAL_TEST_PROGRAM`, such as an installed package's.
pub(crate) fn program() -> OsString {
    std::env::var_os("SHOAL_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_shoal").into())
}

/// A text field of an event.
pub(crate) fn text(event: &Value, field: &str) -> String {
    event[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field:?} in {event}"))
        .to_owned()
}

/// A number field of an event.
pub(crate) fn number(event: &Value, field: &str) -> u64 {
    event[field]
        .as_u64()
        .unwrap_or_else(|| panic!("no number {field:?} in {event}"))
}

fn parse(line: &str) -> Value {
    let event: Value = serde_json::from_str(line)
        .unwrap_or_else(|error| panic!("not a line of JSON: {line:?}: {error}"));
    assert!(
        event["event"].is_string(),
        "an object without \"event\": {line}"
    );
    event
}
