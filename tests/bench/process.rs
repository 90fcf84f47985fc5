//! A program that is measured: what it prints and when, its CPU time, and the most memory it ever had.
//!
//! It dies with the benchmark, however that ends: by its owner's `Drop`, or by the kernel where the benchmark itself
//! was killed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

/// How long anything may take at all. No figure comes near it; reaching it is a row that cannot be measured.
const PATIENCE: Duration = Duration::from_mins(8);

/// How often memory is looked at. The kernel keeps the highest value, so only the last moments before an end are lost.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    started: Instant,
    output: Arc<Output>,
    peak: Arc<AtomicU64>,
}

/// What a program has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time of all its threads, in seconds (10 ms steps).
    pub(crate) cpu: f64,
    /// Highest resident memory (`VmHWM`), in bytes.
    pub(crate) peak: u64,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stdout: Vec<(Instant, String)>,
    stderr: String,
    closed: usize,
}

/// Standard output and standard error.
const STREAMS: usize = 2;

/// A command whose process the kernel kills when the benchmark dies.
pub(crate) fn tied(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(TIE).arg(program);
    command
}

const TIE: [&str; 3] = ["--pdeathsig", "KILL", "--"];

/// What a command runs, as a person would type it.
fn name(command: &Command) -> String {
    command
        .get_args()
        .skip(TIE.len())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = name(command);
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let output = Arc::<Output>::default();
        if let Some(stdout) = child.stdout.take() {
            read_lines(stdout, &output, |state, line| {
                state.stdout.push((Instant::now(), line));
            });
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(stderr, &output, |state, line| {
                state.stderr.push_str(&line);
                state.stderr.push('\n');
            });
        }
        let peak = Arc::<AtomicU64>::default();
        watch_memory(child.id(), Arc::downgrade(&peak));
        Ok(Self {
            name,
            child,
            started,
            output,
            peak,
        })
    }

    /// Waits for the first line of standard output of which `find` makes something, and says when it came.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Duration, T)> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        let mut state = self
            .output
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            for (when, line) in &state.stdout[seen..] {
                if let Some(found) = find(line) {
                    return Ok((*when - self.started, found));
                }
            }
            seen = state.stdout.len();
            ensure!(
                state.closed < STREAMS,
                "{} ended before {what}\n{}",
                self.name,
                state.describe()
            );
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(
                !left.is_zero(),
                "{} did not reach {what} in {PATIENCE:?}\n{}",
                self.name,
                state.describe()
            );
            state = self
                .output
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the program to end well by itself: how long it ran, what it used, what it printed.
    pub(crate) fn finish(mut self) -> Result<(Duration, Usage, String)> {
        let deadline = Instant::now() + PATIENCE;
        let pid = self.pid()?;
        // Its exit is seen without reaping it, so that what it used can still be read.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while rustix::process::waitid(WaitId::Pid(pid), ended)?.is_none() {
            ensure!(
                Instant::now() < deadline,
                "{} did not end in {PATIENCE:?}",
                self.name
            );
            thread::sleep(Duration::from_micros(500));
        }
        let ran = self.started.elapsed();
        let usage = self.usage()?;
        let status = self.child.wait()?;
        let mut state = self
            .output
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while state.closed < STREAMS {
            state = self
                .output
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !status.success() {
            bail!("{} failed: {status}\n{}", self.name, state.describe());
        }
        let lines: Vec<&str> = state.stdout.iter().map(|(_, line)| line.as_str()).collect();
        Ok((ran, usage, lines.join("\n")))
    }

    /// What it has used until now.
    pub(crate) fn usage(&self) -> Result<Usage> {
        if let Some(peak) = peak_memory(self.child.id()) {
            self.peak.fetch_max(peak, Ordering::Relaxed);
        }
        Ok(Usage {
            cpu: cpu_time(&self.child.id().to_string())?,
            peak: self.peak.load(Ordering::Relaxed),
        })
    }

    /// Nanoseconds that its living threads have run: finer than [`Usage::cpu`], for one that hardly does anything.
    pub(crate) fn thread_time(&self) -> Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += text
                .split(' ')
                .next()
                .and_then(|field| field.parse::<u64>().ok())
                .context("schedstat begins without a number")?;
        }
        Ok(sum)
    }

    /// Memory that is its own or its share of what it has in common with others (PSS), in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        resident(self.child.id())
    }

    /// Bytes that it has read from files, in the page cache or not.
    pub(crate) fn bytes_read(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        text.lines()
            .find_map(|line| line.strip_prefix("rchar: "))
            .and_then(|count| count.parse().ok())
            .context("io without rchar")
    }

    /// Ctrl-C, then until it is gone.
    pub(crate) fn interrupt(self) -> Result<()> {
        rustix::process::kill_process(self.pid()?, Signal::INT)?;
        self.finish().map(|_| ())
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(self.child.id().cast_signed()).context("a process with the number 0")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl State {
    /// The end of what it printed.
    fn describe(&self) -> String {
        const LINES: usize = 12;
        let stdout: Vec<&str> = self.stdout.iter().map(|(_, line)| line.as_str()).collect();
        let stderr: Vec<&str> = self.stderr.lines().collect();
        [stdout, stderr]
            .iter()
            .flat_map(|lines| &lines[lines.len().saturating_sub(LINES)..])
            .copied()
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn read_lines(
    stream: impl Read + Send + 'static,
    output: &Arc<Output>,
    add: fn(&mut State, String),
) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
        let change = |with: &dyn Fn(&mut State)| {
            with(&mut output.state.lock().unwrap_or_else(PoisonError::into_inner));
            output.changed.notify_all();
        };
        for line in lines {
            let line = String::from_utf8_lossy(&line).into_owned();
            change(&|state| add(state, line.clone()));
        }
        change(&|state| state.closed += 1);
    });
}

/// Keeps the highest memory of a process until nobody wants to know it any more.
fn watch_memory(process: u32, peak: std::sync::Weak<AtomicU64>) {
    thread::spawn(move || {
        while let Some(peak) = peak.upgrade() {
            let Some(now) = peak_memory(process) else {
                return;
            };
            peak.fetch_max(now, Ordering::Relaxed);
            drop(peak);
            thread::sleep(SAMPLE_EVERY);
        }
    });
}

/// Memory that is a process's own or its share of what it has in common with others (PSS), in bytes.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    kib_after(&text, "Pss:").context("smaps_rollup without Pss")
}

/// `None` once it has ended.
fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kib_after(&status, "VmHWM:")
}

fn kib_after(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

/// CPU time of the benchmark itself, in seconds.
pub(crate) fn own_cpu_time() -> Result<f64> {
    cpu_time("self")
}

/// CPU time of a process, in seconds: fields 14 and 15 of `/proc/PID/stat`; a process that ended but was not waited for still has them.
pub(crate) fn cpu_time(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name and may hold anything, in parentheses.
    let (_, fields) = stat.rsplit_once(')').context("stat without a name")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    #[allow(
        clippy::cast_precision_loss,
        reason = "a few thousand ticks are exact in an f64"
    )]
    let seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Ok(seconds)
}
