//! What a scan finds.

use super::*;
use crate::index::Fingerprint;

fn scan_item(bench: &Bench, depth: Depth) -> ScanReport {
    scan(
        &bench.index,
        bench.item,
        depth,
        &Progress::default(),
        &Control::default(),
    )
    .unwrap()
}

/// What a scan found: files that are fine, changed, missing, moved.
fn check_scan(bench: &Bench, depth: Depth, expected: [u64; 4]) {
    let report = scan_item(bench, depth);
    let found = [
        report.ok,
        report.changed.count,
        report.missing.count,
        report.moved.count,
    ];
    assert_eq!(found, expected, "{report:?}");
}

fn state_of(bench: &Bench, name: &str) -> FileState {
    let files = bench.index.files(bench.item).unwrap();
    files
        .iter()
        .find(|file| file.path == bench.path(name))
        .unwrap()
        .state
}

#[test]
fn a_scan_finds_the_changed_and_the_missing() {
    let bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.write(&format!("folder/{name}"), name.as_bytes());
    }
    bench.write("folder/large", &noise(6_000_000, 1));
    bench.import(&["folder"]);
    check_scan(&bench, Depth::Fingerprints, [4, 0, 0, 0]);
    check_scan(&bench, Depth::Content, [4, 0, 0, 0]);

    bench.write("folder/b", b"!");
    fs::remove_file(bench.path("folder/c")).unwrap();
    bench.write("folder/large", &noise(6_000_000, 2));
    check_scan(&bench, Depth::Fingerprints, [1, 2, 1, 0]);
    assert_eq!(state_of(&bench, "folder/b"), FileState::Changed);
    assert_eq!(state_of(&bench, "folder/c"), FileState::Missing);

    bench.write("folder/b", b"b");
    bench.write("folder/c", b"c");
    bench.write("folder/large", &noise(6_000_000, 1));
    check_scan(&bench, Depth::Fingerprints, [4, 0, 0, 0]);
    assert_eq!(state_of(&bench, "folder/b"), FileState::Whole);
}

#[test]
fn a_change_behind_the_fingerprints_back_is_found_by_reading_everything() {
    let bench = Bench::new();
    bench.write("folder/a", b"aaaa");
    bench.import(&["folder"]);
    poison(&bench);
    check_scan(&bench, Depth::Fingerprints, [1, 0, 0, 0]);
    check_scan(&bench, Depth::Content, [0, 1, 0, 0]);
}

#[test]
fn a_file_that_was_renamed_within_the_share_is_served_from_there() {
    let bench = Bench::new();
    bench.write("folder/a", b"content of a");
    bench.write("folder/b", b"content of b");
    let mut new = new_item();
    new.sources = vec![bench.path("folder")];
    let item = bench.index.create_item(new).unwrap();
    let bench = Bench { item, ..bench };
    let imported = bench.import(&["folder"]);
    fs::create_dir(bench.path("folder/sub")).unwrap();
    fs::rename(bench.path("folder/a"), bench.path("folder/sub/other")).unwrap();
    check_scan(&bench, Depth::Fingerprints, [1, 0, 0, 1]);
    let contents = bench.read_back(&imported.root);
    assert_eq!(contents[0], ("/a".to_owned(), b"content of a".to_vec()));
    check_scan(&bench, Depth::Fingerprints, [2, 0, 0, 0]);
    let names: Vec<_> = bench
        .index
        .files(item)
        .unwrap()
        .into_iter()
        .map(|file| file.name_in_item)
        .collect();
    assert!(names.contains(&"a".to_owned()), "{names:?}");
}

#[test]
fn a_file_that_was_only_touched_is_read_once_and_then_proven_again() {
    let bench = Bench::new();
    bench.write("a", b"content");
    bench.import(&["a"]);
    bench.make_old();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.path("a"))
        .unwrap();
    let before = SystemTime::now() - Duration::from_hours(1);
    file.file().set_modified(before).unwrap();
    drop(file);
    let root = bench.index.item(bench.item).unwrap().unwrap().root.unwrap();
    let (source, doubts) = bench.source();
    assert_eq!(source.read(&root).unwrap(), b"content"[..]);
    assert_eq!(*doubts.lock().unwrap(), [], "nothing can be done yet");
    let source = source.at(|| SystemTime::now() + Duration::from_hours(1));
    assert_eq!(source.read(&root).unwrap(), b"content"[..]);
    assert_eq!(doubts.lock().unwrap()[0].kind, DoubtKind::Unproven);
    check_scan(&bench, Depth::Fingerprints, [1, 0, 0, 0]);
    let file = bench.index.files(bench.item).unwrap().remove(0);
    let now = crate::index::Fingerprint::of(&fs::metadata(&file.path).unwrap(), SystemTime::now());
    assert!(file.fingerprint.unwrap().matches(&now));
}

#[test]
fn files_hashed_too_soon_are_read_once_more_and_then_proven() {
    let bench = Bench::new();
    bench.write("folder/a", b"a");
    bench.write("folder/b", b"b");
    bench.import(&["folder"]);
    // As if they had been written long ago, and hashed within the same tick of the clock.
    let before = SystemTime::now() - Duration::from_hours(1);
    for file in bench.index.files(bench.item).unwrap() {
        let open = fs::OpenOptions::new().write(true).open(&file.path).unwrap();
        open.file().set_modified(before).unwrap();
        let mut fingerprint = Fingerprint::of(&open.metadata().unwrap(), SystemTime::now());
        fingerprint.racy = true;
        bench
            .index
            .set_file(file.id, &file.path, Some(fingerprint), file.state)
            .unwrap();
    }
    fs::write(bench.path("folder/b"), b"!").unwrap();
    check_scan(&bench, Depth::Fingerprints, [1, 1, 0, 0]);
    assert_eq!(state_of(&bench, "folder/a"), FileState::Whole);
    assert_eq!(state_of(&bench, "folder/b"), FileState::Changed);
}

#[test]
fn wrong_blocks_of_a_download_are_forgotten_so_that_they_are_fetched_again() {
    let bench = Bench::new();
    bench.write("download.part", b"goodbad!");
    let file = crate::index::NewFile {
        path: bench.path("download.part"),
        name_in_item: "download".to_owned(),
        size: 100,
        root: None,
        state: FileState::Part,
    };
    let file = bench.index.add_files(bench.item, vec![file]).unwrap()[0];
    let row = |content: &[u8], offset| crate::index::BlockRow {
        mh: cid::hash(cid::SHA2_256, content).unwrap(),
        kind: crate::index::RowKind::Slice {
            file,
            offset,
            len: 4,
            framed: false,
        },
    };
    bench
        .index
        .put_blocks(bench.item, vec![row(b"good", 0), row(b"evil", 4)])
        .unwrap();
    check_scan(&bench, Depth::Content, [0, 1, 0, 0]);
    assert_eq!(
        bench.index.slices_after(file, 0, u32::MAX).unwrap().len(),
        1
    );
    check_scan(&bench, Depth::Content, [1, 0, 0, 0]);
}
