//! Disks that are full or read-only, and data directories that are damaged or from a newer version.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use support::disk::Disk;
use support::shoal::{Shoal, text};
use support::trees;
use support::wait::HUNG_SECONDS;

#[test]
fn a_full_disk_is_told_and_the_download_goes_on_with_space() {
    let Some(disk) = Disk::new(8) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 80, 20_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let fetcher = Shoal::new();
    let (link, into) = (text(&shared, "link"), disk.path().join("into"));
    fetcher
        .run(&[&"get", &link, &"--into", &into])
        .expect_code(1)
        .problem();
    assert!(
        !into.join("file").exists(),
        "half a file under its own name"
    );

    disk.remount("size=64m");
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
}

#[test]
fn a_read_only_folder_is_told_and_the_download_works_afterwards() {
    let Some(disk) = Disk::new(64) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 81, 3_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let fetcher = Shoal::new();
    disk.remount("ro");
    let (link, into) = (text(&shared, "link"), disk.path().join("into"));
    let done = fetcher
        .run(&[&"get", &link, &"--into", &into])
        .expect_code(1);
    done.problem();
    assert!(
        text(done.event("error"), "message").contains("into"),
        "{}",
        done.stdout
    );
    disk.remount("rw");
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
}

#[test]
fn a_full_data_directory_loses_nothing() {
    let Some(disk) = Disk::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::crowd(&folder.path().join("crowd"), 10_000);
    let shoal = Shoal::on(disk.path());
    shoal.run(&[&"share", &tree]).expect_code(1).problem();
    disk.remount("size=64m");
    let (_share, _, shared) = shoal.share(&tree, &[]);
    let into = folder.path().join("into");
    Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    trees::assert_same(&tree, &into.join("crowd"));
}

/// What can't be written leaves nothing behind, and the words say what to do about a full disk.
#[test]
fn a_full_disk_under_an_export_or_the_settings_is_told_as_such() {
    let Some(disk) = Disk::new(1) else { return };
    let (folder, shoal, _) = with_a_share();
    let told = |shoal: &Shoal, arguments: &[&dyn AsRef<std::ffi::OsStr>], codes: &[&str]| {
        let done = shoal.run(arguments).expect_code(1);
        assert!(codes.contains(&&*done.problem()), "{}", done.stdout);
        let hint = text(done.event("error"), "hint");
        assert!(!hint.contains("SHOAL_LOG"), "{hint}");
    };
    let car = disk.path().join("x.car");
    told(&shoal, &[&"export", &"1", &car], &["unwritten"]);
    assert_eq!(files(disk.path()), Vec::<PathBuf>::new());
    shoal.ok(&[&"export", &"1", &folder.path().join("x.car")]);

    let full = Shoal::on(&disk.path().join("data"));
    full.ok(&[&"settings", &"upload.limit", &"1000"]);
    let mut filling = fs_err::File::create(disk.path().join("filling")).unwrap();
    while std::io::Write::write(&mut filling, &[7; 512]).is_ok_and(|written| written > 0) {}
    let set: [&dyn AsRef<std::ffi::OsStr>; 3] = [&"settings", &"upload.limit", &"2000"];
    // It depends on what the disk still takes how far it comes.
    told(&full, &set, &["settings", "no-space", "index", "data-dir"]);
}

#[test]
fn a_data_directory_of_a_newer_version_is_left_alone() {
    let (_folder, shoal, _) = with_a_share();
    let database = database(&shoal);
    let set = rusqlite::Connection::open(&database).unwrap();
    set.pragma_update(None, "user_version", 9999).unwrap();
    drop(set);
    let bytes = fs_err::read(&database).unwrap();
    shoal.run(&[&"daemon"]).expect_code(1).problem();
    assert!(
        fs_err::read(&database).unwrap() == bytes,
        "it was written to"
    );
}

#[test]
fn a_damaged_database_is_put_aside_and_rebuilt() {
    let (folder, shoal, cid) = with_a_share();
    let database = database(&shoal);
    // Opened and closed, so that all is in the one file.
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .pragma_query(None, "wal_checkpoint", |_| Ok(()))
        .unwrap();
    drop(connection);
    let mut bytes = fs_err::read(&database).unwrap();
    for byte in bytes.iter_mut().skip(100) {
        *byte ^= 0x5a;
    }
    fs_err::write(&database, &bytes).unwrap();

    let (_daemon, ready) = shoal.daemon();
    let kept = files(shoal.data_dir())
        .iter()
        .any(|file| fs_err::read(file).unwrap() == bytes);
    assert!(kept, "the damaged file is gone");
    let into = folder.path().join("into");
    Shoal::new().ok(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &ready.listen[0],
        &"--timeout",
        &HUNG_SECONDS,
    ]);
    trees::assert_same(&folder.path().join("file"), &into.join(&cid));
}

/// A data directory whose daemon has shared a file and was stopped in an orderly way.
fn with_a_share() -> (TempDir, Shoal, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 82, 3_000_000);
    let shoal = Shoal::new();
    let (daemon, _) = shoal.daemon();
    let shared = shoal.ok(&[&"share", &file]);
    daemon.interrupt().expect_code(0);
    (folder, shoal, text(shared.event("shared"), "cid"))
}

fn database(shoal: &Shoal) -> PathBuf {
    let files = files(shoal.data_dir());
    let database = files.iter().find(|file| {
        fs_err::read(file)
            .unwrap()
            .starts_with(b"SQLite format 3\0")
    });
    database
        .unwrap_or_else(|| panic!("no database among {files:?}"))
        .clone()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}
