//! Engines on loopback: links that are looked into, and downloads that are looked at and steered
//! while they run.

use std::ops::Range;
use std::time::Duration;

use fs_err as fs;
use tempfile::TempDir;

use super::*;
use crate::api::Announce;
use crate::api::Changes;
use crate::api::*;
use crate::api::{Action, DownloadRequest, ShareRequest};
use crate::api::{ItemView, State};
use crate::engine::{Engine, Options};

/// Ends a test that hangs. No verdict: nothing that works comes near it, however busy the machine
/// is.
const HUNG: Duration = Duration::from_mins(10);

struct Node {
    dir: TempDir,
    engine: Engine,
}

impl Node {
    async fn start() -> Self {
        Self::limited("0").await
    }

    /// One that sends so many bytes a second.
    async fn limited(upload: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let settings = serde_json::json!({
            "listen": "/ip4/127.0.0.1/tcp/0",
            "bootstrap": "none",
            "mdns": "off",
            "dht": "off",
            "upload.limit": upload,
            "download.folder": dir.path().join("into"),
        });
        fs::write(data.join("settings.json"), settings.to_string()).unwrap();
        let options = Options {
            data_dir: data,
            network: true,
        };
        let engine = Engine::start(options).await.unwrap();
        Self { dir, engine }
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }

    /// Shares a path and gives its link.
    async fn share(&self, path: &str) -> String {
        let request = ShareRequest {
            paths: vec![self.dir.path().join(path)],
            name: None,
            profile: None,
            hidden: true,
            announce: Announce::None,
            metadata: None,
        };
        let id = self.engine.share(request).await.unwrap();
        self.wait_for(id, |view| view.state == State::Sharing).await;
        self.engine.link(id).await.unwrap()
    }

    async fn fetch(&self, link: &str, select: &[&str]) -> ItemId {
        let request = DownloadRequest {
            link: link.to_owned(),
            into: None,
            select: select.iter().map(|path| (*path).to_owned()).collect(),
            providers: Vec::new(),
            metadata: None,
            unfold: None,
        };
        self.engine.download(request).await.unwrap()
    }

    async fn wait_for(&self, id: ItemId, wanted: impl Fn(&ItemView) -> bool) -> ItemView {
        let mut since = 0;
        loop {
            let Changes { rev, items, .. } = self.engine.changes(since, HUNG).await;
            assert!(rev > since, "it never came: {:?}", self.engine.item(id));
            since = rev;
            if let Some(view) = items.into_iter().find(|view| view.id == id && wanted(view)) {
                return view;
            }
        }
    }

    async fn done(&self, id: ItemId) -> PathBuf {
        let view = self.wait_for(id, |view| {
            assert!(!matches!(view.state, State::NeedsYou(_)), "{view:?}");
            view.state == State::Sharing
        });
        view.await.path.unwrap()
    }

    async fn inspect(
        &self,
        link: &str,
        dir: &str,
        enough: impl Fn(&InspectView) -> bool,
    ) -> Result<InspectView, String> {
        let mut since = 0;
        let begun = std::time::Instant::now();
        loop {
            let request = InspectLinkRequest {
                link: link.to_owned(),
                dir: dir.to_owned(),
                wait_ms: 5000,
                since,
                into: None,
            };
            let view = self.engine.inspect_link(request).await;
            let view = view.map_err(|error| error.problem().code)?;
            if enough(&view) {
                return Ok(view);
            }
            assert!(begun.elapsed() < HUNG, "{view:?}");
            since = view.rev;
        }
    }

    async fn select(&self, id: ItemId, paths: &[&str], chosen: bool) -> Result<(), String> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let request = SelectRequest { id, paths, chosen };
        let done = self.engine.select(request).await;
        done.map_err(|error| error.problem().code)
    }

    async fn files(&self, id: ItemId, dir: &str) -> Vec<FileView> {
        let dir = dir.to_owned();
        let request = FilesRequest {
            id,
            dir,
            offset: 0,
            limit: 100,
        };
        self.engine.files(request).await.unwrap().entries
    }

    async fn read(&self, id: ItemId, path: &str, range: Range<u64>) -> Vec<u8> {
        let mut reading = self.engine.read(id, path, range).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = reading.bytes.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    }
}

fn numbers(count: usize, seed: usize) -> Vec<u8> {
    (0..count)
        .map(|number| u8::try_from((number * 7 + number / 1000 + seed) % 251).unwrap())
        .collect()
}

fn names(entries: &[InspectEntry]) -> Vec<(&str, EntryKind)> {
    entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_looked_into_without_keeping_it() {
    let (first, second) = (Node::start().await, Node::start().await);
    first.write("top/large", &numbers(3_000_000, 1));
    first.write("top/sub.d/deep/x", b"x");
    first.write("top/sub.d/y 10", b"y");
    first.write("top/sub.d/y 9", b"y");
    let link = first.share("top").await;
    // A link that is only looked at leads nowhere on this computer: that is the person's to say.
    let (_, giver) = link.split_once("&provider=").unwrap();
    let trusted = second.engine.set_setting("peers.trusted", giver);
    trusted.await.unwrap();
    let view = second
        .inspect(&link, "", |view| {
            let is_folder = |entry: &InspectEntry| entry.kind == EntryKind::Folder;
            let entries = view.entries.as_ref();
            view.people > 0 && entries.is_some_and(|entries| entries.iter().any(is_folder))
        })
        .await
        .unwrap();
    let (file, folder) = (EntryKind::File, EntryKind::Folder);
    let entries = view.entries.unwrap();
    assert_eq!(names(&entries), [("sub.d", folder), ("large", file)]);
    assert_eq!(entries[1].size, 3_000_000);
    assert_eq!((view.kind, view.name.as_str()), (Some(folder), "top"));
    assert!(view.total.unwrap() >= 3_000_003 && view.existing.is_none());
    assert!(view.tried.contains(&Search::Connected) && view.free.unwrap() > 0);
    assert!(view.into.ends_with("into"));
    let view = second
        .inspect(&link, "sub.d", |view| {
            view.entries
                .as_ref()
                .is_some_and(|entries| entries[0].name == "deep")
        })
        .await
        .unwrap();
    let expected = [("deep", folder), ("y 9", file), ("y 10", file)];
    assert_eq!(names(&view.entries.unwrap()), expected);
    for (dir, code) in [("nothing", "not-in-item"), ("../..", "not-in-item")] {
        let refused = second
            .inspect(&link, dir, |view| view.entries.is_some())
            .await;
        assert_eq!(refused.unwrap_err(), code, "{dir}");
    }
    assert!(second.engine.items().is_empty());
    assert!(!second.dir.path().join("into").exists());
    // For who has it already it is there at once.
    let view = first
        .inspect(&link, "", |view| view.entries.is_some())
        .await
        .unwrap();
    assert!(view.existing.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_looked_for_and_bad_links_are_refused() {
    let node = Node::start().await;
    let nobody = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let began = std::time::Instant::now();
    let request = InspectLinkRequest {
        link: nobody.to_owned(),
        dir: String::new(),
        wait_ms: u64::MAX,
        since: 0,
        into: Some(node.dir.path().join("not/yet/there")),
    };
    let view = node.engine.inspect_link(request).await.unwrap();
    assert!(began.elapsed() < HUNG);
    assert_eq!(
        (view.cid.as_str(), view.kind, view.people),
        (nobody, None, 0)
    );
    assert!(view.entries.is_none() && view.free.is_some());
    for bad in ["", "hello", "ipns://x", "https://example.org/"] {
        let refused = node.inspect(bad, "", |_| true).await.unwrap_err();
        assert!(
            ["bad-link", "name-link"].contains(&refused.as_str()),
            "{bad}: {refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_comes_first() {
    // At this rate the whole takes a quarter of a minute.
    let (first, second) = (Node::limited("2000000").await, Node::start().await);
    let content = numbers(24 * 1024 * 1024, 3);
    first.write("top/film.mkv", &content);
    first.write("top/a.bin", &numbers(8 * 1024 * 1024, 4));
    let link = first.share("top").await;
    let id = second.fetch(&link, &[]).await;
    second.wait_for(id, |view| view.total > 0).await;
    let stat = second.engine.stat(id, "film.mkv").await.unwrap();
    assert_eq!(stat.size, content.len() as u64);
    let end = stat.size;
    let bytes = second.read(id, "film.mkv", end - 100_000..end).await;
    assert!(bytes == content[content.len() - 100_000..]);
    let view = second.engine.item(id).unwrap();
    assert!(
        view.done < view.total / 2,
        "{} of {}",
        view.done,
        view.total
    );
    let pieces = second.engine.pieces(id).await.unwrap();
    assert!(
        pieces.here < pieces.blocks && pieces.asked > 0,
        "{pieces:?}"
    );
    assert!(pieces.cells.contains(&255) && pieces.cells.len() <= 480);
    let listed = second.files(id, "").await;
    let film = listed.iter().find(|file| file.name == "film.mkv").unwrap();
    assert!(film.done < film.size && film.size == end);
    second.engine.remove(id, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_changes_while_it_runs_and_after() {
    let (first, second) = (Node::start().await, Node::start().await);
    for number in 0..4 {
        first.write(&format!("top/{number}.bin"), &numbers(300_000, number));
        first.write(
            &format!("top/sub/{number}.bin"),
            &numbers(200_000, number + 9),
        );
    }
    let link = first.share("top").await;
    let id = second.fetch(&link, &["1.bin", "sub"]).await;
    let path = second.done(id).await;
    assert!(path.join("1.bin").exists() && !path.join("2.bin").exists());
    let chosen = |files: &[FileView]| -> Vec<(String, Chosen)> {
        files
            .iter()
            .map(|file| (file.name.clone(), file.chosen))
            .collect()
    };
    let expected = |sub, one, two| {
        let names = ["sub", "0.bin", "1.bin", "2.bin", "3.bin"].map(str::to_owned);
        let none = Chosen::None;
        let choices = [sub, none, one, two, none];
        names.into_iter().zip(choices).collect::<Vec<_>>()
    };
    let files = second.files(id, "").await;
    assert_eq!(
        chosen(&files),
        expected(Chosen::All, Chosen::All, Chosen::None)
    );
    // What was made of it stays, and is not in the way of the rest.
    fs::write(path.join("mine.txt"), b"mine").unwrap();
    second.select(id, &["2.bin"], true).await.unwrap();
    assert_eq!(second.done(id).await, path);
    assert!(fs::read(path.join("2.bin")).unwrap() == numbers(300_000, 2));
    assert_eq!(fs::read(path.join("mine.txt")).unwrap(), b"mine");
    second
        .select(id, &["sub/1.bin", "1.bin"], false)
        .await
        .unwrap();
    let files = second.files(id, "").await;
    assert_eq!(
        chosen(&files),
        expected(Chosen::Some, Chosen::None, Chosen::All)
    );
    assert!(path.join("1.bin").exists(), "what is here stays");
    // A file that the person put there is never written to.
    fs::write(path.join("3.bin"), b"my own").unwrap();
    second.select(id, &["3.bin"], true).await.unwrap();
    let beside = second.done(id).await;
    assert_ne!(beside, path);
    assert_eq!(fs::read(path.join("3.bin")).unwrap(), b"my own");
    assert!(fs::read(beside.join("3.bin")).unwrap() == numbers(300_000, 3));
    for wrong in ["..", "a/../.."] {
        assert_eq!(
            second.select(id, &[wrong], true).await.unwrap_err(),
            "not-in-item"
        );
    }
    let all = ["sub", "0.bin", "1.bin", "2.bin", "3.bin"];
    for everything in [&[""][..], &all] {
        let refused = second.select(id, everything, false).await.unwrap_err();
        assert_eq!(refused, "bad-selection");
    }
    let share = first.engine.items()[0].id;
    assert_eq!(
        first.select(share, &["1.bin"], true).await.unwrap_err(),
        "no-download"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_first_comes_first_and_is_kept() {
    let (first, second) = (Node::limited("2000000").await, Node::start().await);
    for (seed, name) in ["a.bin", "b.bin", "z.bin"].into_iter().enumerate() {
        first.write(&format!("top/{name}"), &numbers(6 * 1024 * 1024, seed));
    }
    let link = first.share("top").await;
    let id = second.fetch(&link, &[]).await;
    // What is on its way already comes in any case.
    second.engine.act(id, Action::Pause).await.unwrap();
    let request = PrioritizeRequest {
        id,
        paths: vec!["z.bin".to_owned()],
        high: true,
    };
    second.engine.prioritize(request.clone()).await.unwrap();
    second.engine.act(id, Action::Resume).await.unwrap();
    let done = |files: &[FileView], name: &str| {
        let file = files.iter().find(|file| file.name == name);
        file.map_or((0, Priority::Normal), |file| (file.done, file.priority))
    };
    second
        .wait_for(id, |view| view.done >= 4 * 1024 * 1024)
        .await;
    let files = second.files(id, "").await;
    let (z, priority) = done(&files, "z.bin");
    assert_eq!(priority, Priority::High);
    assert!(
        z > done(&files, "a.bin").0 + done(&files, "b.bin").0,
        "{files:?}"
    );
    second.engine.act(id, Action::Pause).await.unwrap();
    let files = second.files(id, "").await;
    assert_eq!(done(&files, "z.bin").1, Priority::High);
    let normal = PrioritizeRequest {
        high: false,
        ..request
    };
    second.engine.prioritize(normal).await.unwrap();
    let files = second.files(id, "").await;
    assert_eq!(done(&files, "z.bin").1, Priority::Normal);
    second.engine.remove(id, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_download_goes_on_in_another_folder() {
    let (first, second) = (Node::limited("4000000").await, Node::start().await);
    first.write("top/a.bin", &numbers(6 * 1024 * 1024, 1));
    first.write("top/sub/b.bin", &numbers(6 * 1024 * 1024, 2));
    let link = first.share("top").await;
    let id = second.fetch(&link, &[]).await;
    second.wait_for(id, |view| view.done > 3_000_000).await;
    let refused = RelocateRequest {
        id,
        path: second.dir.path().to_path_buf(),
    };
    let refused = second.engine.relocate(refused).await.unwrap_err();
    assert_eq!(refused.problem().code, "not-at-rest");
    second.engine.act(id, Action::Pause).await.unwrap();
    second
        .wait_for(id, |view| view.state == State::Paused)
        .await;
    let old = second.dir.path().join("into");
    let new = second.dir.path().join("roomy");
    fs::create_dir(&new).unwrap();
    let request = RelocateRequest {
        id,
        path: new.clone(),
    };
    second.engine.relocate(request).await.unwrap();
    second.engine.act(id, Action::Resume).await.unwrap();
    assert_eq!(second.done(id).await, new.join("top"));
    assert!(fs::read(new.join("top/sub/b.bin")).unwrap() == numbers(6 * 1024 * 1024, 2));
    // What was there was taken over, and nothing of it is left.
    assert_eq!(fs::read_dir(&old).unwrap().count(), 0);
    let sent: u64 = second
        .engine
        .report(id)
        .await
        .unwrap()
        .last
        .sources
        .iter()
        .map(|source| source.bytes)
        .sum();
    assert!(sent < 10 * 1024 * 1024, "{sent} bytes came again");
    let files = second.files(id, "").await;
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.done == file.size), "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_comes_back_from_others_and_all_else_from_here() {
    let (first, second) = (Node::start().await, Node::start().await);
    first.write("top/kept.bin", &numbers(5 * 1024 * 1024, 1));
    first.write("top/changed.txt", b"as it was");
    let link = first.share("top").await;
    let id = second.fetch(&link, &[]).await;
    second.done(id).await;
    let link = second.engine.link(id).await.unwrap();
    first.write("top/changed.txt", b"something else");
    let restored = first.fetch(&link, &[]).await;
    let path = first.done(restored).await;
    assert_eq!(fs::read(path.join("changed.txt")).unwrap(), b"as it was");
    let report = first.engine.report(restored).await.unwrap();
    let sent: u64 = report.sources.iter().map(|source| source.bytes).sum();
    assert!((1..1024).contains(&sent), "{sent}");
}
