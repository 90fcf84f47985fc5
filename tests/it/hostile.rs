//! Content made to do harm, and files that change behind Shoal's back: nothing wrong gets in or out.

use std::path::{Path, PathBuf};
use std::process::Command;

use support::Wire;
use support::dag::{self, Block};
use support::kubo::Kubo;
use support::process::Process;
use support::shoal::{Done, Ready, Shoal, text};
use support::trees;
use support::wait::HUNG_SECONDS;

/// Fetches hand-made blocks, the first being the root, in both ways in which they reach a person: from a peer that
/// serves anything (Kubo), and as a CAR file. `check` gets the outcome and the folder that was chosen.
fn fetch_both_ways(blocks: &[&Block], check: impl Fn(&Done, &Path)) {
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("hostile.car");
    fs_err::write(&car, dag::car(blocks)).unwrap();
    if let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) {
        kubo.import(&car);
        let kubo = kubo.daemon();
        let root = blocks[0].cid.to_string();
        let outside = tempfile::tempdir().unwrap();
        let into = outside.path().join("deep/into");
        let provider = Wire::TcpTls.pick(&kubo.addresses);
        let done = Shoal::new().run(&[
            &"get",
            &root,
            &"--into",
            &into,
            &"--provider",
            &provider,
            &"--timeout",
            &HUNG_SECONDS,
        ]);
        check(&done, &into);
        assert_only_deep(outside.path());
    }

    let outside = tempfile::tempdir().unwrap();
    let into = outside.path().join("deep/into");
    let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
    let (_daemon, _) = shoal.daemon();
    let done = shoal.run(&[&"import", &car]);
    check(&done, &into);
    assert_only_deep(outside.path());
}

fn assert_only_deep(outside: &Path) {
    for left in fs_err::read_dir(outside).unwrap() {
        assert_eq!(
            left.unwrap().file_name(),
            "deep",
            "written outside the chosen folder"
        );
    }
}

/// The one thing that a download put into its folder.
fn item(into: &Path) -> PathBuf {
    let mut entries = fs_err::read_dir(into).unwrap();
    let item = entries.next().unwrap().unwrap().path();
    assert!(
        entries.next().is_none(),
        "more than one item in {}",
        into.display()
    );
    item
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let child = dag::raw(b"gotcha");
    let too_long = vec![b'a'; 100_000];
    for name in [
        &b"../escaped"[..],
        b"..",
        b"/tmp/shoal-escaped",
        b"a/b",
        b".",
        b"",
        b"a\0b",
        &too_long,
    ] {
        let root = dag::directory(&[(name, &child)]);
        fetch_both_ways(&[&root, &child], |done, into| {
            let name = String::from_utf8_lossy(&name[..name.len().min(20)]);
            if name.starts_with("aaa") {
                // Longer than any file system holds: under a substitute, or not at all.
                assert!(done.code == Some(0) || done.code == Some(1));
            } else {
                assert_eq!(
                    done.code,
                    Some(1),
                    "{name:?}: {}\n{}",
                    done.stdout,
                    done.stderr
                );
                done.problem();
                assert!(
                    files_below(into).is_empty(),
                    "{name:?} left {:?}",
                    files_below(into)
                );
            }
        });
        assert!(!Path::new("/tmp/shoal-escaped").exists());
    }
}

#[test]
fn odd_names_that_fit_are_kept_to_the_byte() {
    let (one, two) = (dag::raw(b"one"), dag::raw(b"two"));
    let root = dag::directory(&[
        (b"CON", &one),
        (b"NAME", &one),
        (b"a:b*c?.", &one),
        (b"name", &two),
        ("n\u{e4}me".as_bytes(), &one),
        ("na\u{308}me".as_bytes(), &two),
    ]);
    fetch_both_ways(&[&root, &one, &two], |done, into| {
        assert_eq!(done.code, Some(0), "{}", done.stdout);
        let item = item(into);
        for (name, content) in [
            ("CON", "one"),
            ("NAME", "one"),
            ("a:b*c?.", "one"),
            ("name", "two"),
            ("n\u{e4}me", "one"),
            ("na\u{308}me", "two"),
        ] {
            assert_eq!(
                fs_err::read_to_string(item.join(name)).unwrap(),
                content,
                "{name}"
            );
        }
    });
}

#[test]
fn a_name_never_reaches_the_terminal_as_commands() {
    /// Inverse magenta: nothing that Shoal itself would say.
    const CONTROL: &str = "\x1b[7;35m";
    let child = dag::raw(b"x");
    let root = dag::directory(&[(format!("red{CONTROL}\n").as_bytes(), &child)]);
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("hostile.car");
    fs_err::write(&car, dag::car(&[&root, &child])).unwrap();
    kubo.import(&car);
    let kubo = kubo.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let link = format!(
        "ipfs://{}?filename=%1b%5b7;35mred&provider={provider}",
        root.cid
    );
    let into = work.path().to_str().unwrap();
    for arguments in [&["ls", &link][..], &["get", &link, "--into", into]] {
        let said = at_a_terminal(Shoal::new().bare_command().args(arguments));
        assert!(!said.contains(CONTROL), "shoal {arguments:?} said {said:?}");
    }
}

/// What a command shows where its output is a terminal, as util-linux's `script` makes one.
fn at_a_terminal(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut script = Command::new("script");
    script.args([
        "--quiet",
        "--return",
        "--command",
        &words.join(" "),
        "/dev/null",
    ]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let finished = Process::start(&mut script).unwrap().finish().unwrap();
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout.join("\n")
}

#[test]
fn links_never_lead_out_of_the_item() {
    let secret = tempfile::tempdir().unwrap();
    let absolute = dag::symlink(secret.path().to_str().unwrap().as_bytes());
    let outside = dag::symlink(b"../../outside");
    let inside = dag::symlink(b"file");
    let file = dag::raw(b"inside");
    let root = dag::directory(&[
        (b"absolute", &absolute),
        (b"file", &file),
        (b"inside", &inside),
        (b"outside", &outside),
    ]);
    fetch_both_ways(
        &[&root, &absolute, &file, &inside, &outside],
        |done, into| {
            assert_eq!(done.code, Some(0), "{}", done.stdout);
            let item = item(into);
            assert_eq!(
                fs_err::read_to_string(item.join("inside")).unwrap(),
                "inside"
            );
            assert!(fs_err::symlink_metadata(item.join("absolute")).is_err());
            assert!(fs_err::symlink_metadata(item.join("outside")).is_err());
        },
    );
}

/// A directory with the same name twice: first a link out, then a folder to write through it.
#[test]
fn a_link_is_never_written_through() {
    let target = tempfile::tempdir().unwrap();
    let link = dag::symlink(target.path().to_str().unwrap().as_bytes());
    let file = dag::raw(b"gotcha");
    let folder = dag::directory(&[(b"file", &file)]);
    let root = dag::directory(&[(b"x", &link), (b"x", &folder)]);
    fetch_both_ways(&[&root, &link, &folder, &file], |_, _| {
        assert_eq!(fs_err::read_dir(target.path()).unwrap().count(), 0);
    });
}

#[test]
fn impossible_shapes_are_refused() {
    let child = dag::raw(b"child");
    let mut levels = vec![child.clone()];
    for _ in 0..2000 {
        levels.push(dag::file(&[&levels[levels.len() - 1]], &[5]));
    }
    levels.reverse();
    let shapes = [
        (
            "sizes that are not its children's",
            vec![dag::file(&[&child], &[5, 7])],
        ),
        ("a child of another size", vec![dag::file(&[&child], &[6])]),
        ("a huge claim", vec![dag::file(&[&child], &[u64::MAX / 2])]),
        (
            "a fan-out of 3",
            vec![dag::shard(3, &[1], &[(b"0x", &child)])],
        ),
        (
            "a fan-out of 2^40",
            vec![dag::shard(1 << 40, &[1], &[(b"0000000000x", &child)])],
        ),
        (
            "a bitfield without links",
            vec![dag::shard(256, &[0xff], &[])],
        ),
        (
            "a bitfield that is too long",
            vec![dag::shard(256, &[1; 4000], &[(b"00x", &child)])],
        ),
        ("thousands of levels", levels),
    ];
    for (what, mut blocks) in shapes {
        blocks.push(child.clone());
        fetch_both_ways(&blocks.iter().collect::<Vec<_>>(), |done, into| {
            assert!(
                matches!(done.code, Some(1 | 3)),
                "{what}: {:?}\n{}\n{}",
                done.code,
                done.stdout,
                done.stderr
            );
            done.problem();
            let left: Vec<_> = files_below(into)
                .into_iter()
                .filter(|name| !name.contains(".part"))
                .collect();
            assert!(left.is_empty(), "{what} left {left:?}");
        });
    }
}

#[test]
fn a_car_file_with_forged_bytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let car = folder.path().join("forged.car");
    let forged = Block {
        cid: dag::raw(b"what was asked for").cid,
        bytes: b"something else".to_vec(),
    };
    fs_err::write(&car, dag::car(&[&forged])).unwrap();
    let into = folder.path().join("into");
    let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
    let (_daemon, _) = shoal.daemon();
    shoal.run(&[&"import", &car]).expect_code(1).problem();
    assert!(files_below(&into).is_empty(), "{:?}", files_below(&into));
}

#[test]
fn a_changed_file_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 60, 3_000_000);
    let sharer = Shoal::new();
    let (_daemon, ready) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &file]);
    let cid = text(shared.event("shared"), "cid");

    let mut bytes = fs_err::read(&file).unwrap();
    bytes[2_500_000] ^= 1;
    fs_err::write(&file, &bytes).unwrap();
    let into = folder.path().join("into");
    let fetcher = Shoal::new();
    let done = fetch(&fetcher, &cid, &ready, &into);
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(
        files_below(&into).iter().all(|name| name.contains(".part")),
        "{:?}",
        files_below(&into)
    );

    // What it was is served again once it is back.
    bytes[2_500_000] ^= 1;
    fs_err::write(&file, &bytes).unwrap();
    fetch(&fetcher, &cid, &ready, &into).expect_code(0);
    trees::assert_same(&file, &into.join(&cid));
}

#[test]
fn a_deleted_or_shortened_file_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 61, 3_000_000);
    let sharer = Shoal::new();
    let (_daemon, ready) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &file]);
    let cid = text(shared.event("shared"), "cid");
    fs_err::OpenOptions::new()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(2_000_000)
        .unwrap();
    assert_eq!(
        fetch(
            &Shoal::new(),
            &cid,
            &ready,
            &folder.path().join("shortened")
        )
        .code,
        Some(3)
    );
    fs_err::remove_file(&file).unwrap();
    assert_eq!(
        fetch(&Shoal::new(), &cid, &ready, &folder.path().join("deleted")).code,
        Some(3)
    );
}

#[test]
fn a_file_swapped_for_a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 62, 1_000_000);
    let elsewhere = folder.path().join("elsewhere");
    let sharer = Shoal::new();
    let (_daemon, ready) = sharer.daemon();
    let shared = sharer.ok(&[&"share", &file]);
    let cid = text(shared.event("shared"), "cid");
    fs_err::rename(&file, &elsewhere).unwrap();
    fs_err::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    assert_eq!(
        fetch(&Shoal::new(), &cid, &ready, &folder.path().join("into")).code,
        Some(3)
    );
}

fn fetch(fetcher: &Shoal, cid: &str, ready: &Ready, into: &Path) -> Done {
    fetcher.run(&[
        &"get",
        &cid,
        &"--into",
        &into,
        &"--provider",
        &ready.listen[0],
        &"--timeout",
        &"4",
    ])
}

/// The names of all files below a folder, which may be missing.
fn files_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names
}
