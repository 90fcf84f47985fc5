use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use fs_err as fs;
use proptest::prelude::*;
use tempfile::TempDir;
use unixfs::cid::{self, BLAKE3, Cid, Multihash, RAW, SHA2_256, SHA2_512};

use super::*;
use crate::limits::MAX_UNSERVED_PLACES;

mod damaged;
mod sums;

fn open(dir: &TempDir) -> Index {
    let opened = Index::open(dir.path()).unwrap();
    assert_eq!(opened.recovered, None);
    opened.index
}

fn new_item(name: &str) -> NewItem {
    NewItem {
        kind: ItemKind::Share,
        name: name.to_owned(),
        profile: "unixfs-v1-2025".to_owned(),
        created: 1_700_000_000,
        sources: vec![PathBuf::from("/home/me/photos")],
        ..NewItem::default()
    }
}

/// Bytes of the blocks that others are given.
fn sizes(index: &Index, hashes: &[Multihash]) -> Vec<Option<u32>> {
    let recorded = index.recorded(hashes, Scope::Serving).unwrap();
    let size = |recorded| match recorded {
        Recorded::Inline(size) => size,
        Recorded::Slices(places) => places[0].block_len(),
    };
    let sizes = recorded.into_iter().map(|recorded| recorded.map(size));
    sizes.collect()
}

fn hash(data: &[u8]) -> Multihash {
    cid::hash(SHA2_256, data).unwrap()
}

fn raw_cid(data: &[u8]) -> Cid {
    Cid::new_v1(RAW, hash(data))
}

fn inline(data: &'static [u8]) -> BlockRow {
    BlockRow {
        mh: hash(data),
        kind: RowKind::Inline(Bytes::from_static(data)),
    }
}

fn slice(data: &[u8], file: FileId, offset: u64) -> BlockRow {
    let len = u32::try_from(data.len()).unwrap();
    BlockRow {
        mh: hash(data),
        kind: RowKind::Slice {
            file,
            offset,
            len,
            framed: false,
        },
    }
}

fn add_file(index: &Index, item: ItemId, path: &str, name: &str) -> FileId {
    index.add_files(item, vec![new_file(path, name)]).unwrap()[0]
}

fn new_file(path: &str, name: &str) -> NewFile {
    NewFile {
        path: path.into(),
        name_in_item: name.to_owned(),
        size: 100,
        root: None,
        state: FileState::Part,
    }
}

fn slices(index: &Index, file: FileId) -> Result<Vec<(Multihash, u64, u32)>> {
    let slices = index.slices_after(file, 0, u32::MAX)?;
    Ok(slices
        .into_iter()
        .map(|slice| (slice.mh, slice.offset, slice.len))
        .collect())
}

fn places(index: &Index, data: &[u8]) -> Vec<PathBuf> {
    match index.locate_for(&hash(data), Scope::Serving).unwrap() {
        Some(BlockAt::Slices(places)) => places.into_iter().map(|place| place.file.path).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let mut new = new_item("photos");
    new.root = Some(raw_cid(b"root"));
    new.select = vec!["a/b".to_owned()];
    let id = index.create_item(new).unwrap();
    let file = add_file(&index, id, "/data/a.part", "sub/a");
    index
        .put_blocks(id, vec![inline(b"node"), slice(b"leaf", file, 7)])
        .unwrap();
    index
        .set_skipped(
            id,
            vec![Skipped {
                path: "x".into(),
                reason: "y".into(),
            }],
        )
        .unwrap();
    index.set_meta("peers", b"some").unwrap();
    index.set_announced(&[(hash(b"root"), 5)]).unwrap();
    let before = index.items().unwrap();
    drop(index);

    let index = open(&dir);
    assert_eq!(index.items().unwrap(), before);
    assert_eq!(before[0].wanted.select, ["a/b"]);
    assert!(
        matches!(index.locate_for(&hash(b"node"), Scope::Serving).unwrap(), Some(BlockAt::Inline(data)) if data == b"node"[..])
    );
    let record = index.file(file).unwrap().unwrap();
    assert_eq!(record.path, PathBuf::from("/data/a.part"));
    assert_eq!(record.name_in_item, "sub/a");
    assert_eq!(record.state, FileState::Part);
    assert_eq!(index.files(id).unwrap(), [record]);
    assert_eq!(slices(&index, file).unwrap(), [(hash(b"leaf"), 7, 4)]);
    assert_eq!(index.skipped(id).unwrap().len(), 1);
    assert_eq!(index.meta("peers").unwrap().unwrap(), b"some");
    assert_eq!(index.meta("other").unwrap(), None);
    assert_eq!(index.announcements().unwrap(), [(hash(b"root"), 5)]);
}

#[test]
fn after_it_is_closed_the_directory_holds_the_database_and_the_list_alone() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    index.create_item(new_item("photos")).unwrap();
    drop(index);
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["index.db", "shares.json"]);
}

#[test]
fn states_and_problems_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("photos")).unwrap();
    let problem = StoredProblem {
        code: "no-space".into(),
        message: "the disk is full".into(),
        hint: None,
        retry: StoredRetry::Auto,
        subject: Some("/data".into()),
        count: Some(3),
        field: Some("into".into()),
    };
    for state in [
        ItemState::Paused,
        ItemState::Problem(problem),
        ItemState::Active,
    ] {
        index.set_item_state(id, state.clone()).unwrap();
        assert_eq!(index.item(id).unwrap().unwrap().state, state);
    }
    index.set_item_root(id, raw_cid(b"root"), 10, 2).unwrap();
    index.set_item_done(id, true).unwrap();
    let item = index.item(id).unwrap().unwrap();
    assert_eq!(
        (item.root, item.bytes, item.files, item.done),
        (Some(raw_cid(b"root")), 10, 2, true)
    );
    assert!(matches!(
        index.set_item_done(ItemId(99), true),
        Err(IndexError::Removed)
    ));
}

#[test]
fn a_paused_item_serves_nothing_but_is_there_for_ourselves() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("photos")).unwrap();
    let file = add_file(&index, id, "/data/a", "a");
    index
        .put_blocks(id, vec![inline(b"node"), slice(b"leaf", file, 0)])
        .unwrap();
    let hashes = [hash(b"node"), hash(b"leaf"), hash(b"other")];
    assert_eq!(sizes(&index, &hashes), [Some(4), Some(4), None]);
    index.set_item_state(id, ItemState::Paused).unwrap();
    assert_eq!(sizes(&index, &hashes), [None, None, None]);
    assert!(
        index
            .locate_for(&hash(b"node"), Scope::Serving)
            .unwrap()
            .is_none()
    );
    assert!(
        index
            .locate_for(&hash(b"leaf"), Scope::Serving)
            .unwrap()
            .is_none()
    );
    assert!(
        index
            .locate_for(&hash(b"leaf"), Scope::Everything)
            .unwrap()
            .is_some()
    );
    drop(index);
    let index = open(&dir);
    assert_eq!(sizes(&index, &hashes), [None, None, None]);
    index.set_item_state(id, ItemState::Active).unwrap();
    assert_eq!(sizes(&index, &hashes), [Some(4), Some(4), None]);
}

#[test]
fn a_look_up_for_others_passes_over_no_more_than_so_many_paused_files() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let paused = index.create_item(new_item("paused")).unwrap();
    let files = (0..MAX_UNSERVED_PLACES).map(|number| new_file(&number.to_string(), "same"));
    let files = index.add_files(paused, files.collect()).unwrap();
    let rows = files.into_iter().map(|file| slice(b"same", file, 0));
    index.put_blocks(paused, rows.collect()).unwrap();
    index.set_item_state(paused, ItemState::Paused).unwrap();
    let shared = index.create_item(new_item("shared")).unwrap();
    let file = add_file(&index, shared, "/data/a", "a");
    index
        .put_blocks(shared, vec![slice(b"same", file, 0)])
        .unwrap();
    let found = |scope| index.locate_for(&hash(b"same"), scope).unwrap().is_some();
    assert!(!found(Scope::Serving) && found(Scope::Everything));
    index.set_item_state(paused, ItemState::Active).unwrap();
    assert!(found(Scope::Serving));
}

#[test]
fn a_block_has_a_place_in_each_file_and_those_of_a_removed_item_go() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let first = index.create_item(new_item("one")).unwrap();
    let second = index.create_item(new_item("two")).unwrap();
    let a = add_file(&index, first, "/data/a", "a");
    let b = add_file(&index, second, "/data/b", "b");
    index
        .put_blocks(
            first,
            vec![slice(b"leaf", a, 0), slice(b"leaf", a, 4), inline(b"node")],
        )
        .unwrap();
    index
        .put_blocks(second, vec![slice(b"leaf", b, 8), inline(b"node")])
        .unwrap();
    assert_eq!(
        places(&index, b"leaf"),
        [PathBuf::from("/data/a"), PathBuf::from("/data/b")]
    );

    index.begin_removal(first, false).unwrap();

    index.finish_removal(first).unwrap();
    assert_eq!(places(&index, b"leaf"), [PathBuf::from("/data/b")]);
    assert!(
        index
            .locate_for(&hash(b"node"), Scope::Serving)
            .unwrap()
            .is_some()
    );
    assert_eq!(index.item(first).unwrap(), None);
    assert!(matches!(
        index.put_blocks(first, vec![inline(b"late")]),
        Err(IndexError::Removed)
    ));

    index.begin_removal(second, false).unwrap();

    index.finish_removal(second).unwrap();
    assert!(
        index
            .locate_for(&hash(b"leaf"), Scope::Serving)
            .unwrap()
            .is_none()
    );
    assert!(
        index
            .locate_for(&hash(b"node"), Scope::Serving)
            .unwrap()
            .is_none()
    );
    let third = index.create_item(new_item("three")).unwrap();
    assert!(third > second, "a number is never used again");
}

#[test]
fn removing_a_large_item_gives_its_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("large")).unwrap();
    let file = add_file(&index, id, "/data/a", "a");
    for start in 0..4_u32 {
        let rows = (start * 5000..(start + 1) * 5000).map(|number| {
            let mh = hash(&number.to_le_bytes());
            BlockRow {
                mh,
                kind: RowKind::Slice {
                    file,
                    offset: u64::from(number),
                    len: 1,
                    framed: false,
                },
            }
        });
        index.put_blocks(id, rows.collect()).unwrap();
    }
    assert_eq!(slices(&index, file).unwrap().len(), 20_000);
    index.begin_removal(id, false).unwrap();
    index.finish_removal(id).unwrap();
    assert!(slices(&index, file).unwrap().is_empty());
    drop(index);
    let size = fs::metadata(dir.path().join("index.db")).unwrap().len();
    assert!(size < 100_000, "{size} bytes left");
}

#[test]
fn a_block_that_fills_a_file_does_not_hide_other_places() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("zeros")).unwrap();
    let a = add_file(&index, id, "/data/a", "a");
    let b = add_file(&index, id, "/data/b", "b");
    index
        .put_blocks(
            id,
            (0..1000)
                .map(|number| slice(b"zero", a, number * 4))
                .collect(),
        )
        .unwrap();
    index.put_blocks(id, vec![slice(b"zero", b, 4)]).unwrap();
    assert_eq!(
        places(&index, b"zero"),
        [PathBuf::from("/data/a"), PathBuf::from("/data/b")]
    );
}

#[test]
fn a_change_that_fails_takes_nothing_else_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("one")).unwrap();
    let good = index.submit_blocks(id, vec![inline(b"one")]);
    let bad = index.submit_blocks(ItemId(99), vec![inline(b"two")]);
    let also_good = index.submit_blocks(id, vec![inline(b"three")]);
    good.wait().unwrap();
    assert!(matches!(bad.wait(), Err(IndexError::Removed)));
    also_good.wait().unwrap();
    let sizes = sizes(&index, &[hash(b"one"), hash(b"two"), hash(b"three")]);
    assert_eq!(sizes, [Some(3), None, Some(5)]);
}

#[test]
fn a_change_that_breaks_takes_nothing_else_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("one")).unwrap();
    let good = index.submit_blocks(id, vec![inline(b"one")]);
    let break_off = || {
        index.submit::<()>(|context| {
            let all = "UPDATE item SET name = 'broken'";
            context.connection.execute(all, [])?;
            panic!("a fault")
        })
    };
    let (broken, also_broken) = (break_off(), break_off());
    let also_good = index.submit_blocks(id, vec![inline(b"three")]);
    good.wait().unwrap();
    for broken in [broken, also_broken] {
        assert!(matches!(broken.wait(), Err(IndexError::Broke)));
    }
    also_good.wait().unwrap();
    assert_eq!(
        sizes(&index, &[hash(b"one"), hash(b"three")]),
        [Some(3), Some(5)]
    );
    assert_eq!(index.item(id).unwrap().unwrap().name, "one");
}

#[test]
fn only_the_newest_generation_of_inline_blocks_stays() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("one")).unwrap();
    index
        .put_blocks(id, vec![inline(b"old"), inline(b"both")])
        .unwrap();
    index.begin_generation(id).unwrap();
    index
        .put_blocks(id, vec![inline(b"new"), inline(b"both")])
        .unwrap();
    assert_eq!(sizes(&index, &[hash(b"old")]), [Some(3)]);
    index
        .finish_import(id, raw_cid(b"root"), 1, 1, Vec::new())
        .unwrap();
    let sizes = sizes(&index, &[hash(b"old"), hash(b"both"), hash(b"new")]);
    assert_eq!(sizes, [None, Some(4), Some(3)]);
}

#[test]
fn a_file_moves_and_changes_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("one")).unwrap();
    let file = add_file(&index, id, "/data/a.part", "sub/a");
    let fingerprint = Fingerprint {
        size: 9,
        mtime: 1,
        ctime: 2,
        inode: u64::MAX,
        racy: false,
    };
    index
        .set_file(
            file,
            "/data/sub/a".as_ref(),
            Some(fingerprint),
            FileState::Whole,
        )
        .unwrap();
    let record = index.file(file).unwrap().unwrap();
    assert_eq!(record.path, PathBuf::from("/data/sub/a"));
    assert_eq!(record.name_in_item, "sub/a");
    assert_eq!(record.fingerprint, Some(fingerprint));
    assert_eq!((record.size, record.state), (9, FileState::Whole));
    index
        .set_file_state(file, FileState::Missing)
        .wait()
        .unwrap();
    assert_eq!(index.file(file).unwrap().unwrap().state, FileState::Missing);
    index.remove_files(vec![file]).unwrap();
    assert_eq!(index.file(file).unwrap(), None);
}

#[test]
fn hashed_files_replace_older_records() {
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let id = index.create_item(new_item("one")).unwrap();
    let tree = Arc::new(TreeFile {
        path: "/data/sub".into(),
        name_in_item: "sub".into(),
    });
    let hashed = |content: &'static [u8], replaces| HashedFile {
        dir: Arc::clone(&tree),
        disk_name: "a".into(),
        fingerprint: Fingerprint {
            size: content.len() as u64,
            mtime: 1,
            ctime: 1,
            inode: 1,
            racy: false,
        },
        root: raw_cid(content),
        leaves: vec![(hash(content), u32::try_from(content.len()).unwrap())],
        framed: false,
        replaces,
    };
    index
        .add_hashed(id, vec![hashed(b"old", None)], Vec::new())
        .wait()
        .unwrap();
    let old = index.files_in(id, "/data/sub".as_ref()).unwrap();
    assert_eq!(old.len(), 1);
    assert_eq!(old[0].root, Some(raw_cid(b"old")));
    assert_eq!(old[0].name_in_item, "sub/a");
    index
        .add_hashed(id, vec![hashed(b"newer", Some(old[0].id))], Vec::new())
        .wait()
        .unwrap();
    assert_eq!(index.files(id).unwrap().len(), 1);
    assert_eq!(
        sizes(&index, &[hash(b"old"), hash(b"newer")]),
        [None, Some(5)]
    );
}

#[cfg(unix)]
#[test]
fn paths_are_kept_to_the_byte() {
    use std::os::unix::ffi::OsStringExt;
    let dir = tempfile::tempdir().unwrap();
    let index = open(&dir);
    let strange = PathBuf::from(std::ffi::OsString::from_vec(
        b"/data/\xff\xfe/a\xc3".to_vec(),
    ));
    let mut new = new_item("strange");
    new.sources = vec![strange.clone()];
    new.part = Some(strange.clone());
    let id = index.create_item(new).unwrap();
    let file = NewFile {
        path: strange.clone(),
        name_in_item: "a".into(),
        size: 1,
        root: None,
        state: FileState::Whole,
    };
    let file = index.add_files(id, vec![file]).unwrap()[0];
    assert_eq!(index.file(file).unwrap().unwrap().path, strange);
    assert_eq!(
        index.item(id).unwrap().unwrap().sources,
        std::slice::from_ref(&strange)
    );
    assert_eq!(index.item(id).unwrap().unwrap().part, Some(strange));
}

#[test]
fn a_newer_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let path = dir.path().join("index.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", schema::known_version() + 1)
        .unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    let error = Index::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, IndexError::Newer { found, known, .. } if found == known + 1),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn another_programs_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    assert!(matches!(
        Index::open(dir.path()),
        Err(IndexError::Foreign(_))
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the hash function and the length of the digest: what was recorded is found, and nothing else is.
    #[test]
    fn every_hash_is_found_and_comes_back(
        digests in prop::collection::hash_set(prop::collection::vec(any::<u8>(), 20..=64), 1..20),
        code in prop::sample::select(vec![SHA2_256, SHA2_512, BLAKE3]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = open(&dir);
        let id = index.create_item(new_item("one")).unwrap();
        let file = add_file(&index, id, "/data/a", "a");
        let hashes: Vec<_> = digests.iter().map(|digest| Multihash::wrap(code, digest).unwrap()).collect();
        let rows = hashes.iter().zip(0..).map(|(mh, number)| {
            BlockRow { mh: *mh, kind: RowKind::Slice { file, offset: number * 7, len: 7, framed: true } }
        });
        index.put_blocks(id, rows.collect()).unwrap();
        let framed = 7 + unixfs::leaf_frame(7).0.len() + unixfs::leaf_frame(7).1.len();
        for size in sizes(&index, &hashes) {
            prop_assert_eq!(size, Some(u32::try_from(framed).unwrap()));
        }
        let recorded: Vec<_> = slices(&index, file).unwrap().into_iter().map(|(mh, ..)| mh).collect();
        prop_assert_eq!(recorded, hashes);
        prop_assert_eq!(sizes(&index, &[hash(b"something else")]), [None]);
    }
}
