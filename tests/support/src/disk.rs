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

/// A stick with a file system that others made: it tells no cases apart, and holds few names.
#[derive(Debug)]
pub struct Foreign {
    folder: TempDir,
    device: String,
    /// It is FAT, which holds no file of 4 GiB.
    pub is_fat: bool,
}

impl Foreign {
    /// FAT where the kernel knows it, else exFAT; `None` after a loud word where neither can be had.
    pub fn new(megabytes: u64) -> Option<Self> {
        let stick = Self::made(megabytes, "mkfs.vfat", &["mount", "-t", "vfat"], true);
        let stick =
            stick.or_else(|| Self::made(megabytes, "mkfs.exfat", &["mount", "-t", "exfat"], false));
        let stick =
            stick.or_else(|| Self::made(megabytes, "mkfs.exfat", &["mount.exfat-fuse"], false));
        if stick.is_none() {
            tools::missing(
                "a stick needs root, losetup, and mkfs.vfat, or mkfs.exfat and mount.exfat-fuse",
            );
        }
        stick
    }

    fn made(megabytes: u64, make: &str, mount: &[&str], is_fat: bool) -> Option<Self> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(megabytes << 20).unwrap();
        run(Command::new(make).arg(image.path()))?;
        // The device keeps the image, which has no name any more.
        let device = run(Command::new("losetup")
            .args(["-f", "--show"])
            .arg(image.path()))?;
        let stick = Self {
            folder: tempfile::tempdir().unwrap(),
            device: device.trim().to_owned(),
            is_fat,
        };
        let mut command = Command::new(mount[0]);
        run(command
            .args(&mount[1..])
            .arg(&stick.device)
            .arg(stick.path()))?;
        Some(stick)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
        let _ = Command::new("losetup").arg("-d").arg(&self.device).output();
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
