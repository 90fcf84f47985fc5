//! Days of use in a row: people come and go, shares change, downloads come and are deleted, everything is paused and goes on.
//! Memory, handles, threads and Shoal's own files end as they were. `make test` takes a few rounds, `SHOAL_SOAK=24` so many hours.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use support::Wire;
use support::shoal::{Ready, Running, Shoal, number, text};
use support::trees;
use support::wait::until;

/// Rounds in a run of all tests.
const SAMPLE: u64 = 3;
/// Handles and threads that may be more at the end than when all was new: what is opened once, when it is first of use.
const SPARE: u64 = 4;
/// Rounds between two lines of the long form.
const LINE_EVERY: u64 = 50;

#[test]
fn days_of_use_leave_nothing_behind() {
    let hours = std::env::var("SHOAL_SOAK").map_or(0.0, |hours| hours.parse().unwrap());
    let end = Instant::now() + Duration::from_secs_f64(hours * 3600.0);
    let person = Person::new();
    let new = person.sample();
    let mut samples = Vec::new();
    let mut rounds = 0;
    while rounds < SAMPLE || Instant::now() < end {
        person.round(rounds);
        rounds += 1;
        samples.push(person.sample());
        if rounds.is_multiple_of(LINE_EVERY) {
            say(&format!("round {rounds}: {:?}", person.sample()));
        }
    }
    // Idle threads and connections end after a while.
    let describe = || format!("{:?}, when new {new:?}", person.sample());
    until(describe, || {
        let now = person.sample();
        let is_back = now.handles <= new.handles + SPARE && now.threads <= new.threads + SPARE;
        (is_back && now.items == new.items).then_some(())
    });
    say(&format!(
        "{rounds} rounds: new {new:?}, now {:?}",
        person.sample()
    ));
    if hours > 0.0 {
        assert_flat(&samples);
    }
}

/// What somebody's Shoal holds at a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Since it was new.
    secs: f64,
    /// KiB of physical memory that is no file's.
    memory: u64,
    handles: u64,
    threads: u64,
    /// KiB in the data directory.
    own_files: u64,
    items: u64,
}

/// Somebody whose Shoal runs for days.
struct Person {
    folder: TempDir,
    shoal: Shoal,
    ready: Ready,
    process: u64,
    began: Instant,
    _daemon: Running,
}

impl Person {
    fn new() -> Self {
        let shoal = Shoal::new();
        let (daemon, ready) = shoal.daemon();
        let process = number(shoal.ok(&[&"status"]).event("status"), "pid");
        Self {
            folder: tempfile::tempdir().unwrap(),
            shoal,
            ready,
            process,
            began: Instant::now(),
            _daemon: daemon,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn round(&self, round: u64) {
        self.fetch_from_a_friend(round);
        self.share_with_a_friend(round);
        self.change_this_and_that(round);
    }

    /// From somebody who was never seen before, and leaves with or without a word.
    fn fetch_from_a_friend(&self, round: u64) {
        let theirs = trees::file(&self.path("theirs"), 1000 + round, 300_000);
        let friend = Shoal::new();
        let (share, _, shared) = friend.share(&theirs, &[]);
        let link = text(&shared, "link");
        self.shoal.ok(&[&"ls", &link]);
        let into = self.path("into");
        let done = self.shoal.ok(&[&"get", &link, &"--into", &into]);
        let done = done.event("done");
        trees::assert_same(&theirs, Path::new(&text(done, "path")));
        if round.is_multiple_of(2) {
            share.kill();
        } else {
            share.interrupt().expect_code(0);
        }
        let id = text(done, "id");
        self.shoal.ok(&[&"verify", &id]);
        self.shoal.ok(&[&"remove", &id, &"--delete-files"]);
    }

    /// A folder that changes while it is shared.
    fn share_with_a_friend(&self, round: u64) {
        let folder = self.path("mine");
        fs_err::create_dir_all(&folder).unwrap();
        for name in ["a", "b", "c"] {
            trees::file(&folder.join(name), 2000 + round, 50_000);
        }
        let shared = self.shoal.ok(&[&"share", &folder]);
        let id = text(shared.event("shared"), "id");
        let friend = Shoal::new();
        let fetch = |link: &str, into: &str| {
            let wire = if round.is_multiple_of(2) {
                Wire::TcpTls
            } else {
                Wire::Quic
            };
            let provider = self.ready.address(wire);
            let into = self.path(into);
            friend.ok(&[&"get", &link, &"--into", &into, &"--provider", &provider]);
            fs_err::remove_dir_all(&into).unwrap();
        };
        fetch(&text(shared.event("shared"), "link"), "first");
        self.shoal.ok(&[&"pause", &id]);
        self.shoal.ok(&[&"resume", &id]);
        trees::file(&folder.join("b"), 3000 + round, 60_000);
        fs_err::remove_file(folder.join("c")).unwrap();
        let again = self.shoal.ok(&[&"share", &folder]);
        let again = again.event("shared");
        assert_eq!(text(again, "id"), id);
        fetch(&text(again, "link"), "second");
        self.shoal.ok(&[&"remove", &id]);
    }

    fn change_this_and_that(&self, round: u64) {
        let limit = (1_000_000 + round).to_string();
        self.shoal.ok(&[&"settings", &"upload.limit", &limit]);
        self.shoal.ok(&[&"settings", &"upload.limit", &"0"]);
        // Somebody knocks, says a word or nothing, and goes.
        let address = self.ready.address(Wire::TcpTls);
        let port: u16 = address.split('/').nth(4).unwrap().parse().unwrap();
        for knock in 0..20 {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            if knock % 2 == 0 {
                let _ = stream.write_all(b"\x13/multistream/1.0.0\n");
            }
        }
    }

    fn sample(&self) -> Sample {
        let about = format!("/proc/{}", self.process);
        let status = fs_err::read_to_string(format!("{about}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.unwrap().split_whitespace().next();
            word.unwrap().parse::<u64>().unwrap()
        };
        let bytes: u64 = fs_err::read_dir(self.shoal.data_dir())
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
            .sum();
        let items = self.shoal.ok(&[&"status"]);
        Sample {
            secs: self.began.elapsed().as_secs_f64(),
            memory: field("RssAnon:"),
            threads: field("Threads:"),
            handles: fs_err::read_dir(format!("{about}/fd")).unwrap().count() as u64,
            own_files: bytes / 1024,
            items: number(items.event("status"), "items"),
        }
    }
}

/// Prints how each grows, and fails where the second half is above the first.
fn assert_flat(samples: &[Sample]) {
    // The first hold what is learned once.
    let samples = &samples[samples.len() / 10..];
    for (name, of, unit) in [
        ("memory", (|of| of.memory) as fn(&Sample) -> u64, 8192),
        ("handles", |of| of.handles, 8),
        ("threads", |of| of.threads, 8),
        ("own files", |of| of.own_files, 1024),
    ] {
        let halves = samples.split_at(samples.len() / 2);
        let [first, second] = [halves.0, halves.1].map(|half| median(half, of));
        say(&format!(
            "{name}: {first} in the first half, {second} in the second, {:+.3} an hour",
            slope(samples, of)
        ));
        assert!(second <= first + first / 10 + unit, "{name} grow");
    }
}

fn median(samples: &[Sample], of: fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// By least squares, an hour.
#[expect(clippy::cast_precision_loss, reason = "kibibytes are exact in an f64")]
fn slope(samples: &[Sample], of: fn(&Sample) -> u64) -> f64 {
    let count = samples.len() as f64;
    let hours = |sample: &Sample| sample.secs / 3600.0;
    let (x, y) = samples.iter().fold((0.0, 0.0), |(x, y), sample| {
        (x + hours(sample), y + of(sample) as f64)
    });
    let (x, y) = (x / count, y / count);
    let (up, down) = samples.iter().fold((0.0, 0.0), |(up, down), sample| {
        let away = hours(sample) - x;
        (up + away * (of(sample) as f64 - y), down + away * away)
    });
    up / down
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
