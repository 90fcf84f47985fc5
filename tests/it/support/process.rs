//! A program under test: its output is read line by line while it runs, and it is killed when its test ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::wait::HUNG;

#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stdout: Vec<String>,
    stderr: String,
    closed: usize,
}

/// What a finished program left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::<Output>::default();
        read_lines(child.stdout.take().unwrap(), &output, |state, line| {
            state.stdout.push(line);
        });
        read_lines(child.stderr.take().unwrap(), &output, |state, line| {
            state.stderr.push_str(&line);
            state.stderr.push('\n');
        });
        Self {
            name,
            child,
            output,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `find` makes something of the lines on standard output so far; fails when the program ends first.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        mut find: impl FnMut(&[String]) -> Option<T>,
    ) -> T {
        let mut found = None;
        drop(self.wait_until(what, |state| {
            found = find(&state.stdout);
            assert!(
                !(found.is_none() && state.closed == STREAMS),
                "{} ended before {what}\n{}",
                self.name,
                state.describe()
            );
            found.is_some()
        }));
        found.unwrap()
    }

    /// Waits until what it wrote to standard error so far is `enough`; fails when the program ends first.
    pub(crate) fn wait_for_talk(&self, what: &str, enough: impl Fn(&str) -> bool) {
        drop(self.wait_until(what, |state| {
            let reached = enough(&state.stderr);
            assert!(
                reached || state.closed < STREAMS,
                "{} ended before {what}\n{}",
                self.name,
                state.describe()
            );
            reached
        }));
    }

    /// Waits for the program to end by itself.
    pub(crate) fn finish(mut self) -> Finished {
        drop(self.wait_until("its end", |state| state.closed == STREAMS));
        let status = self.child.wait().unwrap();
        let mut state = self.output.state.lock().unwrap();
        Finished {
            status,
            stdout: std::mem::take(&mut state.stdout),
            stderr: std::mem::take(&mut state.stderr),
        }
    }

    /// `kill -9`: no warning, no clean-up.
    pub(crate) fn kill(mut self) -> Finished {
        self.child.kill().unwrap();
        self.finish()
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "cannot interrupt {}", self.name);
    }

    fn wait_until(
        &self,
        what: &str,
        mut reached: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.output.state.lock().unwrap();
        // Whatever it says meanwhile shows that it lives.
        let (mut said, mut moved) = (state.stdout.len(), Instant::now());
        while !reached(&state) {
            if state.stdout.len() != said {
                (said, moved) = (state.stdout.len(), Instant::now());
            }
            let left = HUNG.saturating_sub(moved.elapsed());
            assert!(
                !left.is_zero(),
                "{} did not reach {what}, and said nothing for {HUNG:?}\n{}",
                self.name,
                state.describe()
            );
            state = self.output.changed.wait_timeout(state, left).unwrap().0;
        }
        state
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl State {
    fn describe(&self) -> String {
        format!(
            "standard output:\n{}\nstandard error:\n{}",
            self.stdout.join("\n"),
            self.stderr
        )
    }
}

/// Standard output and standard error.
const STREAMS: usize = 2;

fn read_lines(
    stream: impl Read + Send + 'static,
    output: &Arc<Output>,
    add: fn(&mut State, String),
) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            add(
                &mut output
                    .state
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
                line,
            );
            output.changed.notify_all();
        }
        output
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .closed += 1;
        output.changed.notify_all();
    });
}
