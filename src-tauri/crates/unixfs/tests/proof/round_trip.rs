//! What is built is what is read, whatever the parameters.

use std::collections::BTreeMap;

use proptest::prelude::*;
use unixfs::{Chunker, DirectoryBuilder, DirectoryError, Metadata, Node, Profile, Root, dagpb};

use crate::support::{Store, any_metadata, any_profile};

proptest! {
    #[test]
    fn a_file_reads_as_it_was_written(
        profile in any_profile(),
        meta in any_metadata(),
        content in prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), 0..2000)],
    ) {
        let mut store = Store::default();
        let root = store.add_file(&profile, meta, &content);
        let (read, tsize) = store.read_file(&root.cid).unwrap();
        prop_assert_eq!(&read, &content);
        prop_assert_eq!(root.size, content.len() as u64);
        prop_assert_eq!(root.tsize, tsize);
        let Ok(Node::File(node)) = store.decode(&root.cid) else { panic!() };
        prop_assert_eq!(node.meta, meta);
        let widest = store.blocks.keys().map(|cid| match store.decode(cid) {
            Ok(Node::File(node)) => node.children.len(),
            other => panic!("{other:?}"),
        });
        prop_assert!(widest.max().unwrap() <= profile.width.max(2));
    }

    #[test]
    fn a_directory_is_the_same_in_any_order(
        profile in any_profile(),
        meta in any_metadata(),
        entries in any_entries(),
        absent in any_name(),
    ) {
        let mut store = Store::default();
        let root = store.add_directory(&profile, meta, entries.clone());
        let expected: BTreeMap<_, _> =
            entries.iter().map(|(name, root)| (name.clone(), root.cid)).collect();
        prop_assert_eq!(&store.list(&root.cid).unwrap(), &expected);
        prop_assert_eq!(root.size, entries.iter().map(|(_, root)| root.size).sum::<u64>());
        for (name, cid) in &expected {
            prop_assert_eq!(store.look_up(&root.cid, name).unwrap(), Some(*cid));
        }
        prop_assert_eq!(store.look_up(&root.cid, &absent).unwrap(), expected.get(&absent).copied());
        let meta_read = match store.decode(&root.cid).unwrap() {
            Node::Directory(node) => node.meta,
            Node::Shard(node) => node.meta,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(meta_read, meta);

        let backwards = store.add_directory(&profile, meta, entries.into_iter().rev());
        prop_assert_eq!(backwards, root);
    }

    #[test]
    fn a_dag_pb_block_reads_as_it_was_written(
        links in proptest::collection::vec((any_bytes(), any_bytes(), any::<u64>()), 0..20),
        data in any_bytes(),
    ) {
        let mut encoder = dagpb::Encoder::default();
        for (hash, name, tsize) in &links {
            encoder.link(hash, &[name], *tsize);
        }
        let block = encoder.finish(&data);
        let node = dagpb::decode(&block).unwrap();
        prop_assert_eq!(&block[node.data.unwrap()], &data);
        let read: Vec<_> = node
            .links
            .iter()
            .map(|link| (link.hash.to_vec(), link.name.unwrap().to_vec(), link.tsize.unwrap()))
            .collect();
        prop_assert_eq!(read, links);
    }

    #[test]
    fn chunks_tile_a_length(size in 0..50_u32, length in 0..2000_u64) {
        let chunker = Chunker::new(size);
        let chunks: Vec<_> = chunker.chunks(length).collect();
        prop_assert_eq!(chunks.len() as u64, chunker.count(length));
        let mut end = 0;
        for chunk in &chunks {
            prop_assert_eq!(chunk.start, end);
            prop_assert!(chunk.end - chunk.start <= u64::from(size.max(1)));
            end = chunk.end;
        }
        prop_assert_eq!(end, length);
    }
}

#[test]
fn a_file_needs_memory_for_its_edge_alone() {
    // A TiB of the same leaf: only what the builder holds decides whether this ends.
    let profile = Profile::V1_2025;
    let leaf = profile.leaf(&vec![0; 1024 * 1024]);
    let mut blocks = 0;
    let mut builder = unixfs::FileBuilder::new(&profile, Metadata::default());
    for _ in 0..1024 * 1024 {
        builder.push(leaf, &mut |_| blocks += 1);
    }
    let root = builder.finish(&mut |_| blocks += 1);
    assert_eq!((root.size, blocks), (1 << 40, 1024 + 1));
}

#[test]
fn profiles_go_by_their_names() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    assert!("unixfs-v2".parse::<Profile>().is_err());
    assert_eq!(Profile::default(), Profile::V1_2025);
}

#[test]
fn illegal_and_repeated_names_stay_out() {
    let root = Profile::V1_2025.leaf(b"x");
    let root = Root {
        cid: root.cid,
        size: 1,
        tsize: 1,
    };
    let push = |names: &[&[u8]]| {
        let mut builder = DirectoryBuilder::new(&Profile::V1_2025, Metadata::default());
        for name in names {
            builder.push(name, root)?;
        }
        builder.finish(&mut drop)
    };
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0b", &[b'a'; 1025]] {
        assert!(
            matches!(push(&[name]), Err(DirectoryError::Name(_))),
            "{name:?}"
        );
    }
    assert!(push(&[b"...", b"a", &[0xff; 1024]]).is_ok());
    assert_eq!(
        push(&[b"b", b"a", b"b"]),
        Err(DirectoryError::Duplicate("b".to_owned()))
    );
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..40)
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    // Short ones of few letters meet each other; long ones use the whole hash.
    let byte = prop_oneof![4 => b'a'..=b'd', 1 => 1..=255_u8];
    proptest::collection::vec(byte.prop_filter("a separator", |byte| *byte != b'/'), 1..30)
        .prop_filter("a dot name", |name| !matches!(&name[..], b"." | b".."))
}

fn any_entries() -> impl Strategy<Value = Vec<(Vec<u8>, Root)>> {
    let leaf = |(name, content): (_, Vec<u8>)| {
        let leaf = Profile::V1_2025.leaf(&content);
        (
            name,
            Root {
                cid: leaf.cid,
                size: leaf.bytes,
                tsize: leaf.tsize,
            },
        )
    };
    proptest::collection::btree_map(any_name(), any_bytes(), 0..120)
        .prop_map(move |entries| entries.into_iter().map(leaf).collect())
}
