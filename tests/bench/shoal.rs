//! The program that is measured: each node has a data directory of its own and talks to nothing but 127.0.0.1.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::machine::{Scratch, seconds};
use super::process::{Process, Usage, tied};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_shoal");

/// A data directory and the settings with which its program runs.
#[derive(Debug)]
pub(crate) struct Shoal {
    data: PathBuf,
    settings: Vec<(String, String)>,
}

/// A program that stays: a daemon or a foreground share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) peer: String,
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

impl Shoal {
    pub(crate) fn new(scratch: &Scratch) -> Result<Self> {
        Ok(Self {
            data: scratch.folder("shoal")?,
            settings: Vec::new(),
        })
    }

    /// Sends no more than that many bytes a second.
    pub(crate) fn sending_at_most(mut self, rate: u64) -> Self {
        self.settings
            .push(("SHOAL_UPLOAD_LIMIT".to_owned(), rate.to_string()));
        self
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data
    }

    pub(crate) fn daemon(&self) -> Result<Node> {
        Node::start(&mut self.command(&[&"daemon"]))
    }

    /// A share in the foreground.
    pub(crate) fn share(&self, path: &Path) -> Result<(Node, Shared)> {
        let node = Node::start(&mut self.command(&[&"share", &path]))?;
        let shared = node.shared()?;
        Ok((node, shared))
    }

    /// Shares with the daemon that runs on this data directory.
    pub(crate) fn share_with_daemon(&self, path: &Path) -> Result<String> {
        let process = Process::start(&mut self.command(&[&"share", &path]))?;
        let (_, event) = wait_for(&process, "shared")?;
        let cid = text(&event, "cid")?;
        process.finish()?;
        Ok(cid)
    }

    pub(crate) fn get(&self, cid: &str, into: &Path, providers: &[&str]) -> Result<Fetch> {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &cid, &"--into", &into];
        for provider in providers {
            arguments.push(&"--provider");
            arguments.push(provider);
        }
        Ok(Fetch(Process::start(&mut self.command(&arguments))?))
    }

    pub(crate) fn command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = tied(PROGRAM);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SHOAL_") {
                command.env_remove(variable);
            }
        }
        command
            .env("SHOAL_LOCAL", "1")
            .envs(self.settings.iter().cloned())
            .arg("--data-dir")
            .arg(&self.data)
            .arg("--json")
            .args(arguments.iter().map(AsRef::as_ref));
        command
    }
}

impl Node {
    fn start(command: &mut Command) -> Result<Self> {
        let process = Process::start(command)?;
        let (_, event) = wait_for(&process, "ready")?;
        let address = event["listen"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .find(|address| address.contains("/tcp/") && !address.contains("/ws"))
            .with_context(|| format!("no TCP address in {event}"))?
            .to_owned();
        Ok(Self {
            process,
            peer: text(&event, "peer_id")?,
            address,
        })
    }

    fn shared(&self) -> Result<Shared> {
        let (taken, event) = wait_for(&self.process, "shared")?;
        Ok(Shared {
            cid: text(&event, "cid")?,
            taken: seconds(taken),
            usage: self.process.usage()?,
        })
    }
}

impl Fetch {
    pub(crate) fn finish(self) -> Result<Fetched> {
        let (taken, event) = wait_for(&self.0, "done")?;
        let (whole, usage, _) = self.0.finish()?;
        let sources = event["sources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|source| {
                Some((
                    source["peer"].as_str()?.to_owned(),
                    source["bytes"].as_u64()?,
                ))
            })
            .collect();
        Ok(Fetched {
            taken: seconds(taken),
            whole: seconds(whole),
            usage,
            path: PathBuf::from(text(&event, "path")?),
            sources,
        })
    }
}

impl Fetched {
    pub(crate) fn bytes_from(&self, peer: &str) -> u64 {
        self.sources
            .iter()
            .filter(|(source, _)| source == peer)
            .map(|(_, bytes)| bytes)
            .sum()
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
    Ok(event[field]
        .as_str()
        .with_context(|| format!("no {field:?} in {event}"))?
        .to_owned())
}
