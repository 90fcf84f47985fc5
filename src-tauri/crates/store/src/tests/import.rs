//! What an import makes of files, and what it takes over.

use proptest::prelude::*;

use super::*;

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

/// Shares a file of so many bytes, and compares with the plain rules.
fn check_root(profile: Profile, size: usize) {
    let bench = Bench::new();
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

#[test]
fn every_profile_gives_the_root_of_the_plain_rules() {
    for profile in Profile::ALL {
        for size in [
            0, 1, 262_144, 262_145, 1_048_577, 4_194_304, 4_194_305, 9_000_000,
        ] {
            check_root(profile, size);
        }
    }
}

#[test]
fn a_large_file_may_have_many_leaves_and_levels() {
    let narrow = Profile {
        chunk_size: 4096,
        width: 5,
        ..Profile::V1_2025
    };
    check_root(narrow, 6_000_001);
}

#[test]
fn a_file_that_changes_meanwhile_is_shared_as_it_was_or_as_it_is() {
    let bench = Bench::new();
    let (before, after) = (noise(24_000_000, 1), noise(24_500_000, 2));
    bench.write("file", &before);
    bench.write("new", &after);
    let (progress, control) = (Progress::default(), Control::default());
    let imported = std::thread::scope(|scope| {
        let request = bench.request(&["file"]);
        let (index, progress, control) = (&bench.index, &progress, &control);
        let import = scope.spawn(move || import(index, &request, progress, control));
        while !import.is_finished() && progress.get().bytes_done == 0 {
            std::thread::yield_now();
        }
        fs::rename(bench.path("new"), bench.path("file")).unwrap();
        import.join().unwrap().unwrap()
    });
    if imported.root == file_root(&Profile::V1_2025, &after).cid {
        assert_eq!(bench.read_back(&imported.root), [(String::new(), after)]);
        assert_eq!(progress.get().bytes_done, 24_500_000);
    } else {
        // The change came when all had been read.
        assert_eq!(imported.root, file_root(&Profile::V1_2025, &before).cid);
        let (source, _) = bench.source();
        assert_eq!(
            source.read(&Profile::V1_2025.leaf(&before[..1_048_576]).cid),
            None
        );
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
    let skipped = imported.skipped.iter().map(|skipped| &*skipped.reason);
    assert_eq!(skipped.collect::<Vec<_>>(), [crate::HIDDEN; 2]);
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

#[test]
fn files_on_record_are_not_read_again() {
    for profile in Profile::ALL {
        let bench = Bench::new();
        bench.write("folder/small", b"small");
        bench.write("folder/sub/medium", &noise(3_000_000, 1));
        bench.write("folder/sub/large", &noise(9_000_000, 2));
        let request = ImportRequest {
            profile,
            ..bench.request(&["folder"])
        };
        let first = bench.import_as(&request).unwrap();
        poison(&bench);
        let progress = Progress::default();
        let second = import(&bench.index, &request, &progress, &Control::default()).unwrap();
        assert_eq!(first, second);
        assert_eq!(progress.get().bytes_done, 12_000_005);
        assert_eq!(progress.get().bytes_found, 12_000_005);
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
    let slices = bench.index.slices_after(file.id, 0, u32::MAX).unwrap();
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
    let rows = slices.iter().take(21).map(|slice| crate::index::BlockRow {
        mh: slice.mh,
        kind: crate::index::RowKind::Slice {
            file: begun,
            offset: slice.offset,
            len: slice.len,
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
    assert_eq!(
        bench.index.slices_after(begun, 0, u32::MAX).unwrap(),
        slices
    );
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

/// A tree of files to make: path below the folder, and content.
fn trees() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = "[a-c]{1,2}";
    let path = prop::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    let content = (0_usize..40, any::<u8>()).prop_map(|(len, seed)| noise(len * 977, seed.into()));
    prop::collection::vec((path, content), 1..30)
}

/// Writes what can be written: not where a folder is, and not below a file.
fn make(bench: &Bench, files: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut made = std::collections::BTreeMap::new();
    fs::create_dir(bench.path("folder")).unwrap();
    for (path, content) in files {
        let full = bench.path("folder").join(path);
        if fs::create_dir_all(full.parent().unwrap()).is_ok() && fs::write(&full, content).is_ok() {
            made.insert(format!("/{path}"), content.clone());
        }
    }
    made.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_was_shared_reads_back_equal(files in trees(), profile in prop::sample::select(&Profile::ALL[..])) {
        let bench = Bench::new();
        let made = make(&bench, &files);
        let small = Profile { chunk_size: 4096, width: 3, ..profile };
        let request = ImportRequest { profile: small, ..bench.request(&["folder"]) };
        let imported = bench.import_as(&request).unwrap();
        prop_assert_eq!(imported.files, made.len() as u64);
        prop_assert_eq!(bench.read_back(&imported.root), made);
    }

    /// Stopped anywhere, again and again: in the end it is as if it had never been.
    #[test]
    fn an_import_that_is_stopped_again_and_again_ends_equal(files in trees(), stops in prop::collection::vec(0_u64..40, 0..5)) {
        let bench = Bench::new();
        make(&bench, &files);
        let request = bench.request(&["folder"]);
        let expected = compute(&request.paths, request.profile, false, &Progress::default(), &Control::default()).unwrap();
        for files in stops {
            let (progress, control) = (Progress::default(), Control::default());
            std::thread::scope(|scope| {
                let import = scope.spawn(|| import(&bench.index, &request, &progress, &control));
                while !import.is_finished() && progress.get().files_done < files {
                    std::thread::yield_now();
                }
                control.stop();
            });
        }
        prop_assert_eq!(bench.import_as(&request).unwrap(), expected.clone());
        prop_assert_eq!(bench.index.files(bench.item).unwrap().len() as u64, expected.files);
    }
}
