//! The other implementation in the same run: Kubo, which `make tools` builds, each node with a repository of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::{Value, json};

use super::machine::{Scratch, cache, seconds};
use super::process::{Process, Usage, tied};

#[derive(Debug)]
pub(crate) struct Kubo {
    program: PathBuf,
    repo: PathBuf,
}

/// A daemon that is up.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    kubo: &'a Kubo,
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Kubo {
    pub(crate) fn new(scratch: &Scratch) -> Result<Self> {
        let program = cache().join("kubo/ipfs");
        ensure!(
            program.exists(),
            "{} is missing; `make tools` builds it",
            program.display()
        );
        let kubo = Self {
            program,
            repo: scratch.folder("kubo")?,
        };
        kubo.run(&[&"init", &"--empty-repo", &"--profile=unixfs-v1-2025"])?;
        let file = kubo.repo.join("config");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        keep_to_this_machine(&mut config);
        fs::write(&file, config.to_string())?;
        Ok(kubo)
    }

    pub(crate) fn repo(&self) -> &Path {
        &self.repo
    }

    /// Adds a file; its CID, the seconds it took and what it used.
    pub(crate) fn add(&self, path: &Path) -> Result<(String, f64, Usage)> {
        let started = Instant::now();
        let (_, usage, cid) =
            Process::start(self.command().args(["add", "-Q"]).arg(path))?.finish()?;
        Ok((cid, seconds(started.elapsed()), usage))
    }

    pub(crate) fn daemon(&self) -> Result<Node<'_>> {
        let process = Process::start(self.command().arg("daemon"))?;
        process.wait_for("\"Daemon is ready\"", |line| {
            line.contains("Daemon is ready").then_some(())
        })?;
        let addresses = self.run(&[&"swarm", &"addrs", &"local", &"--id"])?;
        let address = addresses
            .lines()
            .find(|address| address.contains("/tcp/"))
            .with_context(|| format!("no TCP address in {addresses}"))?
            .to_owned();
        Ok(Node {
            kubo: self,
            process,
            address,
        })
    }

    fn run(&self, arguments: &[&dyn AsRef<OsStr>]) -> Result<String> {
        let mut command = self.command();
        command.args(arguments.iter().map(AsRef::as_ref));
        Ok(Process::start(&mut command)?.finish()?.2)
    }

    fn command(&self) -> Command {
        let mut command = tied(&self.program);
        command
            .env("IPFS_PATH", &self.repo)
            .env("IPFS_TELEMETRY", "off")
            .env("GOLOG_LOG_LEVEL", "error");
        command
    }
}

impl Node<'_> {
    /// Connects to one peer and fetches from it: the seconds of both.
    pub(crate) fn get(&self, cid: &str, from: &str, to: &Path) -> Result<f64> {
        let started = Instant::now();
        self.kubo.run(&[&"swarm", &"connect", &from])?;
        self.kubo
            .run(&[&"get", &"--progress=false", &"-o", &to, &cid])?;
        Ok(seconds(started.elapsed()))
    }
}

/// No listener, look-up or report beyond 127.0.0.1.
fn keep_to_this_machine(config: &mut Value) {
    let settings = json!({
        "AutoConf": { "Enabled": false },
        "AutoNAT": { "ServiceMode": "disabled" },
        "AutoTLS": { "Enabled": false },
        "Bootstrap": [],
        "DNS": { "Resolvers": {} },
        "Discovery": { "MDNS": { "Enabled": false } },
        "HTTPRetrieval": { "Enabled": false },
        "Ipns": {},
        "Plugins": { "Plugins": { "telemetry": { "Config": { "Mode": "off" } } } },
        "Provide": { "Enabled": false },
        "Routing": { "Type": "none", "DelegatedRouters": [] },
        "Swarm": {
            "AddrFilters": [],
            "DisableNatPortMap": true,
            "RelayClient": { "Enabled": false },
            "RelayService": { "Enabled": false },
        },
    });
    for (key, value) in settings.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config["Addresses"]["Swarm"] = json!(["/ip4/127.0.0.1/tcp/0"]);
    config["Addresses"]["API"] = json!("/ip4/127.0.0.1/tcp/0");
    config["Addresses"]["Gateway"] = json!([]);
}
