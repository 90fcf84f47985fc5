//! The machine under the measurement: where files lie, how memory is kept warm, how much disk something takes.
//!
//! Two things about virtual machines would otherwise be measured instead of the programs. The host takes free memory
//! back within seconds, and the first touch after that costs up to twenty times more: [`warm`] touches and frees memory
//! before each timed step. And making thousands of files right after thousands were deleted is four times slower on
//! ext4: [`Scratch::put_away`] moves trees aside, and they are deleted when everything is over.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

/// The folder in which everything happens. Locked while a benchmark runs, emptied at its end.
#[derive(Debug)]
pub(crate) struct Scratch {
    root: PathBuf,
    made: Cell<u32>,
    _lock: std::fs::File,
}

/// Free disk without which the benchmark does not begin.
const NEEDED_DISK: u64 = 8_000_000_000;

impl Scratch {
    pub(crate) fn open() -> Result<Self> {
        let parent = std::env::var_os("BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        fs::create_dir_all(&parent)?;
        let parent = std::path::absolute(parent)?;
        let (lock, _) = fs::File::create(parent.join("bench.lock"))?.into_parts();
        lock.try_lock()
            .context("another benchmark is running here")?;
        let root = parent.join("bench");
        if root.exists() {
            // Left by a run that was killed.
            fs::remove_dir_all(&root)?;
        }
        fs::create_dir_all(root.join("away"))?;
        // Spreads what lies inside over the disk, away from where new folders go. Only ext4 knows it.
        let _ = Command::new("chattr")
            .arg("+T")
            .arg(root.join("away"))
            .stderr(Stdio::null())
            .status();
        let disk = rustix::fs::statvfs(&root)?;
        let free = disk.f_bavail * disk.f_frsize;
        ensure!(
            free > NEEDED_DISK,
            "{} has {} MB free, {} MB are needed; BENCH_DIR names another folder",
            root.display(),
            free / 1_000_000,
            NEEDED_DISK / 1_000_000
        );
        Ok(Self {
            root,
            made: Cell::new(0),
            _lock: lock,
        })
    }

    /// A new empty folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// A path at which nothing is yet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.made.set(self.made.get() + 1);
        self.root.join(format!("{}-{name}", self.made.get()))
    }

    /// Done with it: moved aside now, deleted at the end.
    pub(crate) fn put_away(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or(OsStr::new("unnamed"));
        self.made.set(self.made.get() + 1);
        let away = self.root.join("away").join(self.made.get().to_string());
        fs::create_dir(&away)?;
        Ok(fs::rename(path, away.join(name))?)
    }

    /// Writes everything to the disk, so that it does not happen while something is timed.
    pub(crate) fn settle(&self) -> Result<()> {
        let folder: std::fs::File = fs::File::open(&self.root)?.into();
        Ok(rustix::fs::syncfs(&folder)?)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Done with a few large files: deleting them is harmless and gives the disk back.
pub(crate) fn delete(path: &Path) -> Result<()> {
    if path.is_dir() {
        Ok(fs::remove_dir_all(path)?)
    } else {
        Ok(fs::remove_file(path)?)
    }
}

/// Gets `bytes` of free memory back from the host, so that the next step does not pay for it.
pub(crate) fn warm(bytes: usize) {
    drop(std::hint::black_box(vec![1_u8; bytes]));
}

/// The processor, its cores and the memory: one line for the head of the table.
pub(crate) fn describe() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = processors
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: f64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .context("/proc/meminfo does not say MemTotal")?;
    Ok(format!(
        "{model}, {cores} cores, {:.0} GiB, loopback, both ends on this machine. MB = 10^6 bytes.\n{}",
        kib / 1024.0 / 1024.0,
        load()?
    ))
}

/// How busy the machine is: figures taken beside other work are worth less.
pub(crate) fn load() -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "Load average {}",
        load.split(' ').take(3).collect::<Vec<_>>().join(" ")
    ))
}

/// Bytes that a file or folder takes on the disk.
pub(crate) fn disk_use(path: &Path) -> u64 {
    const SECTOR: u64 = 512;
    // What vanishes while it is counted takes nothing.
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    let inside = match fs::read_dir(path) {
        Ok(entries) if metadata.is_dir() => entries
            .filter_map(Result::ok)
            .map(|entry| disk_use(&entry.path()))
            .sum(),
        _ => 0,
    };
    metadata.blocks() * SECTOR + inside
}

/// Fails unless two files or folders hold the same.
pub(crate) fn same(one: &Path, other: &Path) -> Result<()> {
    let output = Command::new("diff")
        .args(["--recursive", "--brief"])
        .args([one, other])
        .output()?;
    ensure!(
        output.status.success(),
        "{} and {} differ: {}",
        one.display(),
        other.display(),
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

/// Seconds as the table counts them.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
