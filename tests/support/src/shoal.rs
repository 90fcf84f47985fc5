//! Runs the real `shoal` on a data directory of its own, with nothing but 127.0.0.1 or the lab, and reads its events.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::Wire;
use super::lab::Host;
use super::process::{Finished, Process, TIE, by_way_of};

/// As by default, without IPv6, which the lab has not.
const LAB_LISTEN: &str = "/ip4/0.0.0.0/tcp/4801,/ip4/0.0.0.0/udp/4801/quic-v1";

/// One data directory, as one person's Shoal.
#[derive(Debug)]
pub struct Shoal {
    data: Arc<Data>,
    /// Environment variables of every run: settings, and what a test puts in.
    variables: Vec<(String, OsString)>,
    /// What starts it: in a namespace, or tied to whoever asks.
    way: Vec<String>,
    /// Whether it keeps to this machine.
    local: bool,
}

#[derive(Debug)]
enum Data {
    Own(TempDir),
    Given(PathBuf),
}

/// A command that goes on: a daemon, a foreground share, a download. Its data directory stays as long as it does.
#[derive(Debug)]
pub struct Running {
    process: Process,
    _data: Arc<Data>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Done {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
}

/// What a node said of itself when it was ready.
#[derive(Clone, Debug)]
pub struct Ready {
    pub peer: String,
    pub listen: Vec<String>,
}

impl Shoal {
    pub fn new() -> Self {
        Self::with_data(Data::Own(tempfile::tempdir().unwrap()))
    }

    /// With a data directory that is the test's own.
    pub fn on(data: &Path) -> Self {
        Self::with_data(Data::Given(data.to_owned()))
    }

    fn with_data(data: Data) -> Self {
        Self {
            data: Arc::new(data),
            variables: Vec::new(),
            way: Vec::new(),
            local: true,
        }
    }

    /// The same, whose programs the kernel kills when the thread dies that started them.
    pub fn tied(mut self) -> Self {
        self.way = TIE.map(str::to_owned).to_vec();
        self
    }

    /// The same, for which a file's permissions count even where the test is run by root.
    pub fn bound_by_permissions(mut self) -> Self {
        if rustix::process::geteuid().is_root() {
            let without = "-dac_override,-dac_read_search";
            self.way = vec![
                "setpriv".to_owned(),
                format!("--bounding-set={without}"),
                format!("--inh-caps={without}"),
            ];
        }
        self
    }

    /// On a computer of the lab, as a person has it there, but without the public network's own machines.
    pub fn at(host: &Host) -> Self {
        let mut shoal = Self::new();
        shoal.way = host.space().way();
        shoal.local = false;
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
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let variable = format!("SHOAL_{}", key.to_uppercase().replace('.', "_"));
        self.variables.push((variable, value.into()));
        self
    }

    /// The same with environment variables, such as those under which [`faults`](super::faults) are met.
    pub fn with_variables(mut self, variables: Vec<(String, OsString)>) -> Self {
        self.variables.extend(variables);
        self
    }

    pub fn data_dir(&self) -> &Path {
        match &*self.data {
            Data::Own(folder) => folder.path(),
            Data::Given(folder) => folder,
        }
    }

    /// The command with `--json`, not yet started.
    pub fn command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = self.bare_command();
        command.arg("--json");
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    /// The command as a person types it: no `--json`.
    pub fn bare_command(&self) -> Command {
        let mut command = by_way_of(&self.way, program());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SHOAL_") {
                command.env_remove(variable);
            }
        }
        if self.local {
            command.env("SHOAL_LOCAL", "1");
        }
        command
            .env("SHOAL_DOWNLOAD_FOLDER", self.data_dir().join("downloads"))
            .envs(self.variables.iter().cloned());
        command.arg("--data-dir").arg(self.data_dir());
        command
    }

    pub fn start(&self, arguments: &[&dyn AsRef<OsStr>]) -> Running {
        Running {
            process: Process::start(&mut self.command(arguments)).unwrap(),
            _data: Arc::clone(&self.data),
        }
    }

    /// Runs a command to its end, whatever that is.
    pub fn run(&self, arguments: &[&dyn AsRef<OsStr>]) -> Done {
        self.start(arguments).finish()
    }

    /// Runs a command that has to succeed.
    pub fn ok(&self, arguments: &[&dyn AsRef<OsStr>]) -> Done {
        self.run(arguments).expect_code(0)
    }

    /// A daemon that is up.
    pub fn daemon(&self) -> (Running, Ready) {
        let daemon = self.start(&[&"daemon"]);
        let ready = daemon.ready();
        (daemon, ready)
    }

    /// A foreground share that is ready to be fetched, and its `shared` event.
    pub fn share(&self, path: &Path, options: &[&str]) -> (Running, Ready, Value) {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"share", &path];
        arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
        let share = self.start(&arguments);
        let ready = share.ready();
        let shared = share.event("shared");
        (share, ready, shared)
    }
}

impl Running {
    /// Its process: whatever started it became it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the first event of that name.
    pub fn event(&self, name: &str) -> Value {
        self.event_where(name, |_| true)
    }

    /// Waits for the first event of that name that `fits`.
    pub fn event_where(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let what = format!("the event {name:?}");
        let event = self.process.wait_for(&what, |line| {
            Some(parse(line)).filter(|event| event["event"] == name && fits(event))
        });
        event.unwrap().1
    }

    /// Waits for the first event of that name, and says whether it came before the end.
    pub fn comes(&self, name: &str) -> bool {
        let what = format!("the event {name:?}");
        let is_it = |line: &str| Some(()).filter(|()| parse(line)["event"] == name);
        self.process.wait_for(&what, is_it).is_ok()
    }

    pub fn ready(&self) -> Ready {
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

    pub fn finish(self) -> Done {
        Done::new(self.process.finish().unwrap())
    }

    /// Ctrl-C, and what it left.
    pub fn interrupt(self) -> Done {
        Done::new(self.process.interrupt().unwrap())
    }

    /// `kill -9`, and what was said until then.
    pub fn kill(self) -> Done {
        Done::new(self.process.kill().unwrap())
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

    pub fn expect_code(self, code: i32) -> Self {
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
    pub fn event(&self, name: &str) -> &Value {
        self.events
            .iter()
            .rfind(|event| event["event"] == name)
            .unwrap_or_else(|| panic!("no event {name:?} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// The problem's code, after checking that it is told with words a person can use.
    pub fn problem(&self) -> String {
        let error = self.event("error");
        assert!(!text(error, "message").is_empty(), "no message in {error}");
        assert!(!text(error, "hint").is_empty(), "no hint in {error}");
        text(error, "code")
    }
}

impl Ready {
    /// The address at which this node is reached over `wire`, with its peer ID.
    pub fn address(&self, wire: Wire) -> &str {
        wire.pick(&self.listen)
    }
}

/// The program under test: the one just built, as Cargo tells those that it runs, or that of `SHOAL_TEST_PROGRAM`, such as an
/// installed package's.
pub fn program() -> OsString {
    let names = ["SHOAL_TEST_PROGRAM", "CARGO_BIN_EXE_shoal"];
    let given = names.into_iter().find_map(std::env::var_os);
    given.expect("cargo test says where the program is; else SHOAL_TEST_PROGRAM has to")
}

/// A text field of an event.
pub fn text(event: &Value, field: &str) -> String {
    event[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field:?} in {event}"))
        .to_owned()
}

/// A number field of an event.
pub fn number(event: &Value, field: &str) -> u64 {
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
