//! A network namespace: a computer's own network, with nothing in it but what the lab puts there.
//!
//! Its name carries the pid of the test run: two runs never meet, and what a killed run left behind is removed by the next.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The start of every name here.
const MARK: &str = "shoal-test";

/// A namespace; when dropped it is removed, with all that still runs in it.
#[derive(Debug)]
pub struct Space {
    name: String,
}

impl Space {
    /// A namespace with nothing but loopback.
    pub(super) fn new(lab: u64, role: &str) -> Self {
        let name = format!("{MARK}-{}-{lab}-{role}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let space = Self { name };
        space.run(&["ip", "link", "set", "lo", "up"]);
        // The lab speaks IPv4: addresses that nobody gave would only be tried in vain.
        space.run(&[
            "sysctl",
            "-qw",
            "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1",
        ]);
        space
    }

    /// What starts a program in here, see [`by_way_of`](crate::process::by_way_of).
    pub fn way(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name]
            .map(str::to_owned)
            .to_vec()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program to be run in here.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a command in here, which has to succeed, and returns what it printed.
    pub fn run(&self, words: &[&str]) -> String {
        run(self.command(words[0]).args(&words[1..]))
    }

    /// A cable between a new interface in here and one in `other`; both are up.
    pub(super) fn cable(&self, here: &str, other: &Self, there: &str) {
        run(Command::new("ip").args([
            "link",
            "add",
            here,
            "netns",
            &self.name,
            "type",
            "veth",
            "peer",
            "name",
            there,
            "netns",
            &other.name,
        ]));
        self.up(here);
        other.up(there);
    }

    /// Has programs in here that are started from now on ask there for names; those that run as well, if this was said before.
    pub(super) fn resolve_at(&self, server: Ipv4Addr) {
        let folder = settings(&self.name);
        fs_err::create_dir_all(&folder).unwrap();
        // In place: programs see this very file. And in one piece: always as many bytes, so that none reads half of it.
        let mut file = fs_err::OpenOptions::new();
        let file = file.write(true).create(true).truncate(false);
        let mut file = file.open(folder.join("resolv.conf")).unwrap();
        let line = format!("nameserver {server:<15}\n");
        file.write_all(line.as_bytes()).unwrap();
    }

    /// Lets nothing out of an interface faster than that.
    pub(super) fn pace(&self, interface: &str, bytes_a_second: u64) {
        let rate = format!("{}bit", bytes_a_second * 8);
        self.run(&[
            "tc", "qdisc", "replace", "dev", interface, "root", "tbf", "rate", &rate, "burst",
            "64kb", "latency", "100ms",
        ]);
    }

    pub(super) fn up(&self, interface: &str) {
        self.run(&["ip", "link", "set", interface, "up"]);
    }

    /// Moves an interface from here to `other`.
    pub(super) fn hand_over(&self, interface: &str, other: &Self) {
        self.run(&["ip", "link", "set", interface, "netns", &other.name]);
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Whether this user may make namespaces at all; what went wrong, if not.
pub(super) fn possible(lab: u64) -> Result<(), String> {
    for program in ["ip", "nft", "miniupnpd", "python3", "sysctl"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!(
                "{program} is missing; tests/tools/packages.sh installs it"
            ));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Err("network namespaces need root".to_owned());
    }
    let name = format!("{MARK}-{}-{lab}-probe", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output();
    remove(&name);
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "no network namespaces: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Err(format!("no network namespaces: {error}")),
    }
}

/// Removes namespaces of test runs that were killed before they could.
pub(super) fn sweep() {
    let Ok(output) = Command::new("ip").args(["netns", "list"]).output() else {
        return;
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let pid = name
            .strip_prefix(MARK)
            .and_then(|rest| rest.split('-').nth(1));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(name);
        }
    }
}

fn remove(name: &str) {
    let inside = Command::new("ip").args(["netns", "pids", name]).output();
    if let Ok(output) = inside {
        for pid in String::from_utf8_lossy(&output.stdout).lines() {
            let _ = Command::new("kill").args(["-KILL", pid]).output();
        }
    }
    let _ = Command::new("ip").args(["netns", "del", name]).output();
    let _ = fs_err::remove_dir_all(settings(name));
}

/// What lies in there, `ip netns exec` puts in the place of this machine's own in `/etc`.
fn settings(name: &str) -> PathBuf {
    Path::new("/etc/netns").join(name)
}

fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
