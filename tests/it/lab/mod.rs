//! Reachable from anywhere: real programs behind real address translation, in networks that the test makes itself.

mod check;
mod devices;
mod home;
mod itself;
mod names;
mod nearby;
mod port;
mod punch;
mod relay;
mod roam;
mod sending;
mod sources;

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use support::shoal::{Done, Shoal, number, text};
use support::trees;
use support::wait::until;

/// How a running Shoal stands in the network.
pub(crate) fn network(shoal: &Shoal) -> Value {
    shoal.ok(&[&"network"]).event("network").clone()
}

/// How it stands once it `fits`.
pub(crate) fn network_where(shoal: &Shoal, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let describe = || format!("not {what}: {:#}", network(shoal));
    until(describe, || Some(network(shoal)).filter(|view| fits(view)))
}

/// Why a rung of the ladder stands or doesn't.
fn reason(network: &Value, rung: &str) -> String {
    let rungs = network["rungs"].as_array().unwrap();
    let found = rungs.iter().find(|view| view["rung"] == rung);
    text(
        found.unwrap_or_else(|| panic!("no rung {rung:?} in {network}")),
        "reason",
    )
}

/// Shares with the running daemon, and returns the item's CID and ID.
fn share(shoal: &Shoal, file: &Path) -> (String, String) {
    let shared = shoal.ok(&[&"share", &file]);
    let shared = shared.event("shared");
    (text(shared, "cid"), text(shared, "id"))
}

/// The link that the running daemon gives out now.
fn link(shoal: &Shoal, id: &str) -> String {
    text(shoal.ok(&[&"link", &id]).event("link"), "link")
}

/// Fetches `file`, checks that it is equal, and returns what was said.
fn fetch(shoal: &Shoal, link: &str, options: &[&str], file: &Path) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path();
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &link, &"--into", &into];
    arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
    let done = shoal.ok(&arguments);
    let path = text(done.event("done"), "path");
    trees::assert_same(file, Path::new(&path));
    done
}

/// Bytes that came from a peer.
fn bytes_from(done: &Done, peer: &str) -> u64 {
    let sources = done.event("done")["sources"].as_array().unwrap();
    let from = sources.iter().filter(|source| source["peer"] == peer);
    from.map(|source| number(source, "bytes")).sum()
}
