//! Content as others make it: other hash functions, entries that are no files, odd CARs, blocks that nobody has.

use std::path::Path;

use support::Wire;
use support::dag::{self, Block};
use support::kubo::{Daemon, Kubo};
use support::shoal::{Done, Shoal, text};
use support::trees;
use support::wait::{HUNG_SECONDS, until};

/// All that Kubo both adds with and verifies.
const HASHES: [&str; 16] = [
    "sha1",
    "sha2-256",
    "sha2-512",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "shake-256",
    "keccak-256",
    "keccak-512",
    "dbl-sha2-256",
    "blake2b-160",
    "blake2b-256",
    "blake2b-512",
    "blake2s-256",
    "blake3",
];

/// Fetches from Kubo alone, whatever comes of it.
fn fetch(kubo: &Daemon<'_>, what: &str, into: &Path) -> Done {
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 8] = [
        &"get",
        &what,
        &"--into",
        &into,
        &"--provider",
        &provider,
        &"--timeout",
        &HUNG_SECONDS,
    ];
    Shoal::new().run(&arguments)
}

/// A folder of Kubo's with these entries, whatever they are.
fn folder_of(kubo: &Kubo, entries: &[(String, String)]) -> String {
    kubo.ipfs(&[&"files", &"mkdir", &"/made"]);
    for (name, cid) in entries {
        let (from, to) = (format!("/ipfs/{cid}"), format!("/made/{name}"));
        kubo.ipfs(&[&"files", &"cp", &from, &to]);
    }
    kubo.ipfs(&[&"files", &"stat", &"--hash", &"/made"])
}

#[test]
fn files_under_every_hash_function_that_kubo_verifies_arrive() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Several blocks each, with and without a frame around the leaves.
    let sent = folder.path().join("sent");
    fs_err::create_dir(&sent).unwrap();
    let mut entries = Vec::new();
    for (seed, hash) in (1..).zip(HASHES) {
        let file = trees::file(&sent.join(hash), seed, 600_000);
        let leaves = format!("--raw-leaves={}", seed % 2 == 0);
        let hash_option = format!("--hash={hash}");
        let options = [
            &hash_option,
            "--cid-version=1",
            "--chunker=size-262144",
            &leaves,
        ];
        entries.push((hash.to_owned(), kubo.add(&file, &options)));
    }
    let mixed = folder_of(&kubo, &entries);
    let whole = kubo.add(&sent, &["--hash=blake2b-256", "--cid-version=1"]);
    let kubo = kubo.daemon();
    for cid in [mixed, whole] {
        let into = folder.path().join("into");
        fetch(&kubo, &cid, &into).expect_code(0);
        trees::assert_same(&sent, &into.join(&cid));
    }
}

/// The address is a good one: nobody who has it should be told to copy it again.
#[test]
fn a_good_address_that_can_not_be_fetched_is_told_for_what_it_is() {
    let check = |cid: &str, code: &str, reason: &str| {
        for link in [cid.to_owned(), format!("ipfs://{cid}/a")] {
            let done = Shoal::new().run(&[&"get", &link]).expect_code(1);
            assert_eq!(done.problem(), code);
            let message = text(done.event("error"), "message");
            assert!(message.contains(reason), "{message}");
            assert!(!message.contains("content address"), "{message}");
        }
    };
    let md5 = "f0155d5011049f68a5c8493ec2c0bf489821c21fc3b";
    check(md5, "unknown-hash", "uses the hash function md5");
    let short = "f015512108f434346648f6b96df89dda901c5176b";
    check(short, "unknown-hash", "16 bytes is too short");
    let cbor = "f01711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0";
    check(cbor, "unknown-codec", "holds dag-cbor");
}

/// Fetches hand-made blocks, the first being the root, from Kubo and from a CAR file. `check` gets what `get` or `import`
/// said, and where the item is.
fn fetched_both_ways(blocks: &[&Block], check: impl Fn(&Shoal, &Done, &Path)) {
    let work = tempfile::tempdir().unwrap();
    let car = work.path().join("made.car");
    fs_err::write(&car, dag::car(blocks)).unwrap();
    let root = blocks[0].cid.to_string();
    if let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) {
        kubo.import(&car);
        let kubo = kubo.daemon();
        let provider = Wire::TcpTls.pick(&kubo.addresses);
        let shoal = Shoal::new();
        let (_daemon, _) = shoal.daemon();
        let into = work.path().join("fetched");
        let link = format!("ipfs://{root}?provider={provider}");
        let done = shoal.run(&[&"get", &link, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
        check(&shoal, &done, &into);
    }
    let into = work.path().join("unpacked");
    let shoal = Shoal::new().with("download.folder", into.to_str().unwrap());
    let (_daemon, _) = shoal.daemon();
    let done = shoal.run(&[&"import", &car]);
    check(&shoal, &done, &into);
}

/// Names in a folder, in order.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn entries_that_are_no_files_are_listed_left_out_and_named() {
    let ok = dag::raw(b"good\n");
    let cbor = dag::other(0x71, &[0xa0]);
    let json = dag::other(0x0129, b"{}");
    let md5 = dag::hashed_otherwise(&ok, 0xd5, &[7; 16]);
    // A shard of a fan-out that none has; a file whose part is shorter than it says; one of two parts whose second is bad.
    let damaged = dag::shard(3, &[1], &[(b"00x", &ok)]);
    let liar = dag::file(&[&ok], &[6]);
    let half = dag::file(&[&ok, &damaged], &[5, 5]);
    let inner = dag::directory(&[(b"bad", &cbor), (b"fine", &ok)]);
    let folder = dag::directory(&[
        (b"damaged", &damaged),
        (b"half", &half),
        (b"inner", &inner),
        (b"json", &json),
        (b"liar", &liar),
        (b"md5", &md5),
        (b"meta", &cbor),
        (b"ok.txt", &ok),
    ]);
    let blocks = [&folder, &inner, &ok, &cbor, &json, &damaged, &liar, &half];
    fetched_both_ways(&blocks, |shoal, done, into| {
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        let [item] = &names(into)[..] else {
            panic!("{:?}", names(into))
        };
        let item = into.join(item);
        assert_eq!(names(&item), ["inner", "ok.txt"]);
        assert_eq!(names(&item.join("inner")), ["fine"]);
        assert_eq!(fs_err::read(item.join("ok.txt")).unwrap(), b"good\n");

        let status = shoal.ok(&[&"status", &"1"]);
        let skipped = status
            .events
            .iter()
            .filter(|event| event["event"] == "skipped");
        let mut left_out: Vec<(String, String)> = skipped
            .map(|skipped| (text(skipped, "path"), text(skipped, "reason")))
            .collect();
        left_out.sort();
        let paths: Vec<&str> = left_out.iter().map(|(path, _)| &**path).collect();
        let expected = [
            "damaged",
            "half",
            "inner/bad",
            "json",
            "liar",
            "md5",
            "meta",
        ];
        assert_eq!(paths, expected);
        assert!(left_out[3].1.contains("dag-json"), "{left_out:?}");
        assert!(left_out[5].1.contains("md5"), "{left_out:?}");
        assert!(left_out[6].1.contains("dag-cbor"), "{left_out:?}");

        let cid = folder.cid.to_string();
        let listed = shoal.ok(&[&"ls", &cid]);
        let entries = listed
            .events
            .iter()
            .filter(|event| event["event"] == "entry");
        let kinds: Vec<(String, String)> = entries
            .map(|entry| (text(entry, "name"), text(entry, "kind")))
            .collect();
        let kind = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        assert_eq!(
            kinds,
            [
                kind("damaged", "other"),
                kind("half", "file"),
                kind("inner", "folder"),
                kind("json", "other"),
                kind("liar", "file"),
                kind("md5", "other"),
                kind("meta", "other"),
                kind("ok.txt", "file"),
            ]
        );
    });
}

/// An item that is nothing but damage is refused, by a name that it has, and leaves nothing behind.
#[test]
fn what_is_damaged_as_a_whole_leaves_nothing_behind() {
    let ok = dag::raw(b"good\n");
    let damaged = dag::shard(3, &[1], &[(b"00x", &ok)]);
    let half = dag::file(&[&ok, &damaged], &[5, 5]);
    let folder_in_file = dag::directory(&[(b"ok", &ok)]);
    let mixed = dag::file(&[&folder_in_file], &[5]);
    for blocks in [
        &[&damaged, &ok][..],
        &[&half, &ok, &damaged],
        &[&mixed, &folder_in_file, &ok],
    ] {
        fetched_both_ways(blocks, |_, done, into| {
            assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
            assert_eq!(done.problem(), "bad-content");
            let message = text(done.event("error"), "message");
            assert!(!message.contains("\"\""), "{message}");
            assert_eq!(names(into), Vec::<String>::new());
        });
    }
}

/// One block is nowhere: all names are listed at once, and the one that nobody knows more of has no kind.
#[test]
fn a_list_does_not_wait_for_what_nobody_has() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("sent");
    fs_err::create_dir(&folder).unwrap();
    for n in 1..=20 {
        trees::file(&folder.join(format!("f{n}")), n, 3000);
    }
    let options = ["--raw-leaves=false", "--pin=false"];
    let file = kubo.add(&folder.join("f7"), &options);
    let cid = kubo.add(&folder, &options);
    kubo.ipfs(&[&"block", &"rm", &file]);
    let kubo = kubo.daemon();
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let link = format!("ipfs://{cid}?provider={provider}");
    let listed = shoal.ok(&[&"ls", &link, &"--timeout", &HUNG_SECONDS]);
    let entries = listed
        .events
        .iter()
        .filter(|event| event["event"] == "entry");
    let entries: Vec<_> = entries.collect();
    assert_eq!(entries.len(), 20);
    for entry in entries {
        let is_known = text(entry, "name") != "f7";
        assert_eq!(
            entry["kind"].as_str(),
            is_known.then_some("file"),
            "{entry}"
        );
        assert_eq!(entry["size"].as_u64(), is_known.then_some(3000), "{entry}");
    }
    let into = work.path().join("into");
    let detached = shoal.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(detached.event("detached"), "id");
    let status = stands_still(&shoal, &id);
    assert_eq!(status.event("missing")["files"][0], "f7");
    let done = shoal.run(&[&"get", &link, &"--into", &into, &"--timeout", &"1"]);
    let message = text(done.expect_code(3).event("error"), "message");
    assert_eq!(message, "19 of 20 files are here; nobody has f7");
}

/// What is said of an item once it says why it stands still.
fn stands_still(shoal: &Shoal, id: &str) -> Done {
    let stands = || {
        let done = shoal.ok(&[&"status", &id]);
        (!done.event("item")["lacking"].is_null()).then_some(done)
    };
    until("it says nothing of what is missing", stands)
}

/// One piece is nowhere: it says so, and how far it is, and goes on when somebody comes who has it.
#[test]
fn a_download_that_stands_still_says_what_is_missing() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("film"), 5, 30_000_000);
    let options = ["--chunker=size-262144", "--pin=false"];
    let cid = kubo.add(&file, &options);
    let leaves = kubo.ipfs(&[&"refs", &"-r", &cid]);
    let leaf = leaves.lines().last().unwrap();
    kubo.ipfs(&[&"block", &"rm", &leaf]);
    let kubo = kubo.daemon();
    let shoal = Shoal::new();
    let (_daemon, ready) = shoal.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let link = format!("ipfs://{cid}?provider={provider}");
    let into = folder.path().join("into");
    shoal.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let status = stands_still(&shoal, "1");
    let item = status.event("item");
    let lacking = serde_json::json!({ "pieces": 1, "people": 1 });
    assert_eq!(item["lacking"], lacking);
    assert_eq!(text(item, "state"), "finding");
    let listed = shoal.bare_command().arg("list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let sentence = "99 %, 1 piece that the one person connected does not have";
    assert!(listed.contains(sentence), "{listed}");

    // Somebody comes who has it.
    let other = Kubo::new("unixfs-v1-2025", Wire::TcpTls).unwrap();
    other.add(&file, &options);
    let other = other.daemon();
    other.connect(ready.address(Wire::TcpTls));
    let whole = || {
        let status = shoal.ok(&[&"status", &"1"]);
        (text(status.event("item"), "state") == "sharing").then_some(())
    };
    until("it is never whole", whole);
}

/// Two entries of one name, and one without any: one of each comes, the others are named.
#[test]
fn entries_without_a_name_of_their_own_are_named_and_the_rest_comes() {
    let (one, two) = (dag::raw(b"one\n"), dag::raw(b"two\n"));
    let folder = dag::directory(&[(b"", &one), (b"same", &one), (b"same", &two), (b"z", &two)]);
    fetched_both_ways(&[&folder, &one, &two], |shoal, done, into| {
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        let item = into.join(&names(into)[0]);
        assert_eq!(names(&item), ["same", "z"]);
        assert_eq!(fs_err::read(item.join("same")).unwrap(), b"one\n");
        let status = shoal.ok(&[&"status", &"1"]);
        let skipped = status
            .events
            .iter()
            .filter(|event| event["event"] == "skipped");
        let paths: Vec<String> = skipped.map(|skipped| text(skipped, "path")).collect();
        assert_eq!(paths, ["(no name)", "same"]);
        let listed = shoal.ok(&[&"ls", &folder.cid.to_string()]);
        let entries = listed
            .events
            .iter()
            .filter(|event| event["event"] == "entry");
        let problems = entries.filter(|entry| !entry["problem"].is_null());
        let problems: Vec<String> = problems.map(|entry| text(entry, "problem")).collect();
        assert_eq!(
            problems,
            ["it has no name", "an entry before it has the same name"]
        );
    });
}

/// A folder of which everything is left out is no success, and leaves nothing behind.
#[test]
fn an_item_of_nothing_but_what_is_left_out_is_refused() {
    let cbor = dag::other(0x71, &[0xa0]);
    let inner = dag::directory(&[(b"meta", &cbor)]);
    let folder = dag::directory(&[(b"inner", &inner), (b"meta", &cbor)]);
    fetched_both_ways(&[&folder, &inner, &cbor], |shoal, done, into| {
        assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
        assert_eq!(done.problem(), "nothing-to-write");
        let message = text(done.event("error"), "message");
        assert!(
            message.contains("dag-cbor") && message.contains("1 more"),
            "{message}"
        );
        assert_eq!(names(into), Vec::<String>::new());
        let listed = shoal.ok(&[&"list"]);
        assert!(listed.events.iter().all(|event| event["event"] != "item"));
    });
}

/// A part of a large folder is nowhere: that is said, of the list and of the download.
#[test]
fn a_folder_of_which_a_part_is_nowhere_says_so() {
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("sent");
    fs_err::create_dir(&folder).unwrap();
    for n in 0..2500 {
        fs_err::write(folder.join(format!("{n:0>120}")), n.to_string()).unwrap();
    }
    let cid = kubo.add(&folder, &["--pin=false"]);
    let links = kubo.ipfs(&[&"refs", &"--format=<linkname> <dst>", &cid]);
    let mut shards = links.lines().filter_map(|line| {
        let (name, cid) = line.split_once(' ')?;
        (name.len() == 2).then(|| cid.to_owned())
    });
    let shard = shards.next_back().expect("no shard below the first");
    kubo.ipfs(&[&"block", &"rm", &shard]);
    let kubo = kubo.daemon();
    let shoal = Shoal::new();
    let (_daemon, _) = shoal.daemon();
    let provider = Wire::TcpTls.pick(&kubo.addresses);
    let link = format!("ipfs://{cid}?provider={provider}");
    let listed = shoal.ok(&[&"ls", &link, &"--timeout", &HUNG_SECONDS]);
    listed.event("incomplete");
    let entries = listed
        .events
        .iter()
        .filter(|event| event["event"] == "entry");
    let here = entries.count();
    assert!((2000..2500).contains(&here), "{here}");

    let into = work.path().join("into");
    let detached = shoal.ok(&[&"get", &link, &"--into", &into, &"--detach"]);
    let id = text(detached.event("detached"), "id");
    let status = stands_still(&shoal, &id);
    let folders = serde_json::json!([""]);
    assert_eq!(status.event("missing")["folders"], folders);
    let done = shoal
        .run(&[&"get", &link, &"--into", &into, &"--timeout", &"1"])
        .expect_code(3);
    assert_eq!(done.event("missing")["folders"], folders);
    let message = text(done.event("error"), "message");
    let expected = format!("{here} files are here; a part of the folder is missing");
    assert!(message.starts_with(&expected), "{message}");
}
