mod bounds;

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use unixfs::{DirectoryBuilder, FileBuilder, Profile, Root};

use std::path::PathBuf;

use unixfs::Metadata;

use super::*;
use crate::fetch::limits::{MAX_ASKED, MAX_FOLDER_DEPTH, MAX_READY_BYTES};

/// Blocks of a sharer, by their CIDs.
type Blocks = HashMap<Cid, Bytes>;

/// Small chunks and narrow nodes, so that little data makes deep trees.
fn profile(raw_leaves: bool) -> Profile {
    Profile {
        chunk_size: 8,
        width: 3,
        raw_leaves,
        hamt_threshold: 600,
        hamt_fanout: unixfs::Fanout::new(8).unwrap(),
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

fn add_folder<'a>(
    blocks: &mut Blocks,
    profile: &Profile,
    entries: impl IntoIterator<Item = (&'a str, Root)>,
) -> Root {
    let mut builder = DirectoryBuilder::new(profile, Metadata::default());
    for (name, root) in entries {
        builder.push(name, root).unwrap();
    }
    let mut out = |block: unixfs::Block| {
        blocks.insert(block.cid, block.data);
    };
    builder.finish(&mut out).unwrap()
}

/// A folder with a bit of everything, and what a person should find on the disk.
fn tree(raw_leaves: bool) -> (Blocks, Cid, BTreeMap<String, Vec<u8>>) {
    let profile = profile(raw_leaves);
    let mut blocks = Blocks::new();
    let mut files = BTreeMap::new();
    let mut file = |path: &str, data: Vec<u8>| {
        let root = add_file(&mut blocks, &profile, &data);
        files.insert(path.to_owned(), data);
        root
    };
    let numbers = |count: u16| (0..count).map(|n| (n * 7 % 251) as u8).collect::<Vec<_>>();
    let empty = file("empty", Vec::new());
    let small = file("small", b"hello".to_vec());
    let zeros = file("zeros", vec![0; 200]);
    let large = file("sub/large", numbers(1000));
    let twin = file("sub/twin", numbers(1000));
    let many: Vec<(String, Root)> = (0..60)
        .map(|n| {
            let name = format!("{n:02}.txt");
            let root = file(&format!("many/{name}"), format!("number {n}").into_bytes());
            (name, root)
        })
        .collect();
    let sub = add_folder(&mut blocks, &profile, [("large", large), ("twin", twin)]);
    let many = many.iter().map(|(name, root)| (name.as_str(), *root));
    let many = add_folder(&mut blocks, &profile, many);
    let link = unixfs::symlink(&profile, b"sub/large", &Metadata::default());
    let link_root = link.root();
    blocks.insert(link.cid, link.data);
    let root = add_folder(
        &mut blocks,
        &profile,
        [
            ("empty", empty),
            ("small", small),
            ("zeros", zeros),
            ("sub", sub),
            ("many", many),
            ("link", link_root),
        ],
    );
    (blocks, root.cid, files)
}

/// A disk and a record, as the one who carries out the steps has them.
#[derive(Debug, Default, Clone)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    /// Blocks that were kept, and leaves with the places where they lie.
    kept: Blocks,
    leaves: HashMap<Cid, Vec<(String, u64, u64)>>,
    folders: HashSet<String>,
    links: BTreeMap<String, PathBuf>,
    skipped: Vec<String>,
    closed: HashSet<String>,
}

/// Carries a plan out in memory.
struct Run<'a> {
    plan: Plan,
    disk: Disk,
    blocks: &'a Blocks,
    open: HashMap<FileKey, String>,
    /// What was asked of others.
    asked: Vec<Cid>,
    outstanding: Vec<Cid>,
    most_outstanding: usize,
}

impl<'a> Run<'a> {
    fn new(blocks: &'a Blocks, root: Cid, select: &[&str], disk: Disk) -> Self {
        let select: Vec<String> = select.iter().map(|path| (*path).to_owned()).collect();
        Self {
            plan: Plan::new(root, Selection::new(&select, &[]).unwrap(), Rules::UNIX).unwrap(),
            disk,
            blocks,
            open: HashMap::new(),
            asked: Vec::new(),
            outstanding: Vec::new(),
            most_outstanding: 0,
        }
    }

    /// Works off all steps; `false` once `budget` steps were taken: there the power fails.
    fn steps(&mut self, budget: &mut usize) -> Result<bool, Fault> {
        while let Some(step) = self.plan.next()? {
            if *budget == 0 {
                return Ok(false);
            }
            *budget -= 1;
            self.step(step)?;
        }
        Ok(true)
    }

    fn step(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Want { cid, spot, .. } => {
                assert_eq!(
                    cid::implied_block(&cid),
                    None,
                    "{cid} need not be asked for"
                );
                if let Some(spot) = &spot
                    && let Some(places) = self.disk.leaves.get(&cid)
                    && let Some((.., bytes)) = places
                        .iter()
                        .find(|(name, at, _)| *name == spot.path.name && *at == spot.offset)
                {
                    let bytes = *bytes;
                    return self.plan.held(&cid, bytes);
                }
                if let Some(block) = self.disk.block(&cid) {
                    return self.plan.block(&cid, &block);
                }
                self.asked.push(cid);
                self.outstanding.push(cid);
                self.most_outstanding = self.most_outstanding.max(self.outstanding.len());
            }
            Step::Folder { path, .. } => {
                self.disk.folders.insert(path.name.clone());
            }
            Step::Open {
                file, path, size, ..
            } => {
                let size = usize::try_from(size).unwrap();
                self.disk
                    .files
                    .entry(path.name.clone())
                    .or_default()
                    .resize(size, 0xEE);
                self.open.insert(file, path.name.clone());
            }
            Step::Write {
                file,
                offset,
                data,
                block,
            } => {
                let name = &self.open[&file];
                let at = usize::try_from(offset).unwrap();
                let bytes = self.disk.files.get_mut(name).unwrap();
                bytes[at..at + data.len()].copy_from_slice(&data);
                if let Some(leaf) = block {
                    let place = (name.clone(), offset, data.len() as u64);
                    self.disk.leaves.entry(leaf.cid).or_default().push(place);
                }
            }
            Step::Keep { cid, data } => {
                self.disk.kept.insert(cid, data);
            }
            Step::Close { file } => {
                let name = self.open.remove(&file).unwrap();
                self.disk.closed.insert(name);
            }
            Step::Symlink { path, target } => {
                self.disk.links.insert(path.name.clone(), target);
            }
            Step::Abandon { file } => {
                let name = self.open.remove(&file).unwrap();
                self.disk.files.remove(&name);
                let leaves = self.disk.leaves.values_mut();
                leaves.for_each(|places| places.retain(|(of, ..)| *of != name));
            }
            Step::Skip { path, .. } => self.disk.skipped.push(path),
            Step::Held { .. } | Step::Renamed { .. } | Step::Hurry(_) => {}
        }
        Ok(())
    }

    /// Delivers what is asked for in an order that `pick` decides, until it is done or the steps
    /// are used up.
    fn run(
        &mut self,
        mut budget: usize,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Result<bool, Fault> {
        loop {
            if !self.steps(&mut budget)? {
                return Ok(false);
            }
            if self.plan.is_done()? {
                return Ok(true);
            }
            assert!(!self.outstanding.is_empty(), "the plan is stuck");
            let next = self.outstanding.swap_remove(pick(self.outstanding.len()));
            assert!(self.plan.waits_for(&next));
            self.plan.block(&next, &self.blocks[&next])?;
        }
    }
}

impl Disk {
    fn block(&self, cid: &Cid) -> Option<Bytes> {
        if let Some(block) = self.kept.get(cid) {
            return Some(block.clone());
        }
        let (name, offset, len) = self.leaves.get(cid)?.first()?;
        let at = usize::try_from(*offset).unwrap();
        let data = &self.files[name][at..at + usize::try_from(*len).unwrap()];
        if cid.codec() == RAW {
            return Some(Bytes::copy_from_slice(data));
        }
        let (prefix, suffix) = unixfs::leaf_frame(data.len());
        Some([&prefix[..], data, &suffix[..]].concat().into())
    }
}

fn no_limit() -> usize {
    usize::MAX
}

/// A small generator: order must be arbitrary, not good.
fn shuffle(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |len| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % len
    }
}

proptest! {
    #[test]
    fn any_order_gives_the_same_tree(seed: u64, raw: bool) {
        let (blocks, root, files) = tree(raw);
        let mut run = Run::new(&blocks, root, &[], Disk::default());
        prop_assert!(run.run(no_limit(), shuffle(seed)).unwrap());
        prop_assert_eq!(&run.disk.files, &files);
        prop_assert_eq!(run.disk.closed.len(), files.len());
        prop_assert_eq!(&run.disk.links["link"], &PathBuf::from("sub/large"));
        let unique: HashSet<&Cid> = run.asked.iter().collect();
        prop_assert_eq!(unique.len(), run.asked.len(), "a block was asked for twice");
        let bytes: usize = files.values().map(Vec::len).sum();
        let totals = run.plan.totals();
        prop_assert_eq!((totals.bytes, totals.done), (bytes as u64, bytes as u64));
        prop_assert_eq!((totals.files, totals.files_done), (files.len() as u64, files.len() as u64));
    }

    #[test]
    fn a_cut_anywhere_costs_nothing_that_was_recorded(seed: u64, raw: bool, cuts in prop::collection::vec(0_usize..400, 0..4)) {
        let (blocks, root, files) = tree(raw);
        let mut disk = Disk::default();
        let mut pick = shuffle(seed);
        for cut in cuts {
            let mut run = Run::new(&blocks, root, &[], disk);
            run.run(cut, &mut pick).unwrap();
            disk = run.disk;
        }
        let recorded: HashSet<Cid> = disk.kept.keys().chain(disk.leaves.keys()).copied().collect();
        let mut run = Run::new(&blocks, root, &[], disk);
        prop_assert!(run.run(no_limit(), &mut pick).unwrap());
        prop_assert_eq!(&run.disk.files, &files);
        prop_assert!(run.asked.iter().all(|cid| !recorded.contains(cid)), "a recorded block was asked for again");
    }

    #[test]
    fn hostile_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300), raw: bool, at: prop::sample::Index) {
        let (mut blocks, root, _) = tree(raw);
        let mut cids: Vec<Cid> = blocks.keys().copied().collect();
        cids.sort();
        // A peer cannot do this, since blocks are verified; a publisher can put anything under a
        // CID.
        blocks.insert(cids[at.index(cids.len())], data.into());
        let mut run = Run::new(&blocks, root, &[], Disk::default());
        let _ = run.run(no_limit(), shuffle(7));
    }
}

proptest! {
    #[test]
    fn steering_changes_the_order_and_nothing_else(seed: u64, raw: bool, turns in prop::collection::vec((0_usize..400, 0_usize..5, 0_u64..1200), 0..6)) {
        let (blocks, root, files) = tree(raw);
        let mut run = Run::new(&blocks, root, &[], Disk::default());
        let mut shuffle = shuffle(seed);
        let paths = ["", "sub", "sub/large", "many", "many/33.txt"];
        let mut turns: Vec<_> = turns;
        turns.sort_unstable_by(|a, b| b.cmp(a));
        let mut came = 0;
        loop {
            while let Some((_, path, start)) = turns.pop_if(|(at, ..)| *at <= came) {
                let path = paths[path].to_owned();
                let head = Head { path: path.clone(), range: start..start + 100 };
                run.plan.steer(&Steering { high: vec![path], heads: vec![head] });
            }
            prop_assert!(run.steps(&mut no_limit()).unwrap());
            if run.outstanding.is_empty() {
                break;
            }
            let cid = run.outstanding.swap_remove(shuffle(run.outstanding.len()));
            run.plan.block(&cid, &blocks[&cid]).unwrap();
            came += 1;
        }
        prop_assert!(run.plan.is_done().unwrap());
        prop_assert_eq!(run.disk.files, files);
        prop_assert!(run.plan.folders.is_empty() && run.plan.cursor_bytes == 0);
    }
}

#[test]
fn what_is_looked_at_is_asked_for_first() {
    let profile = Profile {
        chunk_size: 1000,
        width: 100,
        ..profile(true)
    };
    let mut blocks = Blocks::new();
    let data: Vec<u8> = (0..8_000_000_u32)
        .map(|n| u8::try_from((n / 1000 * 7 + n / 251_000) % 251).unwrap())
        .collect();
    let film = add_file(&mut blocks, &profile, &data);
    let other = add_file(&mut blocks, &profile, b"other");
    let root = add_folder(&mut blocks, &profile, [("a", other), ("film", film)]);
    let mut plan = Plan::new(root.cid, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    let range = 7_000_000..7_100_000;
    let path = "film".to_owned();
    plan.steer(&Steering {
        high: Vec::new(),
        heads: vec![Head {
            path,
            range: range.clone(),
        }],
    });
    let mut leaves = Vec::new();
    let mut nodes = Vec::new();
    loop {
        while let Some(step) = plan.next().unwrap() {
            let Step::Want {
                cid, node, spot, ..
            } = step
            else {
                continue;
            };
            match spot.filter(|_| !node && cid.codec() == RAW) {
                Some(spot) => leaves.push(spot.offset),
                None => nodes.push(cid),
            }
        }
        if leaves.len() >= 100 {
            break;
        }
        let cid = nodes.remove(0);
        plan.block(&cid, &blocks[&cid]).unwrap();
    }
    let near = leaves[..100].iter().filter(|offset| range.contains(offset));
    assert!(near.count() >= 95, "{:?}", &leaves[..100]);
}

#[test]
fn a_wish_below_a_file_that_is_here_already_ends() {
    let (blocks, root, _) = tree(true);
    let mut run = Run::new(&blocks, root, &[], Disk::default());
    assert!(run.run(no_limit(), |_| 0).unwrap());
    let mut again = Run::new(&blocks, root, &["small/x"], run.disk);
    let ended = again.run(10_000, |_| 0);
    assert_eq!(ended, Err(Fault::NotThere("small/x".to_owned())));
}

#[test]
fn only_what_is_selected_is_fetched() {
    let (blocks, root, files) = tree(true);
    let mut run = Run::new(&blocks, root, &["many/07.txt", "sub/"], Disk::default());
    assert!(run.run(no_limit(), |_| 0).unwrap());
    let expected: BTreeMap<_, _> = files
        .into_iter()
        .filter(|(path, _)| path == "many/07.txt" || path.starts_with("sub/"))
        .collect();
    assert_eq!(run.disk.files, expected);
    let bytes: usize = expected.values().map(Vec::len).sum();
    assert_eq!(run.plan.totals().bytes, bytes as u64);

    let mut run = Run::new(&blocks, root, &["many/07.txt"], Disk::default());
    assert!(run.run(no_limit(), |_| 0).unwrap());
    assert!(
        run.asked.len() < 8,
        "{} blocks for one small file",
        run.asked.len()
    );
}

#[test]
fn a_selection_that_is_not_there_is_an_error() {
    let (blocks, root, _) = tree(true);
    for path in ["many/x", "nothing", "small/x"] {
        let mut run = Run::new(&blocks, root, &[path], Disk::default());
        let result = run.run(no_limit(), |_| 0);
        assert_eq!(result, Err(Fault::NotThere(path.to_owned())));
    }
}

/// How many are asked for at a time depends on it.
#[test]
fn leaves_are_asked_for_with_their_size() {
    let (blocks, root, _) = tree(true);
    let mut plan = Plan::new(root, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    let mut leaves = 0;
    while let Some(step) = plan.next().unwrap() {
        let Step::Want { cid, bytes, .. } = step else {
            continue;
        };
        let block = &blocks[&cid];
        if cid.codec() == RAW {
            assert_eq!(bytes, u32::try_from(block.len()).ok());
            leaves += 1;
        }
        plan.block(&cid, block).unwrap();
    }
    assert!(leaves > 60);
}

#[test]
fn a_single_file_has_no_folder() {
    let mut blocks = Blocks::new();
    for data in [&b""[..], b"x", &[7; 100]] {
        let root = add_file(&mut blocks, &profile(true), data);
        let mut run = Run::new(&blocks, root.cid, &[], Disk::default());
        assert!(run.run(no_limit(), |_| 0).unwrap());
        assert_eq!(run.disk.files[""], data);
        assert!(run.disk.folders.is_empty());
    }
}

/// A dag-pb block of a file whose parts are as long as claimed, true or not.
fn file_node(parts: &[(Cid, u64)]) -> (Cid, Bytes) {
    let mut data = vec![0x08, 0x02, 0x18];
    put_varint(&mut data, parts.iter().map(|(_, size)| size).sum());
    let mut encoder = unixfs::dagpb::Encoder::default();
    for (cid, size) in parts {
        encoder.link(&cid.to_bytes(), &[], *size);
        data.push(0x20);
        put_varint(&mut data, *size);
    }
    node(encoder.finish(&data))
}

fn folder_node(entries: &[(&[u8], Cid, u64)]) -> (Cid, Bytes) {
    let mut encoder = unixfs::dagpb::Encoder::default();
    for (name, cid, tsize) in entries {
        encoder.link(&cid.to_bytes(), &[name], *tsize);
    }
    node(encoder.finish(&[0x08, 0x01]))
}

fn node(block: Vec<u8>) -> (Cid, Bytes) {
    let hash = cid::hash(cid::SHA2_256, &block).unwrap();
    (Cid::new_v1(cid::DAG_PB, hash), block.into())
}

fn raw_block(data: &[u8]) -> (Cid, Bytes) {
    let hash = cid::hash(cid::SHA2_256, data).unwrap();
    (Cid::new_v1(RAW, hash), Bytes::copy_from_slice(data))
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

fn fault_of(blocks: &Blocks, root: Cid) -> (Fault, Disk) {
    let mut run = Run::new(blocks, root, &[], Disk::default());
    let fault = run.run(10_000, |_| 0).unwrap_err();
    (fault, run.disk)
}

#[test]
fn a_part_of_another_size_than_claimed_is_never_written() {
    let leaf = raw_block(b"much longer than was said");
    let node = file_node(&[(leaf.0, 4), (raw_block(b"rest").0, 4)]);
    let blocks = Blocks::from([leaf, node.clone(), raw_block(b"rest")]);
    let (fault, disk) = fault_of(&blocks, node.0);
    assert!(matches!(fault, Fault::Block { .. }), "{fault}");
    assert!(!disk.files[""].starts_with(b"much"));
    assert_eq!(disk.files[""].len(), 8);
}

#[test]
fn a_folder_inside_a_file_is_refused() {
    let folder = folder_node(&[]);
    let node = file_node(&[(folder.0, 4)]);
    let blocks = Blocks::from([folder, node.clone()]);
    assert!(matches!(fault_of(&blocks, node.0).0, Fault::Kind { .. }));
}

#[test]
fn dangerous_names_are_refused_before_anything_is_made() {
    let leaf = raw_block(b"x");
    for name in [&b".."[..], b"/x", b"../x", b"a/b", b"a\0b", b"."] {
        let node = folder_node(&[(b"fine", leaf.0, 1), (name, leaf.0, 1)]);
        let blocks = Blocks::from([leaf.clone(), node.clone()]);
        let (fault, disk) = fault_of(&blocks, node.0);
        assert!(matches!(fault, Fault::Name { .. }), "{fault}");
        assert!(disk.files.is_empty());
    }
}

#[test]
fn unknown_codecs_and_hashes_are_refused_or_left_out_of_a_folder() {
    let leaf = raw_block(b"x");
    let cbor = Cid::new_v1(0x71, *leaf.0.hash());
    let md5 = Cid::new_v1(RAW, unixfs::Multihash::wrap(0xd5, &[1; 32]).unwrap());
    for cid in [cbor, md5] {
        assert!(matches!(
            Plan::new(cid, Selection::new(&[], &[]).unwrap(), Rules::UNIX),
            Err(Fault::Cid { .. })
        ));
        let node = folder_node(&[(b"entry", cid, 1), (b"fine", leaf.0, 1)]);
        let blocks = Blocks::from([node.clone(), leaf.clone()]);
        let mut run = Run::new(&blocks, node.0, &[], Disk::default());
        assert_eq!(run.run(10_000, |_| 0), Ok(true));
        assert_eq!(run.disk.skipped, ["entry"]);
        assert_eq!(run.disk.files.keys().collect::<Vec<_>>(), ["fine"]);
        assert_eq!(run.plan.totals().bytes, 1);
    }
}

/// Whatever comes first: what belongs to the file that is given up is waited for no more.
#[test]
fn a_file_with_a_bad_part_is_given_up_and_the_rest_comes() {
    let (good, fine) = (raw_block(b"good"), raw_block(b"x"));
    let longer = raw_block(b"much longer than was said");
    let nowhere = raw_block(b"gone").0;
    let file = file_node(&[(good.0, 4), (longer.0, 4), (nowhere, 4)]);
    let node = folder_node(&[(b"bad", file.0, 12), (b"fine", fine.0, 1)]);
    let blocks = Blocks::from([good, longer, fine, file, node.clone()]);
    for first in [true, false] {
        let mut run = Run::new(&blocks, node.0, &[], Disk::default());
        let pick = |outstanding: &[Cid]| {
            let here = |cid: &Cid| blocks.contains_key(cid);
            let mut places = (0..outstanding.len()).filter(|at| here(&outstanding[*at]));
            if first {
                places.next()
            } else {
                places.next_back()
            }
        };
        loop {
            assert_eq!(run.steps(&mut 10_000), Ok(true));
            if run.plan.is_done() == Ok(true) {
                break;
            }
            let next = run.outstanding.swap_remove(pick(&run.outstanding).unwrap());
            run.plan.block(&next, &blocks[&next]).unwrap();
        }
        assert_eq!(run.disk.skipped, ["bad"]);
        assert_eq!(run.disk.files.keys().collect::<Vec<_>>(), ["fine"]);
        let totals = run.plan.totals();
        assert_eq!((totals.bytes, totals.done, totals.files), (1, 1, 1));
    }
}

#[test]
fn folders_nested_too_deep_are_refused() {
    let mut blocks = Blocks::new();
    let mut inner = folder_node(&[]);
    for _ in 0..MAX_FOLDER_DEPTH + 2 {
        let outer = folder_node(&[(b"d", inner.0, 1)]);
        blocks.insert(inner.0, inner.1);
        inner = outer;
    }
    blocks.insert(inner.0, inner.1);
    assert!(matches!(
        fault_of(&blocks, inner.0).0,
        Fault::TooDeep { .. }
    ));
}

#[test]
fn a_child_repeated_without_end_stays_within_memory() {
    // 300 links to a node with 300 links to ... : 300^6 leaves in seven blocks.
    let mut blocks = Blocks::new();
    let (leaf, data) = raw_block(&[0; 64]);
    blocks.insert(leaf, data);
    let (mut below, mut size) = (leaf, 64);
    for _ in 0..6 {
        let (cid, block) = file_node(&vec![(below, size); 300]);
        blocks.insert(cid, block);
        (below, size) = (cid, size * 300);
    }
    let mut plan = Plan::new(below, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    for _ in 0..300_000 {
        match plan.next().unwrap() {
            Some(Step::Want { cid, .. }) => plan.block(&cid, &blocks[&cid]).unwrap(),
            Some(_) => {}
            None => panic!("it cannot be done yet"),
        }
        assert!(plan.cursor_bytes < 2 * MAX_READY_BYTES);
        assert!(plan.places <= MAX_ASKED);
        assert!(plan.cursors.len() + plan.parked.len() < 10_000);
    }
}

#[test]
fn nodes_that_hide_their_size_are_put_off() {
    // A folder of folders that claim to be tiny and have 2,000 entries each.
    let mut blocks = Blocks::new();
    let (leaf, data) = raw_block(b"x");
    blocks.insert(leaf, data);
    let mut outer: Vec<(String, Cid)> = Vec::new();
    for folder in 0..300 {
        let names: Vec<String> = (0..1000).map(|n| format!("{folder}-{n}")).collect();
        let entries: Vec<_> = names
            .iter()
            .map(|name| (name.as_bytes(), leaf, 1))
            .collect();
        let (cid, block) = folder_node(&entries);
        blocks.insert(cid, block);
        outer.push((format!("{folder:03}"), cid));
    }
    let entries: Vec<_> = outer
        .iter()
        .map(|(name, cid)| (name.as_bytes(), *cid, 1))
        .collect();
    let (root, block) = folder_node(&entries);
    blocks.insert(root, block);
    let mut plan = Plan::new(root, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    let mut disk = Blocks::new();
    let mut waiting: Vec<Cid> = Vec::new();
    let mut files = 0;
    loop {
        while let Some(step) = plan.next().unwrap() {
            match step {
                Step::Want { cid, .. } if disk.contains_key(&cid) => {
                    plan.block(&cid, &disk[&cid]).unwrap();
                }
                Step::Want { cid, .. } => waiting.push(cid),
                Step::Keep { cid, data } => {
                    disk.insert(cid, data);
                }
                Step::Close { .. } => files += 1,
                _ => {}
            }
            assert!(plan.cursor_bytes < 2 * MAX_READY_BYTES);
        }
        if plan.is_done().unwrap() {
            break;
        }
        // The last asked for comes first: the worst order for the plan. The leaf comes when nothing
        // else does.
        let at = waiting.iter().rposition(|cid| *cid != leaf).unwrap_or(0);
        let cid = waiting.remove(at);
        plan.block(&cid, &blocks[&cid]).unwrap();
    }
    assert_eq!(files, 300_000);
}

#[test]
fn a_folder_of_100_000_files_is_fetched_in_a_window() {
    let profile = Profile::V1_2025;
    let mut blocks = Blocks::new();
    let mut builder = DirectoryBuilder::new(&profile, Metadata::default());
    for n in 0..100_000_u32 {
        let (cid, data) = raw_block(&n.to_le_bytes());
        builder
            .push(format!("file-{n}"), profile.leaf(&data).into_root())
            .unwrap();
        blocks.insert(cid, data);
    }
    let root = builder
        .finish(&mut |block| {
            blocks.insert(block.cid, block.data);
        })
        .unwrap();
    let mut plan = Plan::new(root.cid, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    let mut pick = shuffle(3);
    let mut outstanding = Vec::new();
    let mut written = HashSet::new();
    loop {
        while let Some(step) = plan.next().unwrap() {
            match step {
                Step::Want { cid, .. } => outstanding.push(cid),
                Step::Write { data, .. } => assert!(written.insert(data)),
                _ => {}
            }
        }
        assert!(outstanding.len() <= MAX_ASKED);
        assert!(plan.cursor_bytes <= MAX_READY_BYTES);
        assert!(plan.files.len() <= MAX_ASKED);
        if plan.is_done().unwrap() {
            break;
        }
        let cid = outstanding.swap_remove(pick(outstanding.len()));
        plan.block(&cid, &blocks[&cid]).unwrap();
    }
    assert_eq!(written.len(), 100_000);
    assert_eq!(plan.totals().files_done, 100_000);
    assert!(plan.folders.is_empty() && plan.files.is_empty());
    assert_eq!(
        (plan.cursor_bytes, plan.places, plan.nodes, plan.node_bytes),
        (0, 0, 0, 0)
    );
}

#[test]
fn the_inner_nodes_of_a_huge_file_do_not_pile_up() {
    // 2^20 leaves of 1 MiB: only the nodes are made; leaves are never delivered.
    let mut blocks = Blocks::new();
    let mut inner = Vec::new();
    for n in 0..1024_u32 {
        let leaves: Vec<(Cid, u64)> = (0..1024_u32)
            .map(|leaf| {
                let name = [n.to_le_bytes(), leaf.to_le_bytes()].concat();
                (raw_block(&name).0, 1 << 20)
            })
            .collect();
        let (cid, block) = file_node(&leaves);
        blocks.insert(cid, block);
        inner.push((cid, 1 << 30));
    }
    let (root, block) = file_node(&inner);
    blocks.insert(root, block);
    let mut plan = Plan::new(root, Selection::new(&[], &[]).unwrap(), Rules::UNIX).unwrap();
    let (mut nodes, mut leaves) = (0, 0);
    let mut size = 0;
    while let Some(step) = plan.next().unwrap() {
        match step {
            Step::Want { cid, .. } => match blocks.get(&cid) {
                Some(block) => {
                    nodes += 1;
                    plan.block(&cid, block).unwrap();
                }
                None => leaves += 1,
            },
            Step::Open { size: bytes, .. } => size = bytes,
            _ => {}
        }
    }
    assert_eq!(size, 1 << 40);
    assert!(nodes < 128, "{nodes} nodes");
    assert!(
        leaves + plan.nodes <= MAX_ASKED && leaves > MAX_ASKED / 2,
        "{leaves} leaves"
    );
}

/// A leaf as the root of a file of its own.
trait IntoRoot {
    fn into_root(self) -> Root;
}

impl IntoRoot for unixfs::Leaf {
    fn into_root(self) -> Root {
        Root {
            cid: self.cid,
            size: self.bytes,
            tsize: self.tsize,
        }
    }
}
