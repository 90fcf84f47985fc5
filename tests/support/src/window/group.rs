//! A program with everything that it starts, in a process group of its own that ends with its test.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::wait::HUNG;

/// Lines that may wait to be read; a program that talks on after its first words loses the rest.
const LINES: usize = 64;

#[derive(Debug)]
pub(super) struct Group {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Group {
    /// Starts it; what it says on standard error goes to `NAME.log` in `logs`.
    pub(super) fn start(name: &str, command: &mut Command, logs: &Path) -> Self {
        let log = File::from(fs_err::File::create(logs.join(format!("{name}.log"))).unwrap());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (sender, lines) = sync_channel(LINES);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Err(TrySendError::Disconnected(_)) = sender.try_send(line) {
                    break;
                }
            }
        });
        Self {
            name: name.to_owned(),
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(super) fn line(&self) -> String {
        self.lines
            .recv_timeout(HUNG)
            .unwrap_or_else(|error| panic!("{} said nothing: {error}", self.name))
    }

    pub(super) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// A command whose process the kernel kills when the one that started it dies, so that a killed test run leaves nothing.
pub(super) const TIED: [&str; 4] = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"];
