//! Names and links as people have them: long, not UTF-8, with question marks, `..`, wrapped in punctuation.

use std::ffi::OsStr;
use std::path::Path;

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
        assert!(path.ends_with(".mp4"), "{path}");
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
    assert!(path.ends_with(".mp4"), "{path}");
    let saved = saved_as(done.event("done"));
    assert_eq!(
        saved,
        [Path::new(&path).file_name().unwrap().to_str().unwrap()]
    );
}

#[test]
fn a_stick_gets_names_that_it_can_hold() {
    let Some(stick) = support::disk::Disk::fat(64) else {
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
