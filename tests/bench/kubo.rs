//! The other implementation in the same run: Kubo, which `make tools` builds, each with a repository of its own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use support::kubo::{Daemon, Kubo};
use support::process::{Process, Usage};

use super::machine::{Scratch, seconds};

/// A Kubo whose repository lies where everything is measured, and which dies with the benchmark, however that ends.
pub(crate) fn new_kubo(scratch: &Scratch) -> Result<Kubo> {
    let kubo = Kubo::tied(&scratch.folder("kubo")?);
    kubo.context("Kubo is missing; `make tools` builds it")
}

/// Adds a file; its CID, the seconds it took and what it used.
pub(crate) fn add(kubo: &Kubo, path: &Path) -> Result<(String, f64, Usage)> {
    let mut command = kubo.command();
    let ended = Process::measured(command.args(["add", "-Q"]).arg(path))?
        .finish()?
        .well()?;
    Ok((ended.stdout.join(""), seconds(ended.ran), ended.usage))
}

/// Connects to one peer and fetches from it: the seconds of both.
pub(crate) fn get(kubo: &Kubo, cid: &str, from: &str, to: &Path) -> Result<f64> {
    let started = Instant::now();
    let mut connect = kubo.command();
    Process::start(connect.args(["swarm", "connect", from]))?
        .finish()?
        .well()?;
    let mut get = kubo.command();
    get.args(["get", "--progress=false", "-o"]).arg(to).arg(cid);
    Process::start(&mut get)?.finish()?.well()?;
    Ok(seconds(started.elapsed()))
}

/// Where a node is reached over TCP.
pub(crate) fn address<'a>(node: &'a Daemon<'_>) -> &'a str {
    support::Wire::TcpTls.pick(&node.addresses)
}
