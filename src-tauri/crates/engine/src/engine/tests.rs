//! An engine without a network: what becomes of shares on one machine.

mod inside;
mod links;

use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::TempDir;

use super::*;
use crate::api::Announce;
use crate::api::LibraryRequest;
use crate::api::State;

struct Home {
    dir: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    async fn start(&self) -> Engine {
        let data_dir = self.dir.path().join("data");
        Engine::start(Options {
            data_dir,
            network: false,
        })
        .await
        .unwrap()
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

fn share(path: &Path) -> ShareRequest {
    ShareRequest {
        paths: vec![path.to_owned()],
        name: None,
        profile: None,
        hidden: false,
        announce: Announce::None,
        metadata: None,
    }
}

/// Waits until the item's view is as wanted.
async fn wait_for(engine: &Engine, id: ItemId, wanted: impl Fn(&ItemView) -> bool) -> ItemView {
    let mut since = 0;
    for _ in 0..1000 {
        let changes = engine.changes(since, Duration::from_secs(20)).await;
        since = changes.rev;
        if let Some(view) = changes
            .items
            .into_iter()
            .find(|view| view.id == id && wanted(view))
        {
            return view;
        }
    }
    panic!("it never came: {:?}", engine.item(id));
}

async fn shared(engine: &Engine, path: &Path) -> ItemView {
    let id = engine.share(share(path)).await.unwrap();
    wait_for(engine, id, |view| view.state == State::Sharing).await
}

fn code(view: &ItemView) -> &str {
    match &view.state {
        State::NeedsYou(problem) => &problem.code,
        state => state.name(),
    }
}

#[tokio::test]
async fn a_share_gets_its_cid_and_outlives_a_restart() {
    let home = Home::new();
    let path = home.write("hello.txt", "hello world");
    let engine = home.start().await;
    let view = shared(&engine, &path).await;
    let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    assert_eq!(
        (view.cid.as_deref(), view.total, view.done),
        (Some(cid), 11, 11)
    );
    let link = engine.link(view.id).await.unwrap();
    assert_eq!(link, format!("ipfs://{cid}?filename=hello.txt"));
    engine.shutdown().await;

    let engine = home.start().await;
    let again = wait_for(&engine, view.id, |view| view.state == State::Sharing).await;
    assert_eq!(again.cid.as_deref(), Some(cid));
    engine.shutdown().await;
}

#[tokio::test]
async fn sharing_the_same_again_is_the_same_item() {
    let home = Home::new();
    let path = home.write("a", "a");
    let engine = home.start().await;
    let first = shared(&engine, &path).await;
    home.write("a", "another content");
    let id = engine.share(share(&path)).await.unwrap();
    assert_eq!(id, first.id);
    let second = wait_for(&engine, id, |view| {
        view.state == State::Sharing && view.cid != first.cid
    })
    .await;
    assert_eq!(second.total, 15);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_changed_file_needs_the_person_and_an_update_solves_it() {
    let home = Home::new();
    let path = home.write("folder/a.txt", "as it was");
    let engine = home.start().await;
    let view = shared(&engine, path.parent().unwrap()).await;
    home.write("folder/a.txt", "as it is!");
    engine.act(view.id, Action::Verify).await.unwrap();
    let changed = wait_for(&engine, view.id, |view| {
        matches!(view.state, State::NeedsYou(_))
    })
    .await;
    assert_eq!(code(&changed), "files-changed");
    engine.act(view.id, Action::Update).await.unwrap();
    let updated = wait_for(&engine, view.id, |view| view.state == State::Sharing).await;
    assert_ne!(updated.cid, view.cid);
    fs::remove_file(&path).unwrap();
    engine.act(view.id, Action::Verify).await.unwrap();
    let missing = wait_for(&engine, view.id, |view| {
        matches!(view.state, State::NeedsYou(_))
    })
    .await;
    assert_eq!(code(&missing), "files-missing");
    engine.shutdown().await;
}

#[tokio::test]
async fn paused_stays_paused_and_removed_stays_removed() {
    let home = Home::new();
    let path = home.write("a", "a");
    let engine = home.start().await;
    let id = shared(&engine, &path).await.id;
    engine.act(id, Action::Pause).await.unwrap();
    assert_eq!(engine.item(id).unwrap().state, State::Paused);
    engine.shutdown().await;

    let engine = home.start().await;
    assert_eq!(engine.item(id).unwrap().state, State::Paused);
    engine.act(id, Action::Resume).await.unwrap();
    wait_for(&engine, id, |view| view.state == State::Sharing).await;
    // Nothing of a share is Shoal's to delete.
    engine.remove(id, true).await.unwrap();
    assert_eq!(engine.item(id).unwrap_err().problem().code, "unknown-item");
    assert!(path.exists());
    engine.shutdown().await;

    let engine = home.start().await;
    assert!(engine.items().is_empty());
    engine.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let home = Home::new();
    let engine = home.start().await;
    let missing = engine
        .share(share(&home.dir.path().join("nothing")))
        .await
        .unwrap_err();
    assert_eq!(missing.problem().code, "unreadable");
    let data_dir = home.dir.path().join("data");
    let second = Engine::start(Options {
        data_dir,
        network: false,
    })
    .await
    .unwrap_err();
    assert_eq!(second.problem().code, "data-dir-in-use");
    let request = DownloadRequest {
        link: "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".into(),
        into: None,
        select: Vec::new(),
        providers: Vec::new(),
        metadata: None,
        unfold: None,
    };
    assert_eq!(
        engine.download(request).await.unwrap_err().problem().code,
        "offline"
    );
    engine.shutdown().await;
}

#[tokio::test]
async fn what_is_seen_after_asking_is_never_the_state_from_before() {
    let home = Home::new();
    let path = home.write("a", "hello world");
    let engine = home.start().await;
    let id = shared(&engine, &path).await.id;
    engine.shutdown().await;

    // Rotted: only reading it can tell.
    let when = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "hello w0rld").unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(when).unwrap();

    // The look that a start begins with may be under way, or done.
    let engine = home.start().await;
    engine.act(id, Action::Verify).await.unwrap();
    assert_ne!(engine.item(id).unwrap().state, State::Sharing);
    let settled = |view: &ItemView| view.state != State::Verifying;
    let view = wait_for(&engine, id, settled).await;
    assert!(matches!(view.state, State::NeedsYou(_)), "{:?}", view.state);

    engine.act(id, Action::Pause).await.unwrap();
    assert_eq!(engine.item(id).unwrap().state, State::Paused);
    engine.act(id, Action::Resume).await.unwrap();
    assert_ne!(engine.item(id).unwrap().state, State::Paused);
}

#[tokio::test]
async fn what_was_paused_by_hand_stays_so_when_everything_goes_on() {
    let home = Home::new();
    let engine = home.start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(shared(&engine, &home.write(name, name)).await.id);
    }
    let [by_hand, plain, picked] = ids[..] else {
        panic!("three");
    };
    let states = |engine: &Engine| -> Vec<&'static str> {
        let views = engine.items();
        views.iter().map(|view| view.state.name()).collect()
    };
    engine.act(by_hand, Action::Pause).await.unwrap();
    engine.pause_all(true).await.unwrap();
    assert_eq!(states(&engine), ["paused"; 3]);
    engine.shutdown().await;

    let engine = home.start().await;
    assert_eq!(states(&engine), ["paused"; 3]);
    let request = LibraryRequest::default();
    assert!(engine.library(&request).await.paused);
    // What the person starts runs, and so does what is new.
    engine.act(picked, Action::Resume).await.unwrap();
    wait_for(&engine, picked, |view| view.state == State::Sharing).await;
    shared(&engine, &home.write("d", "d")).await;
    assert_eq!(engine.item(plain).unwrap().state, State::Paused);

    engine.pause_all(false).await.unwrap();
    wait_for(&engine, plain, |view| view.state == State::Sharing).await;
    assert_eq!(states(&engine), ["paused", "sharing", "sharing", "sharing"]);
    assert!(!engine.library(&request).await.paused);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_new_name_is_for_others_and_not_for_the_disk() {
    let home = Home::new();
    let path = home.write("IMG_2041.txt", "a");
    let engine = home.start().await;
    let view = shared(&engine, &path).await;
    engine.rename(view.id, " Our holiday ").await.unwrap();
    assert_eq!(engine.item(view.id).unwrap().name, "Our holiday");
    let link = engine.link(view.id).await.unwrap();
    assert!(link.ends_with("filename=Our%20holiday"), "{link}");
    assert!(path.exists());
    for bad in ["", " ", ".", "..", "a/b", "a\nb", "a\0b"] {
        let problem = engine.rename(view.id, bad).await.unwrap_err().problem();
        assert_eq!(problem.field.as_deref(), Some("name"));
        let request = ShareRequest {
            name: Some(bad.to_owned()),
            ..share(&path)
        };
        let problem = engine.share(request).await.unwrap_err().problem();
        assert_eq!(problem.code, "bad-name", "{bad:?}");
    }
    // The same path is still the same item.
    assert_eq!(engine.share(share(&path)).await.unwrap(), view.id);
    engine.shutdown().await;

    let engine = home.start().await;
    assert_eq!(engine.item(view.id).unwrap().name, "Our holiday");
    engine.shutdown().await;
}
