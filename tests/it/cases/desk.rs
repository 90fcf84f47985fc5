//! The computer around Shoal: full logs and disks, folders and modes, what was announced.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err as fs;
use support::dag::multihash;
use support::disk::Disk;
use support::lab::{Lab, Nat};
use support::process::Process;
use support::shoal::{Shoal, number, text};
use support::trees;
use support::wait::until;
use tempfile::TempDir;

/// The command with its words written to a disk: standard error alone, or all.
fn told_to(command: &Command, redirect: &str, file: &Path) -> Command {
    let mut shell = by_way_of_shell(command, &format!(r#"exec "$@" {redirect}"#));
    shell.env("FULL", file);
    shell
}

/// The command as a line of a shell starts it, which calls it `"$@"`.
pub(super) fn by_way_of_shell(command: &Command, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
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
    let command = fetcher.command(&[&"get", &link, &"--into", &into]);
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

/// What the schedule of announcements holds, as multihashes. Waits until it is that.
fn until_announced(shoal: &Shoal, cids: &[&str]) {
    let expected: BTreeSet<Vec<u8>> = cids.iter().map(|cid| multihash(cid)).collect();
    let what = || format!("{:?}, announced is {:?}", expected, announced(shoal));
    until(what, || (announced(shoal) == expected).then_some(()));
}

fn announced(shoal: &Shoal) -> BTreeSet<Vec<u8>> {
    let index = rusqlite::Connection::open(shoal.data_dir().join("index.db")).unwrap();
    let mut select = index.prepare("SELECT key FROM announced").unwrap();
    let keys = select.query_map([], |row| row.get(0)).unwrap();
    keys.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_is_announced_is_what_is_shared_now() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    trees::file(&tree.join("one"), 3, 3000);
    trees::file(&tree.join("two"), 4, 4000);
    let copy = folder.path().join("copy");
    fs::copy(tree.join("one"), &copy).unwrap();
    let cid_of = |path: &Path| text(Shoal::new().ok(&[&"cid", &path]).event("cid"), "cid");
    let (one, two) = (cid_of(&tree.join("one")), cid_of(&tree.join("two")));

    let shoal = Shoal::new();
    let (daemon, _) = shoal.daemon();
    let share = |arguments: &[&dyn AsRef<OsStr>]| {
        let done = shoal.ok(arguments);
        let shared = done.event("shared");
        (text(shared, "cid"), text(shared, "id"))
    };
    let (root, files_item) = share(&[&"share", &tree, &"--announce", &"files"]);
    until_announced(&shoal, &[&root, &one, &two]);
    let (_, first) = share(&[&"share", &tree.join("one")]);
    let (_, second) = share(&[&"share", &copy]);
    let (_, secret) = share(&[&"share", &tree.join("two"), &"--announce", &"none"]);

    // The same content again after it changed: the old root is gone.
    trees::file(&tree.join("two"), 5, 5000);
    let (root, _) = share(&[&"share", &tree, &"--announce", &"files"]);
    let two = cid_of(&tree.join("two"));
    until_announced(&shoal, &[&root, &one, &two]);

    // The file's root stays as long as one of the items wants it.
    shoal.ok(&[&"remove", &files_item]);
    shoal.ok(&[&"remove", &first]);
    until_announced(&shoal, &[&one]);
    shoal.ok(&[&"pause", &second]);
    until_announced(&shoal, &[]);
    shoal.ok(&[&"resume", &second]);
    until_announced(&shoal, &[&one]);
    daemon.interrupt().expect_code(0);

    // Removed without a network, and what an earlier version left behind.
    shoal.ok(&[&"remove", &second]);
    let index = rusqlite::Connection::open(shoal.data_dir().join("index.db")).unwrap();
    let stale = "INSERT INTO announced (key, time) VALUES (?1, 4000000000)";
    index.execute(stale, [multihash(&root)]).unwrap();
    drop(index);
    let (_daemon, _) = shoal.daemon();
    until_announced(&shoal, &[]);
    shoal.ok(&[&"remove", &secret]);
}

/// What `chmod` calls it, and when it was changed.
fn mode_and_time(path: &Path) -> (u32, SystemTime) {
    let there = fs::metadata(path).unwrap();
    (
        there.permissions().mode() & 0o7777,
        there.modified().unwrap(),
    )
}

fn set(path: &Path, mode: u32, modified: SystemTime) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let file = fs::File::open(path).unwrap();
    file.file().set_modified(modified).unwrap();
}

#[test]
fn permissions_and_times_are_kept_on_request_under_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    let old = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (name, mode) in [("run.sh", 0o755), ("sub/open", 0o666), ("sub/shut", 0o400)] {
        fs::write(tree.join(name), name).unwrap();
        set(&tree.join(name), mode, old);
    }
    set(&tree.join("sub"), 0o777, old);
    let plain = Shoal::new();
    let (_plain_share, _, shared) = plain.share(&tree, &[]);
    let plain_link = text(&shared, "link");
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(&tree, &["--keep-metadata"]);
    let link = text(&shared, "link");

    let get = |link: &str, umask: &str, shoal: &Shoal, options: &[&str]| {
        let into = tempfile::tempdir_in(folder.path()).unwrap();
        let mut command = shoal.command(&[&"get", &link, &"--into", &into.path()]);
        command.args(options);
        let line = format!(r#"umask {umask}; exec "$@""#);
        let got = Process::start(&mut by_way_of_shell(&command, &line)).unwrap();
        got.finish().unwrap().well().unwrap();
        into
    };
    let modes = |into: &TempDir| {
        let names = ["run.sh", "sub/open", "sub/shut", "sub"];
        names.map(|name| mode_and_time(&into.path().join("tree").join(name)).0)
    };
    let into = get(&link, "022", &Shoal::new(), &["--keep-metadata"]);
    assert_eq!(modes(&into), [0o755, 0o644, 0o600, 0o755]);
    for name in ["run.sh", "sub/shut", "sub"] {
        assert_eq!(mode_and_time(&into.path().join("tree").join(name)).1, old);
    }
    let always = Shoal::new().with("keep.metadata", "on");
    let into = get(&link, "077", &always, &[]);
    assert_eq!(modes(&into), [0o700, 0o600, 0o600, 0o700]);
    // Whom the umask lets read, it need not let run.
    let into = get(&link, "033", &always, &[]);
    assert_eq!(modes(&into), [0o744, 0o644, 0o600, 0o744]);

    // Not asked for, or not given along.
    let into = get(&link, "022", &Shoal::new(), &[]);
    assert_eq!(modes(&into), [0o644, 0o644, 0o644, 0o755]);
    assert_ne!(mode_and_time(&into.path().join("tree/run.sh")).1, old);
    let into = get(&plain_link, "022", &Shoal::new(), &["--keep-metadata"]);
    assert_eq!(modes(&into), [0o644, 0o644, 0o644, 0o755]);
}

#[test]
fn permissions_are_given_later_to_what_shoal_made_and_to_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let old = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = folder.path().join("run.sh");
    fs::write(&file, "echo").unwrap();
    set(&file, 0o755, old);
    let (_share, _, shared) = Shoal::new().share(&file, &["--keep-metadata"]);
    let link = text(&shared, "link");
    let fetcher = Shoal::new();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("run.sh"), "echo").unwrap();
    let before = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    set(&theirs.join("run.sh"), 0o640, before);

    fetcher.ok(&[&"get", &link, &"--into", &ours]);
    assert_ne!(mode_and_time(&ours.join("run.sh")), (0o755, old));
    let undressed = |into: &Path| {
        let done = fetcher.ok(&[&"get", &link, &"--into", &into, &"--keep-metadata"]);
        done.event("done")["undressed"].as_bool().unwrap()
    };
    assert!(!undressed(&ours));
    assert_eq!(mode_and_time(&ours.join("run.sh")), (0o755, old));
    assert!(undressed(&theirs));
    assert_eq!(mode_and_time(&theirs.join("run.sh")), (0o640, before));
    // It is served all the same.
    fetcher.ok(&[&"verify", &"1"]);
}

#[test]
fn files_from_the_future_are_not_fetched_again_after_a_crash() {
    const FILES: u64 = 24;
    const SIZE: u64 = 1_500_000;
    const KILLED_AT: u64 = 24_000_000;
    /// At this rate, what a few groups of blocks between two syncs hold.
    const RATE: &str = "6000000";
    const UNSYNCED: u64 = 15_000_000;
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let year_2040 = UNIX_EPOCH + Duration::from_hours(613_608);
    for number in 0..FILES {
        let file = trees::file(&tree.join(format!("{number}")), number, SIZE);
        set(&file, 0o644, year_2040);
    }
    let (_share, _, shared) = Shoal::new().share(&tree, &["--keep-metadata"]);
    let (link, into) = (text(&shared, "link"), folder.path().join("into"));
    let get: [&dyn AsRef<OsStr>; 5] = [&"get", &link, &"--into", &into, &"--keep-metadata"];
    let fetcher = Shoal::new();
    let slowly = Shoal::on(fetcher.data_dir()).with("download.limit", RATE);
    let first = slowly.start(&get);
    let reached = first.event_where("progress", |event| number(event, "done") >= KILLED_AT);
    first.kill();
    let second = fetcher.ok(&get);
    let sources = second.event("done")["sources"].as_array().unwrap().clone();
    let fetched: u64 = sources.iter().map(|source| number(source, "bytes")).sum();
    let missing = FILES * SIZE - number(&reached, "done");
    assert!(
        fetched <= missing + UNSYNCED,
        "{fetched} bytes came of {missing} that were missing"
    );
    trees::assert_same(&tree, &into.join("tree"));
    assert_eq!(mode_and_time(&into.join("tree/0")).1, year_2040);
}

#[test]
fn a_full_disk_keeps_nothing_of_an_export_and_is_told_as_such() {
    let Some(disk) = Disk::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 8, 3_000_000);
    let shoal = Shoal::new();
    let (_share, _, _) = shoal.share(&file, &[]);
    let car = disk.path().join("file.car");
    let refused = |words: &str, hint: &str| {
        let done = shoal.run(&[&"export", &"1", &car]).expect_code(1);
        assert_eq!(done.problem(), "unwritten");
        let error = done.event("error");
        let (message, advice) = (text(error, "message"), text(error, "hint"));
        assert!(
            message.contains(words) && message.contains("file.car"),
            "{message}"
        );
        assert!(advice.contains(hint), "{advice}");
    };
    refused("the disk is full", "Free some space");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    disk.remount("size=16m");
    shoal.ok(&[&"export", &"1", &car]);
    refused("it is there already", "another name");
}

#[test]
fn a_disk_that_can_hold_no_more_files_is_told_as_such() {
    let Some(disk) = Disk::new(16) else { return };
    disk.remount("nr_inodes=12");
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for number in 0..30 {
        trees::file(&tree.join(format!("{number}")), number, 1000);
    }
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let link = text(&shared, "link");
    let done = Shoal::new().run(&[&"get", &link, &"--into", &disk.path()]);
    assert_eq!(done.expect_code(1).problem(), "no-files");
}

#[test]
fn where_a_download_lies_is_told_as_soon_as_something_of_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 9, 30_000_000);
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let link = text(&shared, "link");
    let into = folder.path().join("into");
    let fetcher = Shoal::new().with("download.limit", "2000000");
    let (_daemon, _) = fetcher.daemon();
    fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let item = until("the first of it", || {
        let status = fetcher.ok(&[&"status", &"1"]);
        let item = status.event("item").clone();
        (number(&item, "done") > 0).then_some(item)
    });
    assert!(Path::new(&text(&item, "path")).starts_with(&into), "{item}");
    fetcher.ok(&[&"pause", &"1"]);
    let status = fetcher.ok(&[&"status", &"1"]);
    let place = text(status.event("item"), "path");
    assert!(Path::new(&place).exists(), "{place}");
}

#[test]
fn what_is_typed_wrong_is_told_in_words_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "content").unwrap();
    let (_share, _, shared) = Shoal::new().share(&file, &[]);
    let link = text(&shared, "link");
    let shoal = Shoal::new();
    let refused = |arguments: &[&dyn AsRef<OsStr>], words: &str| {
        let done = shoal.run(arguments).expect_code(1);
        done.problem();
        let error = done.event("error");
        let said = format!("{} {}", text(error, "message"), text(error, "hint"));
        assert!(said.contains(words), "{said}");
        assert!(
            !said.contains("SHOAL_LOG") && !said.contains("os error"),
            "{said}"
        );
    };
    refused(&[&"get", &link, &"--into", &file], "is not a folder");
    refused(
        &[&"get", &link, &"--into", &file.join("in it")],
        "is not a folder",
    );
    refused(&[&"share", &folder.path().join("nothing")], "no such file");
    refused(&[&"share", &"/dev/null"], "neither a file nor a folder");
    refused(&[&"settings", &"listen", &","], "multiaddrs");
    assert!(shoal.ok(&[&"list"]).events.is_empty());
    // Usage.
    for (arguments, words) in [
        (&["pause", "film.mov"][..], "by its number"),
        (
            &["get", &link, "--timeout", "18446744073709551615"],
            "is not in",
        ),
    ] {
        let done = shoal.bare_command().args(arguments).output().unwrap();
        assert_eq!(done.status.code(), Some(2));
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains(words), "{said}");
    }
    // One file, named twice.
    let cid = text(shoal.ok(&[&"cid", &file]).event("cid"), "cid");
    let twice = shoal.ok(&[&"cid", &file, &folder.path().join("./file")]);
    assert_eq!(text(twice.event("cid"), "cid"), cid);
}

#[test]
fn who_has_no_home_gives_the_data_directory_and_no_more() {
    let shoal = Shoal::new();
    let mut command = shoal.command(&[&"settings", &"download.folder"]);
    command.env_remove("SHOAL_DOWNLOAD_FOLDER");
    command
        .env("HOME", "no/full/path")
        .current_dir(shoal.data_dir());
    let done = Process::start(&mut command).unwrap().finish().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    let here = shoal.data_dir().to_str().unwrap();
    assert!(done.stdout[0].contains(here), "{:?}", done.stdout);
}

#[test]
fn how_a_peer_is_treated_is_told_to_scripts_too() {
    const SOMEBODY: &str = "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c";
    let shoal = Shoal::new();
    for (way, standing) in [
        ("--trust", "trusted"),
        ("--block", "blocked"),
        ("--forget", "usual"),
    ] {
        let done = shoal.ok(&[&"peers", &way, &SOMEBODY]);
        let event = done.event("standing");
        assert_eq!(text(event, "peer"), SOMEBODY);
        assert_eq!(text(event, "standing"), standing);
    }
}

#[test]
fn downloads_go_to_downloads_where_no_list_names_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let shoal = Shoal::new();
    let mut command = shoal.command(&[&"settings", &"download.folder"]);
    command.env_remove("SHOAL_DOWNLOAD_FOLDER");
    command.env_remove("XDG_CONFIG_HOME");
    command.env("HOME", home.path());
    let said = Process::start(&mut command)
        .unwrap()
        .finish()
        .unwrap()
        .stdout;
    let folder = home.path().join("Downloads");
    assert!(said[0].contains(folder.to_str().unwrap()), "{said:?}");
}

#[test]
fn a_link_names_the_network_that_leads_out_before_those_of_containers() {
    let Some(mut lab) = Lab::new() else { return };
    let mut router = lab.router(Nat::Cone);
    let home = lab.host_behind(&mut router);
    let other = lab.host_behind(&mut router);
    for (bridge, address) in [("docker0", "172.17.0.1/16"), ("br-0a1b", "172.18.0.1/16")] {
        let space = home.space();
        space.run(&["ip", "link", "add", bridge, "type", "bridge"]);
        space.run(&["ip", "address", "add", address, "dev", bridge]);
        space.run(&["ip", "link", "set", bridge, "up"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 6, 100_000);
    let (_share, _, shared) = Shoal::at(&home).share(&file, &[]);
    let link = text(&shared, "link");
    let named = link.split("provider=").skip(1);
    let first: Vec<&str> = named.take(2).collect();
    let ours = format!("/ip4/{}/", home.address());
    assert!(
        first.len() == 2 && first.iter().all(|address| address.contains(&ours)),
        "{link}"
    );
    let into = folder.path().join("into");
    Shoal::at(&other).ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
}

#[test]
fn whom_a_person_names_behind_a_router_is_dialled_and_else_it_is_said() {
    let Some(mut lab) = Lab::new() else { return };
    let mut campus = lab.router(Nat::Cone);
    let mut room = lab.router_behind(&mut campus, Nat::Cone);
    let far = lab.host_behind(&mut campus);
    let near = lab.host_behind(&mut room);
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 7, 100_000);
    let (_share, ready, shared) = Shoal::at(&far).share(&file, &[]);
    let (link, cid) = (text(&shared, "link"), text(&shared, "cid"));

    // Only looked at, it knocks at nobody's door.
    let looked = Shoal::at(&near).run(&[&"ls", &link, &"--timeout", &"3"]);
    assert_eq!(looked.code, Some(3), "{}", looked.stdout);
    looked.problem();
    let message = text(looked.event("error"), "message");
    assert!(message.contains(&far.address().to_string()), "{message}");

    let into = folder.path().join("by link");
    Shoal::at(&near).ok(&[&"get", &link, &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
    let into = folder.path().join("by provider");
    let there = format!("/ip4/{}/", far.address());
    let there = ready
        .listen
        .iter()
        .find(|address| address.starts_with(&there));
    let there = there.unwrap();
    Shoal::at(&near).ok(&[&"get", &cid, &"--into", &into, &"--provider", &there]);
    trees::assert_same(&file, &into.join(&cid));
}
