//! What a share takes along, what it leaves out, and that it says so.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use serde_json::Value;
use support::shoal::{Shoal, number, text};

const HIDDEN: &str = "it is hidden";
const UNFINISHED: &str = "it is a download that is not finished";
const OWN: &str = "it is Shoal's own data";

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The names of what was left out, and why.
fn left_out(event: &Value) -> Vec<(String, String)> {
    let skipped = event["skipped"].as_array().unwrap().iter();
    let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
    let mut all: Vec<_> = skipped
        .map(|entry| (name(text(entry, "path")), text(entry, "reason")))
        .collect();
    all.sort();
    all
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, reason): &(&str, &str)| ((*name).to_owned(), (*reason).to_owned());
    expected.iter().map(own).collect()
}

#[test]
fn what_is_left_out_is_counted_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    write(&tree.join("seen.txt"), "seen");
    write(&tree.join(".config"), "hidden");
    write(&tree.join("sub/.git/HEAD"), "hidden");
    write(&tree.join("film.mov.part"), "half");
    write(&tree.join("Unconfirmed 1.crdownload"), "half");
    write(&tree.join("x.iso"), "half");
    write(&tree.join("x.iso.aria2"), "which half");
    let pipe = made_pipe(&tree.join("pipe"));
    let expected = [
        (".config", HIDDEN),
        (".git", HIDDEN),
        ("Unconfirmed 1.crdownload", UNFINISHED),
        ("film.mov.part", UNFINISHED),
        ("pipe", "it is a pipe"),
        ("x.iso", UNFINISHED),
        ("x.iso.aria2", UNFINISHED),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .filter(|(name, _)| pipe || *name != "pipe")
        .collect();

    let shoal = Shoal::new();
    let cid = shoal.ok(&[&"cid", &tree]);
    assert_eq!(left_out(cid.event("cid")), pairs(&expected));
    let (share, _, shared) = shoal.share(&tree, &[]);
    assert_eq!(left_out(&shared), pairs(&expected));
    assert_eq!(number(&shared, "files"), 1);
    assert_eq!(text(&shared, "cid"), text(cid.event("cid"), "cid"));
    let status = shoal.ok(&[&"status", &"1"]);
    assert_eq!(
        number(status.event("item"), "skipped"),
        expected.len() as u64
    );
    let named = status
        .events
        .iter()
        .filter(|event| event["event"] == "skipped");
    assert_eq!(named.count(), expected.len());
    drop(share);

    // People are told how to take hidden ones along.
    let output = Shoal::new().bare_command().arg("cid").arg(&tree).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains(".config: it is hidden"), "{said}");
    assert!(said.contains("--hidden"), "{said}");
    // And one that only has such a name.
    assert!(said.contains("under another name"), "{said}");
}

/// A pipe, where this machine has the tool.
fn made_pipe(path: &Path) -> bool {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    made.is_ok_and(|status| status.success())
}

#[test]
fn an_item_that_would_be_empty_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = folder.path().join("hidden");
    write(&hidden.join(".config"), "a");
    let unfinished = folder.path().join("unfinished");
    write(&unfinished.join("sub/film.part"), "a");
    for (path, name, code) in [
        (&hidden, ".config", "all-left-out"),
        (&unfinished, "film.part", "unfinished-download"),
    ] {
        for command in ["share", "cid"] {
            let done = Shoal::new().run(&[&command, path]).expect_code(1);
            assert_eq!(done.problem(), code);
            let message = text(done.event("error"), "message");
            assert!(message.contains(name), "{message}");
        }
    }
    let (_share, _, shared) = Shoal::new().share(&hidden, &["--hidden"]);
    assert_eq!(number(&shared, "files"), 1);
    // Who names it means it.
    let (_share, _, shared) = Shoal::new().share(&unfinished.join("sub/film.part"), &[]);
    assert_eq!(number(&shared, "files"), 1);
    // An empty folder is what somebody made it.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let (_share, _, shared) = Shoal::new().share(&empty, &[]);
    assert_eq!(number(&shared, "files"), 0);
}

#[test]
fn a_symlink_that_is_named_is_followed_under_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("real.txt"), "content");
    write(&folder.path().join("tree/a"), "a");
    for (target, link) in [
        ("real.txt", "h"),
        ("tree", "t"),
        ("h", "hh"),
        ("gone", "dead"),
    ] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    for (link, file, content) in [
        ("h", "h", "content"),
        ("hh", "hh", "content"),
        ("t", "t/a", "a"),
    ] {
        let (_share, _, shared) = Shoal::new().share(&folder.path().join(link), &[]);
        assert_eq!(text(&shared, "name"), link);
        let into = tempfile::tempdir().unwrap();
        Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into.path()]);
        let got = fs::read_to_string(into.path().join(file)).unwrap();
        assert_eq!(got, content);
    }
    // One of several, too.
    let (one, two) = (folder.path().join("h"), folder.path().join("t"));
    let shoal = Shoal::new();
    let share = shoal.start(&[&"share", &one, &two]);
    let shared = share.event("shared");
    assert_eq!(number(&shared, "files"), 2);
    let listed = shoal.ok(&[&"ls", &text(&shared, "cid")]);
    let kinds: Vec<_> = listed
        .events
        .iter()
        .map(|entry| text(entry, "kind"))
        .collect();
    assert_eq!(kinds, ["file", "folder"]);

    let dead = folder.path().join("dead");
    let done = Shoal::new().run(&[&"share", &dead]).expect_code(1);
    assert_eq!(done.problem(), "dead-link");
    let done = Shoal::new().run(&[&"cid", &dead]).expect_code(1);
    assert!(!done.problem().is_empty());
}

#[test]
fn a_folder_that_is_named_by_dots_has_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("x/y");
    write(&inside.join("file"), "a");
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    for (word, name) in [("..", "x"), (".", "y"), ("../y", "y"), ("../..", "")] {
        let mut command = shoal.command(&[&"share", &word]);
        let output = command.current_dir(&inside).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let events = said.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut events = events.filter(|event: &Value| event["event"] == "shared");
        let shared = events.next().unwrap_or_else(|| panic!("{word}: {said}"));
        let own = folder.path().file_name().unwrap().to_str().unwrap();
        let name = if name.is_empty() { own } else { name };
        assert_eq!(text(&shared, "name"), name, "{word}");
        let link = text(&shared, "link");
        assert!(link.contains(&format!("filename={name}&")), "{link}");
    }
}

#[test]
fn the_data_directory_is_never_shared() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/shoal");
    write(&home.path().join("photo.jpg"), "photo");
    write(&home.path().join(".local/other"), "other");
    let shoal = Shoal::on(&data);
    let (daemon, _) = shoal.daemon();
    symlink(&data, home.path().join("innocent")).unwrap();
    fs::hard_link(data.join("identity.key"), home.path().join("copy")).unwrap();
    let shared = shoal.ok(&[&"share", &home.path(), &"--hidden"]);
    let shared = shared.event("shared");
    assert_eq!(left_out(shared), pairs(&[("copy", OWN), ("shoal", OWN)]));
    assert_eq!(number(shared, "files"), 2);
    for path in [
        data.clone(),
        data.join("identity.key"),
        home.path().join("innocent"),
        home.path().join("copy"),
        data.join("../shoal"),
    ] {
        let done = shoal.run(&[&"share", &path, &"--hidden"]).expect_code(1);
        assert_eq!(done.problem(), "own-data");
    }
    drop(daemon);
    // Another one's is known by what is in it, also where no engine runs.
    let other = Shoal::new();
    let cid = other.ok(&[&"cid", &home.path().join(".local"), &"--hidden"]);
    assert!(left_out(cid.event("cid")).contains(&("shoal".to_owned(), OWN.to_owned())));
}

#[test]
fn what_shoal_keeps_is_for_this_person_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let shoal = Shoal::on(&data);
    let check = || {
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&data), 0o700);
        for name in ["identity.key", "settings.json", "shares.json", "index.db"] {
            assert_eq!(mode(&data.join(name)), 0o600, "{name}");
        }
    };
    write(&folder.path().join("f"), "f");
    let run = || {
        let (daemon, _) = shoal.daemon();
        shoal.ok(&[&"settings", &"upload.limit", &"1000000"]);
        shoal.ok(&[&"share", &folder.path().join("f")]);
        check();
        daemon.interrupt().expect_code(0);
    };
    run();
    // As a backup brings it back.
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(&data, std::fs::Permissions::from_mode(0o777)).unwrap();
    run();
}

#[test]
fn what_is_still_being_fetched_is_not_shared_along() {
    let folder = tempfile::tempdir().unwrap();
    let film = support::trees::file(&folder.path().join("film.mov"), 7, 8_000_000);
    let (share, _, shared) = Shoal::new().share(&film, &[]);
    let into = folder.path().join("dl");
    write(&into.join("other.txt"), "other");
    let getter = Shoal::new();
    let (_daemon, _) = getter.daemon();
    // So slow that it lasts until it is let go.
    getter.ok(&[&"settings", &"download.limit", &"100000"]);
    getter.ok(&[
        &"get",
        &text(&shared, "link"),
        &"--into",
        &into,
        &"--detach",
    ]);
    let part = into.join("film.mov.part");
    support::wait::until("a part of it is there", || part.exists().then_some(()));
    let again = getter.ok(&[&"share", &into]);
    let again = again.event("shared");
    assert_eq!(left_out(again), pairs(&[("film.mov.part", UNFINISHED)]));
    assert_eq!(number(again, "files"), 1);
    // By another name it is the same file.
    fs::hard_link(&part, into.join("film")).unwrap();
    let done = getter.run(&[&"share", &into.join("film")]).expect_code(1);
    assert_eq!(done.problem(), "unfinished-download");
    fs::remove_file(into.join("film")).unwrap();

    // Once it is whole the share says so, and stays as it is.
    getter.ok(&[&"settings", &"download.limit", &"0"]);
    let id = text(again, "id");
    let told = support::wait::until("the share says that there is more", || {
        let status = getter.ok(&[&"status", &id]);
        let item = status.event("item").clone();
        (item["state"] == "needs-you").then_some(item)
    });
    assert_eq!(told["problem"]["code"], "finished-since");
    assert_eq!(told["cid"], again["cid"]);
    drop(share);
}

#[test]
fn what_another_program_fetched_is_offered_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    write(&tree.join("seen.txt"), "seen");
    write(&tree.join("film.mkv.crdownload"), "half");
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    let shared = shoal.ok(&[&"share", &tree]);
    let shared = shared.event("shared");
    assert_eq!(
        left_out(shared),
        pairs(&[("film.mkv.crdownload", UNFINISHED)])
    );
    fs::rename(tree.join("film.mkv.crdownload"), tree.join("film.mkv")).unwrap();
    let told = support::wait::until("the share says that there is more", || {
        let status = shoal.ok(&[&"status", &"1"]);
        let item = status.event("item").clone();
        (item["state"] == "needs-you").then_some(item)
    });
    assert_eq!(told["problem"]["code"], "finished-since");
    assert_eq!(told["cid"], shared["cid"]);
}
