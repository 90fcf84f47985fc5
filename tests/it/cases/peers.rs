//! Honest people stay friends, whatever happened to their files.

use std::path::Path;

use fs_err as fs;
use serde_json::Value;
use support::Wire;
use support::kubo::Kubo;
use support::nuisance::Nuisance;
use support::shoal::{Done, Shoal, number, text};
use support::trees;
use support::wait::{HUNG_SECONDS, until};

const FILES: u64 = 30;

/// A folder of small files, no two alike.
fn folder(at: &Path) {
    fs::create_dir(at).unwrap();
    for n in 1..=FILES {
        trees::file(&at.join(format!("f{n}")), n, 10_000);
    }
}

/// What the item lacks, once it stands still because nobody connected has it.
fn lacking(shoal: &Shoal, id: &str) -> Done {
    let stands = || {
        let done = shoal.ok(&[&"status", &id]);
        (!done.event("item")["lacking"].is_null()).then_some(done)
    };
    let describe = || shoal.ok(&[&"status", &id]).stdout;
    until(describe, stands)
}

fn strings(value: &Value) -> Vec<&str> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_str().unwrap()).collect()
}

/// Shares a folder, spoils it, and fetches it: all but `lost` comes, these are named, and whoever shares it stays a friend.
fn a_share_with_holes(sharer: &Shoal, spoil: impl Fn(&Path), lost: &[&str]) {
    let work = tempfile::tempdir().unwrap();
    let shared = work.path().join("d");
    folder(&shared);
    let whole = work.path().join("whole");
    folder(&whole);
    let (_daemon, _) = sharer.daemon();
    let share = |path: &Path| {
        let done = sharer.ok(&[&"share", &path]);
        text(done.event("shared"), "link")
    };
    let link = share(&shared);
    spoil(&shared);

    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = work.path().join("b");
    let detached = fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(detached.event("detached"), "id");
    let status = lacking(&fetcher, &id);
    let item = status.event("item");
    assert_eq!(
        number(&item["lacking"], "pieces"),
        lost.len() as u64,
        "{item}"
    );
    assert_eq!(number(&item["lacking"], "people"), 1, "{item}");
    let missing = status.event("missing");
    assert_eq!(strings(&missing["files"]), lost);
    let here = FILES - lost.len() as u64;
    assert_eq!(number(missing, "here"), here);
    for n in 1..=FILES {
        let name = format!("f{n}");
        if !lost.contains(&&*name) {
            trees::assert_same(&whole.join(&name), &into.join("d.part").join(&name));
        }
    }
    // Who waits is told.
    let done = fetcher.run(&[&"get", &link, &"--into", &into, &"--timeout", &"1"]);
    let done = done.expect_code(3);
    assert_eq!(strings(&done.event("missing")["files"]), lost);
    let message = text(done.event("error"), "message");
    let expected = format!("{here} of {FILES} files are here; nobody has ");
    assert!(message.starts_with(&expected), "{message}");

    let other = trees::file(&work.path().join("other"), 99, 10_000);
    let link = share(&other);
    let done = fetcher.ok(&[&"get", &link, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
    assert_eq!(
        text(done.event("done"), "path"),
        into.join("other").to_str().unwrap()
    );
    assert!(
        fetcher
            .ok(&[&"peers"])
            .events
            .iter()
            .all(|event| event["event"] != "banned")
    );
}

#[test]
fn one_file_of_a_share_is_gone_and_all_others_come() {
    let spoil = |shared: &Path| fs::remove_file(shared.join("f1")).unwrap();
    a_share_with_holes(&Shoal::new(), spoil, &["f1"]);
}

#[test]
fn files_of_a_share_are_gone_changed_and_in_the_way_and_all_others_come() {
    let spoil = |shared: &Path| {
        for name in ["f11", "f12", "f13", "f14"] {
            fs::remove_file(shared.join(name)).unwrap();
        }
        // As long as before.
        trees::file(&shared.join("f2"), 1002, 10_000);
        trees::file(&shared.join("f3"), 3, 5000);
        fs::remove_file(shared.join("f5")).unwrap();
        fs::create_dir(shared.join("f5")).unwrap();
        fs::remove_file(shared.join("f6")).unwrap();
        std::os::unix::net::UnixListener::bind(shared.join("f6")).unwrap();
        // The same content, written anew.
        trees::file(&shared.join("f7"), 7, 10_000);
    };
    let lost = ["f11", "f12", "f13", "f14", "f2", "f3", "f5", "f6"];
    a_share_with_holes(&Shoal::new(), spoil, &lost);
}

#[test]
fn a_share_of_which_no_file_is_left_is_told_as_such() {
    let names: Vec<String> = (1..=FILES).map(|n| format!("f{n}")).collect();
    let mut lost: Vec<&str> = names.iter().map(String::as_str).collect();
    lost.sort_unstable();
    let spoil = |shared: &Path| {
        for n in 1..=FILES {
            fs::remove_file(shared.join(format!("f{n}"))).unwrap();
        }
    };
    a_share_with_holes(&Shoal::new(), spoil, &lost);
}

/// It may be found again by what is still open, or not.
#[test]
fn a_file_that_moved_within_a_share_comes_whole_or_is_named() {
    let work = tempfile::tempdir().unwrap();
    let shared = work.path().join("d");
    folder(&shared);
    let whole = work.path().join("whole");
    folder(&whole);
    let sharer = Shoal::new();
    let (_daemon, _) = sharer.daemon();
    let link = text(sharer.ok(&[&"share", &shared]).event("shared"), "link");
    fs::rename(shared.join("f4"), shared.join("moved")).unwrap();

    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = work.path().join("b");
    let detached = fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(detached.event("detached"), "id");
    let ends = || {
        let status = fetcher.ok(&[&"status", &id]);
        let item = status.event("item");
        let ended = item["state"] == "sharing" || !item["lacking"].is_null();
        ended.then_some(status)
    };
    let status = until(|| fetcher.ok(&[&"status", &id]).stdout, ends);
    if status.event("item")["state"] == "sharing" {
        trees::assert_same(&whole, &into.join("d"));
        return;
    }
    assert_eq!(strings(&status.event("missing")["files"]), ["f4"]);
    for n in (1..=FILES).filter(|n| *n != 4) {
        let name = format!("f{n}");
        trees::assert_same(&whole.join(&name), &into.join("d.part").join(&name));
    }
}

#[test]
fn a_file_of_a_share_may_not_be_read_and_all_others_come() {
    use std::os::unix::fs::PermissionsExt;
    let spoil = |shared: &Path| {
        let nobody = PermissionsExt::from_mode(0o0);
        fs::set_permissions(shared.join("f1"), nobody).unwrap();
    };
    a_share_with_holes(&Shoal::new().bound_by_permissions(), spoil, &["f1"]);
}

/// Who floods is kept away, which is seen and can be ended.
#[test]
fn a_ban_is_seen_and_lifted() {
    let shoal = Shoal::new();
    let (_daemon, ready) = shoal.daemon();
    let nuisance = Nuisance::new();
    let peer = nuisance.peer().to_string();
    let banned = || {
        let done = shoal.ok(&[&"peers"]);
        let events = done.events.into_iter();
        let banned = events.filter(|event| event["event"] == "banned");
        banned.collect::<Vec<Value>>()
    };
    for lift in ["--forget", "--trust"] {
        nuisance.flood(ready.address(Wire::TcpNoise));
        let kept_away = until("nobody is kept away", || banned().pop());
        assert_eq!(text(&kept_away, "peer"), peer);
        assert!(number(&kept_away, "seconds") <= 3600, "{kept_away}");
        shoal.ok(&[&"peers", &lift, &peer]);
        assert_eq!(banned(), Vec::<Value>::new());
    }
}

/// Shares a folder, lets some of it go, and brings it back while somebody waits for it, who gets it then.
fn a_share_comes_back(away: impl Fn(&Path), back: impl Fn(&Path)) {
    let work = tempfile::tempdir().unwrap();
    let shared = work.path().join("d");
    folder(&shared);
    let sharer = Shoal::new();
    let (_daemon, _) = sharer.daemon();
    let done = sharer.ok(&[&"share", &shared]);
    let link = text(done.event("shared"), "link");
    away(&shared);

    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = work.path().join("b");
    let detached = fetcher.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(detached.event("detached"), "id");
    // Nobody looks at the files but for who fetches them.
    let is_missed = || {
        let list = sharer.ok(&[&"list"]);
        (list.event("item")["state"] == "needs-you").then_some(())
    };
    until(|| sharer.ok(&[&"list"]).stdout, is_missed);
    back(&shared);
    let whole = || {
        let status = fetcher.ok(&[&"status", &id]);
        (status.event("item")["state"] == "sharing").then_some(())
    };
    until(|| fetcher.ok(&[&"status", &id]).stdout, whole);
    trees::assert_same(&shared, &into.join("d"));
}

fn moved(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

#[test]
fn a_file_that_was_away_comes_to_who_waits_for_it() {
    a_share_comes_back(
        |shared| moved(&shared.join("f1"), &shared.with_file_name("f1")),
        |shared| moved(&shared.with_file_name("f1"), &shared.join("f1")),
    );
}

#[test]
fn a_disk_that_was_away_comes_to_who_waits_for_it() {
    a_share_comes_back(
        |shared| moved(shared, &shared.with_file_name("unmounted")),
        |shared| moved(&shared.with_file_name("unmounted"), shared),
    );
}

#[test]
fn files_that_are_written_anew_come_to_who_waits_for_them() {
    let names = ["f1", "f2", "f3"];
    a_share_comes_back(
        |shared| {
            for name in names {
                fs::remove_file(shared.join(name)).unwrap();
            }
        },
        |shared| {
            for (name, n) in names.into_iter().zip(1..) {
                trees::file(&shared.join(name), n, 10_000);
            }
        },
    );
}

#[test]
fn a_file_that_is_again_what_it_was_comes_to_who_waits_for_it() {
    a_share_comes_back(
        |shared| drop(trees::file(&shared.join("f2"), 1002, 10_000)),
        |shared| drop(trees::file(&shared.join("f2"), 2, 10_000)),
    );
}

/// One leaf of Kubo's is not what its name says. All others come, also of what is asked for while that one is waited for,
/// and Kubo stays a friend.
#[test]
fn a_kubo_with_a_rotten_block_gives_everything_else() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let shared = work.path().join("d");
    folder(&shared);
    let root = kubo.add(&shared, &[]);
    let others: Vec<String> = (100..110)
        .map(|n| {
            kubo.add(
                &trees::file(&work.path().join(format!("o{n}")), n, 10_000),
                &[],
            )
        })
        .collect();
    rot(kubo.repo(), &fs::read(shared.join("f7")).unwrap());
    let kubo = kubo.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);

    let fetcher = Shoal::new();
    let (_daemon, _) = fetcher.daemon();
    let into = work.path().join("b");
    let get = |cid: &str, more: &[&dyn AsRef<std::ffi::OsStr>]| {
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"get", &cid, &"--into", &into, &"--provider", &provider];
        arguments.extend(more);
        fetcher.ok(&arguments)
    };
    let id = text(get(&root, &[&"--detach"]).event("detached"), "id");
    let status = lacking(&fetcher, &id);
    assert_eq!(strings(&status.event("missing")["files"]), ["f7"]);
    for other in &others {
        get(other, &[&"--timeout", &HUNG_SECONDS]);
    }
    let events = fetcher.ok(&[&"peers"]).events;
    assert!(events.iter().all(|event| event["event"] != "banned"));
}

/// Changes a byte of the block with these bytes, where Kubo keeps it.
fn rot(repo: &Path, block: &[u8]) {
    let mut pending = vec![repo.join("blocks")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if fs::read(&path).unwrap() == block {
                let mut rotten = block.to_vec();
                rotten[5000] ^= 1;
                let writable = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                fs::set_permissions(&path, writable).unwrap();
                return fs::write(path, rotten).unwrap();
            }
        }
    }
    panic!("Kubo has no such block");
}

/// Who makes others hold memory for what never comes is hung up on.
#[test]
fn who_begins_what_it_never_ends_is_hung_up_on() {
    let work = tempfile::tempdir().unwrap();
    let shared = trees::file(&work.path().join("f"), 1, 1_000_000);
    let shoal = Shoal::new();
    let (_daemon, ready) = shoal.daemon();
    let link = text(shoal.ok(&[&"share", &shared]).event("shared"), "link");
    Nuisance::new().hoard(ready.address(Wire::TcpNoise));
    let into = work.path().join("b");
    Shoal::new().ok(&[&"get", &link, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
    trees::assert_same(&shared, &into.join("f"));
}
