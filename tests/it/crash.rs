//! `kill -9` at random moments: what was synced stays, and the end is the same as without it.

use std::time::Duration;

use support::shoal::{Shoal, number, text};
use support::trees::{self, Kinds, Seeded};

/// How often a process is killed in each test; `SHOAL_TEST_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("SHOAL_TEST_KILLS").map_or(8, |kills| kills.parse().unwrap())
}

/// The most that a killed download may fetch again: what a few groups of blocks between two syncs hold.
const UNSYNCED: u64 = 32 << 20;

#[test]
fn a_killed_download_goes_on() {
    const SIZE: u64 = 200_000_000;
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 70, SIZE);
    let (_share, ready, shared) = Shoal::new().share(&file, &[]);
    let cid = text(&shared, "cid");
    let into = folder.path().join("into");
    // So slow that every kill hits the middle of it.
    let fetcher = Shoal::new().with("download.limit", "60000000");
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] = [
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &ready.listen[0],
    ];

    let mut seeded = Seeded::new(71);
    let mut reached = 0;
    for kill in 0..kills() {
        let get = fetcher.start(&arguments);
        let first = number(&get.event("progress"), "done");
        assert!(
            first + UNSYNCED >= reached,
            "kill {kill}: {reached} bytes were there, only {first} are left"
        );
        // Not to wait for anything: any moment has to do, so this one is as good.
        std::thread::sleep(Duration::from_millis(seeded.below(600)));
        let killed = get.kill();
        reached = killed
            .events
            .iter()
            .filter(|event| event["event"] == "progress")
            .map(|event| number(event, "done"))
            .max()
            .unwrap();
        if killed.events.iter().any(|event| event["event"] == "done") {
            break;
        }
    }
    fetcher.ok(&arguments);
    trees::assert_same(&file, &into.join(&cid));
}

#[test]
fn a_killed_download_of_a_folder_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 72, Kinds::All);
    trees::crowd(&tree.join("crowd"), 2000);
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let link = text(&shared, "link");
    let into = folder.path().join("into");
    let fetcher = Shoal::new().with("download.limit", "8000000");
    let mut seeded = Seeded::new(73);
    for _ in 0..kills() {
        let get = fetcher.start(&[&"get", &link, &"--into", &into]);
        std::thread::sleep(Duration::from_millis(seeded.below(800)));
        get.kill();
    }
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&tree, &into.join("tree"));
}

#[test]
fn a_killed_share_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 74, Kinds::All);
    trees::file(&tree.join("large"), 75, 100_000_000);
    let sharer = Shoal::new();
    let mut seeded = Seeded::new(76);
    for _ in 0..kills() {
        let share = sharer.start(&[&"share", &tree]);
        std::thread::sleep(Duration::from_millis(seeded.below(400)));
        share.kill();
    }
    let (_share, _, shared) = sharer.share(&tree, &[]);
    let cid = text(Shoal::new().ok(&[&"cid", &tree]).event("cid"), "cid");
    assert_eq!(text(&shared, "cid"), cid);
    let into = folder.path().join("into");
    Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    trees::assert_same(&tree, &into.join("tree"));
}

#[test]
fn a_download_outlives_the_death_of_its_sharer() {
    const SIZE: u64 = 60_000_000;
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 77, SIZE);
    let sharer = Shoal::new();
    let fetcher = Shoal::new().with("download.limit", "20000000");
    let into = folder.path().join("into");
    let mut seeded = Seeded::new(78);
    let mut cid = String::new();
    for _ in 0..kills() {
        let (share, ready, shared) = sharer.share(&file, &[]);
        cid = text(&shared, "cid");
        let get = fetcher.start(&[
            &"get",
            &cid,
            &"--into",
            &into,
            &"--provider",
            &ready.listen[0],
        ]);
        get.event("progress");
        std::thread::sleep(Duration::from_millis(seeded.below(300)));
        share.kill();
        get.interrupt();
    }
    let (_share, ready, _) = sharer.share(&file, &[]);
    fetcher.ok(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &ready.listen[0],
    ]);
    trees::assert_same(&file, &into.join(&cid));
}
