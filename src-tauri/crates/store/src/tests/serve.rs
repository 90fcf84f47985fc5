//! What is served, and what is refused.

use super::*;

#[test]
fn a_paused_item_is_not_served() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    let (source, _) = bench.source();
    bench
        .index
        .set_item_state(bench.item, ItemState::Paused)
        .unwrap();
    assert_eq!((source.read(&root), size(&source, &root)), (None, None));
    assert_eq!(source.read_local(&root).unwrap(), b"hello world"[..]);
}

#[test]
fn a_block_whose_bytes_changed_is_refused_and_reported() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    bench.make_old();
    let (source, doubts) = bench.source();
    assert_eq!(source.read(&root).unwrap(), b"hello world"[..]);
    assert_eq!(*doubts.lock().unwrap(), []);
    bench.write("hello", b"HELLO WORLD");
    assert_eq!(source.read(&root), None);
    let file = bench.index.files(bench.item).unwrap().remove(0);
    let doubt = Doubt {
        item: bench.item,
        file: file.id,
        kind: DoubtKind::Changed,
    };
    assert_eq!(*doubts.lock().unwrap(), [doubt]);
    bench.index.set_meta("", b"").unwrap();
    assert_eq!(
        bench.index.file(file.id).unwrap().unwrap().state,
        FileState::Changed
    );
    // The content comes back: each block is hashed, and served.
    bench.write("hello", b"hello world");
    assert_eq!(source.read(&root).unwrap(), b"hello world"[..]);
}

#[test]
fn a_change_that_a_fresh_fingerprint_cannot_show_is_caught_all_the_same() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    let file = bench.index.files(bench.item).unwrap().remove(0);
    let (source, doubts) = bench.source();
    bench.write("hello", b"HELLO WORLD");
    // As if it had been changed within the clock's tick.
    let metadata = fs::metadata(&file.path).unwrap();
    let fingerprint = crate::index::Fingerprint::of(&metadata, metadata.modified().unwrap());
    assert!(fingerprint.racy);
    bench
        .index
        .set_file(file.id, &file.path, Some(fingerprint), FileState::Whole)
        .unwrap();
    assert_eq!(source.read(&root), None);
    assert_eq!(doubts.lock().unwrap()[0].kind, DoubtKind::Changed);
}

#[test]
fn one_place_that_is_gone_does_not_hide_another() {
    let bench = Bench::new();
    bench.write("folder/a", b"the same");
    bench.write("folder/b", b"the same");
    bench.import(&["folder"]);
    let root = file_root(&Profile::V1_2025, b"the same").cid;
    for gone in ["folder/a", "folder/b"] {
        let (source, doubts) = bench.source();
        let content = fs::read(bench.path(gone)).unwrap();
        fs::remove_file(bench.path(gone)).unwrap();
        assert_eq!(source.read(&root).unwrap(), b"the same"[..]);
        // What is back is served again.
        drop(doubts);
        fs::write(bench.path(gone), content).unwrap();
    }
    fs::remove_file(bench.path("folder/a")).unwrap();
    fs::remove_file(bench.path("folder/b")).unwrap();
    let (source, doubts) = bench.source();
    assert_eq!(source.read(&root), None);
    assert!(
        doubts
            .lock()
            .unwrap()
            .iter()
            .all(|doubt| doubt.kind == DoubtKind::Missing)
    );
}

#[test]
fn a_file_deleted_while_it_is_open_is_not_served() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    bench.make_old();
    let (source, _) = bench.source();
    assert!(source.read(&root).is_some());
    fs::remove_file(bench.path("hello")).unwrap();
    assert_eq!(source.read(&root), None);
}

/// What others are told that we have, of a folder with this one file in its state now.
#[test]
fn what_others_are_told_of_follows_the_files() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    bench.make_old();
    let (source, doubts) = bench.source();
    let check = |expected: Option<bool>, doubt: Option<DoubtKind>| {
        let held = source.held(&[root]);
        assert_eq!(held[0].map(|held| held.sure), expected);
        let doubts = std::mem::take(&mut *doubts.lock().unwrap());
        assert_eq!(doubts.first().map(|doubt| doubt.kind), doubt);
    };
    check(Some(true), None);
    bench.write("hello", b"HELLO WORLD");
    check(Some(false), None);
    bench.write("hello", b"hello");
    check(None, Some(DoubtKind::Changed));
    fs::remove_file(bench.path("hello")).unwrap();
    check(None, Some(DoubtKind::Missing));
    fs::create_dir(bench.path("hello")).unwrap();
    check(None, Some(DoubtKind::Missing));
    fs::remove_dir(bench.path("hello")).unwrap();
    bench.write("hello", b"hello world");
    check(Some(false), None);
}

#[test]
fn a_pipe_in_a_files_place_does_not_hold_anybody_up() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let root = bench.import(&["hello"]).root;
    fs::remove_file(bench.path("hello")).unwrap();
    fs::create_dir(bench.path("hello")).unwrap();
    let (source, _) = bench.source();
    assert_eq!(source.read(&root), None);
}

#[test]
fn blocks_that_follow_from_their_cid_are_always_there() {
    let bench = Bench::new();
    let (source, _) = bench.source();
    let empty = file_root(&Profile::V1_2025, b"").cid;
    assert_eq!(source.read(&empty).unwrap(), b""[..]);
    assert_eq!(size(&source, &empty), Some(0));
}
