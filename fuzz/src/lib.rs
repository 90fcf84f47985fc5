//! What the fuzzer does with its input, one function for each decoder. The tests of `unixfs` run the same functions on generated
//! input, so that they are kept compiling and true without a fuzzer.
//!
//! Each function panics if a promise is broken; whatever the input, it must return.

use unixfs::cid::{self, Cid, DAG_PB, RAW, SHA2_256};
use unixfs::{
    CarReader, DirectoryBuilder, Estimate, Fanout, FilePosition, Lookup, Metadata, Node, Profile,
    Root, ShardItem, ShardPath, dagpb, decode,
};

/// All of them.
pub fn run_all(bytes: &[u8]) {
    cids(bytes);
    dag_pb(bytes);
    unixfs_node(bytes);
    hamt(bytes);
    car(bytes);
}

/// What is read as a CID is written as it was, and reads the same as text.
pub fn cids(bytes: &[u8]) {
    if let Ok((cid, length)) = cid::read_prefix(bytes) {
        assert_eq!(cid.to_bytes(), bytes[..length]);
        assert_eq!(cid::parse(&cid.to_string()), Ok(cid));
        if let Some(block) = cid::implied_block(&cid) {
            assert_eq!(cid::verify(&cid, &block), Ok(()));
        }
        let _ = cid::verify(&cid, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(cid) = cid::parse(text)
    {
        assert_eq!(cid::from_bytes(&cid.to_bytes()), Ok(cid));
    }
}

/// What is read as dag-pb and written again reads the same.
pub fn dag_pb(bytes: &[u8]) {
    let Ok(node) = dagpb::decode(bytes) else {
        return;
    };
    let mut encoder = dagpb::Encoder::default();
    for link in &node.links {
        let name = link.name.unwrap_or_default();
        encoder.link(link.hash, &[name], link.tsize.unwrap_or(0));
    }
    let data = node.data.clone().map_or(&[][..], |range| &bytes[range]);
    let block = encoder.finish(data);
    let Ok(again) = dagpb::decode(&block) else {
        panic!("what was written does not read")
    };
    assert_eq!(again.data.map(|range| &block[range]), Some(data));
    assert_eq!(again.links.len(), node.links.len());
    for (link, again) in node.links.iter().zip(&again.links) {
        assert_eq!(link.hash, again.hash);
        assert_eq!(
            link.name.unwrap_or_default(),
            again.name.unwrap_or_default()
        );
        assert_eq!(link.tsize.unwrap_or(0), again.tsize.unwrap_or(0));
    }
}

/// A node that passes is consistent: a file's parts lie one after the other, names are unique, buckets ascend.
pub fn unixfs_node(bytes: &[u8]) {
    let Some(digest) = cid::hash(SHA2_256, bytes) else {
        return;
    };
    if let Ok(Node::File(node)) = decode(&Cid::new_v1(RAW, digest), bytes) {
        assert_eq!(node.inline, 0..bytes.len());
    }
    match decode(&Cid::new_v1(DAG_PB, digest), bytes) {
        Ok(Node::File(node)) => {
            assert!(node.inline.end <= bytes.len());
            let mut end = node.inline.len() as u64;
            for child in &node.children {
                assert_eq!(child.offset, end);
                end += child.size;
                let below = FilePosition::ROOT.child(child).ok().flatten();
                assert_eq!(below.is_some(), child.size > 0);
            }
            assert_eq!(end, node.size);
            assert_eq!(FilePosition::ROOT.check(&node), Ok(()));
        }
        Ok(Node::Directory(node)) => {
            let mut names: Vec<_> = node.entries.iter().map(|entry| &entry.name).collect();
            names.sort_unstable();
            assert!(names.is_sorted_by(|a, b| a < b));
        }
        Ok(Node::Shard(node)) => {
            assert_eq!(node.items.len(), node.buckets.len());
            assert!(node.buckets.is_sorted_by(|a, b| a < b));
            let path = ShardPath::root(&node);
            let sound = path.check(&node).is_ok();
            for item in &node.items {
                if let ShardItem::Entry(entry) = item {
                    let found = path.look_up(&node, &entry.name);
                    assert!(!sound || found == Ok(Lookup::Found(entry)));
                }
            }
            assert!(path.children(&node).is_ok());
        }
        Ok(Node::Symlink(_)) | Err(_) => {}
    }
}

/// A trie of whatever names the input holds, separated by zero bytes, gives back those names and no others. The first byte
/// decides the fan-out, so that a small one makes deep tries of few names.
pub fn hamt(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let Some(hamt_fanout) = Fanout::new(8 << (first % 8)) else {
        panic!("a legal fan-out is refused")
    };
    let profile = Profile {
        hamt_threshold: 0,
        hamt_fanout,
        estimate: Estimate::BlockBytes,
        ..Profile::V1_2025
    };
    let leaf = profile.leaf(b"x");
    let root = Root {
        cid: leaf.cid,
        size: leaf.bytes,
        tsize: leaf.tsize,
    };
    let mut names: Vec<_> = rest.split(|byte| *byte == 0).collect();
    names.sort_unstable();
    names.dedup();
    let mut builder = DirectoryBuilder::new(&profile, Metadata::default());
    names.retain(|name| builder.push(name, root).is_ok());
    let mut blocks = Vec::new();
    let Ok(root) = builder.finish(&mut |block| blocks.push(block)) else {
        return;
    };

    let mut found = Vec::new();
    let mut todo = vec![(root.cid, None)];
    while let Some((cid, path)) = todo.pop() {
        let Some(block) = blocks.iter().find(|block| block.cid == cid) else {
            panic!("a shard is missing")
        };
        let Ok(Node::Shard(node)) = decode(&cid, &block.data) else {
            panic!("what was written does not read")
        };
        let path = path.unwrap_or_else(|| ShardPath::root(&node));
        assert_eq!(path.check(&node), Ok(()));
        for item in &node.items {
            if let ShardItem::Entry(entry) = item {
                assert_eq!(path.look_up(&node, &entry.name), Ok(Lookup::Found(entry)));
                found.push(entry.name.clone());
            }
        }
        let Ok(children) = path.children(&node) else {
            panic!("a trie is deeper than its hash")
        };
        todo.extend(children.into_iter().map(|(cid, path)| (cid, Some(path))));
    }
    found.sort_unstable();
    assert_eq!(found, names);
}

/// No block comes out of a CAR that does not match its CID, and reading ends.
pub fn car(bytes: &[u8]) {
    let Ok(mut reader) = CarReader::new(std::io::Cursor::new(bytes)) else {
        return;
    };
    let mut total = 0;
    while let Ok(Some(section)) = reader.next_section() {
        let Ok(block) = reader.block_at(section.at) else {
            continue;
        };
        assert_eq!(cid::verify(&block.cid, &block.data), Ok(()));
        total += block.data.len();
    }
    assert!(total <= bytes.len());
}
