//! What a person or a script meets on the command line: help, exit codes, hints, and commands that need no network.

use std::process::Command;

use support::process::{Finished, Process};
use support::shoal::{Shoal, number, program, text};
use support::trees::{self, Kinds};

#[test]
fn help_names_every_command() {
    let help = bare(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = help.stdout.join("\n");
    for command in [
        "daemon", "share", "get", "list", "status", "link", "pause", "resume", "verify", "remove",
        "cid", "ls", "cat", "import", "export", "peers", "devices", "send", "outbox", "inbox",
        "network", "settings",
    ] {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "no {command} in\n{help}"
        );
    }
    assert_eq!(
        bare(&["--version"]).stdout.join(""),
        format!("shoal {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["no-such-command"][..],
        &["get"],
        &["share"],
        &["share", "--no-such-option", "x"],
        &["verify"],
    ] {
        let finished = bare(arguments);
        assert_eq!(
            finished.status.code(),
            Some(2),
            "shoal {arguments:?}: {}",
            finished.stderr
        );
        assert!(
            finished.stdout.is_empty(),
            "usage errors belong on standard error"
        );
        assert!(finished.stderr.contains("Usage"), "{}", finished.stderr);
    }
}

#[test]
fn a_bad_link_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let too_long = "b".repeat(10_000);
    for link in [
        "nonsense",
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5",
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyf0",
        "https://example.com/",
        "ipfs://",
        "/ipfs/",
        // A codec (dag-cbor) that holds no files, and a hash (md5) that proves nothing.
        "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
        "bafkraegx7jvxqq2lkwmyqh4pd5vt5jfq",
        &too_long,
    ] {
        let done =
            Shoal::new().run(&[&"get", &link, &"--into", &folder.path(), &"--timeout", &"5"]);
        let done = done.expect_code(1);
        done.problem();
    }
    assert_eq!(
        fs_err::read_dir(folder.path()).unwrap().count(),
        0,
        "something was written"
    );
}

#[test]
fn people_read_sentences_and_scripts_read_json() {
    let shoal = Shoal::new();
    let person = Process::start(shoal.bare_command().args(["get", "nonsense"]));
    let person = person.unwrap().finish().unwrap();
    assert_eq!(person.status.code(), Some(1));
    assert!(person.stdout.is_empty(), "{:?}", person.stdout);
    assert!(
        !person.stderr.trim().is_empty() && !person.stderr.contains('{'),
        "{}",
        person.stderr
    );

    let script = shoal.run(&[&"get", &"nonsense"]);
    assert_eq!(
        script.events.len(),
        script.stdout.lines().count(),
        "not JSON: {}",
        script.stdout
    );
    script.problem();
}

#[test]
fn a_missing_file_cannot_be_shared() {
    let shoal = Shoal::new();
    let done = shoal.run(&[&"share", &"/no/such/file"]).expect_code(1);
    done.problem();
    assert!(
        text(done.event("error"), "message").contains("/no/such/file"),
        "{}",
        done.stdout
    );
}

#[test]
fn an_unknown_item_is_explained() {
    let shoal = Shoal::new();
    for command in ["status", "link", "pause", "resume", "verify", "remove"] {
        shoal.run(&[&command, &"42424242"]).expect_code(1).problem();
    }
}

#[test]
fn cid_says_what_share_would() {
    let folder = tempfile::tempdir().unwrap();
    let hello = folder.path().join("hello");
    fs_err::write(&hello, "hello world").unwrap();
    for (profile, cid) in [
        (
            "unixfs-v0-2015",
            "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
        ),
        (
            "unixfs-v1-2025",
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        ),
    ] {
        let done = Shoal::new().ok(&[&"cid", &hello, &"--profile", &profile]);
        assert_eq!(text(done.event("cid"), "cid"), cid);
        assert_eq!(number(done.event("cid"), "bytes"), 11);
    }

    let tree = trees::sample(&folder.path().join("tree"), 30, Kinds::All);
    let computed = Shoal::new().ok(&[&"cid", &tree]);
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(&tree, &[]);
    assert_eq!(text(computed.event("cid"), "cid"), text(&shared, "cid"));
}

#[test]
fn cid_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 31, 5_000_000);
    let shoal = Shoal::new();
    shoal.ok(&[&"cid", &file]);
    assert!(
        shoal
            .ok(&[&"list"])
            .events
            .iter()
            .all(|event| event["event"] != "item")
    );
}

#[test]
fn ls_and_cat_look_inside_without_keeping() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 32, Kinds::All);
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let looker = Shoal::new();
    let link = text(&shared, "link");
    let listed = looker.ok(&[&"ls", &link]);
    for name in [
        "sizes",
        "empty file",
        "empty folder",
        "grüße.txt",
        "link to a file",
    ] {
        assert!(
            listed.events.iter().any(|event| event["name"] == name),
            "no {name:?} in {}",
            listed.stdout
        );
    }

    let wanted = link.replacen(
        &text(&shared, "cid"),
        &format!("{}/sizes/several chunks", text(&shared, "cid")),
        1,
    );
    let output = looker
        .bare_command()
        .arg("cat")
        .arg(&wanted)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout == fs_err::read(tree.join("sizes/several chunks")).unwrap());
    assert!(
        looker
            .ok(&[&"list"])
            .events
            .iter()
            .all(|event| event["event"] != "item")
    );
}

#[test]
fn a_car_file_carries_a_share_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 33, Kinds::All);
    let car = folder.path().join("tree.car");
    let sharer = Shoal::new();
    let (_daemon, _) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &tree]);
    sharer.ok(&[&"export", &text(shared.event("shared"), "id"), &car]);

    let other = Shoal::new();
    let (_daemon, _) = other.daemon();
    other.ok(&[&"import", &car]);
    let into = folder.path().join("into");
    let cid = text(shared.event("shared"), "cid");
    other.ok(&[&"get", &cid, &"--into", &into]);
    trees::assert_same(&tree, &into.join(cid));
}

#[test]
fn a_damaged_car_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let car = folder.path().join("x.car");
    let shoal = Shoal::new();
    for bytes in [
        &b""[..],
        b"not a car",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        &[0x0a; 100],
    ] {
        fs_err::write(&car, bytes).unwrap();
        shoal.run(&[&"import", &car]).expect_code(1).problem();
    }
}

#[test]
fn a_symlink_is_shared_as_a_symlink() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs_err::write(&secret, "not to be shared").unwrap();
    let tree = folder.path().join("tree");
    fs_err::create_dir(&tree).unwrap();
    fs_err::os::unix::fs::symlink(&secret, tree.join("absolute")).unwrap();
    fs_err::os::unix::fs::symlink("../secret", tree.join("outside")).unwrap();
    fs_err::write(tree.join("file"), "x").unwrap();
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let into = folder.path().join("into");
    Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    // Neither leads out of the download, and neither brings the secret along.
    assert!(fs_err::symlink_metadata(into.join("tree/absolute")).is_err());
    assert!(fs_err::symlink_metadata(into.join("tree/outside")).is_err());
    assert_eq!(fs_err::read_to_string(into.join("tree/file")).unwrap(), "x");
}

fn bare(arguments: &[&str]) -> Finished {
    let mut command = Command::new(program());
    command.args(arguments).env("SHOAL_LOCAL", "1");
    Process::start(&mut command).unwrap().finish().unwrap()
}
