//! A program under test: what it prints and when, line by line while it runs, what it has used, and its end. It is killed when its
//! owner goes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::wait::HUNG;

/// How often memory is looked at. The kernel keeps the highest value, so only the last moments before an end are lost.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    started: Instant,
    output: Arc<Output>,
    peak: Arc<AtomicU64>,
}

/// What a program has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time of all its threads, in seconds (10 ms steps).
    pub cpu: f64,
    /// Highest resident memory (`VmHWM`), in bytes.
    pub peak: u64,
}

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub ran: Duration,
    pub usage: Usage,
    pub stdout: Vec<String>,
    pub stderr: String,
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

/// What runs a command so that the kernel kills it when the thread that started it dies.
pub const TIE: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];

/// A command by way of others, such as [`TIE`].
pub fn by_way_of<S: AsRef<OsStr>>(way: &[S], program: impl AsRef<OsStr>) -> Command {
    let Some((first, rest)) = way.split_first() else {
        return Command::new(program);
    };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}

/// What a command runs, as a person would type it.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

impl Process {
    pub fn start(command: &mut Command) -> Result<Self> {
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
        Ok(Self {
            name,
            child,
            started,
            output,
            peak: Arc::default(),
        })
    }

    /// The same, with its memory watched from the beginning.
    pub fn measured(command: &mut Command) -> Result<Self> {
        let process = Self::start(command)?;
        watch_memory(process.id(), Arc::downgrade(&process.peak));
        Ok(process)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line of standard output of which `find` makes something, and says when it came.
    pub fn wait_for<T>(
        &self,
        what: &str,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Duration, T)> {
        let (mut seen, mut found) = (0, None);
        let state = self.wait_until(what, |state| {
            for (when, line) in &state.stdout[seen..] {
                found = found.take().or_else(|| Some((*when, find(line)?)));
            }
            seen = state.stdout.len();
            found.is_some() || state.closed == STREAMS
        })?;
        let (when, found) = found
            .with_context(|| format!("{} ended before {what}\n{}", self.name, state.describe()))?;
        Ok((when - self.started, found))
    }

    /// Waits until what it wrote to standard error so far is `enough`.
    pub fn wait_for_talk(&self, what: &str, enough: impl Fn(&str) -> bool) -> Result<()> {
        let reached = |state: &State| enough(&state.stderr) || state.closed == STREAMS;
        let state = self.wait_until(what, reached)?;
        ensure!(
            enough(&state.stderr),
            "{} ended before {what}\n{}",
            self.name,
            state.describe()
        );
        Ok(())
    }

    /// Waits for the program to end by itself.
    pub fn finish(mut self) -> Result<Finished> {
        drop(self.wait_until("its end", |state| state.closed == STREAMS)?);
        // Its exit is seen without reaping it, so that what it used can still be read.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(self.pid()?), ended)?;
        let ran = self.started.elapsed();
        let usage = self.usage()?;
        let status = self.child.wait()?;
        let mut state = self.output.lock();
        let stdout = std::mem::take(&mut state.stdout);
        Ok(Finished {
            status,
            ran,
            usage,
            stdout: stdout.into_iter().map(|(_, line)| line).collect(),
            stderr: std::mem::take(&mut state.stderr),
        })
    }

    /// What it has used until now.
    pub fn usage(&self) -> Result<Usage> {
        if let Some(peak) = peak_memory(self.id()) {
            self.peak.fetch_max(peak, Ordering::Relaxed);
        }
        Ok(Usage {
            cpu: cpu_time(&self.id().to_string())?,
            peak: self.peak.load(Ordering::Relaxed),
        })
    }

    /// Nanoseconds that its living threads have run: finer than [`Usage::cpu`], for one that hardly does anything.
    pub fn thread_time(&self) -> Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
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
    pub fn resident(&self) -> Result<u64> {
        resident(self.id())
    }

    /// Bytes that it has read from files, in the page cache or not.
    pub fn bytes_read(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.id()))?;
        text.lines()
            .find_map(|line| line.strip_prefix("rchar: "))
            .and_then(|count| count.parse().ok())
            .context("io without rchar")
    }

    /// `kill -9`: no warning, no clean-up.
    pub fn kill(mut self) -> Result<Finished> {
        self.child.kill()?;
        self.finish()
    }

    /// Ctrl-C, then until it is gone.
    pub fn interrupt(self) -> Result<Finished> {
        rustix::process::kill_process(self.pid()?, Signal::INT)?;
        self.finish()
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(self.id().cast_signed()).context("a process with the number 0")
    }

    fn wait_until(
        &self,
        what: &str,
        mut reached: impl FnMut(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>> {
        let mut state = self.output.lock();
        // Whatever it says meanwhile shows that it lives.
        let (mut said, mut moved) = (state.stdout.len(), Instant::now());
        while !reached(&state) {
            if state.stdout.len() != said {
                (said, moved) = (state.stdout.len(), Instant::now());
            }
            let left = HUNG.saturating_sub(moved.elapsed());
            ensure!(
                !left.is_zero(),
                "{} did not reach {what}, and said nothing for {HUNG:?}\n{}",
                self.name,
                state.describe()
            );
            let waited = self.output.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Fails unless it ended well.
    pub fn well(self) -> Result<Self> {
        let (said, talk) = (self.stdout.join("\n"), &self.stderr);
        ensure!(self.status.success(), "{}\n{said}\n{talk}", self.status);
        Ok(self)
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn describe(&self) -> String {
        let stdout: Vec<&str> = self.stdout.iter().map(|(_, line)| line.as_str()).collect();
        format!(
            "standard output:\n{}\nstandard error:\n{}",
            stdout.join("\n"),
            self.stderr
        )
    }
}

fn read_lines(
    stream: impl Read + Send + 'static,
    output: &Arc<Output>,
    add: fn(&mut State, String),
) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            add(&mut output.lock(), line);
            output.changed.notify_all();
        }
        output.lock().closed += 1;
        output.changed.notify_all();
    });
}

/// Keeps the highest memory of a process until nobody wants to know it any more.
fn watch_memory(process: u32, peak: Weak<AtomicU64>) {
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
pub fn resident(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    kib_after(&text, "Pss:").context("smaps_rollup without Pss")
}

/// Physical memory of a process that is no file's (RSS without what is mapped), in bytes.
pub fn anonymous(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    kib_after(&text, "RssAnon:").context("status without RssAnon")
}

/// Files, sockets and the like that a process has open.
pub fn handles(process: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
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
pub fn own_cpu_time() -> Result<f64> {
    cpu_time("self")
}

/// CPU time of a process, in seconds: fields 14 and 15 of `/proc/PID/stat`; a process that ended but was not waited for still has them.
pub fn cpu_time(process: &str) -> Result<f64> {
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
