//! Several people at once: who finds whom, and who carries how much.

use std::ffi::OsStr;

use support::shoal::{Ready, Running, Shoal, number, text};
use support::trees::{self, Kinds};
use support::wait::HUNG_SECONDS;

#[test]
fn a_crowd_of_fetchers_feeds_itself() {
    const SIZE: u64 = 48_000_000;
    const FETCHERS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 90, SIZE);
    // The narrow way out of the first sharer is what the fetchers have to go around.
    let (_share, seed, shared) = Shoal::new()
        .with("upload.limit", "8000000")
        .share(&file, &[]);
    let cid = text(&shared, "cid");
    let fetchers: Vec<Shoal> = (0..FETCHERS).map(|_| Shoal::new()).collect();
    let daemons: Vec<(Running, Ready)> = fetchers.iter().map(Shoal::daemon).collect();
    let everyone: Vec<&str> = std::iter::once(&seed)
        .chain(daemons.iter().map(|(_, ready)| ready))
        .map(|ready| &*ready.listen[0])
        .collect();

    let gets: Vec<(Running, std::path::PathBuf)> = fetchers
        .iter()
        .enumerate()
        .map(|(index, fetcher)| {
            let into = folder.path().join(index.to_string());
            let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"get", &cid, &"--into", &into];
            for address in &everyone {
                arguments.extend([&"--provider" as &dyn AsRef<OsStr>, address]);
            }
            let get = fetcher.start(&arguments);
            (get, into)
        })
        .collect();

    let mut from_seed = 0;
    for (get, into) in gets {
        let done = get.finish().expect_code(0);
        trees::assert_same(&file, &into.join(&cid));
        for source in done.event("done")["sources"].as_array().unwrap() {
            if source["peer"] == seed.peer.as_str() {
                from_seed += number(source, "bytes");
            }
        }
    }
    assert!(
        from_seed >= SIZE,
        "the seed gave {from_seed} bytes of {SIZE}"
    );
    assert!(
        from_seed < SIZE * 3 / 2,
        "the seed gave {from_seed} bytes: more than one and a half copies of {SIZE}"
    );
}

#[test]
fn a_bare_cid_is_found_through_the_dht() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 91, Kinds::All);
    let meeting_point = Shoal::new().with("dht", "on");
    let (_daemon, ready) = meeting_point.daemon();
    let neighbour = || {
        Shoal::new()
            .with("dht", "on")
            .with("bootstrap", &ready.listen[0])
    };

    let (_share, _, shared) = neighbour().share(&tree, &[]);
    let cid = text(&shared, "cid");
    let into = folder.path().join("into");
    neighbour().ok(&[&"get", &cid, &"--into", &into, &"--timeout", &HUNG_SECONDS]);
    trees::assert_same(&tree, &into.join(&cid));
}
