//! The window of one desktop, from its start to its end.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::wait::{until, within};

use super::browser::Browser;
use super::desktop::Desktop;
use super::group::TIED;
use super::place::Place;
use super::processes;

/// Runs the program, and notes when it began, its process, what it prints and how it ends.
const WATCH: &str = r#"logs=$1; shift
date +%s%N >"$logs/shoal.began"
"$@" >"$logs/shoal.out" 2>"$logs/shoal.err" &
echo $! >"$logs/shoal.pid.new" && mv "$logs/shoal.pid.new" "$logs/shoal.pid"
wait $!
echo $? >"$logs/shoal.status.new" && mv "$logs/shoal.status.new" "$logs/shoal.status""#;

/// The title of the window.
const TITLE: &str = "Shoal";

#[derive(Debug)]
pub struct Window<'a> {
    pub(super) browser: Browser,
    pub(super) desktop: &'a Desktop,
    process: u32,
    /// The X window.
    pub(super) id: u64,
}

/// The program with the window: that of `SHOAL_TEST_WINDOW`.
pub(super) fn program() -> OsString {
    std::env::var_os("SHOAL_TEST_WINDOW").expect(
        "SHOAL_TEST_WINDOW is not set: it names the program with its window. `make test` builds it and sets it",
    )
}

impl<'a> Window<'a> {
    pub(super) fn open(desktop: &'a Desktop, what: &[&dyn AsRef<OsStr>]) -> Self {
        let logs = desktop.logs();
        for left in ["shoal.pid", "shoal.status"] {
            let _ = fs::remove_file(logs.join(left));
        }
        let mut command: Vec<OsString> = TIED.map(OsString::from).into();
        command.extend(["/bin/sh", "-c", WATCH, "sh"].map(OsString::from));
        command.push(logs.clone().into());
        command.extend(TIED.map(OsString::from));
        command.push(program());
        command.extend(["--data-dir".into(), desktop.data_dir().into()]);
        command.extend(what.iter().map(|word| word.as_ref().to_owned()));
        let command: Vec<String> = command
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();

        let mut driver = desktop.command("WebKitWebDriver");
        driver.env("TAURI_WEBVIEW_AUTOMATION", "true");
        let browser = Browser::start(&mut driver, &logs, &command);
        let process = until("the program's process", || {
            let text = fs::read_to_string(logs.join("shoal.pid")).ok()?;
            text.trim().parse().ok()
        });
        let window = Self {
            browser,
            desktop,
            process,
            id: desktop.find_window(TITLE),
        };
        window.place("main", "").appears();
        window
    }

    /// Something on the page, by its role and its name; a name may be a part of it.
    pub fn place(&self, role: &str, name: &str) -> Place<'_> {
        Place::new(self).inside(role, name)
    }

    pub fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.browser
            .execute(script, arguments)
            .unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// The same; `None` while the page is being loaded.
    pub fn try_execute(&self, script: &str) -> Option<Value> {
        self.browser.execute(script, Vec::new()).ok()
    }

    /// Runs a script that calls its last argument when it is done.
    pub fn execute_async(&self, script: &str) -> Value {
        let answer = self.browser.execute_async(script, Vec::new());
        answer.unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// The process that the person started, and those that show the page for it.
    pub fn processes(&self) -> (u32, Vec<u32>) {
        (self.process, processes::children(self.process))
    }

    /// CPU time that the page's own processes have used so far, in clock ticks.
    pub fn page_ticks(&self) -> u64 {
        let (_, page) = self.processes();
        page.into_iter().map(processes::ticks).sum()
    }

    /// Waits until the page does nothing any more, for half a second.
    pub fn rests(&self) {
        const QUIET: Duration = Duration::from_millis(500);
        until("the page to rest", || {
            let before = self.page_ticks();
            let works = within(QUIET, || (self.page_ticks() != before).then_some(()));
            works.is_none().then_some(())
        });
    }

    /// Whether the person sees it.
    pub fn is_visible(&self) -> bool {
        self.desktop.windows(TITLE).contains(&self.id)
    }

    /// Clicks the close button of the title bar.
    pub fn close(&self) {
        self.desktop.ask("close", json!(self.id));
    }

    /// Waits until the program has ended by itself: its exit code.
    pub fn ended(self) -> i32 {
        let status = self.desktop.logs().join("shoal.status");
        until("the end of the program", || {
            fs::read_to_string(&status).ok()?.trim().parse().ok()
        })
    }

    /// Ctrl-C in the terminal that started it, and its exit code.
    pub fn interrupt(self) -> i32 {
        let process = Pid::from_raw(self.process.cast_signed()).unwrap();
        kill_process(process, Signal::INT).unwrap();
        self.ended()
    }

    /// What the program and its page have said on standard output and standard error.
    fn said(&self) -> String {
        ["shoal.out", "shoal.err"]
            .map(|name| fs::read_to_string(self.desktop.logs().join(name)).unwrap_or_default())
            .concat()
    }

    /// Keeps a picture of the window as `target/window/NAME.png`.
    pub fn picture(&self, name: &str) {
        // What was drawn last is on the screen two frames later.
        const FRAMES: &str = "const done = arguments[arguments.length - 1];
            requestAnimationFrame(() => requestAnimationFrame(() => done(null)));";
        self.execute_async(FRAMES);
        if let Ok(picture) = self.browser.screenshot() {
            let folder = pictures();
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{name}.png")), picture).unwrap();
        }
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        // A picture says more about a failure than its message.
        if std::thread::panicking() {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("test").replace("::", "-");
            if processes::runs(self.process) && self.is_visible() {
                self.picture(&format!("failed-{test}-{}", self.process));
            }
            let _ = writeln!(
                std::io::stderr(),
                "{test}: the program said:\n{}",
                self.said()
            );
        }
    }
}

/// In Cargo's target folder: the test is `debug/deps/it-…` in there.
fn pictures() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("window")
}
