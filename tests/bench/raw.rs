//! What the machine itself can do, without any of Shoal: each is measured once in a run, when the first row needs it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use sha2::{Digest, Sha256};

use super::Bench;
use super::machine::{Scratch, delete, seconds, warm};
use super::samples::{GIB, MIB, TREE_FILES};
use super::table::{Figure, Line};
use support::process::own_cpu_time;

/// Medians in seconds.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    hash: Option<f64>,
    hash_two: Option<f64>,
    tcp: Option<f64>,
    copy: Option<f64>,
    copy_tree: Option<f64>,
    hash_tree: Option<f64>,
    start: Option<f64>,
}

/// What a GiB needs in the page cache, twice, and some for the programs.
pub(crate) const WARM: usize = 3 << 30;

impl Bench {
    /// CPU time of hashing 1 GiB, 1 MiB at a time: what CPU time is compared with.
    pub(crate) fn raw_hash(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.hash {
            return Ok(known);
        }
        let buffer = vec![7_u8; usize::try_from(MIB)?];
        let values = self.repeat(|_| {
            let before = own_cpu_time()?;
            let mut sum = Sha256::new();
            for _ in 0..GIB / MIB {
                sum.update(&buffer);
            }
            std::hint::black_box(sum.finalize());
            Ok(own_cpu_time()? - before)
        })?;
        let work = "SHA-256 of 1 GiB, one core, 1 MiB buffers, CPU time";
        self.limits.hash = Some(self.add_raw(work, values, GIB));
        self.raw_hash()
    }

    /// Reading and hashing 1 GiB that is in the page cache, on two threads: `share` cannot be faster.
    pub(crate) fn raw_hash_two(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.hash_two {
            return Ok(known);
        }
        let file = self.samples.gib(&self.scratch)?;
        let values = self.repeat(|_| read_and_hash(std::slice::from_ref(&file)))?;
        let work = "hot read and SHA-256 of 1 GiB, two threads";
        self.limits.hash_two = Some(self.add_raw(work, values, GIB));
        self.raw_hash_two()
    }

    /// The same for the tree.
    pub(crate) fn raw_hash_tree(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.hash_tree {
            return Ok(known);
        }
        let tree = self.samples.tree(&self.scratch)?;
        let mut files = Vec::new();
        for folder in fs::read_dir(&tree.path)? {
            for file in fs::read_dir(folder?.path())? {
                files.push(file?.path());
            }
        }
        let values = self.repeat(|_| read_and_hash(&files))?;
        let work = "hot read and SHA-256 of the tree, two threads";
        self.limits.hash_tree = Some(self.add_raw(work, values, tree.bytes));
        self.raw_hash_tree()
    }

    /// 1 GiB by sendfile over TCP, received and written to a file.
    pub(crate) fn raw_tcp(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.tcp {
            return Ok(known);
        }
        let file = self.samples.gib(&self.scratch)?;
        let values = self.repeat(|scratch| {
            let target = scratch.path("raw-tcp");
            warm(WARM);
            let taken = send_and_write(&file, &target)?;
            delete(&target)?;
            Ok(taken)
        })?;
        let work = "raw-tcp: 1 GiB, sendfile → recv and write";
        self.limits.tcp = Some(self.add_raw(work, values, GIB));
        self.raw_tcp()
    }

    /// `cp` of 1 GiB.
    pub(crate) fn raw_copy(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.copy {
            return Ok(known);
        }
        let file = self.samples.gib(&self.scratch)?;
        let values = self.repeat(|scratch| {
            let target = scratch.path("raw-cp");
            warm(WARM);
            let taken = copy(&file, &target)?;
            delete(&target)?;
            Ok(taken)
        })?;
        self.limits.copy = Some(self.add_raw("cp of 1 GiB", values, GIB));
        self.raw_copy()
    }

    /// `cp -r` of the tree.
    pub(crate) fn raw_copy_tree(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.copy_tree {
            return Ok(known);
        }
        let tree = self.samples.tree(&self.scratch)?;
        let values = self.repeat(|scratch| {
            let target = scratch.path("raw-cp-tree");
            scratch.settle()?;
            warm(WARM);
            let taken = copy(&tree.path, &target)?;
            scratch.put_away(&target)?;
            Ok(taken)
        })?;
        let work = format!(
            "cp -r of the tree ({TREE_FILES} files, {} MB)",
            tree.bytes / 1_000_000
        );
        self.limits.copy_tree = Some(self.add_raw(&work, values, tree.bytes));
        self.raw_copy_tree()
    }

    /// Starting a program that does nothing.
    pub(crate) fn raw_start(&mut self) -> Result<f64> {
        if let Some(known) = self.limits.start {
            return Ok(known);
        }
        let mut values = Vec::new();
        for _ in 0..20 {
            let started = Instant::now();
            ensure!(Command::new("true").status()?.success());
            values.push(seconds(started.elapsed()) * 1000.0);
        }
        let figure = Figure::new(values, "ms");
        let median = figure.median();
        self.table.add(Line {
            work: "start and end of a process that does nothing",
            by: "raw",
            figure,
            raw: None,
            goal: None,
            also: String::new(),
        });
        self.limits.start = Some(median);
        self.raw_start()
    }

    /// Runs something as often as short rows are run; it returns what it measured.
    pub(crate) fn repeat(&self, mut once: impl FnMut(&Scratch) -> Result<f64>) -> Result<Vec<f64>> {
        (0..self.runs.max(1)).map(|_| once(&self.scratch)).collect()
    }

    fn add_raw(&mut self, work: &str, values: Vec<f64>, bytes: u64) -> f64 {
        let figure = Figure::new(values, "s");
        let median = figure.median();
        self.table.add(Line {
            work,
            by: "raw",
            figure,
            raw: None,
            goal: None,
            also: format!("{:.0} MB/s", bytes as f64 / median / 1e6),
        });
        median
    }
}

/// Two threads take 1 MiB at a time, each from where the other is not.
fn read_and_hash(files: &[PathBuf]) -> Result<f64> {
    const THREADS: usize = 2;
    // Every piece to hash: a file's number and an offset. A large file is many pieces, a small one is one.
    let mut pieces = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let length = fs::metadata(file)?.len();
        pieces.extend((0..length.div_ceil(MIB)).map(|piece| (number, piece * MIB)));
    }
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut buffer = vec![0; usize::try_from(MIB)?];
                    let mut open: Option<(usize, fs::File)> = None;
                    while let Some(&(number, offset)) =
                        pieces.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let file = match &mut open {
                            Some((opened, file)) if *opened == number => file,
                            _ => &mut open.insert((number, fs::File::open(&files[number])?)).1,
                        };
                        let length = file.file().read_at(&mut buffer, offset)?;
                        std::hint::black_box(Sha256::digest(&buffer[..length]));
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .map_err(|_| anyhow::anyhow!("a hashing thread panicked"))?
        })
    })?;
    Ok(seconds(started.elapsed()))
}

fn send_and_write(from: &Path, to: &Path) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let from = from.to_owned();
    let started = Instant::now();
    let sender = thread::spawn(move || -> Result<()> {
        let file = fs::File::open(from)?;
        let mut left = file.metadata()?.len();
        let stream = TcpStream::connect(address)?;
        while left > 0 {
            let sent = rustix::fs::sendfile(&stream, file.file(), None, usize::try_from(left)?)?;
            ensure!(sent > 0, "the file ended early");
            left -= u64::try_from(sent)?;
        }
        Ok(())
    });
    let (mut stream, _) = listener.accept()?;
    let mut file = fs::File::create(to)?;
    let mut buffer = vec![0; usize::try_from(MIB)?];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        file.write_all(&buffer[..length])?;
    }
    let taken = seconds(started.elapsed());
    sender
        .join()
        .map_err(|_| anyhow::anyhow!("the sending thread panicked"))??;
    Ok(taken)
}

fn copy(from: &Path, to: &Path) -> Result<f64> {
    let started = Instant::now();
    let status = Command::new("cp")
        .arg("-r")
        .args([from, to])
        .status()
        .context("cannot start cp")?;
    ensure!(status.success(), "cp failed");
    Ok(seconds(started.elapsed()))
}
