//! One person's computer: a screen, a D-Bus, a home, a data directory, and the programs that run there.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fs_err as fs;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{self, Window};
use super::group::{Group, TIED};
use super::helper::Helper;
use crate::shoal::Shoal;
use crate::wait::until;

/// Room for the window and, beside it, for whatever a file is dragged from.
const SCREEN: &str = "1700x1000x24";

/// A bus on which nothing is started on demand: a test has only what it started itself.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:dir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// What is dropped first ends first: the programs before what they run on.
#[derive(Debug)]
pub struct Desktop {
    helper: RefCell<Helper>,
    _bus: Group,
    _screen: Group,
    environment: Vec<(String, String)>,
    home: TempDir,
}

/// A notification as the desktop got it.
#[derive(Clone, Debug, Deserialize)]
pub struct Notification {
    pub summary: String,
}

/// An item of the tray's menu.
#[derive(Clone, Debug, Deserialize)]
pub struct MenuItem {
    pub label: String,
}

impl Desktop {
    /// Of a person who has used Shoal before.
    pub fn new() -> Self {
        Self::first_run().with("welcomed", "on")
    }

    /// Of a person who opens Shoal for the first time.
    pub fn first_run() -> Self {
        let home = tempfile::Builder::new().prefix("shoal-").tempdir().unwrap();
        for folder in ["logs", "run", "config", "Downloads"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        let folders = home.path().join("config/user-dirs.dirs");
        fs::write(folders, "XDG_DOWNLOAD_DIR=\"$HOME/Downloads\"\n").unwrap();
        let config = home.path().join("bus.conf");
        fs::write(&config, BUS).unwrap();
        let mut environment = environment(home.path());
        let logs = home.path().join("logs");

        let mut xvfb = bare("Xvfb", &environment);
        xvfb.args(["-displayfd", "1", "-screen", "0", SCREEN])
            .args(["-nolisten", "tcp", "-noreset"]);
        let screen = Group::start("Xvfb", &mut xvfb, &logs);
        environment.push(("DISPLAY".to_owned(), format!(":{}", screen.line())));

        let mut daemon = bare("dbus-daemon", &environment);
        daemon
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"]);
        let bus = Group::start("dbus-daemon", &mut daemon, &logs);
        environment.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), bus.line()));

        let mut python = bare("/usr/bin/python3", &environment);
        python.args(["-B".as_ref(), Helper::script().as_os_str()]);
        let helper = Helper::start(&mut python, &logs);
        Self {
            helper: RefCell::new(helper),
            _bus: bus,
            _screen: screen,
            environment,
            home,
        }
    }

    /// With a setting given for every run, such as `("download.limit", "1000000")`.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let variable = format!("SHOAL_{}", key.to_uppercase().replace('.', "_"));
        self.environment.push((variable, value.to_owned()));
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Where downloads go when nobody says otherwise.
    pub fn downloads(&self) -> PathBuf {
        self.home.path().join("Downloads")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.home.path().join("logs")
    }

    /// The command line on the same data directory: while a window is open, it talks to that.
    pub fn shoal(&self) -> Shoal {
        Shoal::on(&self.data_dir())
    }

    /// Opens the window.
    pub fn open(&self) -> Window<'_> {
        self.open_with(&[])
    }

    /// Opens the window with files or links, as a file manager or a browser would.
    pub fn open_with(&self, what: &[&dyn AsRef<OsStr>]) -> Window<'_> {
        Window::open(self, what)
    }

    /// Starts the program once more, and waits until this start ends.
    pub fn start_again(&self, what: &[&dyn AsRef<OsStr>]) -> Output {
        let mut command = self.command(app::program());
        command.arg("--data-dir").arg(self.data_dir());
        command.args(what.iter().map(AsRef::as_ref));
        command.output().unwrap()
    }

    /// The program, put to another place, on the data directory that it has where nobody names one.
    pub fn put_to(&self, place: &Path) -> Command {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if fs::hard_link(app::program(), place).is_err() {
            fs::copy(app::program(), place).unwrap();
        }
        self.command(place)
    }

    /// Clicks a link in another program, on a desktop where Shoal is installed.
    pub fn follow(&self, link: &str) {
        let [program, data] = [app::program(), self.data_dir().into()].map(OsString::into_string);
        let program = format!("env SHOAL_DATA_DIR={} {}", data.unwrap(), program.unwrap());
        let entry = fs::read_to_string("assets/linux/shoal.desktop").unwrap();
        let applications = self.home.path().join("share/applications");
        fs::create_dir_all(&applications).unwrap();
        let entry = entry.replace("{{exec}}", &program);
        fs::write(applications.join("shoal.desktop"), entry).unwrap();
        let choice = "[Default Applications]\nx-scheme-handler/ipfs=shoal.desktop\n";
        fs::write(self.home.path().join("config/mimeapps.list"), choice).unwrap();
        self.ask("follow", json!(link));
    }

    /// A command in the environment of this desktop, and nothing of the test's own.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        bare(program, &self.environment)
    }

    /// The text in the clipboard.
    pub fn copied(&self) -> Option<String> {
        self.ask("copied", Value::Null).as_str().map(str::to_owned)
    }

    pub fn copy(&self, text: &str) {
        self.ask("copy", json!(text));
    }

    pub fn notifications(&self) -> Vec<Notification> {
        serde_json::from_value(self.ask("notifications", Value::Null)).unwrap()
    }

    /// The tray's menu, once there is one.
    pub fn menu(&self) -> Vec<MenuItem> {
        until("an icon in the tray", || {
            let menu = self.helper.borrow_mut().try_ask("menu", Value::Null).ok()?;
            serde_json::from_value(menu).ok()
        })
    }

    /// Clicks the tray's item of that label, once it can be clicked.
    pub fn click_in_tray(&self, label: &str) {
        until(&*format!("the tray's item {label:?}"), || {
            let clicked = self.helper.borrow_mut().try_ask("click", json!(label));
            clicked.ok()
        });
    }

    /// The X window of that title, once it is visible.
    pub(super) fn find_window(&self, title: &str) -> u64 {
        until(&*format!("a window {title:?}"), || {
            self.windows(title).first().copied()
        })
    }

    /// The visible X windows of that title: the toolkit may have more than the one that the person sees as such.
    pub(super) fn windows(&self, title: &str) -> Vec<u64> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}$")]);
        let found = found.unwrap_or_default();
        found.lines().filter_map(|id| id.parse().ok()).collect()
    }

    /// What `xdotool` says; `None` when it fails.
    pub(super) fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command("xdotool").args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    pub(super) fn ask(&self, what: &str, with: Value) -> Value {
        self.helper.borrow_mut().ask(what, with)
    }

    /// Chooses `path` in the system's own dialog for files, which is open or about to be.
    pub fn choose_in_dialog(&self, title: &str, path: &Path) {
        let dialog = self.find_window(title).to_string();
        self.xdotool(&["windowfocus", "--sync", &dialog]);
        // A slash opens the line for a path; what is typed before the line is there gets lost.
        self.settled();
        self.xdotool(&["key", "slash"]);
        self.settled();
        let rest = path.to_str().unwrap().strip_prefix('/').unwrap();
        self.xdotool(&["type", "--delay", "5", rest]);
        self.settled();
        self.xdotool(&["key", "Return"]);
        until("the dialog to close", || {
            self.windows(title).is_empty().then_some(())
        });
    }

    /// Waits until nothing moves on the screen.
    fn settled(&self) {
        const LOOKS: usize = 10;
        let mut last = Value::Null;
        let mut same = 0;
        until("the screen to be still", || {
            let now = self.ask("screen", Value::Null);
            same = if now == last { same + 1 } else { 0 };
            last = now;
            (same >= LOOKS).then_some(())
        });
    }
}

fn environment(home: &Path) -> Vec<(String, String)> {
    let inside = |name: &str| home.join(name).display().to_string();
    [
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("HOME", home.display().to_string()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("XDG_RUNTIME_DIR", inside("run")),
        ("XDG_CONFIG_HOME", inside("config")),
        ("XDG_DATA_HOME", inside("share")),
        ("XDG_CACHE_HOME", inside("cache")),
        // Nothing of the desktop's own settings and assistive services, which would have to be started.
        ("GSETTINGS_BACKEND", "memory".to_owned()),
        ("NO_AT_BRIDGE", "1".to_owned()),
        ("GTK_USE_PORTAL", "0".to_owned()),
        ("SHOAL_LOCAL", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn bare(program: impl AsRef<OsStr>, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(TIED[0]);
    command
        .args(&TIED[1..])
        .arg(program)
        .env_clear()
        .envs(environment.iter().cloned());
    command
}
