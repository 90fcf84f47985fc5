//! What Shoal costs while nothing happens.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use fs_err as fs;

use super::mebibytes;
use crate::Bench;
use crate::kubo::new_kubo;
use crate::shoal::{daemon, new_shoal, share};
use crate::table::{Figure, Goal, Line};
use support::process::Process;
use support::shoal::program;

/// Until what a program does after its start is over.
const SETTLE: Duration = Duration::from_secs(10);
/// Watched that long, and counted as if it had been a minute.
const WINDOW: Duration = Duration::from_secs(30);

/// A daemon that shares 1 GiB, and Kubo beside it with nothing.
pub(super) fn idle(bench: &mut Bench) -> Result<()> {
    let file = bench.samples.gib(&bench.scratch)?;
    let shoal = new_shoal(&bench.scratch)?;
    // Shared before, so that what is measured never hashed anything.
    let (node, _) = share(&shoal, &file)?;
    node.process.interrupt()?;
    let node = daemon(&shoal)?;
    let kubo = new_kubo(&bench.scratch).ok();
    let kubo_node = kubo.as_ref().map(support::kubo::Kubo::daemon);
    let mut watched: Vec<(&str, &Process)> = vec![("Shoal", &node.process)];
    if let Some(node) = &kubo_node {
        watched.push(("Kubo", &node.process));
    }

    thread::sleep(SETTLE);
    let before: Vec<u64> = thread_times(&watched)?;
    thread::sleep(WINDOW);
    let after: Vec<u64> = thread_times(&watched)?;
    for (at, (by, process)) in watched.into_iter().enumerate() {
        let ours = by == "Shoal";
        let goal = |at_most| {
            ours.then_some(Goal {
                at_most,
                where_raw_was: None,
            })
        };
        bench.table.add(Line {
            work: "idle memory (PSS)",
            by,
            figure: Figure::one(mebibytes(process.resident()?), "MiB"),
            raw: None,
            goal: goal(24.0),
            also: format!("peak {:.1} MiB", mebibytes(process.usage()?.peak)),
        });
        let used = Duration::from_nanos(after[at].saturating_sub(before[at]));
        bench.table.add(Line {
            work: "idle CPU time a minute",
            by,
            figure: Figure::one(used.as_secs_f64() * 60.0 / WINDOW.as_secs_f64(), "s"),
            raw: None,
            goal: goal(0.02),
            also: format!("scaled up from {} s", WINDOW.as_secs()),
        });
    }
    Ok(())
}

pub(super) fn binary(bench: &mut Bench) -> Result<()> {
    bench.table.add(Line {
        work: "binary, headless",
        by: "Shoal",
        figure: Figure::one(fs::metadata(program())?.len() as f64 / 1e6, "MB"),
        raw: None,
        goal: Some(Goal {
            at_most: 15.0,
            where_raw_was: None,
        }),
        also: "release profile".to_owned(),
    });
    Ok(())
}

fn thread_times(watched: &[(&str, &Process)]) -> Result<Vec<u64>> {
    watched
        .iter()
        .map(|(_, process)| process.thread_time())
        .collect()
}
