//! Bytes from one program to another as fast as they go.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::mebibytes;
use crate::Bench;
use crate::kubo::{self, new_kubo};
use crate::machine::{delete, disk_use, same, warm};
use crate::raw::WARM;
use crate::rqbit::Rqbit;
use crate::samples::{GIB, TREE_FILES};
use crate::shoal::{Node, daemon, get, new_shoal, share, share_with_daemon};
use crate::table::{Figure, Goal, Line};
use support::process::Usage;

/// Raw limits of the machine on which the rivals were measured and the goals set, in seconds.
const HASH_THERE: f64 = 0.587;
const TCP_THERE: f64 = 0.565;
/// The file once, and its index.
const ONE_COPY: f64 = 1.0002;
const COPY_TREE_THERE: f64 = 0.65;

pub(super) fn one_seed(bench: &mut Bench) -> Result<()> {
    let raw = bench.raw_tcp()?;
    let file = bench.samples.gib(&bench.scratch)?;
    let seed = new_shoal(&bench.scratch)?;
    let (node, shared) = share(&seed, &file)?;

    let mut runs = Runs::default();
    for _ in 0..bench.runs {
        runs.add(fetch(bench, &shared.cid, &[&node], &file, Ways::LargeFile)?);
    }
    bench.table.add(Line {
        work: "1 GiB, one seed",
        by: "Shoal",
        figure: Figure::new(runs.taken.clone(), "s"),
        raw: Some(("raw-tcp", raw)),
        goal: Some(Goal {
            at_most: 1.5,
            where_raw_was: Some(TCP_THERE),
        }),
        also: runs.until_exit(),
    });
    let hashing = bench.raw_hash()?;
    for (work, values, at_most) in [
        ("… CPU time of the fetcher", runs.fetcher_cpu, 1.6),
        ("… CPU time of the seed", runs.seed_cpu, 1.0),
    ] {
        bench.table.add(Line {
            work,
            by: "Shoal",
            figure: Figure::new(values, "s"),
            raw: Some(("SHA-256", hashing)),
            goal: Some(Goal {
                at_most,
                where_raw_was: Some(HASH_THERE),
            }),
            also: String::new(),
        });
    }
    let seed_peak = mebibytes(node.process.usage()?.peak);
    for (work, values, at_most) in [
        ("… peak memory of the fetcher", runs.fetcher_peak, 64.0),
        ("… peak memory of the seed", vec![seed_peak], 48.0),
    ] {
        bench.table.add(Line {
            work,
            by: "Shoal",
            figure: Figure::new(values, "MiB"),
            raw: None,
            goal: Some(Goal {
                at_most,
                where_raw_was: None,
            }),
            also: String::new(),
        });
    }
    bench.table.add(Line {
        work: "… peak disk at the fetcher",
        by: "Shoal",
        figure: Figure::new(runs.disk, "× file"),
        raw: None,
        goal: Some(Goal {
            at_most: ONE_COPY,
            where_raw_was: None,
        }),
        also: "index included".to_owned(),
    });
    Ok(())
}

pub(super) fn four_seeds(bench: &mut Bench) -> Result<()> {
    const SEEDS: usize = 4;
    let raw = bench.raw_tcp()?;
    let file = bench.samples.gib(&bench.scratch)?;
    let mut nodes = Vec::new();
    let mut cid = String::new();
    for _ in 0..SEEDS {
        let (node, shared) = share(&new_shoal(&bench.scratch)?, &file)?;
        nodes.push(node);
        cid = shared.cid;
    }
    let nodes: Vec<&Node> = nodes.iter().collect();

    let mut runs = Runs::default();
    for _ in 0..bench.runs {
        runs.add(fetch(bench, &cid, &nodes, &file, Ways::LargeFile)?);
    }
    bench.table.add(Line {
        work: "1 GiB, four seeds",
        by: "Shoal",
        figure: Figure::new(runs.taken.clone(), "s"),
        raw: Some(("raw-tcp", raw)),
        goal: Some(Goal {
            at_most: 1.3,
            where_raw_was: Some(TCP_THERE),
        }),
        also: format!(
            "{}; from each seed {}",
            runs.until_exit(),
            runs.shares(GIB, &nodes)
        ),
    });
    Ok(())
}

pub(super) fn tree(bench: &mut Bench) -> Result<()> {
    let raw = bench.raw_copy_tree()?;
    let tree = bench.samples.tree(&bench.scratch)?;
    let (node, shared) = share(&new_shoal(&bench.scratch)?, &tree.path)?;

    let mut runs = Runs::default();
    for _ in 0..bench.runs {
        runs.add(fetch(bench, &shared.cid, &[&node], &tree.path, Ways::Tree)?);
    }
    bench.table.add(Line {
        work: &format!(
            "tree of {TREE_FILES} files, {} MB, one seed",
            tree.bytes / 1_000_000
        ),
        by: "Shoal",
        figure: Figure::new(runs.taken.clone(), "s"),
        raw: Some(("cp -r", raw)),
        goal: Some(Goal {
            at_most: 1.6,
            where_raw_was: Some(COPY_TREE_THERE),
        }),
        also: format!("{}; {}", runs.until_exit(), runs.cpu_and_peak(&node)?),
    });
    Ok(())
}

/// A small file from a peer whose address is known, over and over: what starting, connecting and ending cost.
pub(super) fn small(bench: &mut Bench) -> Result<()> {
    const SIZE: u64 = 64 * 1024;
    const TIMES: usize = 20;
    let raw = bench.raw_start()?;
    let seed = new_shoal(&bench.scratch)?;
    let node = daemon(&seed)?;
    let fetcher = new_shoal(&bench.scratch)?;
    let into = bench.scratch.folder("small")?;
    let mut times = Vec::new();
    for _ in 0..=TIMES {
        let file = bench.samples.file(&bench.scratch, SIZE)?;
        let cid = share_with_daemon(&seed, &file)?;
        let fetched = get(&fetcher, &cid, &into, &[&node.address])?.finish()?;
        same(&file, &fetched.path)?;
        times.push(fetched.whole * 1000.0);
    }
    // The first has to make its identity and its index too.
    let first = times.remove(0);
    bench.table.add(Line {
        work: "64 KiB from a known peer, whole process",
        by: "Shoal",
        figure: Figure::new(times, "ms"),
        raw: Some(("process", raw)),
        goal: Some(Goal {
            at_most: 25.0,
            where_raw_was: None,
        }),
        also: format!("{first:.0} ms with a new data directory"),
    });
    Ok(())
}

/// 1 GiB between Kubo and Kubo, and between Kubo and Shoal both ways: not slower than Kubo alone.
pub(super) fn kubo(bench: &mut Bench) -> Result<()> {
    let raw = bench.raw_tcp()?;
    let file = bench.samples.gib(&bench.scratch)?;
    let theirs = new_kubo(&bench.scratch)?;
    let (cid, _, _) = kubo::add(&theirs, &file)?;
    let their_node = theirs.daemon();
    let line = |by, figure, goal: Option<f64>, also| Line {
        work: "1 GiB, one seed",
        by,
        figure,
        raw: Some(("raw-tcp", raw)),
        goal: goal.map(|at_most| Goal {
            at_most,
            where_raw_was: None,
        }),
        also,
    };

    let alone = Figure::new(
        kubo_gets(bench, &cid, kubo::address(&their_node), &file)?,
        "s",
    );
    let goal = Some(alone.median());
    bench
        .table
        .add(line("Kubo → Kubo", alone, None, String::new()));

    let mut runs = Runs::default();
    for _ in 0..bench.runs {
        let providers = [kubo::address(&their_node)];
        runs.add(fetch_from(
            bench,
            &cid,
            &providers,
            &[],
            &file,
            Ways::LargeFile,
        )?);
    }
    let cpu = Figure::new(runs.fetcher_cpu, "s");
    bench.table.add(line(
        "Kubo → Shoal",
        Figure::new(runs.taken, "s"),
        goal,
        format!("CPU time of the fetcher {cpu}"),
    ));

    let (our_node, shared) = share(&new_shoal(&bench.scratch)?, &file)?;
    ensure!(cid == shared.cid, "Kubo says {cid}, Shoal {}", shared.cid);
    let taken = Figure::new(kubo_gets(bench, &cid, &our_node.address, &file)?, "s");
    let used = our_node.process.usage()?;
    let also = format!("peak memory of the seed {:.1} MiB", mebibytes(used.peak));
    bench.table.add(line("Shoal → Kubo", taken, goal, also));
    delete(theirs.repo())
}

/// 1 GiB between two rqbits, until the fetching one has ended.
pub(super) fn rqbit(bench: &mut Bench) -> Result<()> {
    let Some(rqbit) = Rqbit::find() else {
        eprintln!("  not built, see tests/bench/rqbit.rs");
        return Ok(());
    };
    let raw = bench.raw_tcp()?;
    let file = bench.samples.gib(&bench.scratch)?;
    let seed = rqbit.share(&file)?;
    let before = seed.process.usage()?.cpu;
    let mut used = Usage::default();
    let taken = bench.repeat(|scratch| {
        let into = scratch.folder("rqbit-got")?;
        scratch.settle()?;
        warm(WARM);
        let (taken, usage) = rqbit.get(&seed, &into)?;
        used.cpu += usage.cpu;
        used.peak = used.peak.max(usage.peak);
        delete(&into)?;
        Ok(taken)
    })?;
    let runs = taken.len() as f64;
    let seed_used = seed.process.usage()?;
    bench.table.add(Line {
        work: "1 GiB, one seed",
        by: "rqbit",
        figure: Figure::new(taken, "s"),
        raw: Some(("raw-tcp", raw)),
        goal: None,
        also: format!(
            "to exit; CPU {:.2} + {:.2} s; peak {:.1} + {:.1} MiB",
            used.cpu / runs,
            (seed_used.cpu - before) / runs,
            mebibytes(used.peak),
            mebibytes(seed_used.peak)
        ),
    });
    Ok(())
}

/// Each time with a repository that has nothing yet.
fn kubo_gets(bench: &Bench, cid: &str, from: &str, file: &Path) -> Result<Vec<f64>> {
    bench.repeat(|scratch| {
        let kubo = new_kubo(scratch)?;
        let node = kubo.daemon();
        let to = scratch.path("kubo-got");
        scratch.settle()?;
        warm(WARM);
        let taken = kubo::get(&kubo, cid, from, &to)?;
        same(file, &to)?;
        drop(node);
        delete(&to)?;
        delete(kubo.repo())?;
        Ok(taken)
    })
}

/// What the runs of one row said.
#[derive(Debug, Default)]
struct Runs {
    taken: Vec<f64>,
    whole: Vec<f64>,
    fetcher_cpu: Vec<f64>,
    fetcher_peak: Vec<f64>,
    seed_cpu: Vec<f64>,
    disk: Vec<f64>,
    sources: Vec<(String, u64)>,
}

/// One run.
#[derive(Debug)]
struct Run {
    fetched: crate::shoal::Fetched,
    seed_cpu: f64,
    /// Highest use of the disk by download and index, in units of the file.
    disk: f64,
}

/// What is fetched, which decides how it is cleared away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    LargeFile,
    Tree,
}

impl Runs {
    fn add(&mut self, run: Run) {
        self.taken.push(run.fetched.taken);
        self.whole.push(run.fetched.whole);
        self.fetcher_cpu.push(run.fetched.usage.cpu);
        self.fetcher_peak.push(mebibytes(run.fetched.usage.peak));
        self.seed_cpu.push(run.seed_cpu);
        self.disk.push(run.disk);
        self.sources = run.fetched.sources;
    }

    fn until_exit(&self) -> String {
        format!("{} to exit", Figure::new(self.whole.clone(), "s"))
    }

    fn cpu_and_peak(self, seed: &Node) -> Result<String> {
        Ok(format!(
            "CPU {} + {}; peak {} + {:.1} MiB",
            Figure::new(self.fetcher_cpu, "s"),
            Figure::new(self.seed_cpu, "s"),
            Figure::new(self.fetcher_peak, "MiB"),
            mebibytes(seed.process.usage()?.peak)
        ))
    }

    /// How much of the file came from each seed in the last run.
    fn shares(&self, size: u64, seeds: &[&Node]) -> String {
        let share = |seed: &&Node| {
            let bytes: u64 = self
                .sources
                .iter()
                .filter(|(peer, _)| *peer == seed.peer)
                .map(|(_, bytes)| bytes)
                .sum();
            format!("{:.0} %", bytes as f64 / size as f64 * 100.0)
        };
        seeds.iter().map(share).collect::<Vec<_>>().join(", ")
    }
}

fn fetch(bench: &Bench, cid: &str, seeds: &[&Node], original: &Path, ways: Ways) -> Result<Run> {
    let providers: Vec<&str> = seeds.iter().map(|node| node.address.as_str()).collect();
    fetch_from(bench, cid, &providers, seeds, original, ways)
}

/// One download with a new data directory, compared with the original.
fn fetch_from(
    bench: &Bench,
    cid: &str,
    providers: &[&str],
    seeds: &[&Node],
    original: &Path,
    ways: Ways,
) -> Result<Run> {
    let scratch = &bench.scratch;
    let fetcher = new_shoal(scratch)?;
    let into = scratch.folder("got")?;
    let cpu_before = cpu_of(seeds)?;
    scratch.settle()?;
    warm(WARM);
    let watch = (ways == Ways::LargeFile).then(|| DiskWatch::start(&[fetcher.data_dir(), &into]));
    let fetched = get(&fetcher, cid, &into, providers)?.finish()?;
    let seed_cpu = cpu_of(seeds)? - cpu_before;
    let disk = watch.map_or(0, DiskWatch::highest) as f64 / disk_use(original) as f64;
    same(original, &fetched.path)?;
    match ways {
        Ways::LargeFile => delete(&into)?,
        Ways::Tree => scratch.put_away(&into)?,
    }
    delete(fetcher.data_dir())?;
    Ok(Run {
        fetched,
        seed_cpu,
        disk,
    })
}

fn cpu_of(seeds: &[&Node]) -> Result<f64> {
    seeds
        .iter()
        .map(|node| Ok(node.process.usage()?.cpu))
        .sum::<Result<f64>>()
}

/// Looks again and again at how much disk some folders take.
struct DiskWatch {
    over: Arc<AtomicBool>,
    highest: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl DiskWatch {
    const EVERY: Duration = Duration::from_millis(50);

    fn start(folders: &[&Path]) -> Self {
        let folders: Vec<_> = folders.iter().map(|folder| folder.to_path_buf()).collect();
        let over = Arc::<AtomicBool>::default();
        let highest = Arc::<AtomicU64>::default();
        let thread = thread::spawn({
            let (over, highest) = (Arc::clone(&over), Arc::clone(&highest));
            move || {
                while !over.load(Ordering::Relaxed) {
                    let now = folders.iter().map(|folder| disk_use(folder)).sum();
                    highest.fetch_max(now, Ordering::Relaxed);
                    thread::sleep(Self::EVERY);
                }
            }
        });
        Self {
            over,
            highest,
            thread,
        }
    }

    fn highest(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.highest.load(Ordering::Relaxed)
    }
}
