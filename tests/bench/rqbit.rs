//! The fastest rival, a BitTorrent client: measured where somebody has built it into the cache folder,
//! `cargo install rqbit --locked --root .cache/rqbit`, which takes several minutes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use support::process::{Process, TIE, Usage, by_way_of};
use support::tools::cache;

use super::machine::seconds;

#[derive(Debug)]
pub(crate) struct Rqbit(PathBuf);

/// A share that can be fetched.
#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) process: Process,
    magnet: String,
    address: String,
}

impl Rqbit {
    pub(crate) fn find() -> Option<Self> {
        let program = cache().join("rqbit/bin/rqbit");
        program.exists().then_some(Self(program))
    }

    pub(crate) fn share(&self, path: &Path) -> Result<Seed> {
        let port = free_port()?;
        let process = Process::measured(self.command(port)?.arg("share").arg(path))?;
        let (_, magnet) = process.wait_for("its magnet link", |line| {
            let (_, magnet) = line.split_once("magnet:")?;
            Some(format!("magnet:{}", magnet.trim()))
        })?;
        Ok(Seed {
            process,
            magnet,
            address: format!("127.0.0.1:{port}"),
        })
    }

    /// The seconds until the program had ended, and what it used.
    pub(crate) fn get(&self, from: &Seed, into: &Path) -> Result<(f64, Usage)> {
        let mut command = self.command(free_port()?)?;
        command
            .args(["download", "--exit-on-finish", "--initial-peers"])
            .arg(&from.address)
            .arg("--output-folder")
            .arg(into)
            .arg(&from.magnet);
        let ended = Process::measured(&mut command)?.finish()?.well()?;
        Ok((seconds(ended.ran), ended.usage))
    }

    /// Talks to nobody but 127.0.0.1.
    fn command(&self, port: u16) -> Result<Command> {
        let mut command = by_way_of(&TIE, &self.0);
        command.args([
            "--disable-dht",
            "--disable-lsd",
            "--disable-upnp-port-forward",
            "--disable-trackers",
            "--ipv4-only",
            "--listen-ip=127.0.0.1",
            &format!("--listen-port={port}"),
            &format!("--http-api-listen-addr=127.0.0.1:{}", free_port()?),
        ]);
        Ok(command)
    }
}

/// It cannot be told to take any port and say which.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
