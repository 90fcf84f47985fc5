//! A slow cable between two namespaces; `delay.py` is what the packets pass through.

use std::path::Path;

use crate::process::Process;

use super::space::Space;

/// The cable; cut when dropped.
#[derive(Debug)]
pub(super) struct Delay {
    _process: Process,
}

impl Delay {
    /// A cable between new interfaces in two namespaces, both up. Each packet takes `one_way` milliseconds.
    pub(super) fn new(
        from: &Space,
        from_name: &str,
        to: &Space,
        to_name: &str,
        one_way: u32,
    ) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lab/delay.py");
        let mut command = from.command("python3");
        command
            .arg(script)
            .args([from_name, to_name, &one_way.to_string()]);
        let process = Process::start(&mut command).unwrap();
        let is_ready = |line: &str| (line == "ready").then_some(());
        process.wait_for("\"ready\"", is_ready).unwrap();
        from.hand_over(to_name, to);
        from.up(from_name);
        to.up(to_name);
        Self { _process: process }
    }
}
