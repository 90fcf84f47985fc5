//! Sharing and fetching between Shoals, each command in a process of its own.

use std::path::Path;

use support::shoal::{Shoal, number, text};
use support::trees::{self, Kinds};

#[test]
fn a_file_goes_from_one_computer_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("holiday.mov"), 1, 5_000_000);
    let (_share, ready, shared) = Shoal::new().share(&file, &[]);
    assert_eq!(text(&shared, "name"), "holiday.mov");
    assert_eq!(number(&shared, "bytes"), 5_000_000);
    assert_eq!(number(&shared, "files"), 1);

    let into = folder.path().join("downloads");
    let link = text(&shared, "link");
    let done = Shoal::new().ok(&[&"get", &link, &"--into", &into]);
    let done = done.event("done");
    assert_eq!(Path::new(&text(done, "path")), into.join("holiday.mov"));
    assert_eq!(text(done, "cid"), text(&shared, "cid"));
    assert_eq!(number(done, "bytes"), 5_000_000);
    let sources = done["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{done}");
    assert_eq!(text(&sources[0], "peer"), ready.peer);
    assert!(number(&sources[0], "bytes") >= 5_000_000, "{done}");
    trees::assert_same(&file, &into.join("holiday.mov"));
}

#[test]
fn a_folder_arrives_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 2, Kinds::All);
    for profile in ["unixfs-v1-2025", "unixfs-v0-2015"] {
        let sharer = Shoal::new();
        let (_share, _, shared) = sharer.share(&tree, &["--profile", profile]);
        let into = tempfile::tempdir().unwrap();
        Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into.path()]);
        trees::assert_same(&tree, &into.path().join("tree"));
    }
}

#[test]
fn a_folder_of_thousands_arrives_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::crowd(&folder.path().join("crowd"), 5000);
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(&tree, &[]);
    assert_eq!(number(&shared, "files"), 5000);
    let into = folder.path().join("into");
    Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    trees::assert_same(&tree, &into.join("crowd"));
}

#[test]
fn hidden_files_are_shared_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs_err::create_dir(&tree).unwrap();
    fs_err::write(tree.join("seen"), "seen").unwrap();
    fs_err::write(tree.join(".hidden"), "hidden").unwrap();
    for (options, files) in [(&[][..], 1), (&["--hidden"][..], 2)] {
        let sharer = Shoal::new();
        let (_share, _, shared) = sharer.share(&tree, options);
        assert_eq!(number(&shared, "files"), files, "with {options:?}");
    }
}

#[test]
fn a_share_can_have_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("IMG_0001.jpg"), 3, 1000);
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(&file, &["--name", "Sunset at sea.jpg"]);
    assert_eq!(text(&shared, "name"), "Sunset at sea.jpg");
    Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &folder.path()]);
    trees::assert_same(&file, &folder.path().join("Sunset at sea.jpg"));
}

#[test]
fn a_bare_cid_is_enough_with_a_provider() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 4, 100_000);
    let (_share, ready, shared) = Shoal::new().share(&file, &[]);
    let cid = text(&shared, "cid");
    for link in [
        cid.clone(),
        format!("/ipfs/{cid}"),
        format!("ipfs://{cid}"),
        format!("https://ipfs.io/ipfs/{cid}"),
        format!("https://{cid}.ipfs.dweb.link/"),
    ] {
        for address in &ready.listen {
            let into = tempfile::tempdir().unwrap();
            Shoal::new().ok(&[
                &"get",
                &link,
                &"--into",
                &into.path(),
                &"--provider",
                address,
            ]);
            trees::assert_same(&file, &into.path().join(&cid));
        }
    }
}

#[test]
fn a_path_in_a_link_fetches_only_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 5, Kinds::All);
    let (_share, ready, shared) = Shoal::new().share(&tree, &[]);
    let link = format!("/ipfs/{}/sizes/chunk and one", text(&shared, "cid"));
    let into = folder.path().join("into");
    let done = Shoal::new().ok(&[
        &"get",
        &link,
        &"--into",
        &into,
        &"--provider",
        &ready.listen[0],
    ]);
    let path = text(done.event("done"), "path");
    assert_eq!(number(done.event("done"), "bytes"), (1 << 20) + 1);
    trees::assert_same(&tree.join("sizes/chunk and one"), Path::new(&path));
}

#[test]
fn only_selected_files_are_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 6, Kinds::All);
    let (_share, _, shared) = Shoal::new().share(&tree, &[]);
    let into = folder.path().join("into");
    let select = ["--select", "sizes/chunk", "--select", "a/b"];
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"get"];
    let link = text(&shared, "link");
    arguments.extend([&link as &dyn AsRef<std::ffi::OsStr>, &"--into", &into]);
    arguments.extend(
        select
            .iter()
            .map(|argument| argument as &dyn AsRef<std::ffi::OsStr>),
    );
    Shoal::new().ok(&arguments);

    trees::assert_same(&tree.join("sizes/chunk"), &into.join("tree/sizes/chunk"));
    trees::assert_same(&tree.join("a/b"), &into.join("tree/a/b"));
    assert!(!into.join("tree/sizes/several chunks").exists());
    assert!(!into.join("tree/many").exists());
}

#[test]
fn what_was_fetched_is_shared_on() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 7, Kinds::All);
    let (share, _, shared) = Shoal::new().share(&tree, &[]);
    let middle = Shoal::new();
    let (_daemon, ready) = middle.daemon();
    middle.ok(&[
        &"get",
        &text(&shared, "link"),
        &"--into",
        &folder.path().join("middle"),
    ]);
    share.kill();

    let last = folder.path().join("last");
    let cid = text(&shared, "cid");
    let done = Shoal::new().ok(&[
        &"get",
        &cid,
        &"--into",
        &last,
        &"--provider",
        &ready.listen[0],
    ]);
    assert_eq!(text(&done.event("done")["sources"][0], "peer"), ready.peer);
    trees::assert_same(&tree, &last.join(&cid));
}

#[test]
fn several_sharers_each_give_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 8, 60_000_000);
    // Slow enough that one alone would take long, so that both have to help.
    let slow = || Shoal::new().with("upload.limit", "10000000");
    let (_first, first, shared) = slow().share(&file, &[]);
    let (_second, second, _) = slow().share(&file, &[]);
    let into = folder.path().join("into");
    let done = Shoal::new().ok(&[
        &"get",
        &text(&shared, "cid"),
        &"--into",
        &into,
        &"--provider",
        &first.listen[0],
        &"--provider",
        &second.listen[0],
    ]);
    let sources = done.event("done")["sources"].as_array().unwrap();
    for peer in [&first.peer, &second.peer] {
        let source = sources
            .iter()
            .find(|source| source["peer"] == peer.as_str());
        let bytes = source.map_or(0, |source| number(source, "bytes"));
        assert!(bytes > 10_000_000, "{peer} gave {bytes} bytes: {sources:?}");
    }
    let total: u64 = sources.iter().map(|source| number(source, "bytes")).sum();
    assert!(total < 66_000_000, "fetched {total} bytes for 60,000,000");
}

#[test]
fn fetching_again_checks_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 9, 3_000_000);
    let (share, _, shared) = Shoal::new().share(&file, &[]);
    let fetcher = Shoal::new();
    let into = folder.path().join("into");
    let link = text(&shared, "link");
    fetcher.ok(&[&"get", &link, &"--into", &into]);
    share.kill();
    let again = fetcher.ok(&[&"get", &link, &"--into", &into]);
    assert_eq!(number(again.event("done"), "bytes"), 3_000_000);
    assert_eq!(
        again.event("done")["sources"].as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(
        fs_err::read_dir(&into).unwrap().count(),
        1,
        "a second copy was made"
    );
}

#[test]
fn nobody_has_it_within_the_time_out() {
    let folder = tempfile::tempdir().unwrap();
    let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let done = Shoal::new()
        .run(&[&"get", &cid, &"--into", &folder.path(), &"--timeout", &"1"])
        .expect_code(3);
    done.problem();
    assert_eq!(
        fs_err::read_dir(folder.path()).unwrap().count(),
        0,
        "something was left behind"
    );
}
