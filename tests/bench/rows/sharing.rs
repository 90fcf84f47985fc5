//! From a path to a link, and what that leaves on the disk.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use fs_err as fs;

use super::mebibytes;
use crate::Bench;
use crate::kubo::{add, new_kubo};
use crate::machine::{delete, disk_use, warm};
use crate::raw::WARM;
use crate::samples::{GIB, TREE_FILES};
use crate::shoal::new_shoal;
use crate::table::{Figure, Goal, Line};
use support::process::Process;

/// Raw limit of the machine on which the goals were set, in seconds: 1 GiB at 2.65 GB/s.
const HASH_TWO_THERE: f64 = 0.405;

pub(super) fn file(bench: &mut Bench) -> Result<()> {
    let raw = bench.raw_hash_two()?;
    let file = bench.samples.gib(&bench.scratch)?;
    let shares = share(bench, &file)?;
    bench.table.add(Line {
        work: "share 1 GiB → ready",
        by: "Shoal",
        figure: Figure::new(shares.taken.clone(), "s"),
        raw: Some(("read + SHA-256", raw)),
        goal: Some(Goal {
            at_most: 0.5,
            where_raw_was: Some(HASH_TWO_THERE),
        }),
        also: shares.cpu_and_peak(),
    });
    bench.table.add(Line {
        work: "… extra disk at the sharer",
        by: "Shoal",
        figure: Figure::one(shares.disk as f64 / GIB as f64 * 100.0, "% of the file"),
        raw: None,
        goal: Some(Goal {
            at_most: 0.02,
            where_raw_was: None,
        }),
        also: format!(
            "{} KB, the empty data directory included",
            shares.disk / 1000
        ),
    });
    let kubo = bench.repeat(|scratch| {
        let kubo = new_kubo(scratch)?;
        scratch.settle()?;
        warm(WARM);
        let (_, taken, _) = add(&kubo, &file)?;
        delete(kubo.repo())?;
        Ok(taken)
    })?;
    bench.table.add(Line {
        work: "share 1 GiB → ready",
        by: "Kubo",
        figure: Figure::new(kubo, "s"),
        raw: Some(("read + SHA-256", raw)),
        goal: None,
        also: "copies the file".to_owned(),
    });
    Ok(())
}

pub(super) fn tree(bench: &mut Bench) -> Result<()> {
    let raw = bench.raw_hash_tree()?;
    let tree = bench.samples.tree(&bench.scratch)?;
    let shares = share(bench, &tree.path)?;
    bench.table.add(Line {
        work: "share the tree → ready",
        by: "Shoal",
        figure: Figure::new(shares.taken.clone(), "s"),
        raw: Some(("read + SHA-256", raw)),
        goal: Some(Goal {
            at_most: 0.7,
            where_raw_was: None,
        }),
        also: shares.cpu_and_peak(),
    });
    bench.table.add(Line {
        work: "… extra disk at the sharer",
        by: "Shoal",
        figure: Figure::one(shares.disk as f64 / TREE_FILES as f64, "bytes a file"),
        raw: None,
        goal: Some(Goal {
            at_most: 400.0,
            where_raw_was: None,
        }),
        also: format!("{} KB", shares.disk / 1000),
    });
    Ok(())
}

/// The beginning of a file of 1 TB without any bytes of its own: does memory stay where it is?
pub(super) fn sparse(bench: &mut Bench) -> Result<()> {
    const SIZE: u64 = 1_000_000_000_000;
    const FOR: Duration = Duration::from_secs(40);
    let file = bench.scratch.path("sparse.bin");
    fs::File::create(&file)?.set_len(SIZE)?;
    let shoal = new_shoal(&bench.scratch)?;
    let started = Instant::now();
    let process = Process::start(&mut shoal.command(&[&"share", &file]))?;
    thread::sleep(FOR / 2);
    let halfway = process.usage()?;
    thread::sleep(FOR.saturating_sub(started.elapsed()));
    let usage = process.usage()?;
    let read = process.bytes_read()?;
    process.interrupt()?;
    bench.table.add(Line {
        work: &format!(
            "peak memory of sharing 1 TB, its first {:.0} GB in {} s",
            read as f64 / 1e9,
            FOR.as_secs()
        ),
        by: "Shoal",
        figure: Figure::one(mebibytes(usage.peak), "MiB"),
        raw: None,
        goal: Some(Goal {
            at_most: 150e6 / (1024.0 * 1024.0),
            where_raw_was: None,
        }),
        also: format!(
            "{:.1} MiB at half time; a sparse file, stopped by Ctrl-C",
            mebibytes(halfway.peak)
        ),
    });
    delete(&file)
}

/// What sharing the same path several times said.
#[derive(Debug, Default)]
struct Shares {
    taken: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
    /// Bytes in the data directory after it ended.
    disk: u64,
}

impl Shares {
    fn cpu_and_peak(&self) -> String {
        format!(
            "CPU {}; peak {}",
            Figure::new(self.cpu.clone(), "s"),
            Figure::new(self.peak.clone(), "MiB")
        )
    }
}

fn share(bench: &Bench, path: &Path) -> Result<Shares> {
    let mut shares = Shares::default();
    for _ in 0..bench.runs {
        let shoal = new_shoal(&bench.scratch)?;
        bench.scratch.settle()?;
        warm(WARM);
        let (node, shared) = crate::shoal::share(&shoal, path)?;
        shares.taken.push(shared.taken);
        shares.cpu.push(shared.usage.cpu);
        shares.peak.push(mebibytes(shared.usage.peak));
        node.process.interrupt()?;
        shares.disk = disk_use(shoal.data_dir());
    }
    Ok(shares)
}
