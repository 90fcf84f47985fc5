//! Content made to do harm, and files that change behind Shoal's back: nothing wrong gets in or out.

use std::path::Path;

use crate::support::dag::{self, Block};
use crate::support::shoal::{Done, Ready, Running, Shoal, text};
use crate::support::trees;

/// Serves hand-made blocks from a CAR file, whole or not.
fn serve(shoal: &Shoal, blocks: &[&Block]) -> (Running, Ready) {
    let (daemon, ready) = shoal.daemon();
    let folder = tempfile::tempdir().unwrap();
    let car = folder.path().join("hostile.car");
    fs_err::write(&car, dag::car(blocks)).unwrap();
    shoal.run(&[&"import", &car]);
    (daemon, ready)
}

/// Puts the blocks into a CAR file, imports it and fetches its root into `into`: first alone, then from a peer.
fn fetch_all_ways(blocks: &[&Block], mut check: impl FnMut(Done, &Path)) {
    let root = blocks[0].cid.to_string();
    let sharer = Shoal::new();
    let (_daemon, ready) = serve(&sharer, blocks);
    for shoal in [&sharer, &Shoal::new()] {
        let outside = tempfile::tempdir().unwrap();
        let into = outside.path().join("deep/into");
        let done = shoal.run(&[
            &"get",
            &root,
            &"--into",
            &into,
            &"--provider",
            &ready.listen[0],
            &"--timeout",
            &"10",
        ]);
        check(done, &into);
        for left in fs_err::read_dir(outside.path()).unwrap() {
            assert_eq!(
                left.unwrap().file_name(),
                "deep",
                "written outside the chosen folder"
            );
        }
    }
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
        fetch_all_ways(&[&root, &child], |done, into| {
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
    fetch_all_ways(&[&root, &one, &two], |done, into| {
        let done = done.expect_code(0);
        let item = into.join(root.cid.to_string());
        assert_eq!(done.event("done")["cid"], root.cid.to_string());
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
fn a_name_that_would_confuse_a_terminal_gets_a_substitute() {
    let child = dag::raw(b"x");
    let root = dag::directory(&[(b"red\x1b[31m\n", &child)]);
    fetch_all_ways(&[&root, &child], |done, into| {
        done.expect_code(0);
        let files = files_below(into);
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(!files[0].contains(|c: char| c.is_control()), "{files:?}");
    });
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
    fetch_all_ways(
        &[&root, &absolute, &file, &inside, &outside],
        |done, into| {
            done.expect_code(0);
            let item = into.join(root.cid.to_string());
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
    fetch_all_ways(&[&root, &link, &folder, &file], |_, _| {
        assert_eq!(fs_err::read_dir(target.path()).unwrap().count(), 0);
    });
}

#[test]
fn impossible_shapes_are_refused() {
    let child = dag::raw(b"child");
    let forged = Block {
        cid: dag::raw(b"what was asked for").cid,
        bytes: b"something else".to_vec(),
    };
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
        ("bytes that are not their CID's", vec![forged]),
        ("thousands of levels", levels),
    ];
    for (what, mut blocks) in shapes {
        blocks.push(child.clone());
        fetch_all_ways(&blocks.iter().collect::<Vec<_>>(), |done, into| {
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
    let done = fetch(&cid, &ready, &into);
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(
        files_below(&into).iter().all(|name| name.contains(".part")),
        "{:?}",
        files_below(&into)
    );

    // What it was is served again once it is back.
    bytes[2_500_000] ^= 1;
    fs_err::write(&file, &bytes).unwrap();
    fetch(&cid, &ready, &into).expect_code(0);
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
        fetch(&cid, &ready, &folder.path().join("shortened")).code,
        Some(3)
    );
    fs_err::remove_file(&file).unwrap();
    assert_eq!(
        fetch(&cid, &ready, &folder.path().join("deleted")).code,
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
        fetch(&cid, &ready, &folder.path().join("into")).code,
        Some(3)
    );
}

fn fetch(cid: &str, ready: &Ready, into: &Path) -> Done {
    Shoal::new().run(&[
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
