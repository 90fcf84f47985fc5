//! Names and links as people have them: long, not UTF-8, with question marks, `..`, wrapped in punctuation.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::shoal::{Running, Shoal, text};

/// A folder that is shared, by a Shoal that others ask.
struct Shared {
    shoal: Shoal,
    cid: String,
    _folder: tempfile::TempDir,
    _share: Running,
}

impl Shared {
    fn new(fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("d");
        fs_err::create_dir(&tree).unwrap();
        fill(&tree);
        let shoal = Shoal::new();
        let (share, _, shared) = shoal.share(&tree, &[]);
        Self {
            shoal,
            cid: text(&shared, "cid"),
            _folder: folder,
            _share: share,
        }
    }

    fn cat(&self, link: &str) -> String {
        let link = link.replace("CID", &self.cid);
        self.shoal.ok(&[&"cat", &link]).stdout
    }

    fn refused(&self, link: &str) -> String {
        let link = link.replace("CID", &self.cid);
        let done = self.shoal.run(&[&"cat", &link, &"--timeout", &"5"]);
        done.expect_code(1).problem()
    }
}

#[test]
fn every_link_that_holds_an_address_opens() {
    let shared = Shared::new(|tree| fs_err::write(tree.join("a b.txt"), "one").unwrap());
    let broken = format!(
        "ipfs://{}\r\n> {}/a%20b.txt",
        &shared.cid[..30],
        &shared.cid[30..]
    );
    for link in [
        "/ipfs/CID/a b.txt",
        "CID/a b.txt",
        "ipfs://CID/a%20b.txt",
        "dweb:/ipfs/CID/a%20b.txt",
        "web+ipfs://CID/a%20b.txt",
        "ipfs.io/ipfs/CID/a%20b.txt",
        "CID.ipfs.dweb.link/a%20b.txt",
        "https://example.org/gw/ipfs/CID/a%20b.txt",
        "https://share.ipfs.io/#/CID/a%20b.txt",
        "<ipfs://CID/a%20b.txt>",
        "(ipfs://CID/a%20b.txt)",
        "\"ipfs://CID/a%20b.txt\"",
        "'ipfs://CID/a%20b.txt'",
        "ipfs://CID/a%20b.txt.",
        "ipfs://CID/a%20b.txt, and thank you",
        "  ipfs://CID/a%20b.txt\n",
        "Look: ipfs://CID/a%20b.txt\nBye",
        &broken,
    ] {
        assert_eq!(shared.cat(link), "one", "{link:?}");
    }
    let listed = shared
        .shoal
        .ok(&[&"ls", &format!("<ipfs://{}>.", shared.cid)]);
    assert_eq!(text(listed.event("entry"), "name"), "a b.txt");
}

#[test]
fn a_path_is_taken_letter_by_letter() {
    let shared = Shared::new(|tree| {
        for (name, content) in [
            ("what", "two"),
            ("what?.txt", "one"),
            ("what#1", "three"),
            ("50%", "four"),
            ("a%20b", "five"),
            ("a b", "six"),
            ("end.", "seven"),
            ("end", "eight"),
            ("a+b", "nine"),
        ] {
            fs_err::write(tree.join(name), content).unwrap();
        }
    });
    for (link, content) in [
        ("/ipfs/CID/what?.txt", "one"),
        ("CID/what?.txt", "one"),
        ("ipfs://CID/what%3F.txt", "one"),
        ("https://ipfs.io/ipfs/CID/what%3F.txt?download=true", "one"),
        ("/ipfs/CID/what#1", "three"),
        ("ipfs://CID/what%231", "three"),
        ("ipfs://CID/what#1", "two"),
        ("/ipfs/CID/50%", "four"),
        ("ipfs://CID/50%25", "four"),
        ("/ipfs/CID/a%20b", "five"),
        ("ipfs://CID/a%2520b", "five"),
        ("ipfs://CID/a%20b", "six"),
        ("/ipfs/CID/end.", "seven"),
        ("ipfs://CID/end.", "seven"),
        ("ipfs://CID/end,", "eight"),
        ("ipfs://CID/a+b", "nine"),
    ] {
        assert_eq!(shared.cat(link), content, "{link:?}");
    }
    for link in ["/ipfs/CID/what?", "/ipfs/CID/what?.tx", "/ipfs/CID/end,"] {
        assert_eq!(shared.refused(link), "not-in-item", "{link:?}");
    }
    let into = tempfile::tempdir().unwrap();
    let link = format!("/ipfs/{}/what?.txt", shared.cid);
    shared.shoal.ok(&[&"get", &link, &"--into", &into.path()]);
    let got = fs_err::read_to_string(into.path().join("what?.txt")).unwrap();
    assert_eq!(got, "one");
}

#[test]
fn what_can_not_be_opened_is_called_what_it_is() {
    let shoal = Shoal::new();
    let v0 = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";
    let v1 = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let key = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";
    for (link, code, words) in [
        (key, "name-link", "IPNS"),
        (&format!("ipfs://{key}"), "name-link", "IPNS"),
        ("/ipns/docs.ipfs.tech", "name-link", "IPNS"),
        (&v0.to_lowercase(), "bad-link", "small letters"),
        (
            &format!("https://ipfs.io/ipfs/{}", v0.to_lowercase()),
            "bad-link",
            "small letters",
        ),
        (&v1[..40], "bad-link", "the end of"),
        ("https://example.org/x", "bad-link", "on the web"),
        ("hello", "bad-link", "no content address"),
    ] {
        let done = shoal.run(&[&"ls", &link]).expect_code(1);
        assert_eq!(done.problem(), code, "{link}");
        let message = text(done.event("error"), "message");
        assert!(message.contains(words), "{link}: {message}");
    }
}

/// Fetches what is at `path`, and gives what the end of it said, and the folder it is in.
fn fetched(path: &Path, into: &Path, options: &[&str]) -> (support::shoal::Done, Value) {
    let sharer = Shoal::new();
    let (_share, _, shared) = sharer.share(path, &[]);
    let link = text(&shared, "link");
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &link, &"--into", &into];
    arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
    let done = Shoal::new().ok(&arguments);
    let event = done.event("done").clone();
    (done, event)
}

fn saved_as(event: &Value) -> Vec<String> {
    let skipped = event["skipped"].as_array().unwrap().iter();
    skipped
        .filter_map(|entry| {
            text(entry, "reason")
                .strip_prefix("saved as ")
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_long_name_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    for length in [200, 244, 251] {
        let name = format!("{}.mp4", "b".repeat(length));
        let file = folder.path().join(&name);
        fs_err::write(&file, &name).unwrap();
        let into = tempfile::tempdir().unwrap();
        let (_, event) = fetched(&file, into.path(), &[]);
        assert_eq!(Path::new(&text(&event, "path")), into.path().join(&name));
        assert_eq!(saved_as(&event), Vec::<String>::new());
        assert_eq!(
            fs_err::read_to_string(into.path().join(&name)).unwrap(),
            name
        );
        // Whoever has it has it.
        let (_, event) = fetched(&file, into.path(), &[]);
        assert_eq!(Path::new(&text(&event, "path")), into.path().join(&name));
        assert_eq!(fs_err::read_dir(into.path()).unwrap().count(), 1);
        // Another one of that name keeps its end too.
        fs_err::write(&file, "another").unwrap();
        let (_, event) = fetched(&file, into.path(), &[]);
        let path = text(&event, "path");
        assert_eq!(Path::new(&path).extension(), Some("mp4".as_ref()));
        assert_eq!(fs_err::read_to_string(path).unwrap(), "another");
    }
    // What nothing can hold is cut before its end, and that is said.
    let file = folder.path().join("x");
    fs_err::write(&file, "x").unwrap();
    let sharer = Shoal::new();
    let name = format!("{}.mp4", "b".repeat(300));
    let (_share, _, shared) = sharer.share(&file, &["--name", &name]);
    let into = tempfile::tempdir().unwrap();
    let done = Shoal::new().ok(&[&"get", &text(&shared, "link"), &"--into", &into.path()]);
    let path = text(done.event("done"), "path");
    assert_eq!(Path::new(&path).extension(), Some("mp4".as_ref()));
    let saved = saved_as(done.event("done"));
    assert_eq!(
        saved,
        [Path::new(&path).file_name().unwrap().to_str().unwrap()]
    );
}

#[test]
fn a_stick_gets_names_that_it_can_hold() {
    let Some(stick) = support::disk::Foreign::new(64) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a:b.mp4");
    fs_err::write(&file, "film").unwrap();
    let tree = folder.path().join("Trip: 2024");
    fs_err::create_dir(&tree).unwrap();
    for name in ["what?.txt", "Readme", "README"] {
        fs_err::write(tree.join(name), name).unwrap();
    }
    let (_, event) = fetched(&file, stick.path(), &[]);
    assert_eq!(saved_as(&event), ["a_b.mp4"]);
    let got = fs_err::read_to_string(stick.path().join("a_b.mp4")).unwrap();
    assert_eq!(got, "film");
    let (_, event) = fetched(&tree, stick.path(), &[]);
    assert_eq!(
        Path::new(&text(&event, "path")),
        stick.path().join("Trip_ 2024")
    );
    let saved = saved_as(&event);
    assert!(
        saved.contains(&"Trip_ 2024".to_owned()) && saved.contains(&"what_.txt".to_owned()),
        "{saved:?}"
    );
    let got = fs_err::read_dir(stick.path().join("Trip_ 2024")).unwrap();
    assert_eq!(got.count(), 3);

    if !stick.is_fat {
        return;
    }
    // A file that it can't hold, beside one that it can: holes take no room here.
    let large = folder.path().join("large");
    fs_err::create_dir(&large).unwrap();
    fs_err::write(large.join("small"), "small").unwrap();
    let film = fs_err::File::create(large.join("film.mkv")).unwrap();
    film.set_len(4 * 1024 * 1024 * 1024).unwrap();
    let (_, event) = fetched(&large, stick.path(), &[]);
    let skipped = event["skipped"].to_string();
    assert!(
        skipped.contains("film.mkv") && skipped.contains("4 GiB"),
        "{skipped}"
    );
    let got = fs_err::read_to_string(stick.path().join("large/small")).unwrap();
    assert_eq!(got, "small");
}

#[test]
fn every_byte_of_a_name_is_kept_and_leads_to_its_file() {
    let (one, two) = (
        OsStr::from_bytes(b"caf\xe9.txt"),
        OsStr::from_bytes(b"caf\xe8.txt"),
    );
    let shared = Shared::new(|tree| {
        fs_err::write(tree.join(one), "1").unwrap();
        fs_err::write(tree.join(two), "2").unwrap();
    });
    let (shoal, cid) = (&shared.shoal, &shared.cid);
    assert_eq!(shared.cat("ipfs://CID/caf%E9.txt"), "1");
    assert_eq!(shared.cat("https://ipfs.io/ipfs/CID/caf%E8.txt"), "2");
    for (name, content) in [(one, "1"), (two, "2")] {
        let mut path = OsString::from(format!("/ipfs/{cid}/"));
        path.push(name);
        assert_eq!(shoal.ok(&[&"cat", &path]).stdout, content);
    }
    // What is listed leads back to it.
    let listed = shoal.ok(&[&"ls", cid]);
    let mut names: Vec<_> = listed
        .events
        .iter()
        .map(|entry| text(entry, "name"))
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["caf\u{fffd}E8.txt", "caf\u{fffd}E9.txt"]);
    assert_eq!(shared.cat(&format!("/ipfs/CID/{}", names[0])), "2");

    // By a daemon, chosen by its bytes and by its text.
    let getter = Shoal::new();
    let (_daemon, _) = getter.daemon();
    let link = text(shoal.ok(&[&"link", &"1"]).event("link"), "link");
    for (select, name, other) in [(one, one, two), (OsStr::new(&names[0]), two, one)] {
        let into = tempfile::tempdir().unwrap();
        getter.ok(&[&"get", &link, &"--into", &into.path(), &"--select", &select]);
        assert!(into.path().join("d").join(name).exists());
        assert!(!into.path().join("d").join(other).exists());
    }
    // The file itself, by its own name, and on from there.
    let into = tempfile::tempdir().unwrap();
    let own = link.replacen(cid, &format!("{cid}/caf%E9.txt"), 1);
    let own = own.replacen("filename=d", "x=y", 1);
    getter.ok(&[&"get", &own, &"--into", &into.path()]);
    assert_eq!(fs_err::read(into.path().join(one)).unwrap(), b"1");
    let named = folder_named(into.path());
    let shared = getter.ok(&[&"share", &named.join(one)]);
    let event = shared.event("shared");
    assert_eq!(text(event, "name"), "caf\u{fffd}E9.txt");
    assert!(text(event, "link").contains("filename=caf%E9.txt"));
    let status = getter.ok(&[&"status", &text(event, "id")]);
    let path = text(status.event("item"), "path");
    assert!(
        path.ends_with("no \u{fffd}FF text/caf\u{fffd}E9.txt"),
        "{path}"
    );
}

/// A copy of what is in a folder, in one whose name is no text.
fn folder_named(of: &Path) -> PathBuf {
    let folder = of.join(OsStr::from_bytes(b"no \xff text"));
    fs_err::create_dir(&folder).unwrap();
    for entry in fs_err::read_dir(of).unwrap().map(Result::unwrap) {
        if entry.path() != folder {
            fs_err::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    folder
}

#[test]
fn what_can_be_no_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "content").unwrap();
    let shoal = Shoal::new();
    for name in ["", " ", ".", "..", "a/b", "../b", "a\nb"] {
        let done = shoal
            .run(&[&"share", &file, &"--name", &name])
            .expect_code(1);
        assert_eq!(done.problem(), "bad-name", "{name:?}");
    }
    assert!(shoal.ok(&[&"list"]).events.is_empty());
}

#[test]
fn a_mistyped_selection_leaves_nothing() {
    let shared = Shared::new(|tree| fs_err::write(tree.join("a.txt"), "a").unwrap());
    let link = text(shared.shoal.ok(&[&"link", &"1"]).event("link"), "link");
    let into = tempfile::tempdir().unwrap();
    let into = into.path();
    let getter = Shoal::new();
    let daemon = getter.daemon();
    let mistyped = link.replacen('?', "/b.txt?", 1);
    for (link, options) in [(&link, &["--select", "a.text"][..]), (&mistyped, &[])] {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", link, &"--into", &into];
        arguments.extend(options.iter().map(|option| option as &dyn AsRef<OsStr>));
        let done = getter.run(&arguments).expect_code(1);
        assert_eq!(done.problem(), "not-in-item");
        assert_eq!(fs_err::read_dir(into).unwrap().count(), 0);
        let listed = getter.ok(&[&"list"]);
        assert!(listed.events.is_empty(), "{}", listed.stdout);
    }
    drop(daemon);
}
