//! The work that is measured, in the order in which it is measured: raw limits first, what churns the page cache last.

mod far;
mod idle;
mod paced;
mod sharing;
mod transfer;
mod window;

use anyhow::Result;

use super::{Bench, Row};

pub(crate) const ALL: &[Row] = &[
    row("raw", raw),
    row("one-seed", transfer::one_seed),
    row("four-seeds", transfer::four_seeds),
    row("kubo", transfer::kubo),
    row("rqbit", transfer::rqbit),
    row("limited-one-seed", paced::one_seed),
    row("limited-four-seeds", paced::four_seeds),
    row("swarm", paced::swarm),
    row("tree", transfer::tree),
    row("share-file", sharing::file),
    row("share-tree", sharing::tree),
    row("small", transfer::small),
    row("far-small-files", far::small_files),
    row("far-large-file", far::large_file),
    row("idle", idle::idle),
    row("binary", idle::binary),
    row("window", window::window),
    row("share-sparse", sharing::sparse),
];

const fn row(name: &'static str, measure: fn(&mut Bench) -> Result<()>) -> Row {
    Row { name, measure }
}

/// Every raw limit, whether a chosen row needs it or not.
fn raw(bench: &mut Bench) -> Result<()> {
    bench.raw_hash()?;
    bench.raw_hash_two()?;
    bench.raw_tcp()?;
    bench.raw_copy()?;
    bench.raw_copy_tree()?;
    bench.raw_hash_tree()?;
    bench.raw_start()?;
    Ok(())
}

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Bytes as MiB, the unit of memory here.
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}
