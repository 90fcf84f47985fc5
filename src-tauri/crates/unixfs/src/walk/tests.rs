//! Walks over trees that the builders make, and over ones that were made to mislead.

use std::collections::HashMap;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::cid::{DAG_PB, RAW, SHA2_256, hash};
use crate::dagpb::Encoder;
use crate::data;
use crate::{
    DirectoryBuilder, Entry, Estimate, Fanout, FileBuilder, Metadata, Profile, Root, leaf_frame,
};

/// Blocks in memory, and what was asked for.
#[derive(Debug, Default)]
struct Blocks {
    blocks: HashMap<Cid, Bytes>,
    read: usize,
}

const SMALL: Profile = Profile {
    chunk_size: 4,
    width: 3,
    hamt_threshold: 200,
    estimate: Estimate::BlockBytes,
    ..Profile::V1_2025
};

impl Blocks {
    fn put(&mut self, data: Vec<u8>, codec: u64) -> Root {
        let cid = Cid::new_v1(codec, hash(SHA2_256, &data).unwrap());
        let size = data.len() as u64;
        self.blocks.insert(cid, data.into());
        let tsize = size;
        Root { cid, size, tsize }
    }

    fn file(&mut self, profile: &Profile, content: &[u8]) -> Root {
        let mut builder = FileBuilder::new(profile, Metadata::default());
        for chunk in content.chunks(profile.chunk_size as usize) {
            let leaf = profile.leaf(chunk);
            let block = if profile.raw_leaves {
                chunk.to_vec()
            } else {
                let (prefix, suffix) = leaf_frame(chunk.len());
                [&prefix, chunk, &suffix].concat()
            };
            self.blocks.insert(leaf.cid, block.into());
            builder.push(leaf, &mut |block| {
                self.blocks.insert(block.cid, block.data);
            });
        }
        builder.finish(&mut |block| {
            self.blocks.insert(block.cid, block.data);
        })
    }

    fn folder(&mut self, profile: &Profile, entries: &[(&str, Root)]) -> Root {
        let mut builder = DirectoryBuilder::new(profile, Metadata::default());
        for (name, root) in entries {
            builder.push(name, *root).unwrap();
        }
        let mut put = |block: crate::Block| {
            self.blocks.insert(block.cid, block.data);
        };
        builder.finish(&mut put).unwrap()
    }

    /// A node of a file as it is written nowhere: with bytes of its own, and children that claim
    /// what they like.
    fn file_node(&mut self, own: &[u8], children: &[(Root, u64)]) -> Root {
        use crate::proto::{put_bytes, put_number};
        let size = own.len() as u64 + children.iter().map(|(_, size)| size).sum::<u64>();
        let mut inner = Vec::new();
        put_number(&mut inner, 1, 2);
        put_bytes(&mut inner, 2, own);
        put_number(&mut inner, 3, size);
        let mut encoder = Encoder::default();
        for (child, size) in children {
            encoder.link(&child.cid.to_bytes(), &[], child.tsize);
            put_number(&mut inner, 4, *size);
        }
        let root = self.put(encoder.finish(&inner), DAG_PB);
        Root { size, ..root }
    }

    /// A file in the trickle layout, more or less: each node has bytes of its own, then leaves,
    /// then deeper nodes.
    fn trickle(&mut self, content: &[u8], depth: u32) -> Root {
        let own = content.len().min(3);
        let (own, mut rest) = content.split_at(own);
        let mut children = Vec::new();
        while !rest.is_empty() {
            let deep = depth > 0 && children.len() > 1;
            let (part, after) = rest.split_at(rest.len().min(if deep { 20 } else { 4 }));
            let child = if deep {
                self.trickle(part, depth - 1)
            } else {
                self.put(part.to_vec(), RAW)
            };
            children.push((child, part.len() as u64));
            rest = after;
        }
        self.file_node(own, &children)
    }

    /// Drives a walk to its next answer. What it names ahead must be had too.
    fn run<W: Walk>(&mut self, walk: &mut W) -> Result<W::Answer, WalkError> {
        loop {
            let next = match walk.wants() {
                Wants::Done(answer) => return Ok(answer),
                Wants::Need { next, ahead } => {
                    assert!(ahead.len() <= 64);
                    next
                }
            };
            // Another block than the one that is wanted changes nothing.
            walk.take(
                &Cid::new_v1(RAW, hash(SHA2_256, b"?").unwrap()),
                &"?".into(),
            )?;
            self.read += 1;
            match self.blocks.get(&next).cloned() {
                Some(block) => walk.take(&next, &block)?,
                None => assert!(walk.skip(&next), "{next} is missing"),
            }
        }
    }

    fn resolve(&mut self, root: Root, path: &str) -> Result<Cid, WalkError> {
        let names = path.split('/').filter(|name| !name.is_empty());
        let names = names.map(str::to_owned).collect();
        self.run(&mut Resolve::new(root.cid, names)?)
    }

    fn list(&mut self, root: Root, bounds: Bounds) -> Result<Contents, WalkError> {
        self.run(&mut List::new(root.cid, "some/folder", bounds)?)
    }

    fn read(&mut self, file: Root, range: Range<u64>) -> Result<Vec<u8>, WalkError> {
        let ahead = Ahead {
            blocks: 5,
            bytes: 12,
        };
        let mut walk = Read::new(file.cid, "some/file", range, ahead)?;
        let mut content = Vec::new();
        loop {
            let position = walk.position();
            match self.run(&mut walk)? {
                Some(piece) => {
                    assert!(!piece.is_empty() && walk.position() >= position);
                    content.extend_from_slice(&piece);
                }
                None => return Ok(content),
            }
        }
    }

    fn every(&mut self, root: Root, most: usize) -> Result<Vec<Cid>, WalkError> {
        let mut walk = Every::new(root.cid, most)?;
        let mut cids = Vec::new();
        while let Some((cid, block)) = self.run(&mut walk)? {
            assert_eq!(self.blocks[&cid], block);
            cids.push(cid);
        }
        Ok(cids)
    }
}

const ALL: Bounds = Bounds {
    bytes: usize::MAX,
    enough: usize::MAX,
    most: 10_000,
    ahead: 3,
};

fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|number| u8::try_from(number % 251).unwrap())
        .collect()
}

fn names(contents: Contents) -> Vec<String> {
    let Contents::Folder(folder) = contents else {
        panic!("no folder: {contents:?}")
    };
    let name = |entry: Entry| String::from_utf8(entry.name).unwrap();
    folder.entries.into_iter().map(name).collect()
}

/// `/a`, `/sub/b`, `/many/0..200`, the last one sharded.
fn tree(blocks: &mut Blocks) -> (Root, Root) {
    let file = blocks.file(&SMALL, &bytes(100));
    let plain = Profile {
        hamt_threshold: u64::MAX,
        ..SMALL
    };
    let sub = blocks.folder(&plain, &[("b", file)]);
    let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), file)).collect();
    let many = blocks.folder(&SMALL, &entries);
    let entries = [("a", file), ("many", many), ("sub", sub)];
    (blocks.folder(&plain, &entries), file)
}

#[test]
fn a_path_is_followed_through_plain_and_sharded_folders() {
    let mut blocks = Blocks::default();
    let (root, file) = tree(&mut blocks);
    assert_eq!(blocks.resolve(root, ""), Ok(root.cid));
    for path in ["a", "sub/b", "many/0", "many/199"] {
        assert_eq!(blocks.resolve(root, path), Ok(file.cid), "{path}");
    }
    // Two blocks, and as many shards as the name is deep: not the whole folder.
    blocks.read = 0;
    blocks.resolve(root, "many/77").unwrap();
    assert!(blocks.read < 6, "{}", blocks.read);
    for (path, known) in [
        ("x", "x"),
        ("sub/x/y", "sub/x"),
        ("many/200", "many/200"),
        ("a/b/c", "a/b"),
    ] {
        let path_too = known.to_owned();
        let expected = Err(WalkError::NotThere { path: path_too });
        assert_eq!(blocks.resolve(root, path), expected, "{path}");
    }
}

#[test]
fn a_folder_is_listed_whole_or_as_far_as_is_enough() {
    let mut blocks = Blocks::default();
    let (root, file) = tree(&mut blocks);
    assert_eq!(names(blocks.list(root, ALL).unwrap()), ["a", "many", "sub"]);
    let many = blocks.resolve(root, "many").unwrap();
    let many = Root { cid: many, ..root };
    let mut expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    expected.sort();
    assert_eq!(names(blocks.list(many, ALL).unwrap()), expected);
    let few = Bounds { enough: 3, ..ALL };
    let Contents::Folder(some) = blocks.list(many, few).unwrap() else {
        panic!("no folder")
    };
    assert!(!some.complete && some.entries.len() > 3);
    let refused = Bounds { most: 100, ..ALL };
    assert!(matches!(
        blocks.list(many, refused),
        Err(WalkError::TooManyEntries { path, most: 100 }) if path == "some/folder"
    ));
    let stat = Stat {
        kind: Kind::File,
        size: 100,
    };
    assert_eq!(blocks.list(file, ALL), Ok(Contents::Other(stat)));
    // Of shards that aren't here, the entries are left out.
    let shard = blocks.run(&mut List::new(many.cid, "", ALL).unwrap());
    let whole = names(shard.unwrap()).len();
    let every = blocks.every(many, 100).unwrap();
    let below = *every[1..]
        .iter()
        .find(|cid| matches!(decode(cid, &blocks.blocks[*cid]), Ok(Node::Shard(_))))
        .unwrap();
    blocks.blocks.remove(&below);
    let Contents::Folder(rest) = blocks.list(many, ALL).unwrap() else {
        panic!("no folder")
    };
    assert!(!rest.complete && rest.entries.len() < whole);
}

#[test]
fn entries_are_told_apart_until_enough_was_read() {
    let mut blocks = Blocks::default();
    let (root, _) = tree(&mut blocks);
    let Contents::Folder(folder) = blocks.list(root, ALL).unwrap() else {
        panic!("no folder")
    };
    let entries = folder.entries.iter();
    let entries =
        entries.map(|entry| (String::from_utf8_lossy(&entry.name).into_owned(), entry.cid));
    let entries: Vec<(String, Cid)> = entries.collect();
    let mut check = |bytes, kinds: &[Kind]| {
        let mut walk = Classify::new("", entries.clone(), bytes, 2);
        let found = blocks.run(&mut walk).unwrap().into_iter();
        let kind = |known| match known {
            Known::Is(stat) => stat.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(found.map(kind).collect::<Vec<_>>(), kinds);
    };
    check(usize::MAX, &[Kind::File, Kind::Folder, Kind::Folder]);
    check(0, &[Kind::File]);
    let mut one = Look::new(root.cid, "here").unwrap();
    assert_eq!(blocks.run(&mut one).unwrap().kind, Kind::Folder);
}

#[test]
fn every_block_comes_in_the_trees_order() {
    let mut blocks = Blocks::default();
    let (root, _) = tree(&mut blocks);
    let every = blocks.every(root, 100).unwrap();
    assert_eq!(every[0], root.cid);
    let all: std::collections::HashSet<_> = every.iter().collect();
    assert_eq!(all, blocks.blocks.keys().collect());
    assert!(matches!(
        blocks.every(root, 2),
        Err(WalkError::TooDeep { path, most: 2 }) if path == "a"
    ));
}

#[test]
fn a_fault_names_the_place() {
    let mut blocks = Blocks::default();
    let leaf = blocks.put(b"leaf".to_vec(), RAW);
    let broken = blocks.put(b"\xff".to_vec(), DAG_PB);
    let odd = Root {
        cid: Cid::new_v1(RAW, crate::Multihash::wrap(0x99, &[0; 32]).unwrap()),
        ..leaf
    };
    let folder = blocks.folder(&SMALL, &[("broken", broken), ("leaf", leaf), ("odd", odd)]);
    let root = blocks.folder(&SMALL, &[("in", folder)]);
    let path = |error| match error {
        WalkError::NotThere { path }
        | WalkError::NotAFile { path }
        | WalkError::Cid { path, .. }
        | WalkError::Block { path, .. }
        | WalkError::Kind { path, .. }
        | WalkError::TooManyEntries { path, .. }
        | WalkError::TooDeep { path, .. } => path,
    };
    assert_eq!(
        path(blocks.resolve(root, "in/broken/x").unwrap_err()),
        "in/broken"
    );
    assert_eq!(path(blocks.resolve(root, "in/odd").unwrap_err()), "in/odd");
    assert_eq!(path(blocks.every(folder, 9).unwrap_err()), "odd");
    let names = [("odd", odd.cid), ("broken", broken.cid), ("leaf", leaf.cid)];
    let entries = names.map(|(name, cid)| (name.to_owned(), cid));
    let known = blocks
        .run(&mut Classify::new("in", entries, 99, 2))
        .unwrap();
    assert!(matches!(&known[2], Known::Is(stat) if stat.kind == Kind::File));
    for (known, place) in known.into_iter().zip(["in/odd", "in/broken"]) {
        let Known::Nothing(fault) = known else {
            panic!("{known:?}")
        };
        assert!(!fault.reason().is_empty());
        assert_eq!(path(fault), place);
    }
    let refused = Look::new(odd.cid, "in/odd");
    assert_eq!(path(refused.unwrap_err()), "in/odd");
    assert_eq!(
        blocks.read(folder, 0..9),
        Err(WalkError::NotAFile {
            path: "some/file".to_owned()
        })
    );
    let mixed = blocks.file_node(b"", &[(folder, 4)]);
    assert!(
        matches!(blocks.read(mixed, 0..9), Err(WalkError::Kind { path, .. }) if path == "some/file")
    );
}

#[test]
fn parts_that_lie_about_their_size_are_refused() {
    let mut blocks = Blocks::default();
    let leaf = blocks.put(b"leaf".to_vec(), RAW);
    let longer = blocks.file_node(b"own", &[(leaf, 5)]);
    let shorter = blocks.file_node(b"own", &[(leaf, 3)]);
    for file in [longer, shorter] {
        assert!(matches!(
            blocks.read(file, 0..u64::MAX),
            Err(WalkError::Block { .. })
        ));
        // What is not read can't disturb.
        assert_eq!(blocks.read(file, 0..2), Ok(b"ow".to_vec()));
    }
}

#[test]
fn walks_over_trees_that_repeat_themselves_end() {
    // Each level names the one below it many times: an exponential tree of a few blocks.
    let mut blocks = Blocks::default();
    let mut file = blocks.file_node(b"", &[]);
    for _ in 0..40 {
        file = blocks.file_node(b"", &[(file, 0); 50]);
    }
    assert_eq!(blocks.read(file, 0..u64::MAX), Ok(Vec::new()));
    assert_eq!(blocks.read, 1, "parts without bytes are not followed");
    let leaf = blocks.put(b"x".to_vec(), RAW);
    let mut folder = blocks.folder(&SMALL, &[("x", leaf)]);
    for _ in 0..40 {
        folder = blocks.folder(&SMALL, &[("a", folder), ("b", folder), ("c", folder)]);
    }
    assert_eq!(blocks.every(folder, 100).unwrap().len(), 42);
    // A file that is deeper than any may be.
    let mut deep = leaf;
    for _ in 0..crate::limits::MAX_FILE_DEPTH {
        deep = blocks.file_node(b"", &[(deep, 1)]);
    }
    assert!(matches!(
        blocks.read(deep, 0..1),
        Err(WalkError::Block {
            source: DecodeError::FileTooDeep,
            ..
        })
    ));
}

#[test]
fn a_shard_elsewhere_in_its_folder_is_refused() {
    let mut blocks = Blocks::default();
    let leaf = blocks.put(b"x".to_vec(), RAW);
    // A bucket that leads to a plain folder, and one that leads back to a root.
    let plain = blocks.folder(&SMALL, &[("x", leaf)]);
    for below in [plain, leaf] {
        let mut encoder = Encoder::default();
        encoder.link(&below.cid.to_bytes(), &[b"00"], 1);
        let fanout = u64::from(Fanout::DEFAULT.buckets());
        let shard = data::encode_shard(
            &[1],
            crate::hamt::MURMUR3_X64_64,
            fanout,
            &Metadata::default(),
        );
        let shard = blocks.put(encoder.finish(&shard), DAG_PB);
        assert!(matches!(
            blocks.list(shard, ALL),
            Err(WalkError::Kind { path, .. }) if path == "some/folder"
        ));
    }
}

proptest! {
    #[test]
    fn any_range_of_any_tree_reads_as_the_file(
        size in 0..400_usize,
        start in 0..450_u64,
        length in 0..450_u64,
        width in 2..5_usize,
        raw_leaves in any::<bool>(),
        trickle in any::<bool>(),
    ) {
        let mut blocks = Blocks::default();
        let content = bytes(size);
        let file = if trickle {
            blocks.trickle(&content, 4)
        } else {
            blocks.file(&Profile { width, raw_leaves, ..SMALL }, &content)
        };
        let whole = blocks.read(file, 0..u64::MAX);
        prop_assert_eq!(whole.as_ref(), Ok(&content));
        let end = size.min(usize::try_from(start + length).unwrap());
        let expected = content.get(usize::try_from(start).unwrap()..end).unwrap_or_default();
        prop_assert_eq!(blocks.read(file, start..start + length), Ok(expected.to_vec()));
    }

    #[test]
    fn a_range_costs_what_it_touches(start in 0..10_000_u64) {
        let mut blocks = Blocks::default();
        let file = blocks.file(&SMALL, &bytes(10_000));
        blocks.read = 0;
        blocks.read(file, start..start + 4).unwrap();
        // The levels of 2,500 leaves at width 3, and one leaf more where the range lies across two.
        prop_assert!(blocks.read <= 8 + 9, "{}", blocks.read);
    }

    #[test]
    fn sharded_folders_list_and_resolve_all_their_names(
        names in proptest::collection::btree_set("[a-z0-9]{1,8}", 1..200),
        bits in 3..9_u32,
        hamt_threshold in 0..2000_u64,
    ) {
        let mut blocks = Blocks::default();
        let leaf = blocks.put(b"x".to_vec(), RAW);
        let hamt_fanout = Fanout::new(1 << bits).unwrap();
        let profile = Profile { hamt_threshold, hamt_fanout, ..SMALL };
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), leaf)).collect();
        let folder = blocks.folder(&profile, &entries);
        let listed = self::names(blocks.list(folder, ALL).unwrap());
        prop_assert_eq!(listed, names.iter().cloned().collect::<Vec<_>>());
        for name in &names {
            prop_assert_eq!(blocks.resolve(folder, name), Ok(leaf.cid));
            let longer = blocks.resolve(folder, &format!("{name}-"));
            prop_assert!(longer.is_err());
        }
    }

    #[test]
    fn hostile_blocks_never_keep_a_walk_busy(
        nodes in proptest::collection::vec((proptest::collection::vec((any::<proptest::sample::Index>(), 0..9_u64), 0..5), 0..4_usize), 1..12),
    ) {
        // Nodes that name earlier ones at will, with sizes at will.
        let mut blocks = Blocks::default();
        let mut made = vec![blocks.put(b"leaf".to_vec(), RAW)];
        for (links, own) in nodes {
            let children: Vec<_> = links.iter().map(|(child, size)| (*child.get(&made), *size)).collect();
            made.push(blocks.file_node(&bytes(own), &children));
        }
        let root = *made.last().unwrap();
        if let Ok(content) = blocks.read(root, 0..u64::MAX) {
            prop_assert_eq!(content.len() as u64, root.size);
        }
        prop_assert!(blocks.read < 10_000);
        let _ = blocks.every(root, 100);
    }
}
