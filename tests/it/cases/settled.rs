//! What is shown, what is on record and what is done always agree: after a call that failed, a check, a pause, a restart, a crash.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::two::{Fetcher, Sharer, id, is_empty, slow_fetcher};
use support::disk::Disk;
use support::shoal::{Shoal, number, text};
use support::trees;

#[test]
fn a_check_of_what_is_not_all_here_says_how_much_is_and_lets_it_go_on() {
    let (sharer, fetcher) = (Sharer::new(), slow_fetcher());
    let file = sharer.file("f", 30_000_000);
    let (_share, link) = sharer.share(&file);
    let id = fetcher.begin(&link);
    fetcher.some_of_it(&id);
    let refused = |state: &str| {
        let done = fetcher.shoal.run(&[&"verify", &id]).expect_code(1);
        assert_eq!(done.problem(), "not-whole", "{}", done.stdout);
        let message = text(done.event("error"), "message");
        assert!(message.contains("of 30.00 MB is here"), "{message}");
        let item = fetcher.status(&id);
        if state == "paused" {
            assert_eq!(item["state"], "paused");
        } else {
            assert!(
                item["state"] != "sharing" && item["state"] != "paused",
                "{item}"
            );
        }
        assert_eq!(number(&item, "total"), 30_000_000);
        assert!(number(&item, "done") > 0, "{item}");
    };
    refused("going on");
    fetcher.shoal.ok(&[&"pause", &id]);
    let before = fetcher.status(&id);
    refused("paused");
    assert_eq!(fetcher.status(&id), before);

    // What is damaged is found, and fetched again.
    let part = fetcher.path("f.part");
    let spoilt = fs_err::OpenOptions::new().write(true).open(&part).unwrap();
    for piece in 0..28 {
        let at = piece << 20;
        std::os::unix::fs::FileExt::write_all_at(spoilt.file(), b"precious", at).unwrap();
    }
    let done = fetcher.shoal.run(&[&"verify", &id]).expect_code(1);
    let message = text(done.event("error"), "message");
    assert!(
        message.contains("damaged, to be fetched again"),
        "{message}"
    );

    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shoal.ok(&[&"resume", &id]);
    fetcher.shared(&id);
    trees::assert_same(&file, &fetcher.path("f"));
    fetcher.shoal.ok(&[&"verify", &id]);
}

#[test]
fn a_check_changes_nothing_but_what_was_wrong() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    // One that was refused.
    let Some(disk) = Disk::new(8) else { return };
    let (_share, link) = sharer.share(&sharer.file("large", 30_000_000));
    let refused = fetcher.begin_in(&link, disk.path());
    assert_eq!(fetcher.problem(&refused), "no-space");
    fetcher.shoal.run(&[&"verify", &refused]).expect_code(1);
    assert_eq!(fetcher.problem(&refused), "no-space");

    // One that is paused, and whole.
    let whole = fetcher.path("whole");
    trees::file(&whole, 97, 1_000_000);
    let shared = fetcher.shoal.ok(&[&"share", &whole]);
    let id = text(shared.event("shared"), "id");
    fetcher.shoal.ok(&[&"pause", &id]);
    fetcher.shoal.ok(&[&"verify", &id]);
    assert_eq!(fetcher.status(&id)["state"], "paused");
    fetcher.shoal.ok(&[&"resume", &id]);

    // One whose file was away: what the person was told of is over, and stays so.
    let away = fetcher.path("away");
    fs_err::rename(&whole, &away).unwrap();
    fetcher.shoal.run(&[&"verify", &id]).expect_code(1);
    fs_err::rename(&away, &whole).unwrap();
    fetcher.shoal.ok(&[&"verify", &id]);
    let fetcher = fetcher.again(false);
    fetcher.shared(&id);
}

#[test]
fn a_call_that_could_not_be_put_on_record_changes_nothing() {
    let Some(disk) = Disk::new(32) else { return };
    let (shoal, folder) = (Shoal::on(disk.path()), tempfile::tempdir().unwrap());
    let (_daemon, _) = shoal.daemon();
    let file = trees::file(&folder.path().join("f"), 98, 3_000_000);
    let shared = shoal.ok(&[&"share", &file]);
    let (id, link) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "link"),
    );
    let (_other, there) = Sharer::new().share(&trees::file(&folder.path().join("g"), 99, 100_000));
    let into = folder.path().join("into");
    let fetched = self::id(&shoal.ok(&[&"get", &there, &"--into", &into]));

    let filled = fill(disk.path());
    let refused = |command: &[&str]| {
        let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            command.iter().map(|argument| argument as _).collect();
        let done = shoal.run(&arguments).expect_code(1);
        assert_eq!(done.problem(), "no-space", "{command:?}");
        let message = text(done.event("error"), "message");
        assert!(message.contains("all is as before"), "{message}");
    };
    let is_served = || {
        let into = tempfile::tempdir().unwrap();
        Shoal::new().ok(&[&"get", &link, &"--into", &into.path()]);
        trees::assert_same(&file, &into.path().join("f"));
    };
    refused(&["pause", &id]);
    refused(&["remove", &id]);
    refused(&["remove", &fetched, "--delete-files"]);
    assert!(into.join("g").exists());
    for id in [&id, &fetched] {
        assert_eq!(shoal.ok(&[&"status", id]).event("item")["state"], "sharing");
    }
    is_served();

    // And one that is paused stays so.
    fs_err::remove_file(&filled).unwrap();
    shoal.ok(&[&"pause", &id]);
    let filled = fill(disk.path());
    refused(&["resume", &id]);
    assert_eq!(shoal.ok(&[&"status", &id]).event("item")["state"], "paused");
    let into = tempfile::tempdir().unwrap();
    let asked: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"get", &link, &"--into", &into.path(), &"--timeout", &"2"];
    Shoal::new().run(&asked).expect_code(3);
    fs_err::remove_file(&filled).unwrap();
    shoal.ok(&[&"resume", &id]);
    is_served();
    shoal.ok(&[&"remove", &fetched, &"--delete-files"]);
    assert!(!folder.path().join("into/g").exists());
}

/// Fills a disk to its last byte, once what is written to the index is folded into it.
fn fill(disk: &Path) -> PathBuf {
    support::wait::until("an index at rest", || {
        let log = fs_err::metadata(disk.join("index.db-wal")).ok()?;
        (log.len() == 0).then_some(())
    });
    let path = disk.join("filled");
    let file = fs_err::File::create(&path).unwrap();
    for piece in [1 << 20, 4096, 1] {
        let bytes = vec![1; piece];
        while std::io::Write::write_all(&mut &file, &bytes).is_ok() {}
    }
    path
}

#[test]
fn asking_for_more_of_a_download_widens_it() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    trees::file(&tree.join("third"), 93, 4000);
    let (_share, link) = sharer.share(&tree);
    let into = fetcher.folder.path().to_path_buf();
    let select = |path: &str| {
        fetcher
            .shoal
            .run(&[&"get", &link, &"--into", &into, &"--select", &path])
    };
    let first = id(&select("a.txt").expect_code(0));
    assert!(!fetcher.path("d/large").exists());
    assert_eq!(id(&select("third").expect_code(0)), first);
    assert!(fetcher.path("d/third").exists() && !fetcher.path("d/large").exists());
    // A name that is not in it is told, and changes nothing.
    let done = select("nonsense").expect_code(1);
    assert_eq!(done.problem(), "not-in-item");
    fetcher.shared(&first);
    assert_eq!(id(&select("a.txt").expect_code(0)), first);
    assert!(!fetcher.path("d/large").exists());
    assert_eq!(id(&fetcher.get(&link)), first);
    trees::assert_same(&tree, &fetcher.path("d"));
    // It takes along less by no request.
    assert_eq!(id(&select("a.txt").expect_code(0)), first);
    trees::assert_same(&tree, &fetcher.path("d"));
    let items = fetcher.shoal.ok(&[&"list"]);
    assert_eq!(items.events.len(), 1, "{}", items.stdout);
}

#[test]
fn what_was_deleted_of_a_download_comes_back_in_its_place() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    let tree = sharer.tree("d");
    fs_err::create_dir(tree.join("sub")).unwrap();
    trees::file(&tree.join("sub/third"), 93, 4000);
    let (_share, link) = sharer.share(&tree);
    let first = id(&fetcher.get(&link));
    let here = fetcher.path("d");
    for gone in ["", "a.txt", "sub", "large", ""] {
        let path = here.join(gone);
        if path.is_dir() {
            fs_err::remove_dir_all(path).unwrap();
        } else {
            fs_err::remove_file(path).unwrap();
        }
        assert_eq!(id(&fetcher.get(&link)), first, "without {gone:?}");
        trees::assert_same(&tree, &here);
        let entries = fs_err::read_dir(fetcher.folder.path()).unwrap();
        assert_eq!(entries.count(), 1, "without {gone:?}");
    }
    assert!(fetcher.remove(&first).is_empty());
    assert!(is_empty(fetcher.folder.path()));
}

/// Everything that `status` says of an item.
fn told(shoal: &Shoal, id: &str) -> Vec<Value> {
    shoal.ok(&[&"status", &id]).events
}

#[test]
fn everything_that_is_told_of_an_item_is_the_same_after_a_restart() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    // A share and a download with something left out, and a name of its own.
    let tree = fetcher.path("tree");
    trees::sample(&tree, 72, trees::Kinds::All);
    fs_err::write(tree.join(".hidden"), "x").unwrap();
    fs_err::os::unix::fs::symlink("/etc/hostname", tree.join("out")).unwrap();
    let shared = fetcher.shoal.ok(&[&"share", &tree, &"--name", &"Mine"]);
    let other = sharer.tree("d");
    fs_err::os::unix::fs::symlink("/etc/hostname", other.join("out")).unwrap();
    let (_share, link) = sharer.share(&other);
    let fetched = id(&fetcher.get(&link));
    let one = sharer.tree("one");
    let (_one, link) = sharer_of(&one);
    let into = fetcher.folder.path().to_path_buf();
    let some = fetcher
        .shoal
        .ok(&[&"get", &link, &"--into", &into, &"--select", &"a.txt"]);
    // One that stands still half way.
    fetcher
        .shoal
        .ok(&[&"settings", &"download.limit", &"600000"]);
    let half = sharer.tree("half");
    fs_err::remove_file(half.join("a.txt")).unwrap();
    trees::file(&half.join("large"), 92, 30_000_000);
    let (share, link) = sharer_of(&half);
    let half = fetcher.begin(&link);
    fetcher.some_of_it(&half);
    share.interrupt().expect_code(0);
    fetcher.shoal.ok(&[&"pause", &half]);

    let ids = [text(shared.event("shared"), "id"), fetched, id(&some), half];
    let all = |shoal: &Shoal| ids.each_ref().map(|id| told(shoal, id));
    let before = all(&fetcher.shoal);
    let fetcher = fetcher.again(false);
    same(&before, &all(&fetcher.shoal));
    for id in &ids {
        fetcher.shoal.ok(&[&"pause", id]);
    }
    let paused = all(&fetcher.shoal);
    let fetcher = fetcher.again(true);
    same(&paused, &all(&fetcher.shoal));
    for id in &ids[..3] {
        fetcher.shoal.ok(&[&"resume", id]);
        fetcher.shared(id);
    }
    same(&before, &all(&fetcher.shoal));
    fetcher.shoal.ok(&[&"verify", &ids[0]]);
    same(&before, &all(&fetcher.shoal));
    let fetcher = fetcher.again(true);
    same(&before, &all(&fetcher.shoal));
}

fn sharer_of(path: &Path) -> (support::shoal::Running, String) {
    let (share, _, shared) = Shoal::new().share(path, &[]);
    (share, text(&shared, "link"))
}

#[track_caller]
fn same(before: &[Vec<Value>], now: &[Vec<Value>]) {
    for (before, now) in before.iter().zip(now) {
        assert_eq!(before, now, "\nbefore: {before:#?}\nnow: {now:#?}");
    }
}

#[test]
fn whoever_is_kept_away_is_named_when_nothing_comes() {
    let (folder, fetcher) = (tempfile::tempdir().unwrap(), Fetcher::new());
    let file = trees::file(&folder.path().join("f"), 98, 3_000);
    let (_share, ready, shared) = Shoal::new().share(&file, &[]);
    let (link, into) = (text(&shared, "link"), fetcher.folder.path());
    fetcher.shoal.ok(&[&"peers", &"--block", &ready.peer]);
    let asked: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"get", &link, &"--into", &into, &"--timeout", &"2"];
    let done = fetcher.shoal.run(&asked).expect_code(3);
    assert_eq!(done.problem(), "kept-away");
    let hint = text(done.event("error"), "hint");
    assert!(hint.contains(&ready.peer), "{hint}");
    fetcher.shoal.ok(&[&"peers", &"--forget", &ready.peer]);
    fetcher.get(&link);
    trees::assert_same(&file, &fetcher.path("f"));
}

#[test]
fn whoever_waits_because_another_download_takes_all_is_told_so() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    fetcher
        .shoal
        .ok(&[&"settings", &"download.limit", &"1000000"]);
    let large = sharer.folder.path().join("large");
    let (_large, link) = sharer_of(&trees::file(&large, 100, 60_000_000));
    let first = fetcher.begin(&link);
    // No piece of the second comes for longer than anybody waits.
    let (_other, link) = sharer.share(&sharer.file("second", 30_000_000));
    sharer.shoal.ok(&[&"settings", &"upload.limit", &"1000"]);
    let second = fetcher.begin(&link);
    let into = fetcher.folder.path();
    let asked: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"get", &link, &"--into", &into, &"--timeout", &"1"];
    // Not before the first is under way, and somebody is found who has the second.
    let told = support::wait::until(
        || fetcher.shoal.ok(&[&"list"]).stdout,
        || {
            let done = fetcher.shoal.run(&asked).expect_code(3);
            (done.problem() == "not-its-turn").then_some(done)
        },
    );
    let error = told.event("error");
    let message = text(error, "message");
    assert!(message.contains("large takes all"), "{message}");
    assert!(text(error, "hint").contains("download.limit"), "{error}");
    // It waits on, which is told, and comes when there is room.
    support::wait::until("that it waits for somebody", || {
        let list = fetcher.shoal.bare_command().arg("list").output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        let said = "Waiting for the one person who has";
        list.contains(said).then_some(())
    });
    for shoal in [&fetcher.shoal, &sharer.shoal] {
        for key in ["download.limit", "upload.limit"] {
            shoal.ok(&[&"settings", &key, &"0"]);
        }
    }
    fetcher.shared(&first);
    fetcher.shared(&second);
}
