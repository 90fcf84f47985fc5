//! A network's own server of names, and who asks it.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::process::Process;

use super::Host;

/// A server of names; ends when dropped.
#[derive(Debug)]
pub struct Names(Process);

impl Host {
    /// Answers for these names from now on, and says of all others that there are none.
    pub fn serve_names(&self, names: &[(&str, Ipv4Addr)]) -> Names {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lab/names.py");
        let known = names
            .iter()
            .map(|(name, address)| format!("{name}={address}"));
        let known: Vec<String> = known.collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let names = Names(self.python(&script, &known));
        names.wait_for("ready");
        names
    }

    /// Says to all programs there, as a network does to its computers, which server to ask for names.
    pub fn resolve_at(&self, server: &Self) {
        self.space.resolve_at(server.address);
    }
}

impl Names {
    /// Waits until somebody asked for a name.
    pub fn wait_for_question(&self, name: &str) {
        self.wait_for(&format!("asked for {name}"));
    }

    fn wait_for(&self, line: &str) {
        let is_it = |known: &str| (known == line).then_some(());
        self.0.wait_for(&format!("{line:?}"), is_it).unwrap();
    }
}
