//! CAR files: several roots, foreign blocks, any order, twice; and what is refused before it begins.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::content::names;
use support::dag::{self, Block};
use support::faults::Watch;
use support::shoal::{Running, Shoal, number, text};
use support::wait::until;

/// Runs a second person's Shoal with a daemon, and gives it with the folder that things are unpacked into.
fn unpacker(work: &Path) -> (Shoal, Running, PathBuf) {
    let into = work.join("unpacked");
    let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
    let (daemon, _) = shoal.daemon();
    (shoal, daemon, into)
}

/// Blocks of other kinds of data before, between and behind those of the item, the item's own leaf first, blocks that belong to
/// nothing, and zeros at the end.
#[test]
fn a_car_with_foreign_blocks_and_padding_is_imported_and_they_are_counted() {
    let ok = dag::raw(b"good\n");
    let cbor = dag::other(0x71, &[0xa0]);
    let md5 = dag::hashed_otherwise(&ok, 0xd5, &[7; 16]);
    let folder = dag::directory(&[(b"ok.txt", &ok)]);
    let stray = dag::directory(&[(b"elsewhere", &ok)]);
    let large = dag::hashed_otherwise(&dag::raw(&vec![1; 3_000_000]), 0x12, &[8; 32]);
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("made.car");
    let blocks = [&cbor, &md5, &ok, &stray, &large, &folder, &ok, &cbor];
    let mut bytes = dag::car_of(&[&folder], &blocks);
    bytes.resize(bytes.len() + (1 << 20), 0);
    fs_err::write(&car, bytes).unwrap();
    let (shoal, _daemon, into) = unpacker(work.path());
    let done = shoal.ok(&[&"import", &car]);
    assert_eq!(names(&into), ["made"]);
    let got = fs_err::read(into.join("made/ok.txt")).unwrap();
    assert_eq!(got, b"good\n");
    let imported = done.event("imported");
    assert_eq!(number(imported, "foreign"), 5, "{imported}");
    let status = shoal.ok(&[&"status", &"1"]);
    let told = text(status.event("skipped"), "reason");
    assert_eq!(told, "5 blocks that belong to nothing in it");
    assert_eq!(imported["skipped"][0]["reason"], told.as_str());
}

/// Two items in one CAR, and a root that is none. Imported again, what is here stays, and what was deleted comes back.
#[test]
fn every_root_of_a_car_becomes_an_item_and_comes_back_when_it_is_gone() {
    let (one, two) = (dag::raw(b"one\n"), dag::raw(b"two\n"));
    let folder = dag::directory(&[(b"one.txt", &one), (b"two.txt", &two)]);
    let cbor = dag::other(0x71, &[0xa0]);
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("trip.car");
    let bytes = dag::car_of(
        &[&folder, &cbor, &two, &folder],
        &[&one, &two, &folder, &cbor],
    );
    fs_err::write(&car, bytes).unwrap();
    let (shoal, _daemon, into) = unpacker(work.path());
    let import = || {
        let done = shoal.ok(&[&"import", &car]);
        let imported = done
            .events
            .into_iter()
            .filter(|event| event["event"] == "imported");
        imported.collect::<Vec<_>>()
    };
    let first = import();
    let told = |field: &str| {
        first
            .iter()
            .map(|item| text(item, field))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("name"), ["trip 1", "trip 2"]);
    assert_eq!(told("cid"), [folder.cid.to_string(), two.cid.to_string()]);
    assert_eq!(names(&into), ["trip 1", "trip 2"]);
    assert!(first.iter().all(|item| item["was_here"] == false));

    let again = import();
    assert!(
        again.iter().all(|item| item["was_here"] == true),
        "{again:?}"
    );
    shoal.ok(&[&"verify", &"1"]);
    shoal.ok(&[&"verify", &"2"]);

    fs_err::remove_file(into.join("trip 2")).unwrap();
    let back = import();
    assert_eq!(back[0]["was_here"], true);
    assert_eq!(back[1]["was_here"], false);
    assert_eq!(fs_err::read(into.join("trip 2")).unwrap(), b"two\n");
    assert_eq!(names(&into), ["trip 1", "trip 2"]);
    let listed = shoal.ok(&[&"list"]);
    let items = listed
        .events
        .iter()
        .filter(|event| event["event"] == "item");
    assert!(
        items.clone().all(|item| item["state"] == "sharing"),
        "{}",
        listed.stdout
    );
    assert_eq!(items.count(), 2);
}

/// After the index was damaged, an imported item is what lies in its place, and its CAR is what it was.
#[test]
fn an_imported_item_outlives_the_index() {
    let one = dag::raw(b"one\n");
    let folder = dag::directory(&[(b"one.txt", &one)]);
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("trip.car");
    fs_err::write(&car, dag::car(&[&folder, &one])).unwrap();
    let (shoal, daemon, into) = unpacker(work.path());
    shoal.ok(&[&"import", &car]);
    daemon.interrupt().expect_code(0);
    fs_err::write(shoal.data_dir().join("index.db"), "no database").unwrap();
    let (_daemon, _) = shoal.daemon();
    let whole = || {
        let status = shoal.ok(&[&"status", &"1"]);
        (text(status.event("item"), "state") == "sharing").then_some(())
    };
    until("it is never whole again", whole);
    shoal.ok(&[&"verify", &"1"]);
    assert_eq!(names(&into), ["trip"]);
    shoal.ok(&[&"remove", &"1", &"--delete-files"]);
    assert_eq!(names(&into), Vec::<String>::new());
}

/// What can't be begun leaves nothing behind, and says what to do.
#[test]
fn what_never_begins_leaves_nothing_behind() {
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    let (shoal, _daemon, into) = unpacker(work);
    let ok = dag::raw(b"good\n");
    let folder = dag::directory(&[(b"ok.txt", &ok)]);
    let whole = dag::car(&[&folder, &ok]);
    let refused = |arguments: &[&dyn AsRef<std::ffi::OsStr>], code: &str| {
        let done = shoal.run(arguments).expect_code(1);
        assert_eq!(done.problem(), code, "{}", done.stdout);
        let hint = text(done.event("error"), "hint");
        assert!(!hint.contains("SHOAL_LOG"), "{hint}");
        let listed = shoal.ok(&[&"list"]);
        assert!(
            listed.events.iter().all(|event| event["event"] != "item"),
            "{}",
            listed.stdout
        );
        assert_eq!(names(&into), Vec::<String>::new());
    };

    let car = work.join("x.car");
    let cut = &whole[..whole.len() - 1];
    let mut flipped = whole.clone();
    // In the root's block.
    let at = flipped.len() - ok.bytes.len() - ok.cid.to_bytes().len() - 3;
    flipped[at] ^= 1;
    let cbor = dag::other(0x71, &[0xa0]);
    for bytes in [
        &b""[..],
        b"not a car",
        cut,
        &flipped,
        &dag::car_of(&[], &[&ok]),
        &dag::car(&[&cbor]),
        &dag::car_of(&[&folder], &[&ok]),
    ] {
        fs_err::write(&car, bytes).unwrap();
        refused(&[&"import", &car], "bad-car");
    }
    fs_err::remove_file(&car).unwrap();
    refused(&[&"import", &car], "bad-car");
    refused(&[&"import", &work], "bad-car");

    let fifo = work.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let socket = work.join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    refused(&[&"import", &fifo], "bad-car");
    refused(&[&"share", &fifo], "nothing-to-share");
    refused(&[&"share", &socket], "nothing-to-share");
    let empty = work.join("empty");
    fs_err::create_dir(&empty).unwrap();
    fs_err::write(empty.join(".hidden"), "x").unwrap();
    refused(&[&"share", &empty], "all-left-out");

    fs_err::write(&car, &whole).unwrap();
    let cid = folder.cid.to_string();
    let dangling = work.join("dangling");
    fs_err::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    for place in [
        car.clone(),
        car.join("below"),
        dangling.clone(),
        dangling.join("below"),
    ] {
        refused(&[&"get", &cid, &"--into", &place], "bad-path");
    }
    refused(&[&"get", &cid, &"--select", &".."], "bad-selection");
    // Somebody has it.
    let (sharer, _sharing, _) = unpacker(&work.join("other"));
    sharer.ok(&[&"import", &car]);
    let link = text(sharer.ok(&[&"link", &"1"]).event("link"), "link");
    refused(&[&"get", &link, &"--select", &"not there"], "not-in-item");
    refused(&[&"get", &link, &"--select", &"ok.txt/x"], "not-in-item");
}

/// However a CAR's blocks are ordered, it is read as often as one in the tree's order.
#[test]
fn the_order_of_a_car_costs_nothing() {
    let leaves: Vec<Block> = (0..6000_u32)
        .map(|n| dag::raw(&[&n.to_le_bytes()[..], &[7; 96]].concat()))
        .collect();
    let nodes: Vec<Block> = leaves
        .chunks(100)
        .map(|leaves| dag::file(&leaves.iter().collect::<Vec<_>>(), &vec![100; leaves.len()]))
        .collect();
    let root = dag::file(
        &nodes.iter().collect::<Vec<_>>(),
        &vec![10_000; nodes.len()],
    );
    let mut blocks: Vec<&Block> = vec![&root];
    blocks.extend(&nodes);
    blocks.extend(&leaves);
    let reads = |blocks: &[&Block]| {
        let work = tempfile::tempdir().unwrap();
        let car = work.path().join("x.car");
        fs_err::write(&car, dag::car_of(&[&root], blocks)).unwrap();
        let log = tempfile::tempdir().unwrap();
        let watch = Watch::new(work.path(), &log.path().join("calls"));
        let into = work.path().join("into");
        let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
        let shoal = shoal.with_variables(watch.environment(None)?);
        shoal.ok(&[&"import", &car]);
        assert_eq!(fs_err::metadata(into.join("x")).unwrap().len(), 600_000);
        let calls = watch.calls().into_iter();
        let reads = calls.filter(|(call, _)| call.kind == "read" && call.path == "x.car");
        Some(reads.map(|(_, count)| count).sum::<usize>())
    };
    let Some(in_order) = reads(&blocks) else {
        return;
    };
    blocks.reverse();
    let reversed = reads(&blocks).unwrap();
    assert!(
        reversed <= 2 * in_order,
        "{reversed} reads where {in_order} do"
    );
}
