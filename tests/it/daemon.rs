//! Commands that talk to an engine already running on their data directory.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use support::shoal::{Done, Shoal, number, text};
use support::trees::{self, Kinds};

/// Fetched slowly enough that a test can step in between; nothing waits for it to end at this rate.
const SLOW: (&str, &str) = ("download.limit", "2000000");

#[test]
fn commands_reach_the_running_engine() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 20, Kinds::All);
    let (sharer, fetcher) = (Shoal::new(), Shoal::new());
    let (_sharing, ready) = sharer.daemon();
    let (_fetching, _) = fetcher.daemon();

    let shared = sharer.ok(&[&"share", &tree]);
    let shared = shared.event("shared");
    let id = text(shared, "id");
    assert!(
        text(shared, "link").contains(&ready.peer),
        "no way to reach the sharer in {shared}"
    );
    assert_eq!(
        text(sharer.ok(&[&"link", &id]).event("link"), "link"),
        text(shared, "link")
    );

    let into = folder.path().join("into");
    let done = fetcher.ok(&[&"get", &text(shared, "link"), &"--into", &into]);
    trees::assert_same(&tree, &into.join("tree"));

    for (shoal, id) in [(&sharer, id), (&fetcher, text(done.event("done"), "id"))] {
        let items = shoal.ok(&[&"list"]);
        assert!(
            items.stdout.contains(&id) && items.stdout.contains("tree"),
            "{}",
            items.stdout
        );
        let status = shoal.ok(&[&"status", &id]);
        assert!(
            status.stdout.contains(&text(shared, "cid")),
            "{}",
            status.stdout
        );
    }
    assert!(fetcher.ok(&[&"peers"]).stdout.contains(&ready.peer));
    fetcher.ok(&[&"network"]);
}

#[test]
fn two_engines_never_run_on_one_data_directory() {
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    let second = shoal.run(&[&"daemon"]).expect_code(1);
    second.problem();
}

#[test]
fn a_stopped_daemon_leaves_a_directory_that_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 21, 2_000_000);
    let shoal = Shoal::new();
    let (daemon, before) = shoal.daemon();
    let shared = shoal.ok(&[&"share", &file]);
    daemon.interrupt().expect_code(0);

    let (_daemon, after) = shoal.daemon();
    assert_eq!(before.peer, after.peer, "the identity changed");
    let into = folder.path().join("into");
    let cid = text(shared.event("shared"), "cid");
    Shoal::new().ok(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &after.listen[0],
    ]);
    trees::assert_same(&file, &into.join(cid));
}

#[test]
fn only_this_person_can_read_the_data_directory() {
    use std::os::unix::fs::PermissionsExt;

    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    for entry in fs_err::read_dir(shoal.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("key") || name.contains("sock") {
            let mode = fs_err::symlink_metadata(&path)
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
        }
    }
}

#[test]
fn a_detached_download_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 22, 4_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let fetcher = Shoal::new().with(SLOW.0, SLOW.1);
    let (_daemon, _) = fetcher.daemon();
    let link = text(&shared, "link");
    let into = folder.path().join("into");
    let detached = fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    assert!(
        !detached.events.iter().any(|event| event["event"] == "done"),
        "{}",
        detached.stdout
    );
    // The same again goes on with it, and so waits for its end.
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
    assert_eq!(items(&fetcher).len(), 1, "the download was started twice");
}

#[test]
fn a_paused_download_goes_on_when_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 23, 6_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let fetcher = Shoal::new().with(SLOW.0, SLOW.1);
    let (_daemon, _) = fetcher.daemon();
    let link = text(&shared, "link");
    let into = folder.path().join("into");
    let get = fetcher.start(&[&"get", &link, &"--into", &into]);
    get.event_where("progress", |event| number(event, "done") > 0);
    let id = text(&items(&fetcher)[0], "id");

    fetcher.ok(&[&"pause", &id]);
    assert_eq!(text(&item(&fetcher, &id), "state"), "paused");
    fetcher.ok(&[&"resume", &id]);
    get.finish().expect_code(0);
    trees::assert_same(&file, &into.join("file"));
}

#[test]
fn a_paused_share_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 24, 1_000_000);
    let sharer = Shoal::new();
    let (_daemon, ready) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &file]);
    let (id, cid) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "cid"),
    );
    sharer.ok(&[&"pause", &id]);
    assert_eq!(
        fetch(&cid, &ready.listen[0], &folder.path().join("not yet"), 3).code,
        Some(3)
    );
    sharer.ok(&[&"resume", &id]);
    let into = folder.path().join("into");
    assert_eq!(fetch(&cid, &ready.listen[0], &into, 60).code, Some(0));
    trees::assert_same(&file, &into.join(&cid));
}

#[test]
fn a_removed_share_is_gone_for_others_and_there_for_me() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 25, Kinds::All);
    let before = folder.path().join("before");
    copy(&tree, &before);
    let sharer = Shoal::new();
    let (_daemon, ready) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &tree]);
    let (id, cid) = (
        text(shared.event("shared"), "id"),
        text(shared.event("shared"), "cid"),
    );
    sharer.ok(&[&"remove", &id, &"--delete-files"]);
    trees::assert_same(&before, &tree);
    assert_eq!(
        fetch(&cid, &ready.listen[0], &folder.path().join("into"), 3).code,
        Some(3)
    );
    assert!(items(&sharer).is_empty());
}

#[test]
fn removing_a_download_with_its_files_spares_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 26, Kinds::All);
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = folder.path().join("into");
    let done = fetcher.ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    fs_err::write(into.join("tree/sizes/mine"), "not Shoal's").unwrap();
    fs_err::write(into.join("beside"), "not Shoal's").unwrap();

    fetcher.ok(&[
        &"remove",
        &text(done.event("done"), "id"),
        &"--delete-files",
    ]);
    assert_eq!(
        fs_err::read_to_string(into.join("tree/sizes/mine")).unwrap(),
        "not Shoal's"
    );
    assert_eq!(
        fs_err::read_to_string(into.join("beside")).unwrap(),
        "not Shoal's"
    );
    assert!(!into.join("tree/sizes/chunk").exists());
    assert!(!into.join("tree/many").exists());
}

#[test]
fn removing_a_download_without_its_files_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 27, Kinds::All);
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = folder.path().join("into");
    let done = fetcher.ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    fetcher.ok(&[&"remove", &text(done.event("done"), "id")]);
    trees::assert_same(&tree, &into.join("tree"));
}

#[test]
fn verify_finds_what_rotted() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 28, 3_000_000);
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    let shared = shoal.ok(&[&"share", &file]);
    let id = text(shared.event("shared"), "id");
    shoal.ok(&[&"verify", &id]);

    // One bit flips, and size and time stay as they were.
    let when = fs_err::metadata(&file).unwrap().modified().unwrap();
    let mut bytes = fs_err::read(&file).unwrap();
    bytes[1_500_000] ^= 1;
    fs_err::write(&file, bytes).unwrap();
    fs_err::OpenOptions::new()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(when)
        .unwrap();
    let verified = shoal.run(&[&"verify", &id]).expect_code(1);
    verified.problem();
}

#[test]
fn settings_are_kept_and_explained() {
    let shoal = Shoal::new();
    let all = shoal.ok(&[&"settings"]);
    for key in [
        "listen",
        "bootstrap",
        "mdns",
        "dht",
        "nat",
        "relay",
        "upload.limit",
        "download.limit",
    ] {
        assert!(all.stdout.contains(key), "no {key} in {}", all.stdout);
    }
    shoal.ok(&[&"settings", &"upload.limit", &"123456"]);
    assert!(
        shoal
            .ok(&[&"settings", &"upload.limit"])
            .stdout
            .contains("123456")
    );
    shoal
        .run(&[&"settings", &"upload.limit", &"plenty"])
        .expect_code(1)
        .problem();
    shoal
        .run(&[&"settings", &"no.such.key"])
        .expect_code(1)
        .problem();
    assert!(
        shoal
            .ok(&[&"settings", &"upload.limit"])
            .stdout
            .contains("123456")
    );
}

fn fetch(cid: &str, address: &str, into: &Path, seconds: u64) -> Done {
    let seconds = seconds.to_string();
    Shoal::new().run(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &address,
        &"--timeout",
        &seconds,
    ])
}

/// What `list` says, one object an item.
fn items(shoal: &Shoal) -> Vec<Value> {
    let listed = shoal.ok(&[&"list"]);
    listed
        .events
        .into_iter()
        .filter(|event| event["event"] == "item")
        .collect()
}

fn item(shoal: &Shoal, id: &str) -> Value {
    items(shoal)
        .into_iter()
        .find(|item| item["id"] == id)
        .unwrap_or_else(|| panic!("no item {id}"))
}

fn copy(from: &Path, to: &Path) {
    let arguments: [&OsStr; 3] = ["-a".as_ref(), from.as_ref(), to.as_ref()];
    assert!(
        std::process::Command::new("cp")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}
