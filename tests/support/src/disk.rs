//! A small disk that a test can fill, or make read-only.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::tools;

/// A file system of its own in memory; unmounted when dropped.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// `None` after a loud word where this user may not mount.
    pub fn new(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = mount(
            &[
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m"),
                "shoal-test",
            ],
            folder.path(),
        );
        if !made {
            tools::missing("mounting a small disk needs root");
            return None;
        }
        Some(Self(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn remount(&self, options: &str) {
        assert!(
            mount(&["-o", &format!("remount,{options}")], self.0.path()),
            "cannot remount with {options}"
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

fn mount(arguments: &[&str], on: &Path) -> bool {
    Command::new("mount")
        .args(arguments)
        .arg(on)
        .output()
        .is_ok_and(|output| output.status.success())
}
