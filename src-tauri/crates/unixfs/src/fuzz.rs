//! What the fuzzer does with its input, one function for each decoder: each panics if a promise is broken. The tests run them too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

mod walks;

use crate::cid::{self, Cid, DAG_PB, RAW, SHA2_256};
use crate::{
    Block, CarReader, CarWriter, DirectoryBuilder, Estimate, Fanout, FilePosition, Lookup,
    Metadata, Node, Profile, Root, ShardItem, ShardPath, dagpb, decode, hash, name,
};

use crate::fuzz_input::Input;
pub use crate::fuzz_input::Target;

pub const TARGETS: &[Target] = &[
    ("car", car),
    ("cids", cids),
    ("dag_pb", dag_pb),
    ("hamt", hamt),
    ("hashes", hashes),
    ("names_as_text", names_as_text),
    ("unixfs_node", unixfs_node),
    ("walks", walks::walks),
];

/// What is read as a CID is written as it was, and reads the same as text.
fn cids(bytes: &[u8]) {
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
fn dag_pb(bytes: &[u8]) {
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
fn unixfs_node(bytes: &[u8]) {
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
fn hamt(bytes: &[u8]) {
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

/// No block comes out of a CAR that does not match its CID, reading ends, and what came out is the same when it is written and read
/// again.
fn car(bytes: &[u8]) {
    let Some((roots, blocks)) = read_car(bytes) else {
        return;
    };
    let total: usize = blocks.iter().map(|block| block.data.len()).sum();
    assert!(total <= bytes.len());
    let mut writer = CarWriter::new(Vec::new(), &roots).unwrap();
    for block in &blocks {
        writer.write(&block.cid, &[&block.data]).unwrap();
    }
    let written = writer.finish().unwrap();
    assert_eq!(read_car(&written), Some((roots, blocks)));
}

fn read_car(bytes: &[u8]) -> Option<(Vec<Cid>, Vec<Block>)> {
    let mut reader = CarReader::new(std::io::Cursor::new(bytes)).ok()?;
    let mut blocks = Vec::new();
    while let Ok(Some(section)) = reader.next_section() {
        if let Ok(block) = reader.block_at(section.at) {
            assert_eq!(cid::verify(&block.cid, &block.data), Ok(()));
            blocks.push(block);
        }
    }
    Some((reader.roots().to_vec(), blocks))
}

/// A digest has the length that was asked for, its block and no other passes, and a shorter one is the front of a longer one
/// where its function has one length.
fn hashes(bytes: &[u8]) {
    const KNOWN: [u64; 19] = [
        cid::IDENTITY,
        cid::SHA1,
        cid::SHA2_256,
        cid::SHA2_512,
        cid::SHA3_224,
        cid::SHA3_256,
        cid::SHA3_384,
        cid::SHA3_512,
        cid::SHAKE_256,
        cid::KECCAK_224,
        cid::KECCAK_256,
        cid::KECCAK_384,
        cid::KECCAK_512,
        cid::BLAKE3,
        cid::DBL_SHA2_256,
        cid::BLAKE2B_8,
        cid::BLAKE2B_512,
        cid::BLAKE2S_8,
        cid::BLAKE2S_256,
    ];
    let mut input = Input::new(bytes);
    let number = input.below(KNOWN.len() + 2);
    let code = KNOWN.get(number).copied();
    let code = code.unwrap_or_else(|| cid::BLAKE2B_8.wrapping_add(input.long() & 0xff));
    let length = input.below(140);
    let mut data = input.rest().to_vec();
    let Some(digest) = cid::digest(code, length, &data) else {
        let allowed = hash::lengths(code).is_some_and(|lengths| lengths.contains(&length));
        assert!(!allowed || code == cid::IDENTITY, "{code:#x} {length}");
        return;
    };
    assert_eq!((digest.code(), digest.digest().len()), (code, length));
    let cid = Cid::new_v1(RAW, digest);
    assert_eq!(cid::acceptable(&cid), Ok(()));
    assert_eq!(cid::verify(&cid, &data), Ok(()));
    assert_eq!(cid::from_bytes(&cid.to_bytes()), Ok(cid));
    assert_eq!(cid::parse(&cid.to_string()), Ok(cid));
    assert!(cid.to_bytes().len() <= crate::limits::MAX_CID_BYTES);
    if let Some(whole) = cid::hash(code, &data)
        && code != cid::BLAKE3
        && length <= whole.digest().len()
    {
        assert_eq!(digest.digest(), &whole.digest()[..length]);
    }
    if let Some(last) = data.last_mut() {
        *last ^= 1;
        assert_eq!(cid::verify(&cid, &data), Err(cid::CidError::Mismatch));
    }
}

/// A name leads back to its bytes, and no text brings in what would lead elsewhere.
fn names_as_text(bytes: &[u8]) {
    let text = name::to_text(bytes);
    assert_eq!(name::to_bytes(&text), bytes);
    let text = String::from_utf8_lossy(bytes);
    let back = name::to_bytes(&text);
    for leading in [b'/', b'.', 0] {
        let parts = |bytes: &[u8]| bytes.split(|byte| *byte == leading).count();
        assert_eq!(parts(&back), parts(text.as_bytes()));
    }
    assert_eq!(name::to_bytes(&name::to_text(&back)), back);
}

#[cfg(test)]
mod tests {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/check.rs"
    ));

    #[test]
    fn promises_are_kept_on_kept_and_on_damaged_input() {
        for target in super::TARGETS {
            check(*target, 2000);
        }
    }
}
