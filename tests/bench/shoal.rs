//! The program that is measured: each has a data directory of its own and talks to nothing but 127.0.0.1.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::Wire;
use support::process::{Process, Usage};
use support::shoal::Shoal;

use super::machine::{Scratch, seconds};

/// A program that stays: a daemon or a foreground share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) peer: String,
    pub(crate) listen: Vec<String>,
    /// Where it is reached over TCP.
    pub(crate) address: String,
}

/// A share that can be fetched.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cid: String,
    /// From the start of the program until it said that the share is ready.
    pub(crate) taken: f64,
    pub(crate) usage: Usage,
}

/// A download that has begun.
#[derive(Debug)]
pub(crate) struct Fetch(Process);

/// A download that is there.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// From the start of the program until it said that the content is there.
    pub(crate) taken: f64,
    /// The same until the program had ended.
    pub(crate) whole: f64,
    pub(crate) usage: Usage,
    pub(crate) path: PathBuf,
    /// Peer and bytes that came from it.
    pub(crate) sources: Vec<(String, u64)>,
}

/// A Shoal whose data lies where everything is measured, and which dies with the benchmark, however that ends.
pub(crate) fn new_shoal(scratch: &Scratch) -> Result<Shoal> {
    Ok(Shoal::on(&scratch.folder("shoal")?).tied())
}

pub(crate) fn daemon(shoal: &Shoal) -> Result<Node> {
    Node::new(Process::measured(&mut shoal.command(&[&"daemon"]))?)
}

/// A share in the foreground.
pub(crate) fn share(shoal: &Shoal, path: &Path) -> Result<(Node, Shared)> {
    let node = Node::new(Process::measured(&mut shoal.command(&[&"share", &path]))?)?;
    let (taken, event) = wait_for(&node.process, "shared")?;
    let shared = Shared {
        cid: text(&event, "cid")?,
        taken: seconds(taken),
        usage: node.process.usage()?,
    };
    Ok((node, shared))
}

/// Shares with the daemon that runs on this data directory.
pub(crate) fn share_with_daemon(shoal: &Shoal, path: &Path) -> Result<String> {
    let process = Process::start(&mut shoal.command(&[&"share", &path]))?;
    let (_, event) = wait_for(&process, "shared")?;
    process.finish()?.well()?;
    text(&event, "cid")
}

pub(crate) fn get(shoal: &Shoal, cid: &str, into: &Path, providers: &[&str]) -> Result<Fetch> {
    let mut command = shoal.command(&[&"get", &cid, &"--into", &into]);
    for provider in providers {
        command.args(["--provider", provider]);
    }
    Ok(Fetch(Process::measured(&mut command)?))
}

impl Node {
    fn new(process: Process) -> Result<Self> {
        let (_, event) = wait_for(&process, "ready")?;
        let listen: Vec<String> = serde_json::from_value(event["listen"].clone())?;
        Ok(Self {
            process,
            peer: text(&event, "peer_id")?,
            address: Wire::TcpTls.pick(&listen).to_owned(),
            listen,
        })
    }
}

impl Fetch {
    pub(crate) fn finish(self) -> Result<Fetched> {
        let (taken, event) = wait_for(&self.0, "done")?;
        let ended = self.0.finish()?.well()?;
        let sources = event["sources"].as_array().into_iter().flatten();
        let part = |source: &Value| {
            let peer = source["peer"].as_str()?.to_owned();
            Some((peer, source["bytes"].as_u64()?))
        };
        Ok(Fetched {
            taken: seconds(taken),
            whole: seconds(ended.ran),
            usage: ended.usage,
            path: PathBuf::from(text(&event, "path")?),
            sources: sources.filter_map(part).collect(),
        })
    }
}

impl Fetched {
    pub(crate) fn bytes_from(&self, peer: &str) -> u64 {
        let its = self.sources.iter().filter(|(source, _)| source == peer);
        its.map(|(_, bytes)| bytes).sum()
    }
}

/// The first event of that name. The program's own word of what went wrong becomes the error.
pub(crate) fn wait_for(process: &Process, name: &str) -> Result<(Duration, Value)> {
    let (when, event) = process.wait_for(&format!("the event {name:?}"), |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == name || event["event"] == "error").then_some(event)
    })?;
    ensure!(event["event"] == name, "shoal says {event}");
    Ok((when, event))
}

fn text(event: &Value, field: &str) -> Result<String> {
    let text = event[field].as_str().map(str::to_owned);
    text.with_context(|| format!("no {field:?} in {event}"))
}
