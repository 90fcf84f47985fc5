//! The computer around Shoal: full logs, broken settings, folders and modes, what was announced.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use fs_err as fs;
use support::disk::Disk;
use support::process::Process;
use support::shoal::{Shoal, text};
use support::trees;
use support::wait::until;

/// The command with its words written to a disk: standard error alone, or all.
fn told_to(command: &Command, redirect: &str, file: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!(r#"exec "$@" {redirect}"#), "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell.env("FULL", file);
    shell
}

/// Writes until the disk takes no more.
fn fill(disk: &Disk) {
    let mut filler = fs::File::create(disk.path().join("filler")).unwrap();
    let page = [7; 4096];
    while filler.write_all(&page).is_ok() {}
    while filler.write_all(&page[..1]).is_ok() {}
}

#[test]
fn a_full_disk_under_its_words_ends_nothing() {
    for redirect in [r#"2>>"$FULL""#, r#">>"$FULL" 2>&1"#] {
        let Some(disk) = Disk::new(1) else { return };
        fill(&disk);
        let folder = tempfile::tempdir().unwrap();
        let file = trees::file(&folder.path().join("file"), 1, 3_000_000);
        let shoal = Shoal::new();
        let mut command = shoal.command(&[&"daemon"]);
        command.env("SHOAL_LOG", "trace");
        let daemon =
            Process::start(&mut told_to(&command, redirect, &disk.path().join("log"))).unwrap();
        until("the daemon", || {
            let network = shoal.run(&[&"network"]);
            (network.code == Some(0)).then_some(())
        });
        let link = text(shoal.ok(&[&"share", &file]).event("shared"), "link");
        let into = folder.path().join("into");
        Shoal::new().ok(&[&"get", &link, &"--into", &into]);
        trees::assert_same(&file, &into.join("file"));
        assert_eq!(fs::metadata(disk.path().join("log")).unwrap().len(), 0);
        daemon.interrupt().unwrap();
    }
}

#[test]
fn a_download_whose_progress_can_not_be_written_arrives_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 2, 3_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let (link, into) = (text(&shared, "link"), folder.path().join("into"));
    let fetcher = Shoal::new();
    let full = Path::new("/dev/full");
    let get: [&dyn AsRef<OsStr>; 4] = [&"get", &link, &"--into", &into];
    let mut command = fetcher.bare_command();
    command.args(get.map(AsRef::as_ref));
    let get = Process::start(&mut told_to(&command, r#">"$FULL""#, full)).unwrap();
    let done = get.finish().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("could not be written"),
        "{}",
        done.stderr
    );
    trees::assert_same(&file, &into.join("file"));

    let mut command = fetcher.bare_command();
    command.arg("list");
    let list = Process::start(&mut told_to(&command, r#">"$FULL""#, full)).unwrap();
    assert_eq!(list.finish().unwrap().status.code(), Some(1));
}
