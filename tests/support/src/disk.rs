//! A small disk that a test can fill, or make read-only; and one that can be pulled out and put back.

use std::path::{Path, PathBuf};
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

    /// A stick with FAT on it, whose owner is whoever runs the test. `None` after a loud word where that can't be had.
    pub fn fat(megabytes: u64) -> Option<Self> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(megabytes * 1024 * 1024).unwrap();
        let made = Command::new("mkfs.vfat").arg(image.path()).output();
        if !made.is_ok_and(|output| output.status.success()) {
            tools::missing("making a FAT disk needs mkfs.vfat (dosfstools)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let image = image.path().to_str().unwrap().to_owned();
        // The mount keeps the image, which has no name any more.
        if !mount(&["-o", "loop", &image], folder.path()) {
            tools::missing("mounting a disk image needs root and loop devices");
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

/// A disk with a file system that lasts: what is on it is away while it is pulled out.
#[derive(Debug)]
pub struct Stick {
    _image: TempDir,
    device: String,
}

impl Stick {
    /// `None` after a loud word where this user may not mount, or has not the tools for it.
    pub fn new(megabytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let file = fs_err::File::create(&image).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let made = run(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let device =
            made.and_then(|_| run(Command::new("losetup").args(["-f", "--show"]).arg(&image)));
        let Some(device) = device else {
            tools::missing("a disk that can be pulled out needs root, mkfs.ext4 and losetup");
            return None;
        };
        let device = device.trim().to_owned();
        Some(Self {
            _image: folder,
            device,
        })
    }

    /// Puts it in.
    pub fn plug(&self, on: &Path) -> Plugged {
        let mounted = mount(&["-o", "strictatime", &self.device], on);
        assert!(mounted, "{} can't be mounted", self.device);
        Plugged(on.to_path_buf())
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        run(Command::new("losetup").args(["-d", &self.device]));
    }
}

/// A disk that is in its place, until this is dropped: then it is pulled out, whoever still has files of it open.
#[derive(Debug)]
pub struct Plugged(PathBuf);

impl Drop for Plugged {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// What the command says, if it succeeds.
fn run(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn mount(arguments: &[&str], on: &Path) -> bool {
    Command::new("mount")
        .args(arguments)
        .arg(on)
        .output()
        .is_ok_and(|output| output.status.success())
}
