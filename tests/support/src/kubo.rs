//! A Kubo node of the tests: its own repository, 127.0.0.1 or a computer of the lab only, and no word to anybody else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::lab::Host;
use super::process::{Process, TIE, by_way_of};
use super::wait::{HUNG_SECONDS, until};
use super::{Wire, tools};

#[derive(Debug)]
pub struct Kubo {
    program: PathBuf,
    repo: Repo,
    /// What starts it: in a namespace, or tied to whoever asks.
    way: Vec<String>,
}

#[derive(Debug)]
enum Repo {
    Own(TempDir),
    Given(PathBuf),
}

/// A running node; ends with its test.
#[derive(Debug)]
pub struct Daemon<'a> {
    kubo: &'a Kubo,
    /// Full addresses, peer ID included.
    pub addresses: Vec<String>,
    pub process: Process,
}

impl Kubo {
    /// A repository with the given import profile; `None` after a loud word where Kubo is missing.
    pub fn new(profile: &str, wire: Wire) -> Option<Self> {
        let kubo = Self::empty()?;
        kubo.init(profile, |config| keep_to_this_machine(config, wire));
        Some(kubo)
    }

    /// A repository on a computer of the lab, talked to over TCP and QUIC, with `settings` on top.
    pub fn at(host: &Host, settings: impl FnOnce(&mut Value)) -> Option<Self> {
        let mut kubo = Self::empty()?;
        kubo.way = host.space().way();
        kubo.init("unixfs-v1-2025", |config| {
            keep_to_this_machine(config, Wire::TcpTls);
            let address = host.address();
            config["Addresses"]["Swarm"] = json!([
                format!("/ip4/{address}/tcp/4001"),
                format!("/ip4/{address}/udp/4001/quic-v1"),
            ]);
            config["Swarm"]["Transports"]["Security"] = json!({});
            settings(config);
        });
        Some(kubo)
    }

    /// A repository in a folder of the caller's, whose programs die with the thread that starts them.
    pub fn tied(repo: &Path) -> Option<Self> {
        let mut kubo = Self::empty()?;
        kubo.repo = Repo::Given(repo.to_owned());
        kubo.way = TIE.map(str::to_owned).to_vec();
        kubo.init("unixfs-v1-2025", |config| {
            keep_to_this_machine(config, Wire::TcpTls);
            config["Swarm"]["Transports"] = json!({});
        });
        Some(kubo)
    }

    fn empty() -> Option<Self> {
        Some(Self {
            program: tools::find("kubo/ipfs")?,
            repo: Repo::Own(tempfile::tempdir().unwrap()),
            way: Vec::new(),
        })
    }

    pub fn repo(&self) -> &Path {
        match &self.repo {
            Repo::Own(folder) => folder.path(),
            Repo::Given(folder) => folder,
        }
    }

    fn init(&self, profile: &str, settings: impl FnOnce(&mut Value)) {
        self.ipfs(&[&"init", &"--empty-repo", &format!("--profile={profile}")]);
        let file = self.repo().join("config");
        let mut config: Value =
            serde_json::from_str(&fs_err::read_to_string(&file).unwrap()).unwrap();
        settings(&mut config);
        fs_err::write(&file, config.to_string()).unwrap();
    }

    /// From the next start only those who have this key get in: 64 hex digits.
    pub fn keep_private(&self, digits: &str) -> PathBuf {
        let file = self.repo().join("swarm.key");
        let text = format!("/key/swarm/psk/1.0.0/\n/base16/\n{digits}\n");
        fs_err::write(&file, text).unwrap();
        file
    }

    /// Makes it a gateway too, which gives what it has and looks nowhere else.
    pub fn on_the_web(self) -> Self {
        self.ipfs(&[
            &"config",
            &"--json",
            &"Addresses.Gateway",
            &"\"/ip4/127.0.0.1/tcp/0\"",
        ]);
        self.ipfs(&[&"config", &"--json", &"Gateway.NoFetch", &"true"]);
        self
    }

    /// A repository in the DHT of this machine, which it enters through these peers. It announces when it is told to.
    pub fn in_dht(bootstrap: &[&str]) -> Option<Self> {
        let kubo = Self::empty()?;
        kubo.init("unixfs-v1-2025", |config| {
            keep_to_this_machine(config, Wire::TcpTls);
            config["Bootstrap"] = json!(bootstrap);
            config["Provide"] = json!({ "Enabled": true, "Strategy": "roots" });
            config["Routing"] = json!({
                "Type": "dht",
                "DelegatedRouters": [],
                "LoopbackAddressesOnLanDHT": true,
            });
        });
        Some(kubo)
    }

    /// Adds a file or folder and returns its CID.
    pub fn add(&self, path: &Path, options: &[&str]) -> String {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"add", &"-Q", &"-r"];
        arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
        arguments.push(&path);
        self.ipfs(&arguments)
    }

    /// Takes blocks in as they are, whatever they make up.
    pub fn import(&self, car: &Path) {
        self.ipfs(&[&"dag", &"import", &"--pin-roots=false", &car]);
    }

    pub fn daemon(&self) -> Daemon<'_> {
        let process = Process::start(self.command().arg("daemon")).unwrap();
        let is_ready = |line: &str| line.contains("Daemon is ready").then_some(());
        process.wait_for("\"Daemon is ready\"", is_ready).unwrap();
        let addresses = self.ipfs(&[&"swarm", &"addrs", &"local", &"--id"]);
        Daemon {
            kubo: self,
            addresses: addresses.lines().map(str::to_owned).collect(),
            process,
        }
    }

    /// Runs `ipfs` to its end, which has to be a success, and returns what it printed.
    pub fn ipfs(&self, arguments: &[&dyn AsRef<OsStr>]) -> String {
        let output = self
            .command()
            .args(arguments.iter().map(AsRef::as_ref))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "ipfs {:?}: {}",
            arguments.iter().map(AsRef::as_ref).collect::<Vec<&OsStr>>(),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    pub fn command(&self) -> Command {
        let mut command = by_way_of(&self.way, &self.program);
        command
            .env("IPFS_PATH", self.repo())
            .env("IPFS_TELEMETRY", "off")
            .env("GOLOG_LOG_LEVEL", "error");
        command
    }
}

impl Daemon<'_> {
    /// Where it is a gateway, with its real port.
    pub fn gateway(&self) -> String {
        let file = self.kubo.repo().join("gateway");
        let url = fs_err::read_to_string(file).unwrap();
        format!("{}/", url.trim().trim_end_matches('/'))
    }

    pub fn connect(&self, address: &str) {
        self.kubo.ipfs(&[&"swarm", &"connect", &address]);
    }

    /// Adds a file while it runs.
    pub fn add(&self, path: &Path) -> String {
        self.kubo.add(path, &[])
    }

    /// Announces in the DHT what it has, and waits until that is done; `provide once` would only take note of it.
    pub fn announce(&self, cid: &str) {
        self.kubo.ipfs(&[&"routing", &"provide", &cid]);
    }

    /// Waits until so many peers are in the table of its DHT, `lan` or `wan`.
    pub fn wait_for_peers(&self, dht: &str, many: usize) {
        let table = || self.kubo.ipfs(&[&"stats", &"dht", &dht]);
        let known = |table: &str| table.lines().filter(|line| line.contains("12D3")).count();
        let describe = || format!("Kubo does not know {many}:\n{}", table());
        until(describe, || (known(&table()) >= many).then_some(()));
    }

    /// Waits until it finds somebody who has this, and forgets whom it met meanwhile: its exchange overlooks who was connected
    /// before it had begun itself, and would ask nobody.
    pub fn wait_for_provider(&self, cid: &str) {
        let found = || self.kubo.ipfs(&[&"routing", &"findprovs", &"-n1", &cid]);
        let describe = || format!("Kubo finds nobody who has {cid}");
        until(describe, || (!found().is_empty()).then_some(()));
        for address in self.kubo.ipfs(&[&"swarm", &"peers"]).lines() {
            let disconnect: [&dyn AsRef<OsStr>; 3] = [&"swarm", &"disconnect", &address];
            // It may be gone by itself.
            let _ = self
                .kubo
                .command()
                .args(disconnect.map(AsRef::as_ref))
                .output();
        }
    }

    /// Fetches a file or folder to `out`, which must not exist; the time-out keeps a failure from hanging.
    pub fn get(&self, cid: &str, out: &Path) {
        self.kubo.ipfs(&[
            &"get",
            &format!("--timeout={HUNG_SECONDS}s"),
            &"-o",
            &out,
            &cid,
        ]);
    }
}

fn keep_to_this_machine(config: &mut Value, wire: Wire) {
    let listen = match wire {
        Wire::TcpTls | Wire::TcpNoise => "/ip4/127.0.0.1/tcp/0",
        Wire::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
    };
    config["Addresses"]["Swarm"] = json!([listen]);
    config["Addresses"]["API"] = json!("/ip4/127.0.0.1/tcp/0");
    config["Addresses"]["Gateway"] = json!([]);
    config["AutoConf"] = json!({ "Enabled": false });
    config["AutoNAT"] = json!({ "ServiceMode": "disabled" });
    config["AutoTLS"] = json!({ "Enabled": false });
    config["Bootstrap"] = json!([]);
    config["DNS"] = json!({ "Resolvers": {} });
    config["Discovery"] = json!({ "MDNS": { "Enabled": false } });
    config["HTTPRetrieval"] = json!({ "Enabled": false });
    config["Ipns"] = json!({});
    config["Plugins"] = json!({ "Plugins": { "telemetry": { "Config": { "Mode": "off" } } } });
    config["Provide"] = json!({ "Enabled": false });
    config["Routing"] = json!({ "Type": "none", "DelegatedRouters": [] });
    config["Swarm"] = json!({
        "AddrFilters": [],
        "DisableNatPortMap": true,
        "RelayClient": { "Enabled": false },
        "RelayService": { "Enabled": false },
        "Transports": { "Security": {
            "TLS": if wire == Wire::TcpNoise { json!(false) } else { json!(100) },
            "Noise": if wire == Wire::TcpTls { json!(false) } else { json!(200) },
        } },
    });
}
