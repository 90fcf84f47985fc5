//! Downloads on a real disk with a real index, from peers that exist only here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use fs_err as fs;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::mpsc;
use unixfs::walk::Every;
use unixfs::{Cid, DirectoryBuilder, FileBuilder, Metadata, Profile, Root};

use super::channels::{Channels, Command, Event, Progress, Waker, Wanted};
use super::download::{self, Finished};
use super::error::FetchError;
use super::local::Local;
use super::space::Space;
use super::steer::Wishes;
use super::supply::Origin;
use super::worker::Download;
use store::Source;
use store::index::{FileState, Index, ItemId, ItemKind, NewItem};

type Blocks = HashMap<Cid, Bytes>;
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// A data directory, a folder for downloads, and what is needed to run one.
struct Home {
    dir: TempDir,
    index: Index,
    source: Source,
}

/// How one run went.
struct Outcome {
    result: Result<Finished, FetchError>,
    /// What was asked of the network.
    asked: Vec<Cid>,
    /// What could be served after it.
    have: HashSet<Cid>,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let index = Index::open(&dir.path().join("data")).unwrap().index;
        let source = Source::new(index.clone(), |_| {});
        Self { dir, index, source }
    }

    fn downloads(&self) -> PathBuf {
        self.dir.path().join("into")
    }

    fn item(&self, root: Cid, name: &str, select: &[&str]) -> ItemId {
        let new = NewItem {
            kind: ItemKind::Download,
            name: name.to_owned(),
            root: Some(root),
            into: Some(self.downloads()),
            select: select.iter().map(|path| (*path).to_owned()).collect(),
            ..NewItem::default()
        };
        self.index.create_item(new).unwrap()
    }

    /// Runs the item with a peer that has these blocks and goes away after so many.
    fn run(&self, id: ItemId, blocks: &Blocks, budget: usize) -> Outcome {
        self.run_with(id, blocks, budget, Origin::Peers)
    }

    fn run_with(&self, id: ItemId, blocks: &Blocks, budget: usize, origin: Origin) -> Outcome {
        let item = self.index.item(id).unwrap().unwrap();
        let (events, receiver) = mpsc::channel(64);
        let (commands, mut wanted) = mpsc::channel(1 << 16);
        let download = Download {
            index: self.index.clone(),
            source: self.source.clone(),
            root: item.root.unwrap(),
            item,
            origin,
            wishes: Wishes::default(),
            space: Space::default(),
        };
        let mut channels = Channels {
            commands,
            events: receiver,
            waker: Waker::of(&events),
            progress: Arc::new(Mutex::new(Progress::default())),
            stop: Arc::new(AtomicBool::new(false)),
        };
        let mut asked = Vec::new();
        let mut have = HashSet::new();
        let result = std::thread::scope(|scope| {
            let run = scope.spawn(move || download::run(&download, &mut channels));
            let mut events = Some(events);
            let mut left = budget;
            while let Some(command) = wanted.blocking_recv() {
                match command {
                    Command::Want(mut wants) => {
                        // Not in the order asked.
                        let middle = wants.len() / 2;
                        wants.rotate_left(middle);
                        asked.extend(wants.iter().map(|want| want.cid));
                        for Wanted { cid, .. } in wants {
                            let Some(data) = blocks.get(&cid).cloned() else {
                                continue;
                            };
                            if left == 0 {
                                events = None;
                            }
                            left = left.saturating_sub(1);
                            if let Some(events) = &events {
                                let _ = events.blocking_send(Event::Block { cid, data });
                            }
                        }
                    }
                    Command::Have(cids) => have.extend(cids),
                    Command::Release(_) | Command::Hurry(_) | Command::Begun(_) => {}
                }
            }
            run.join().unwrap()
        });
        Outcome {
            result,
            asked,
            have,
        }
    }

    fn check_whole(&self, id: ItemId, path: &Path, tree: &Tree, root: Cid) {
        assert_eq!(&read_tree(path), tree);
        let item = self.index.item(id).unwrap().unwrap();
        assert!(item.done && item.part.is_none());
        assert_eq!(item.sources, [path.to_path_buf()]);
        assert_eq!(item.files, tree.len() as u64);
        let bytes: usize = tree.values().map(Vec::len).sum();
        assert_eq!(item.bytes, bytes as u64);
        let files = self.index.files(id).unwrap();
        assert_eq!(files.len(), tree.len());
        for file in files {
            assert!(file.path.starts_with(path), "{}", file.path.display());
            assert_eq!(file.state, FileState::Whole);
            assert!(file.fingerprint.is_some());
        }
        // It is a share: all of it can be read for others.
        let mut walk = Every::new(root, 100).unwrap();
        let blocks = Local::new(self.source.clone());
        while let Some((cid, block)) = blocks.run(&mut walk).unwrap() {
            assert_eq!(self.source.read(&cid), Some(block));
        }
    }
}

pub(super) fn read_tree(path: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![(path.to_path_buf(), String::new())];
    while let Some((path, name)) = open.pop() {
        if path.is_file() {
            tree.insert(name, fs::read(&path).unwrap());
            continue;
        }
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            let below = entry.file_name().into_string().unwrap();
            let name = if name.is_empty() {
                below
            } else {
                format!("{name}/{below}")
            };
            if !entry.file_type().unwrap().is_symlink() {
                open.push((entry.path(), name));
            }
        }
    }
    tree
}

fn profile(raw_leaves: bool) -> Profile {
    Profile {
        chunk_size: 1000,
        width: 4,
        raw_leaves,
        ..Profile::V1_2025
    }
}

fn add_file(blocks: &mut Blocks, profile: &Profile, data: &[u8]) -> Root {
    let mut builder = FileBuilder::new(profile, Metadata::default());
    let mut out = |block: unixfs::Block| {
        blocks.insert(block.cid, block.data);
    };
    for chunk in data.chunks(profile.chunk_size as usize) {
        let leaf = profile.leaf(chunk);
        let block = if profile.raw_leaves {
            Bytes::copy_from_slice(chunk)
        } else {
            let (prefix, suffix) = unixfs::leaf_frame(chunk.len());
            [&prefix[..], chunk, &suffix[..]].concat().into()
        };
        out(unixfs::Block {
            cid: leaf.cid,
            data: block,
        });
        builder.push(leaf, &mut out);
    }
    builder.finish(&mut out)
}

fn add_tree(blocks: &mut Blocks, profile: &Profile, tree: &Tree) -> Root {
    let mut folder = DirectoryBuilder::new(profile, Metadata::default());
    let mut below: BTreeMap<&str, Tree> = BTreeMap::new();
    for (path, data) in tree {
        match path.split_once('/') {
            None => folder.push(path, add_file(blocks, profile, data)).unwrap(),
            Some((first, rest)) => {
                below
                    .entry(first)
                    .or_default()
                    .insert(rest.to_owned(), data.clone());
            }
        }
    }
    for (name, tree) in below {
        folder.push(name, add_tree(blocks, profile, &tree)).unwrap();
    }
    folder
        .finish(&mut |block| {
            blocks.insert(block.cid, block.data);
        })
        .unwrap()
}

pub(super) fn numbers(count: u32, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..count).map(next).collect()
}

fn tree() -> Tree {
    let mut tree = Tree::from([
        ("empty".to_owned(), Vec::new()),
        ("large".to_owned(), numbers(30_000, 1)),
        ("sub/large".to_owned(), numbers(20_500, 2)),
        ("sub/deeper/twin".to_owned(), numbers(30_000, 1)),
        ("zeros".to_owned(), vec![0; 12_345]),
    ]);
    for n in 0..40 {
        tree.insert(format!("many/{n}"), numbers(10 + n, n));
    }
    tree
}

const ALL: usize = usize::MAX;

#[test]
fn a_folder_becomes_a_share_at_its_place() {
    for raw_leaves in [true, false] {
        let home = Home::new();
        let mut blocks = Blocks::new();
        let root = add_tree(&mut blocks, &profile(raw_leaves), &tree());
        let id = home.item(root.cid, "things", &[]);
        let outcome = home.run(id, &blocks, ALL);
        let finished = outcome.result.unwrap();
        assert_eq!(finished.path, home.downloads().join("things"));
        assert!(!finished.was_there && finished.skipped.is_empty());
        home.check_whole(id, &finished.path, &tree(), root.cid);
        assert!(!home.downloads().join("things.part").exists());
        let asked: HashSet<&Cid> = outcome.asked.iter().collect();
        assert_eq!(
            asked.len(),
            outcome.asked.len(),
            "a block was asked for twice"
        );
        assert!(outcome.asked.iter().all(|cid| outcome.have.contains(cid)));
    }
}

#[test]
fn a_single_file_and_an_empty_one() {
    for data in [numbers(5000, 3), numbers(10, 4), Vec::new()] {
        let home = Home::new();
        let mut blocks = Blocks::new();
        let root = add_file(&mut blocks, &profile(true), &data);
        let id = home.item(root.cid, "file.bin", &[]);
        let finished = home.run(id, &blocks, ALL).result.unwrap();
        assert_eq!(finished.path, home.downloads().join("file.bin"));
        assert_eq!(fs::read(&finished.path).unwrap(), data);
        home.check_whole(
            id,
            &finished.path,
            &Tree::from([(String::new(), data)]),
            root.cid,
        );
    }
}

#[test]
fn it_goes_on_where_it_was_stopped() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let id = home.item(root.cid, "things", &[]);
    let mut have: HashSet<Cid> = HashSet::new();
    for budget in [0, 1, 5, 20, 30] {
        let outcome = home.run(id, &blocks, budget);
        assert!(matches!(outcome.result, Err(FetchError::Stopped)));
        assert!(!outcome.asked.iter().any(|cid| have.contains(cid)));
        assert!(!home.downloads().join("things").exists());
        have.extend(outcome.have);
        // The engine was stopped and started: nothing is remembered but the index.
        home.source.close_files();
    }
    let outcome = home.run(id, &blocks, ALL);
    assert!(!outcome.asked.iter().any(|cid| have.contains(cid)));
    let finished = outcome.result.unwrap();
    home.check_whole(id, &finished.path, &tree(), root.cid);
}

#[test]
fn what_was_damaged_while_it_was_stopped_is_fetched_again() {
    let mut blocks = Blocks::new();
    let data = numbers(30_000, 1);
    let root = add_file(&mut blocks, &profile(true), &data);
    let home = Home::new();
    let id = home.item(root.cid, "file", &[]);
    let outcome = home.run(id, &blocks, 30);
    assert!(matches!(outcome.result, Err(FetchError::Stopped)));
    let part = home.downloads().join("file.part");
    let mut bytes = fs::read(&part).unwrap();
    assert_eq!(bytes.len(), data.len());
    for byte in &mut bytes {
        *byte = byte.wrapping_add(1);
    }
    fs::write(&part, &bytes[..20_000]).unwrap();
    let finished = home.run(id, &blocks, ALL).result.unwrap();
    home.check_whole(
        id,
        &finished.path,
        &Tree::from([(String::new(), data)]),
        root.cid,
    );
}

#[test]
fn what_is_there_already_is_not_fetched() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let first = home.item(root.cid, "things", &[]);
    let finished = home.run(first, &blocks, ALL).result.unwrap();
    home.index.begin_removal(first, false).unwrap();
    home.index.finish_removal(first).unwrap();
    let before = fs::metadata(finished.path.join("large"))
        .unwrap()
        .modified()
        .unwrap();

    // Only the nodes above the leaves are fetched: what lies there is hashed.
    let again = home.item(root.cid, "things", &[]);
    let outcome = home.run(again, &blocks, ALL);
    let finished = outcome.result.unwrap();
    assert!(finished.was_there);
    assert!(
        outcome
            .asked
            .iter()
            .all(|cid| cid.codec() != unixfs::cid::RAW)
    );
    home.check_whole(again, &finished.path, &tree(), root.cid);
    let after = fs::metadata(finished.path.join("large"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
}

#[test]
fn somebody_elses_file_is_never_touched() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let path = home.downloads().join("things");
    fs::create_dir_all(path.join("sub")).unwrap();
    fs::write(path.join("sub/large"), b"mine").unwrap();
    fs::write(home.downloads().join("things.part"), b"mine too").unwrap();
    let id = home.item(root.cid, "things", &[]);
    let finished = home.run(id, &blocks, ALL).result.unwrap();
    assert_eq!(finished.path, home.downloads().join("things (2)"));
    home.check_whole(id, &finished.path, &tree(), root.cid);
    let mine = Tree::from([("sub/large".to_owned(), b"mine".to_vec())]);
    assert_eq!(read_tree(&path), mine);
}

#[test]
fn blocks_of_another_item_are_copied() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let first = home.item(root.cid, "things", &[]);
    home.run(first, &blocks, ALL).result.unwrap();
    let data = tree().remove("large").unwrap();
    let file = add_file(&mut blocks, &profile(true), &data);
    let second = home.item(file.cid, "copy", &[]);
    let outcome = home.run(second, &Blocks::new(), ALL);
    assert_eq!(outcome.asked, []);
    let path = outcome.result.unwrap().path;
    home.check_whole(
        second,
        &path,
        &Tree::from([(String::new(), data)]),
        file.cid,
    );
}

#[test]
fn only_what_is_selected() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let id = home.item(root.cid, "things", &["sub/deeper", "many/7"]);
    let finished = home.run(id, &blocks, ALL).result.unwrap();
    let expected: Tree = tree()
        .into_iter()
        .filter(|(path, _)| path == "many/7" || path.starts_with("sub/deeper/"))
        .collect();
    assert_eq!(read_tree(&finished.path), expected);
}

#[test]
fn a_folder_that_vanished_is_a_problem_and_then_none() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let id = home.item(root.cid, "things", &[]);
    home.run(id, &blocks, 20);
    let away = home.dir.path().join("away");
    fs::rename(home.downloads(), &away).unwrap();
    let error = home.run(id, &blocks, ALL).result.unwrap_err();
    assert_eq!(error.problem().code, "folder-gone");
    fs::rename(&away, home.downloads()).unwrap();
    let outcome = home.run(id, &blocks, ALL);
    assert!(outcome.asked.len() < blocks.len());
    home.check_whole(id, &outcome.result.unwrap().path, &tree(), root.cid);
}

#[test]
fn a_file_larger_than_the_disk_is_refused_before_it_is_begun() {
    // One node that promises 2^60 bytes.
    let leaf = profile(true).leaf(&[1; 1000]);
    let mut data = vec![0x08, 0x02, 0x18];
    let mut encoder = unixfs::dagpb::Encoder::default();
    let size = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    data.extend(size);
    data.push(0x20);
    data.extend(size);
    encoder.link(&leaf.cid.to_bytes(), &[], 1 << 60);
    let block = encoder.finish(&data);
    let hash = unixfs::cid::hash(unixfs::cid::SHA2_256, &block).unwrap();
    let root = Cid::new_v1(unixfs::cid::DAG_PB, hash);
    let home = Home::new();
    let id = home.item(root, "bomb", &[]);
    let error = home
        .run(id, &Blocks::from([(root, block.into())]), ALL)
        .result
        .unwrap_err();
    assert_eq!(error.problem().code, "no-space");
    assert!(!home.downloads().join("bomb.part").exists());
}

#[test]
fn symlinks_that_lead_out_are_listed_and_not_made() {
    let profile = profile(true);
    let mut blocks = Blocks::new();
    let mut folder = DirectoryBuilder::new(&profile, Metadata::default());
    for (name, target) in [("in", "file"), ("out", "../file"), ("root", "/etc/passwd")] {
        let link = unixfs::symlink(&profile, target.as_bytes(), &Metadata::default());
        folder.push(name, link.root()).unwrap();
        blocks.insert(link.cid, link.data);
    }
    folder
        .push("file", add_file(&mut blocks, &profile, b"content"))
        .unwrap();
    let root = folder
        .finish(&mut |block| {
            blocks.insert(block.cid, block.data);
        })
        .unwrap();
    let home = Home::new();
    let id = home.item(root.cid, "links", &[]);
    let finished = home.run(id, &blocks, ALL).result.unwrap();
    let mut skipped: Vec<&str> = finished
        .skipped
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["out", "root"]);
    assert_eq!(
        fs::read_link(finished.path.join("in")).unwrap(),
        Path::new("file")
    );
    assert!(fs::symlink_metadata(finished.path.join("out")).is_err());
    assert_eq!(home.index.skipped(id).unwrap().len(), 2);
}

#[test]
fn a_car_is_unpacked_and_one_that_lacks_blocks_is_not() {
    let mut blocks = Blocks::new();
    let root = add_tree(&mut blocks, &profile(true), &tree());
    let home = Home::new();
    let id = home.item(root.cid, "things", &[]);
    home.run(id, &blocks, ALL).result.unwrap();
    let car = home.dir.path().join("things.car");
    super::car::export(&home.source, &root.cid, &car).unwrap();
    let holds = super::car::look(&car, &|| false).unwrap();
    assert_eq!((holds.roots, holds.foreign), (vec![root.cid], 0));

    let other = Home::new();
    let id = other.item(root.cid, "things", &[]);
    let outcome = other.run_with(id, &Blocks::new(), ALL, Origin::Car(car.clone()));
    other.check_whole(id, &outcome.result.unwrap().path, &tree(), root.cid);

    // The same blocks in another order, and then one too few.
    let write = |path: &Path, skip: Option<Cid>| {
        let file = fs::File::create(path).unwrap();
        let mut writer = unixfs::car::CarWriter::new(file, &[root.cid]).unwrap();
        let mut sorted: Vec<_> = blocks.iter().collect();
        sorted.sort_by_key(|(cid, _)| **cid);
        for (cid, data) in sorted {
            if Some(*cid) != skip {
                writer.write(cid, &[data]).unwrap();
            }
        }
        writer.finish().unwrap();
    };
    let mixed = home.dir.path().join("mixed.car");
    write(&mixed, None);
    let third = Home::new();
    let id = third.item(root.cid, "things", &[]);
    let outcome = third.run_with(id, &Blocks::new(), ALL, Origin::Car(mixed.clone()));
    third.check_whole(id, &outcome.result.unwrap().path, &tree(), root.cid);

    let leaf = profile(true).leaf(&tree()["many/7"]);
    write(&mixed, Some(leaf.cid));
    let fourth = Home::new();
    let id = fourth.item(root.cid, "things", &[]);
    let outcome = fourth.run_with(id, &Blocks::new(), ALL, Origin::Car(mixed));
    let message = outcome.result.unwrap_err().to_string();
    assert!(message.contains(&leaf.cid.to_string()), "{message}");
    let stopped = super::car::look(&car, &|| true).unwrap_err();
    assert!(matches!(stopped, FetchError::Stopped), "{stopped}");
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_and_nothing_is_written() {
    let mut blocks = Blocks::new();
    let child = add_file(&mut blocks, &profile(true), b"gotcha");
    let mut encoder = unixfs::dagpb::Encoder::default();
    encoder.link(&child.cid.to_bytes(), &[b"../escaped"], 6);
    let block = Bytes::from(encoder.finish(&[0x08, 0x01]));
    let hash = unixfs::cid::hash(unixfs::cid::SHA2_256, &block).unwrap();
    let root = Cid::new_v1(unixfs::cid::DAG_PB, hash);
    blocks.insert(root, block.clone());
    let home = Home::new();
    let id = home.item(root, "trap", &[]);
    let error = home.run(id, &blocks, ALL).result.unwrap_err();
    assert_eq!(error.problem().code, "unsafe-name");
    assert_eq!(read_tree(&home.downloads()), Tree::new());
    // The block itself is what was asked for: it is not fetched twice.
    assert_eq!(home.source.read(&root), Some(block));
}
