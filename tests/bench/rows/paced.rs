//! Seeds that send no faster than a home connection: here only good planning helps, so the raw limit is arithmetic.

use anyhow::Result;

use crate::Bench;
use crate::machine::{delete, same, warm};
use crate::raw::WARM;
use crate::samples::MIB;
use crate::shoal::{Node, daemon, get, new_shoal, share};
use crate::table::{Figure, Goal, Line};

/// Bytes a second of each seed.
const SEED_RATE: u64 = 20_000_000;
const FILE: u64 = 400 * MIB;

/// The seed of the swarm, and what it has.
const SWARM_RATE: u64 = 10_000_000;
const SWARM_FILE: u64 = 200 * MIB;
const LEECHERS: usize = 4;

pub(super) fn one_seed(bench: &mut Bench) -> Result<()> {
    limited(bench, "400 MiB, one seed at 20 MB/s", 1, 21.4)
}

pub(super) fn four_seeds(bench: &mut Bench) -> Result<()> {
    limited(bench, "400 MiB, four seeds at 20 MB/s", 4, 5.4)
}

fn limited(bench: &mut Bench, work: &str, seeds: u64, at_most: f64) -> Result<()> {
    let file = bench.samples.file(&bench.scratch, FILE)?;
    let mut nodes: Vec<Node> = Vec::new();
    let mut cid = String::new();
    for _ in 0..seeds {
        let seed = new_shoal(&bench.scratch)?.with("upload.limit", &SEED_RATE.to_string());
        let (node, shared) = share(&seed, &file)?;
        nodes.push(node);
        cid = shared.cid;
    }
    let providers: Vec<&str> = nodes.iter().map(|node| node.address.as_str()).collect();
    let fetcher = new_shoal(&bench.scratch)?;
    let into = bench.scratch.folder("got")?;
    warm(WARM);
    let fetched = get(&fetcher, &cid, &into, &providers)?.finish()?;
    same(&file, &fetched.path)?;

    let received: u64 = fetched.sources.iter().map(|(_, bytes)| bytes).sum();
    bench.table.add(Line {
        work,
        by: "Shoal",
        figure: Figure::one(fetched.taken, "s"),
        raw: Some(("ideal", FILE as f64 / (SEED_RATE * seeds) as f64)),
        goal: Some(Goal {
            at_most,
            where_raw_was: None,
        }),
        also: format!(
            "{:.2} s to exit; bytes received / file {:.4}",
            fetched.whole,
            received as f64 / FILE as f64
        ),
    });
    delete(&into)?;
    delete(&file)
}

/// Four fetch at once what one slow seed has; all know of each other.
pub(super) fn swarm(bench: &mut Bench) -> Result<()> {
    let file = bench.samples.file(&bench.scratch, SWARM_FILE)?;
    let seed = new_shoal(&bench.scratch)?.with("upload.limit", &SWARM_RATE.to_string());
    let (seed_node, shared) = share(&seed, &file)?;
    let mut leechers = Vec::new();
    for _ in 0..LEECHERS {
        let leecher = new_shoal(&bench.scratch)?;
        let node = daemon(&leecher)?;
        leechers.push((leecher, node));
    }
    warm(WARM);
    let mut fetches = Vec::new();
    for (leecher, node) in &leechers {
        let mut providers = vec![seed_node.address.as_str()];
        providers.extend(
            leechers
                .iter()
                .map(|(_, other)| other.address.as_str())
                .filter(|address| *address != node.address),
        );
        let into = bench.scratch.folder("got")?;
        fetches.push(get(leecher, &shared.cid, &into, &providers)?);
    }
    let mut times = Vec::new();
    let mut from_seed = 0;
    for fetch in fetches {
        let fetched = fetch.finish()?;
        same(&file, &fetched.path)?;
        times.push(fetched.taken);
        from_seed += fetched.bytes_from(&seed_node.peer);
        delete(&fetched.path)?;
    }
    let last = times.iter().copied().fold(0.0, f64::max);
    let copies = from_seed as f64 / SWARM_FILE as f64;
    bench.table.add(Line {
        work: "swarm: seed at 10 MB/s, 4 leechers, 200 MiB, until the last has it",
        by: "Shoal",
        figure: Figure::one(last, "s"),
        raw: Some(("ideal", SWARM_FILE as f64 / SWARM_RATE as f64)),
        goal: Some(Goal {
            at_most: 22.5,
            where_raw_was: None,
        }),
        also: format!("each {}", Figure::new(times, "s")),
    });
    bench.table.add(Line {
        work: "… copies that the seed sent",
        by: "Shoal",
        figure: Figure::one(copies, "× file"),
        raw: Some(("one copy", 1.0)),
        goal: Some(Goal {
            at_most: 1.05,
            where_raw_was: None,
        }),
        also: String::new(),
    });
    delete(&file)
}
