//! An engine without a network: what is seen of the inside of its items.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use tempfile::TempDir;

use super::*;
use crate::api::Announce;
use crate::api::State;
use crate::api::*;
use crate::api::{Action, ShareRequest};
use crate::engine::{Engine, Options};
use crate::error::EngineError;

pub(super) struct Home {
    pub(super) dir: TempDir,
    pub(super) engine: Engine,
}

impl Home {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            data_dir: dir.path().join("data"),
            network: false,
        };
        let engine = Engine::start(options).await.unwrap();
        Self { dir, engine }
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) async fn share(&self, paths: &[&Path]) -> ItemId {
        let request = ShareRequest {
            paths: paths.iter().map(|path| path.to_path_buf()).collect(),
            name: None,
            profile: None,
            hidden: true,
            announce: Announce::None,
            metadata: None,
        };
        let id = self.engine.share(request).await.unwrap();
        self.wait_for(id, |state| *state == State::Sharing).await;
        id
    }

    pub(super) async fn wait_for(&self, id: ItemId, wanted: impl Fn(&State) -> bool) {
        let mut since = 0;
        for _ in 0..1000 {
            let changes = self.engine.changes(since, Duration::from_secs(20)).await;
            since = changes.rev;
            if changes
                .items
                .iter()
                .any(|view| view.id == id && wanted(&view.state))
            {
                return;
            }
        }
        panic!("it never came: {:?}", self.engine.item(id));
    }

    async fn files(&self, id: ItemId, dir: &str, offset: u32, limit: u32) -> FilesView {
        let dir = dir.to_owned();
        let request = FilesRequest {
            id,
            dir,
            offset,
            limit,
        };
        self.engine.files(request).await.unwrap()
    }

    /// `name kind size done files`, one a line.
    async fn rows(&self, id: ItemId, dir: &str) -> Vec<String> {
        let files = self.files(id, dir, 0, 1000).await;
        assert_eq!(files.total as usize, files.entries.len());
        let row = |row: &FileView| {
            let kind = serde_json::to_value(row.kind).unwrap();
            let kind = kind.as_str().unwrap().to_owned();
            let (size, done, files) = (row.size, row.done, row.files);
            format!("{} {kind} {size} {done} {files}", row.path)
        };
        files.entries.iter().map(row).collect()
    }

    async fn read(&self, id: ItemId, path: &str, range: Range<u64>) -> Result<Vec<u8>, String> {
        let code = |error: EngineError| error.problem().code;
        let mut reading = self.engine.read(id, path, range).await.map_err(code)?;
        let mut bytes = Vec::new();
        while let Some(piece) = reading.bytes.recv().await {
            bytes.extend(piece.map_err(|error| error.problem().code)?);
        }
        Ok(bytes)
    }
}

fn numbers(count: usize) -> Vec<u8> {
    let byte = |number| u8::try_from(number * 7 % 251).unwrap();
    (0..count).map(byte).collect()
}

#[tokio::test]
async fn a_share_is_listed_level_by_level() {
    let home = Home::start().await;
    home.write("top/b 10.txt", b"12345");
    home.write("top/B 2.txt", b"1");
    home.write("top/sub/deep/c", b"123");
    home.write("top/sub/d", b"");
    home.write("top/sub2/e", b"12");
    fs::create_dir(home.dir.path().join("top/empty")).unwrap();
    #[cfg(unix)]
    fs::os::unix::fs::symlink("sub/d", home.dir.path().join("top/link")).unwrap();
    let id = home.share(&[&home.dir.path().join("top")]).await;
    let rows = home.rows(id, "").await;
    let expected = [
        "empty folder 0 0 0",
        "sub folder 3 3 2",
        "sub2 folder 2 2 1",
        "B 2.txt file 1 1 1",
        "b 10.txt file 5 5 1",
        #[cfg(unix)]
        "link symlink 0 0 0",
    ];
    assert_eq!(rows, expected);
    let sub = ["sub/deep folder 3 3 1", "sub/d file 0 0 1"];
    assert_eq!(home.rows(id, "sub").await, sub);
    assert_eq!(
        home.rows(id, "/sub//./deep/").await,
        ["sub/deep/c file 3 3 1"]
    );
    assert_eq!(home.rows(id, "empty").await, [""; 0]);
    let window = home.files(id, "", 1, 2).await;
    let names: Vec<_> = window.entries.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        (window.total as usize, names),
        (expected.len(), vec!["sub", "sub2"])
    );
    assert!(
        home.files(id, "", u32::MAX, u32::MAX)
            .await
            .entries
            .is_empty()
    );
    for wrong in ["nothing", "..", "sub/../..", "b 10.txt/x"] {
        let dir = wrong.to_owned();
        let request = FilesRequest {
            id,
            dir,
            offset: 0,
            limit: 9,
        };
        let problem = home.engine.files(request).await.unwrap_err().problem();
        assert_eq!(problem.code, "not-in-item", "{wrong}");
    }
}

#[tokio::test]
async fn a_single_file_lists_itself() {
    let home = Home::start().await;
    let path = home.write("only.bin", &numbers(10));
    let id = home.share(&[&path]).await;
    assert_eq!(home.rows(id, "").await, ["only.bin file 10 10 1"]);
    assert_eq!(home.read(id, "only.bin", 2..5).await.unwrap(), [14, 21, 28]);
    assert_eq!(home.read(id, "", 0..1).await.unwrap(), [0]);
    assert_eq!(
        home.read(id, "other", 0..1).await.unwrap_err(),
        "not-in-item"
    );
    assert_eq!(home.engine.place(id, "only.bin").await.unwrap(), path);
    assert_eq!(home.engine.place(id, "").await.unwrap(), path);
}

#[tokio::test]
async fn changed_and_missing_files_show_as_such() {
    let home = Home::start().await;
    let changed = home.write("top/a/changed", b"before");
    let gone = home.write("top/b/gone", b"here");
    home.write("top/c", b"stays");
    let id = home.share(&[&home.dir.path().join("top")]).await;
    fs::write(&changed, b"after!").unwrap();
    fs::remove_file(&gone).unwrap();
    home.engine.act(id, Action::Verify).await.unwrap();
    home.wait_for(id, |state| matches!(state, State::NeedsYou(_)))
        .await;
    let states = home.files(id, "", 0, 9).await;
    let states: Vec<_> = states.entries.iter().map(|row| row.state).collect();
    let expected = [
        FileCondition::Changed,
        FileCondition::Missing,
        FileCondition::Ok,
    ];
    assert_eq!(states, expected);
    assert_eq!(home.read(id, "c", 0..99).await.unwrap(), b"stays");
    assert_eq!(
        home.read(id, "a/changed", 0..9).await.unwrap_err(),
        "not-here"
    );
}

#[tokio::test]
async fn any_range_of_a_file_is_read() {
    let home = Home::start().await;
    let content = numbers(3 * 1024 * 1024 + 17);
    home.write("top/film.mkv", &content);
    home.write("top/empty", b"");
    let id = home.share(&[&home.dir.path().join("top")]).await;
    let stat = home.engine.stat(id, "film.mkv").await.unwrap();
    assert_eq!(
        (stat.name.as_str(), stat.size),
        ("film.mkv", content.len() as u64)
    );
    let end = content.len() as u64;
    let mib = 1024 * 1024;
    let ranges = [
        0..0,
        0..1,
        mib - 1..mib + 1,
        5..end,
        end - 1..u64::MAX,
        end..end + 9,
        u64::MAX..u64::MAX,
    ];
    for range in ranges {
        let from = usize::try_from(range.start.min(end)).unwrap();
        let to = usize::try_from(range.end.min(end)).unwrap().max(from);
        let read = home.read(id, "film.mkv", range.clone()).await.unwrap();
        assert!(read == content[from..to], "{range:?}");
    }
    assert!(home.read(id, "empty", 0..9).await.unwrap().is_empty());
    for wrong in ["", "..", "../data/identity.key", "film.mkv/x", "Film.mkv"] {
        let code = home.read(id, wrong, 0..1).await.unwrap_err();
        assert!(
            ["not-in-item", "not-a-file"].contains(&code.as_str()),
            "{wrong}: {code}"
        );
    }
}

#[tokio::test]
async fn links_go_to_shoal_and_to_a_gateway() {
    let home = Home::start().await;
    let path = home.write("a b.txt", b"x");
    let id = home.share(&[&path]).await;
    let links = home.engine.links(id).await.unwrap();
    let cid = home.engine.item(id).unwrap().cid.unwrap();
    assert!(
        links
            .link
            .starts_with(&format!("ipfs://{cid}?filename=a%20b.txt"))
    );
    assert_eq!(
        links.gateway,
        format!("https://dweb.link/ipfs/{cid}?filename=a%20b.txt")
    );
    links.gateway.parse::<Link>().unwrap();
}

#[test]
fn a_folder_comes_first_with_all_in_it() {
    let high = ["a/b".to_owned()];
    let check = |path, expected| assert_eq!(look::files::is_high(&high, path), expected, "{path}");
    check("a/b", true);
    check("a/b/c", true);
    check("a/bc", false);
    check("a", false);
}

impl Home {
    async fn relocate(&self, id: ItemId, path: &Path) -> Result<(), crate::api::Problem> {
        let path = path.to_path_buf();
        let moved = self.engine.relocate(RelocateRequest { id, path }).await;
        moved.map_err(|error| error.problem())
    }

    /// Has everything read again, and waits for what is missing.
    async fn find_missing(&self, id: ItemId) {
        self.engine.act(id, Action::Verify).await.unwrap();
        self.wait_for(id, |state| matches!(state, State::NeedsYou(_)))
            .await;
    }
}

#[tokio::test]
async fn a_moved_folder_is_shared_from_where_it_is_now() {
    let home = Home::start().await;
    home.write("top/a/x", &numbers(1000));
    home.write("top/b/y", &numbers(2000));
    let (old, new) = (
        home.dir.path().join("top"),
        home.dir.path().join("elsewhere/top"),
    );
    let id = home.share(&[&old]).await;
    let link = home.engine.item(id).unwrap().cid;
    fs::create_dir(home.dir.path().join("elsewhere")).unwrap();
    fs::rename(&old, &new).unwrap();
    home.find_missing(id).await;
    // Something else is not taken for it, and changes nothing.
    home.write("other/a/x", &numbers(1000));
    let wrong = home
        .relocate(id, &home.dir.path().join("other"))
        .await
        .unwrap_err();
    assert_eq!((wrong.code.as_str(), wrong.count), ("other-files", Some(1)));
    assert_eq!(wrong.subject.as_deref(), Some("b/y"));
    let nowhere = home
        .relocate(id, &home.dir.path().join("nowhere"))
        .await
        .unwrap_err();
    assert_eq!(nowhere.code, "bad-path");
    assert!(matches!(
        home.engine.item(id).unwrap().state,
        State::NeedsYou(_)
    ));
    // The folder that it is in will do too.
    home.relocate(id, new.parent().unwrap()).await.unwrap();
    home.wait_for(id, |state| *state == State::Sharing).await;
    let view = home.engine.item(id).unwrap();
    assert_eq!((view.path, view.cid), (Some(new), link));
    assert!(home.read(id, "b/y", 0..9999).await.unwrap() == numbers(2000));
    home.engine.act(id, Action::Verify).await.unwrap();
    home.wait_for(id, |state| *state == State::Sharing).await;
}

#[tokio::test]
async fn a_moved_file_may_have_another_name_but_not_other_content() {
    let home = Home::start().await;
    let old = home.write("film.mkv", &numbers(5000));
    let id = home.share(&[&old]).await;
    let new = home.dir.path().join("films/renamed.mkv");
    fs::create_dir(new.parent().unwrap()).unwrap();
    fs::rename(&old, &new).unwrap();
    home.find_missing(id).await;
    let mut content = numbers(5000);
    content[4000] += 1;
    let forged = home.write("forged.mkv", &content);
    let shorter = home.write("shorter.mkv", &content[..4999]);
    for wrong in [&forged, &shorter] {
        let problem = home.relocate(id, wrong).await.unwrap_err();
        assert_eq!(problem.code, "other-files", "{problem:?}");
    }
    home.relocate(id, &new).await.unwrap();
    home.wait_for(id, |state| *state == State::Sharing).await;
    assert!(home.read(id, "film.mkv", 0..9999).await.unwrap() == numbers(5000));
    assert_eq!(home.engine.place(id, "").await.unwrap(), new);
}

#[tokio::test]
async fn of_several_things_only_one_may_have_moved() {
    let home = Home::start().await;
    let (one, two) = (home.write("one.txt", b"one"), home.write("two.txt", b"two"));
    let id = home.share(&[&one, &two]).await;
    let new = home.dir.path().join("moved/two.txt");
    fs::create_dir(new.parent().unwrap()).unwrap();
    fs::rename(&two, &new).unwrap();
    home.find_missing(id).await;
    home.relocate(id, &new).await.unwrap();
    home.wait_for(id, |state| *state == State::Sharing).await;
    assert_eq!(home.read(id, "one.txt", 0..9).await.unwrap(), b"one");
    assert_eq!(home.read(id, "two.txt", 0..9).await.unwrap(), b"two");
}
