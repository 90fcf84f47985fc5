//! Shoal's own files as a loss of power, an editor or another program leaves them: it starts all the same, and says so once.

use std::path::Path;
use std::process::Command;

use fs_err as fs;

use super::two::{Fetcher, Sharer, slow};
use support::faults::{Call, Watch};
use support::process::Process;
use support::shoal::{Shoal, number, text};
use support::trees;

#[test]
fn settings_that_can_not_be_used_are_kept_beside_and_told_once() {
    let shoal = Shoal::new();
    let file = shoal.data_dir().join("settings.json");
    let old = r#"{"theme": "mauve", "upload.limit": "7000"}"#;
    fs::write(&file, old).unwrap();
    let list = || {
        let mut list = shoal.bare_command();
        list.arg("list");
        Process::start(&mut list).unwrap().finish().unwrap().well()
    };
    let said = list().unwrap().stderr;
    assert!(said.contains("theme"), "{said}");
    let beside = shoal.data_dir().join("settings.old-1.json");
    assert!(said.contains(beside.to_str().unwrap()), "{said}");
    assert_eq!(fs::read_to_string(beside).unwrap(), old);
    let said = list().unwrap().stderr;
    assert!(!said.contains("theme"), "{said}");
    let value = |key: &str| {
        let told = shoal.ok(&[&"settings", &key]);
        text(told.event("setting"), "value")
    };
    assert_eq!(
        (value("theme"), value("upload.limit")),
        ("auto".into(), "7000".into())
    );

    // Nobody is let in because a key can't be read.
    fs::write(&file, r#"{"network.key": "mauve"}"#).unwrap();
    assert_eq!(
        shoal.run(&[&"list"]).expect_code(1).problem(),
        "bad-setting"
    );
}

#[test]
fn a_settings_file_that_was_damaged_keeps_nobody_from_starting() {
    for (what, content) in [
        ("nothing", &b""[..]),
        ("zeros", &[0; 4096]),
        ("a comma too many", b"{\"theme\": \"dark\",}"),
        ("half", b"{\"theme\": \"dark\", \"upl"),
    ] {
        let shoal = Shoal::new();
        let file = shoal.data_dir().join("settings.json");
        fs::write(&file, content).unwrap();
        let (daemon, _) = shoal.daemon();
        let status = shoal.ok(&[&"status"]);
        let remark = status.event("remark");
        assert_eq!(text(remark, "code"), "settings-lost", "{what}");
        let kept = shoal.data_dir().join("settings.old-1.json");
        assert!(
            text(remark, "hint").contains(kept.to_str().unwrap()),
            "{what}"
        );
        assert_eq!(fs::read(&kept).unwrap(), content, "{what}");
        let theme = text(shoal.ok(&[&"settings", &"theme"]).event("setting"), "value");
        let expected = if content.starts_with(b"{") {
            "dark"
        } else {
            "auto"
        };
        assert_eq!(theme, expected, "{what}");
        daemon.interrupt().expect_code(0);
        // Told once.
        let (_daemon, _) = shoal.daemon();
        let status = shoal.ok(&[&"status"]);
        assert!(!status.stdout.contains("remark"), "{}", status.stdout);
    }
}

#[test]
fn what_is_no_file_where_shoal_has_its_files_is_never_waited_for() {
    /// What a command says that must not wait.
    fn say(shoal: &Shoal) -> (Option<i32>, String) {
        let mut status = shoal.bare_command();
        status.arg("status");
        let done = Process::start(&mut status).unwrap().finish().unwrap();
        (done.status.code(), done.stderr)
    }
    for (name, code, words) in [
        ("settings.json", 0, "settings.old-1.json"),
        ("shares.json", 0, "shares.old-1.json"),
        ("index.db", 0, "index.db.damaged-1"),
        ("lock", 1, "lock is not a file"),
    ] {
        let shoal = Shoal::new();
        let path = shoal.data_dir().join(name);
        if !made_pipe(&path) {
            return;
        }
        let (ended, said) = say(&shoal);
        assert_eq!(ended, Some(code), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
        assert!(!said.contains("SHOAL_LOG"), "{name}: {said}");
    }
    let shoal = Shoal::new();
    let key = shoal.data_dir().join("identity.key");
    assert!(made_pipe(&key));
    let done = shoal.run(&[&"daemon"]).expect_code(1);
    assert_eq!(done.problem(), "identity");
    assert!(text(done.event("error"), "message").contains("identity.key"));
}

/// A new file in a folder is lost with the power until the folder is synced, too, and the old one comes back.
#[test]
fn what_was_set_outlasts_a_loss_of_power() {
    let (work, log) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = work.path().join("data");
    let set = |shoal: Shoal| shoal.ok(&[&"settings", &"upload.limit", &"1000"]);
    set(Shoal::on(&data));
    let watch = Watch::new(work.path(), &log.path().join("calls"));
    let Some(environment) = watch.environment(None) else {
        return;
    };
    set(Shoal::on(&data).with_variables(environment));
    let calls = watch.in_order();
    let next = |from: usize, kind: &str, path: &str| {
        let is_it = |call: &Call| call.kind == kind && call.path == path;
        let at = calls[from..].iter().position(is_it);
        from + at.unwrap_or_else(|| panic!("no {kind} of {path} in {:?}", &calls[from..]))
    };
    let renamed = next(0, "rename", "data/settings.json");
    assert!(next(0, "sync", "data/settings.new") < renamed);
    next(renamed, "sync", "data");
}

#[test]
fn a_network_key_may_be_given_as_the_file_that_it_lies_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("swarm.key");
    let digits = "ab".repeat(32);
    fs::write(
        &file,
        format!("/key/swarm/psk/1.0.0/\n/base16/\n{digits}\n"),
    )
    .unwrap();
    let shoal = Shoal::new().with("network.key", file.to_str().unwrap());
    let (_daemon, _) = shoal.daemon();
    let network = shoal.ok(&[&"network"]);
    assert_eq!(network.event("network")["private_network"], true);

    let missing = folder.path().join("no such file");
    let shoal = Shoal::new().with("network.key", missing.to_str().unwrap());
    let done = shoal.run(&[&"list"]).expect_code(1);
    assert_eq!(done.problem(), "bad-setting");
    assert!(text(done.event("error"), "message").contains("swarm.key"));
}

/// What has come is believed once it was read, and not fetched again.
#[test]
fn a_download_goes_on_where_it_was_after_the_index_was_lost() {
    let (sharer, fetcher) = (Sharer::new(), Fetcher::new());
    slow(&fetcher);
    let tree = sharer.tree("d");
    trees::file(&tree.join("larger"), 95, 30_000_000);
    let (_share, link) = sharer.share(&tree);
    let id = fetcher.begin(&link);
    support::wait::until("half of it", || {
        (number(&fetcher.status(&id), "done") > 8_000_000).then_some(())
    });
    fetcher.shoal.ok(&[&"pause", &id]);
    let here = number(&fetcher.status(&id), "done");
    let data = fetcher.shoal.data_dir().to_owned();
    fetcher.daemon.interrupt().expect_code(0);
    fs::write(data.join("index.db"), vec![0x5a; 10_000]).unwrap();
    let (daemon, _) = fetcher.shoal.daemon();
    let fetcher = Fetcher { daemon, ..fetcher };
    fetcher.shoal.ok(&[&"settings", &"download.limit", &"0"]);
    fetcher.shoal.ok(&[&"resume", &id]);
    let done = fetcher.get(&link);
    let event = done.event("done");
    assert_eq!(text(event, "id"), id);
    trees::assert_same(&tree, &fetcher.path("d"));
    // All that came, before the loss too.
    let (bytes, fetched) = (number(event, "bytes"), number(event, "fetched"));
    assert!(
        fetched <= bytes + here / 2,
        "{fetched} bytes came for {bytes}"
    );
    assert!(fetcher.remove(&id).is_empty());
    assert!(!fetcher.path("d").exists());
}

/// A pipe, where this machine has the tool.
fn made_pipe(path: &Path) -> bool {
    let made = Command::new("mkfifo").arg(path).status();
    made.is_ok_and(|status| status.success())
}
