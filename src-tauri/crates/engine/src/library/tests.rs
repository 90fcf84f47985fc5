//! Files on a real disk, shared and served.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use tempfile::TempDir;
use unixfs::cid::{self, Cid};
use unixfs::{Chunker, DirectoryBuilder, FileBuilder, Metadata, Node, Profile, Root};

use super::*;
use crate::index::{FileState, Index, ItemOptions, ItemState, NewItem};
use crate::types::{ItemId, ItemKind};

/// A folder to share, beside a data directory with an index.
pub(super) struct Bench {
    dir: TempDir,
    pub(super) index: Index,
    pub(super) item: ItemId,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::create_dir(dir.path().join("files")).unwrap();
        let index = Index::open(&dir.path().join("data")).unwrap().index;
        let item = index.create_item(new_item()).unwrap();
        Bench { dir, index, item }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("files").join(name)
    }

    /// Writes a file, and the folders that it is in.
    pub(super) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }

    fn request(&self, names: &[&str]) -> ImportRequest {
        ImportRequest {
            item: self.item,
            paths: names.iter().map(|name| self.path(name)).collect(),
            profile: Profile::V1_2025,
            hidden: false,
            metadata: false,
        }
    }

    pub(super) fn import(&self, names: &[&str]) -> Imported {
        self.import_as(&self.request(names)).unwrap()
    }

    fn import_as(&self, request: &ImportRequest) -> Result<Imported, ImportError> {
        import(
            &self.index,
            request,
            &Progress::default(),
            &Control::default(),
        )
    }

    pub(super) fn source(&self) -> (Source, Arc<Mutex<Vec<Doubt>>>) {
        let doubts = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&doubts);
        let report = move |doubt| noted.lock().unwrap().push(doubt);
        (Source::new(self.index.clone(), report), doubts)
    }

    /// Everything below a root, read through a source: file contents by path.
    fn read_back(&self, root: &Cid) -> Vec<(String, Vec<u8>)> {
        let (source, _) = self.source();
        let mut files = Vec::new();
        read_below(&source, root, "", &mut files);
        files.sort();
        files
    }

    /// As if the files had been hashed long after they were written.
    pub(super) fn make_old(&self) {
        for file in self.index.files(self.item).unwrap() {
            let mut fingerprint = file.fingerprint.unwrap();
            fingerprint.racy = false;
            self.index
                .set_file(file.id, &file.path, Some(fingerprint), file.state)
                .unwrap();
        }
    }
}

fn new_item() -> NewItem {
    NewItem {
        kind: ItemKind::Share,
        name: "files".to_owned(),
        root: None,
        profile: "unixfs-v1-2025".to_owned(),
        created: 0,
        into: None,
        sources: Vec::new(),
        select: Vec::new(),
        link: None,
        providers: Vec::new(),
        options: ItemOptions::default(),
        part: None,
    }
}

fn read_below(source: &Source, cid: &Cid, path: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let block = source
        .read(cid)
        .unwrap_or_else(|| panic!("{path:?} is not served: {cid}"));
    cid::verify(cid, &block).unwrap();
    assert_eq!(source.size(cid), Some(u32::try_from(block.len()).unwrap()));
    let below = |name: &[u8]| format!("{path}/{}", String::from_utf8_lossy(name));
    match unixfs::decode(cid, &block).unwrap() {
        Node::File(_) => {
            let mut content = Vec::new();
            read_file(source, cid, &mut content);
            files.push((path.to_owned(), content));
        }
        Node::Directory(node) => {
            node.entries
                .iter()
                .for_each(|entry| read_below(source, &entry.cid, &below(&entry.name), files));
        }
        Node::Shard(node) => {
            for item in &node.items {
                match item {
                    unixfs::ShardItem::Entry(entry) => {
                        read_below(source, &entry.cid, &below(&entry.name), files);
                    }
                    unixfs::ShardItem::Shard { cid, .. } => read_below(source, cid, path, files),
                }
            }
        }
        Node::Symlink(node) => files.push((format!("{path}@"), node.target)),
    }
}

fn read_file(source: &Source, cid: &Cid, content: &mut Vec<u8>) {
    let block = source.read(cid).unwrap();
    let Node::File(node) = unixfs::decode(cid, &block).unwrap() else {
        panic!("not a file")
    };
    content.extend_from_slice(&block[node.inline]);
    node.children
        .iter()
        .for_each(|child| read_file(source, &child.cid, content));
}

/// Bytes that repeat nowhere.
pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The root by the plain rules: one thread, everything in memory.
fn file_root(profile: &Profile, content: &[u8]) -> Root {
    let mut builder = FileBuilder::new(profile, Metadata::default());
    for chunk in Chunker::new(profile.chunk_size).chunks(content.len() as u64) {
        let range = usize::try_from(chunk.start).unwrap()..usize::try_from(chunk.end).unwrap();
        builder.push(profile.leaf(&content[range]), &mut |_| ());
    }
    builder.finish(&mut |_| ())
}

fn dir_root(profile: &Profile, entries: &[(&str, Root)]) -> Root {
    let mut builder = DirectoryBuilder::new(profile, Metadata::default());
    for (name, root) in entries {
        builder.push(name, *root).unwrap();
    }
    builder.finish(&mut |_| ()).unwrap()
}

#[test]
fn a_file_is_shared_as_itself() {
    let bench = Bench::new();
    bench.write("hello", b"hello world");
    let imported = bench.import(&["hello"]);
    assert_eq!(
        imported.root.to_string(),
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    );
    assert_eq!((imported.bytes, imported.files), (11, 1));
    assert_eq!(
        bench.read_back(&imported.root),
        [(String::new(), b"hello world".to_vec())]
    );
    let item = bench.index.item(bench.item).unwrap().unwrap();
    assert_eq!(
        (item.root, item.bytes, item.files, item.done),
        (Some(imported.root), 11, 1, true)
    );
}

#[test]
fn every_profile_gives_the_root_of_the_plain_rules() {
    let bench = Bench::new();
    let sizes = [
        0, 1, 262_144, 262_145, 1_048_576, 3_000_000, 4_194_304, 4_194_305, 50_000_001,
    ];
    for profile in Profile::ALL {
        for size in sizes {
            let content = noise(size, size as u64);
            bench.write("file", &content);
            let request = ImportRequest {
                profile,
                ..bench.request(&["file"])
            };
            let imported = bench.import_as(&request).unwrap();
            assert_eq!(
                imported.root,
                file_root(&profile, &content).cid,
                "{profile} {size}"
            );
            assert_eq!(bench.read_back(&imported.root), [(String::new(), content)]);
            let (progress, control) = (Progress::default(), Control::default());
            let computed = compute(&request.paths, profile, false, &progress, &control).unwrap();
            assert_eq!(computed, imported);
            assert_eq!(progress.get().bytes_done, size as u64);
        }
    }
}

#[test]
fn a_folder_is_shared_with_all_below_it() {
    let bench = Bench::new();
    let large = noise(5_000_000, 1);
    bench.write("folder/a", b"a");
    bench.write("folder/sub/b", b"b");
    bench.write("folder/sub/large", &large);
    bench.write("folder/.hidden", b"not this");
    bench.write("folder/.git/config", b"nor this");
    fs::create_dir(bench.path("folder/empty")).unwrap();
    let imported = bench.import(&["folder"]);
    let profile = &Profile::V1_2025;
    let file = |content| file_root(profile, content);
    let sub = dir_root(profile, &[("b", file(b"b")), ("large", file(&large))]);
    let expected = dir_root(
        profile,
        &[
            ("a", file(b"a")),
            ("sub", sub),
            ("empty", dir_root(profile, &[])),
        ],
    );
    assert_eq!(imported.root, expected.cid);
    assert_eq!((imported.files, imported.bytes), (3, 5_000_002));
    assert_eq!(imported.skipped, []);
    let names: Vec<_> = bench
        .read_back(&imported.root)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["/a", "/sub/b", "/sub/large"]);

    let hidden = bench
        .import_as(&ImportRequest {
            hidden: true,
            ..bench.request(&["folder"])
        })
        .unwrap();
    assert_eq!(hidden.files, 5);
}

#[test]
fn several_paths_become_entries_of_one_folder() {
    let bench = Bench::new();
    bench.write("one/same.txt", b"1");
    bench.write("two/same.txt", b"2");
    bench.write("folder/x", b"3");
    let imported = bench.import(&["one/same.txt", "two/same.txt", "folder"]);
    let contents = bench.read_back(&imported.root);
    let names: Vec<_> = contents.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["/folder/x", "/same (2).txt", "/same.txt"]);
}

#[cfg(unix)]
#[test]
fn links_are_shared_as_links_and_never_followed() {
    use fs_err::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.write("outside", b"secret");
    bench.write("folder/a", b"a");
    symlink("../outside", bench.path("folder/link")).unwrap();
    symlink(".", bench.path("folder/circle")).unwrap();
    let imported = bench.import(&["folder"]);
    let contents = bench.read_back(&imported.root);
    let expected: [(String, Vec<u8>); 3] = [
        ("/a".into(), b"a".to_vec()),
        ("/circle@".into(), b".".to_vec()),
        ("/link@".into(), b"../outside".to_vec()),
    ];
    assert_eq!(contents, expected);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_shared_is_listed_and_the_rest_is_shared() {
    let bench = Bench::new();
    bench.write("folder/a", b"a");
    let _socket = std::os::unix::net::UnixListener::bind(bench.path("folder/socket")).unwrap();
    let imported = bench.import(&["folder"]);
    assert_eq!(imported.files, 1);
    assert_eq!(imported.skipped.len(), 1);
    assert!(imported.skipped[0].path.ends_with("folder/socket"));
    assert_eq!(imported.skipped[0].reason, "it is a socket");
    assert_eq!(bench.index.skipped(bench.item).unwrap(), imported.skipped);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let bench = Bench::new();
    let error = bench.import_as(&bench.request(&["missing"])).unwrap_err();
    assert!(
        error.to_string().ends_with("missing: it is not there"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_kept() {
    use std::os::unix::ffi::OsStringExt;
    let bench = Bench::new();
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    bench.write("folder/a", b"a");
    fs::write(bench.path("folder").join(name), b"b").unwrap();
    let imported = bench.import(&["folder"]);
    let (source, _) = bench.source();
    let block = source.read(&imported.root).unwrap();
    let Node::Directory(node) = unixfs::decode(&imported.root, &block).unwrap() else {
        panic!()
    };
    assert_eq!(node.entries[1].name, b"caf\xe9");
}

#[test]
fn a_file_with_holes_has_the_root_of_its_zeros() {
    let bench = Bench::new();
    bench.write("sparse", b"begin");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.path("sparse"))
        .unwrap();
    file.set_len(40_000_000).unwrap();
    drop(file);
    let content = fs::read(bench.path("sparse")).unwrap();
    let imported = bench.import(&["sparse"]);
    assert_eq!(imported.root, file_root(&Profile::V1_2025, &content).cid);
    assert_eq!(bench.read_back(&imported.root), [(String::new(), content)]);
}

#[test]
fn a_large_folder_becomes_shards() {
    let bench = Bench::new();
    for number in 0..6000 {
        bench.write(
            &format!("folder/a file with quite a long name, number {number}"),
            b"x",
        );
    }
    let imported = bench.import(&["folder"]);
    assert_eq!(imported.files, 6000);
    assert_eq!(bench.read_back(&imported.root).len(), 6000);
}

#[test]
fn stopping_leaves_what_was_done_and_beginning_again_ends_equal() {
    let bench = Bench::new();
    for number in 0..20 {
        bench.write(&format!("folder/{number}"), &noise(100_000, number));
    }
    let control = Control::default();
    control.stop();
    let request = bench.request(&["folder"]);
    let stopped = import(&bench.index, &request, &Progress::default(), &control);
    assert!(matches!(stopped, Err(ImportError::Stopped(_))));
    assert_eq!(bench.import(&["folder"]).files, 20);
}

/// Makes every file's content wrong behind its fingerprint's back: who still gives the old root has not read them.
fn poison(bench: &Bench) {
    for file in bench.index.files(bench.item).unwrap() {
        let mut content = fs::read(&file.path).unwrap();
        content.fill(b'!');
        fs::write(&file.path, content).unwrap();
        let metadata = fs::metadata(&file.path).unwrap();
        let later = SystemTime::now() + Duration::from_hours(1);
        let fingerprint = crate::index::Fingerprint::of(&metadata, later);
        bench
            .index
            .set_file(file.id, &file.path, Some(fingerprint), file.state)
            .unwrap();
    }
}

#[test]
fn files_on_record_are_not_read_again() {
    for profile in Profile::ALL {
        let bench = Bench::new();
        bench.write("folder/small", b"small");
        bench.write("folder/sub/medium", &noise(3_000_000, 1));
        bench.write("folder/sub/large", &noise(30_000_000, 2));
        let request = ImportRequest {
            profile,
            ..bench.request(&["folder"])
        };
        let first = bench.import_as(&request).unwrap();
        poison(&bench);
        let progress = Progress::default();
        let second = import(&bench.index, &request, &progress, &Control::default()).unwrap();
        assert_eq!(first, second);
        assert_eq!(progress.get().bytes_done, 33_000_005);
        assert_eq!(progress.get().bytes_found, 33_000_005);
        assert_eq!(bench.index.files(bench.item).unwrap().len(), 3);
    }
}

#[test]
fn a_large_file_goes_on_where_it_ended() {
    let bench = Bench::new();
    let content = noise(40_000_000, 3);
    bench.write("large", &content);
    let first = bench.import(&["large"]);
    let file = bench.index.files(bench.item).unwrap().remove(0);
    // What a kill in the middle leaves: leaves up to somewhere, and no root.
    let slices = bench.index.file_slices(file.id).unwrap();
    bench.index.remove_files(vec![file.id]).unwrap();
    let mut fingerprint = file.fingerprint.unwrap();
    fingerprint.racy = false;
    let tree = Arc::new(crate::index::TreeFile {
        path: bench.path("large").parent().unwrap().to_path_buf(),
        name_in_item: String::new(),
    });
    let begun = bench
        .index
        .begin_file(bench.item, tree, "large".into(), fingerprint, None)
        .unwrap();
    let rows = slices
        .iter()
        .take(21)
        .map(|(mh, offset, len)| crate::index::BlockRow {
            mh: *mh,
            kind: crate::index::RowKind::Slice {
                file: begun,
                offset: *offset,
                len: *len,
                framed: false,
            },
        });
    bench.index.put_blocks(bench.item, rows.collect()).unwrap();
    // The first runs are wrong now; who reads them gets another root.
    let mut wrong = content;
    wrong[..20_000_000].fill(0);
    fs::write(bench.path("large"), wrong).unwrap();
    let metadata = fs::metadata(bench.path("large")).unwrap();
    let later = SystemTime::now() + Duration::from_hours(1);
    let fingerprint = crate::index::Fingerprint::of(&metadata, later);
    bench
        .index
        .set_file(
            begun,
            &bench.path("large"),
            Some(fingerprint),
            FileState::Whole,
        )
        .unwrap();

    let second = bench.import(&["large"]);
    assert_eq!(second, first);
    assert_eq!(bench.index.file_slices(begun).unwrap(), slices);
    assert_eq!(
        bench.index.file(begun).unwrap().unwrap().root,
        Some(first.root)
    );
}

#[test]
fn an_update_takes_over_what_did_not_change_and_forgets_what_went() {
    let bench = Bench::new();
    bench.write("folder/stays", b"stays");
    bench.write("folder/changes", b"before");
    bench.write("folder/sub/goes", b"goes");
    let first = bench.import(&["folder"]);
    bench.write("folder/changes", b"after, and longer");
    bench.write("folder/new", b"new");
    fs::remove_dir_all(bench.path("folder/sub")).unwrap();
    let second = bench.import(&["folder"]);
    assert_ne!(first.root, second.root);
    let names: Vec<_> = bench
        .read_back(&second.root)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["/changes", "/new", "/stays"]);
    assert_eq!(bench.index.files(bench.item).unwrap().len(), 3);
    let (source, _) = bench.source();
    assert_eq!(
        source.read(&first.root),
        None,
        "the old folder's own block went"
    );
}

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
    assert_eq!((source.read(&root), source.size(&root)), (None, None));
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
    assert_eq!(source.size(&empty), Some(0));
}

#[test]
fn modes_and_times_are_kept_on_request() {
    let bench = Bench::new();
    bench.write("folder/a", b"a");
    let plain = bench.import(&["folder"]);
    let request = ImportRequest {
        metadata: true,
        ..bench.request(&["folder"])
    };
    let kept = bench.import_as(&request).unwrap();
    assert_ne!(plain.root, kept.root);
    let (source, _) = bench.source();
    let block = source.read(&kept.root).unwrap();
    let Node::Directory(node) = unixfs::decode(&kept.root, &block).unwrap() else {
        panic!()
    };
    assert!(node.meta.mtime.is_some());
    let block = source.read(&node.entries[0].cid).unwrap();
    let Node::File(node) = unixfs::decode(&node.entries[0].cid, &block).unwrap() else {
        panic!()
    };
    let modified = fs::metadata(bench.path("folder/a"))
        .unwrap()
        .modified()
        .unwrap();
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(
        node.meta.mtime.unwrap().seconds,
        i64::try_from(since.as_secs()).unwrap()
    );
    assert_eq!(node.meta.mtime.unwrap().nanos, since.subsec_nanos());
    assert_eq!(
        bench.read_back(&kept.root),
        [("/a".to_owned(), b"a".to_vec())]
    );
}

#[test]
fn a_relative_path_is_taken_from_where_we_are() {
    let here = Path::new("Cargo.toml");
    let (progress, control) = (Progress::default(), Control::default());
    let computed = compute(
        &[here.to_path_buf()],
        Profile::V1_2025,
        false,
        &progress,
        &control,
    )
    .unwrap();
    assert_eq!(
        computed.root,
        file_root(&Profile::V1_2025, &fs::read(here).unwrap()).cid
    );
}

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
    assert_eq!(doubts.lock().unwrap()[0].kind, DoubtKind::Unproven);
    check_scan(&bench, Depth::Fingerprints, [1, 0, 0, 0]);
    let file = bench.index.files(bench.item).unwrap().remove(0);
    let now = crate::index::Fingerprint::of(&fs::metadata(&file.path).unwrap(), SystemTime::now());
    assert!(file.fingerprint.unwrap().matches(&now));
}

#[test]
fn files_hashed_too_soon_settle() {
    let bench = Bench::new();
    bench.write("folder/a", b"a");
    bench.write("folder/b", b"b");
    bench.import(&["folder"]);
    // All of them racy, as if they had been hashed within the clock's tick.
    for file in bench.index.files(bench.item).unwrap() {
        let mut fingerprint = file.fingerprint.unwrap();
        fingerprint.racy = true;
        bench
            .index
            .set_file(file.id, &file.path, Some(fingerprint), file.state)
            .unwrap();
    }
    bench.write("folder/b", b"!");
    assert_eq!(settle(&bench.index, &Control::default()).unwrap(), 1);
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
    assert_eq!(bench.index.file_slices(file).unwrap().len(), 1);
    check_scan(&bench, Depth::Content, [1, 0, 0, 0]);
}
