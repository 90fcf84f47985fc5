//! Blocks that somebody made to do harm: each gets its own error, and nothing panics, loops or
//! allocates out of proportion.

use unixfs::cid::{self, Cid, DAG_PB, RAW, SHA2_256};
use unixfs::{
    DagPbError, DataError, DecodeError, FileChild, FilePosition, Node, Profile, ProtoError,
    ShardPath, decode,
};

use crate::support::Store;

const MURMUR: u64 = 0x22;

#[test]
fn files_whose_sizes_lie() {
    let file = |links: usize, data: Vec<u8>| {
        let links: Vec<_> = (0..links).map(|_| link(&child(), b"", 1)).collect();
        check(&[links.concat(), bytes(1, &data)].concat())
    };
    let node = |fields: &[Vec<u8>]| [number(1, 2), fields.concat()].concat();
    assert!(file(2, node(&[number(3, 30), number(4, 10), number(4, 20)])).is_ok());
    assert_eq!(
        file(2, node(&[number(3, 10), number(4, 10)])),
        Err(DecodeError::BlockSizes {
            links: 2,
            blocksizes: 1
        })
    );
    assert_eq!(
        file(0, node(&[number(3, 10), number(4, 10)])),
        Err(DecodeError::BlockSizes {
            links: 0,
            blocksizes: 1
        })
    );
    assert_eq!(
        file(1, node(&[number(3, 11), number(4, 10)])),
        Err(DecodeError::FileSize {
            claimed: 11,
            actual: 10
        })
    );
    assert_eq!(
        file(1, node(&[bytes(2, b"ab"), number(3, 10), number(4, 10)])),
        Err(DecodeError::FileSize {
            claimed: 10,
            actual: 12
        })
    );
    assert_eq!(
        file(2, node(&[number(4, u64::MAX), number(4, 2)])),
        Err(DecodeError::FileTooLarge)
    );
    assert_eq!(
        file(1, node(&[number(4, 1 << 63)])),
        Err(DecodeError::FileTooLarge)
    );
    // A size that is not there is no lie.
    assert!(file(1, node(&[number(4, 10)])).is_ok());
}

#[test]
fn a_part_must_be_as_long_as_its_parent_says() {
    let mut store = Store::default();
    let part = store.add_file(&Profile::V0_2015, unixfs::Metadata::default(), b"12345");
    for (claimed, expected) in [
        (5, Ok((b"12345".to_vec(), 0))),
        (
            4,
            Err(DecodeError::PartSize {
                expected: 4,
                actual: 5,
            }),
        ),
        (
            6,
            Err(DecodeError::PartSize {
                expected: 6,
                actual: 5,
            }),
        ),
    ] {
        let data = [number(1, 2), number(3, claimed), number(4, claimed)].concat();
        let root = store.put_dag_pb([link(&part.cid, b"", 5), bytes(1, &data)].concat());
        assert_eq!(
            store.read_file(&root).map(|(content, _)| (content, 0)),
            expected
        );
    }
}

#[test]
fn links_of_files_have_no_names() {
    let data = [number(1, 2), number(3, 10), number(4, 10)].concat();
    let file = |name: &[u8]| check(&[link(&child(), name, 1), bytes(1, &data)].concat());
    assert!(file(b"").is_ok());
    assert_eq!(file(b"a"), Err(DecodeError::NamedFileLink));
    let without_name = bytes(2, &bytes(1, &child().to_bytes()));
    assert!(check(&[without_name, bytes(1, &data)].concat()).is_ok());
}

#[test]
fn a_file_of_mixed_nodes_reads_in_order() {
    // Trickle layout and more: own bytes first, then leaves of both kinds, then a subtree with
    // bytes of its own.
    let mut store = Store::default();
    let meta = unixfs::Metadata::default();
    let raw = store.add_file(&Profile::V1_2025, meta, b"cd");
    let wrapped = store.add_file(&Profile::V0_2015, meta, b"ef");
    let node = |own: &[u8], children: &[(Cid, u64)]| {
        let links: Vec<_> = children
            .iter()
            .map(|(cid, size)| link(cid, b"", *size))
            .collect();
        // Packed block sizes, an unknown field, and the file size first: all legal protobuf.
        let sizes: Vec<_> = children
            .iter()
            .flat_map(|(_, size)| varint(*size))
            .collect();
        let total = own.len() as u64 + children.iter().map(|(_, size)| size).sum::<u64>();
        let data = [
            number(3, total),
            number(99, 1),
            number(1, 2),
            bytes(2, own),
            bytes(4, &sizes),
        ];
        [links.concat(), bytes(1, &data.concat())].concat()
    };
    let subtree = store.put_dag_pb(node(b"gh", &[(raw.cid, 2)]));
    let root = store.put_dag_pb(node(b"ab", &[(raw.cid, 2), (wrapped.cid, 2), (subtree, 4)]));
    assert_eq!(store.read_file(&root).unwrap().0, b"abcdefghcd");
    let Ok(Node::File(node)) = store.decode(&root) else {
        panic!()
    };
    let offsets: Vec<_> = node.children.iter().map(|child| child.offset).collect();
    assert_eq!((node.size, offsets), (10, vec![2, 4, 6]));
}

#[test]
fn deep_and_repeating_files_end() {
    let mut store = Store::default();
    let mut top = store
        .add_file(&Profile::V1_2025, unixfs::Metadata::default(), b"x")
        .cid;
    let mut depth = 0;
    while store.read_file(&top).is_ok() {
        let data = [number(1, 2), number(3, 1), number(4, 1)].concat();
        top = store.put_dag_pb([link(&top, b"", 1), bytes(1, &data)].concat());
        depth += 1;
    }
    assert_eq!(depth, 64);
    assert_eq!(store.read_file(&top), Err(DecodeError::FileTooDeep));

    // 2^60 ways lead through these nodes, and none to a single byte.
    let mut top = store.put_dag_pb(bytes(1, &[number(1, 2), number(3, 0)].concat()));
    for _ in 0..60 {
        let data = [number(1, 2), number(3, 0), number(4, 0), number(4, 0)].concat();
        let links = [link(&top, b"", 1), link(&top, b"", 1)].concat();
        top = store.put_dag_pb([links, bytes(1, &data)].concat());
    }
    assert_eq!(store.read_file(&top).unwrap().0, b"");
}

#[test]
fn positions_do_not_overflow() {
    let position = FilePosition {
        offset: i64::MAX as u64 - 5,
        size: None,
        depth: 1,
    };
    let child = FileChild {
        cid: child(),
        offset: 6,
        size: 1,
    };
    assert_eq!(position.child(&child), Err(DecodeError::FileTooLarge));
}

#[test]
fn shards_with_illegal_fields() {
    let shard = |bitfield: &[u8], hash: Option<u64>, fanout: Option<u64>| {
        let mut data = [number(1, 5), bytes(2, bitfield)].concat();
        data.extend(hash.map(|hash| number(5, hash)).unwrap_or_default());
        data.extend(fanout.map(|fanout| number(6, fanout)).unwrap_or_default());
        check(&bytes(1, &data))
    };
    for fanout in [
        0,
        1,
        4,
        7,
        12,
        255,
        257,
        2048,
        1 << 16,
        1 << 32,
        1 << 63,
        u64::MAX,
    ] {
        let error = DecodeError::Fanout(Some(fanout));
        assert_eq!(shard(b"", Some(MURMUR), Some(fanout)), Err(error));
    }
    assert_eq!(
        shard(b"", Some(MURMUR), None),
        Err(DecodeError::Fanout(None))
    );
    assert_eq!(
        shard(b"", None, Some(256)),
        Err(DecodeError::ShardHash(None))
    );
    assert_eq!(
        shard(b"", Some(0x12), Some(256)),
        Err(DecodeError::ShardHash(Some(0x12)))
    );
    assert_eq!(
        shard(&[0; 33], Some(MURMUR), Some(256)),
        Err(DecodeError::BitfieldTooLong(33))
    );
    assert_eq!(
        shard(&[1, 0], Some(MURMUR), Some(8)),
        Err(DecodeError::BitfieldTooLong(2))
    );
    assert_eq!(
        shard(&[3], Some(MURMUR), Some(256)),
        Err(DecodeError::BucketCount {
            links: 0,
            buckets: 2
        })
    );
    for fanout in [8, 16, 32, 64, 128, 256, 512, 1024] {
        assert!(shard(b"", Some(MURMUR), Some(fanout)).is_ok());
    }
}

#[test]
fn shards_whose_links_do_not_fit_their_buckets() {
    let shard = |names: &[&[u8]]| {
        // Buckets 1 and 10.
        let links: Vec<_> = names.iter().map(|name| link(&child(), name, 1)).collect();
        check(&[links.concat(), shard_data(&[4, 2], 256)].concat())
    };
    assert!(shard(&[b"01a", b"0Ab"]).is_ok());
    assert!(shard(&[b"01", b"0Ab"]).is_ok());
    let too_few = DecodeError::BucketCount {
        links: 1,
        buckets: 2,
    };
    assert_eq!(shard(&[b"01a"]), Err(too_few));
    let too_many = DecodeError::BucketCount {
        links: 3,
        buckets: 2,
    };
    assert_eq!(shard(&[b"01a", b"01b", b"0Ab"]), Err(too_many));
    for names in [
        [&b"0Ab"[..], b"01a"],
        [b"01a", b"0ab"],
        [b"01a", b"Ab"],
        [b"01a", b""],
        [b"1a", b"Ab"],
    ] {
        assert_eq!(shard(&names), Err(DecodeError::BucketPrefix));
    }
}

#[test]
fn names_outside_of_their_bucket() {
    // "470.txt" hashes to 00 6e 88…
    let at = |bucket: u8, fanout: u64| {
        let mut bitfield = [0; 32];
        bitfield[31 - usize::from(bucket) / 8] = 1 << (bucket % 8);
        let width = if fanout > 256 { 3 } else { 2 };
        let name = format!("{bucket:0width$X}470.txt");
        let block = [
            link(&child(), name.as_bytes(), 1),
            shard_data(&bitfield, fanout),
        ]
        .concat();
        match check(&block).unwrap() {
            Node::Shard(node) => node,
            other => panic!("{other:?}"),
        }
    };
    let root = ShardPath::root(&at(0, 256));
    assert_eq!(root.check(&at(0, 256)), Ok(()));
    assert_eq!(root.check(&at(1, 256)), Err(DecodeError::WrongBucket));
    assert_eq!(root.child(0).unwrap().check(&at(0x6e, 256)), Ok(()));
    assert_eq!(
        root.child(0)
            .unwrap()
            .child(0x6e)
            .unwrap()
            .check(&at(0x88, 256)),
        Ok(())
    );
    assert_eq!(
        root.child(1).unwrap().check(&at(0x6e, 256)),
        Err(DecodeError::WrongBucket)
    );
    assert_eq!(root.check(&at(0, 512)), Err(DecodeError::FanoutChanged));
}

#[test]
fn deep_tries_end() {
    for (fanout, levels) in [(8, 21), (256, 8), (1024, 6)] {
        let Ok(Node::Shard(node)) = check(&shard_data(b"", fanout)) else {
            panic!()
        };
        let mut path = ShardPath::root(&node);
        for _ in 1..levels {
            path = path.child(0).unwrap();
        }
        assert_eq!(path.child(0), Err(DecodeError::ShardTooDeep));
    }
}

#[test]
fn repeating_tries_end() {
    // 256^7 ways lead through these shards, and none to an entry.
    let mut store = Store::default();
    let mut top = store.put_dag_pb(shard_data(b"", 256));
    assert!(store.list(&top).unwrap().is_empty());
    for _ in 0..7 {
        let links = (0..256).map(|bucket| link(&top, format!("{bucket:02X}").as_bytes(), 1));
        let links = links.collect::<Vec<_>>().concat();
        top = store.put_dag_pb([links, shard_data(&[0xff; 32], 256)].concat());
    }
    assert_eq!(store.list(&top), Err(DecodeError::EmptyShard));
}

#[test]
fn directories_with_odd_names() {
    let [a, b] = [b"a", b"b"].map(|content| Profile::V1_2025.leaf(content).cid);
    let names: [&[u8]; 4] = [b"../x", b"", b"\xff\0", b"/"];
    let mut links: Vec<_> = names.iter().map(|name| link(&a, name, 1)).collect();
    links.extend([link(&a, b"twice", 1), link(&b, b"twice", 2)]);
    let block = [links.concat(), bytes(1, &number(1, 1))].concat();
    let Ok(Node::Directory(node)) = check(&block) else {
        panic!()
    };
    // The names come through as they are; of two the first wins.
    let found: Vec<_> = node.entries.iter().map(|entry| &entry.name[..]).collect();
    assert_eq!(found, [&names[..], &[b"twice"]].concat());
    assert_eq!(node.get(b"twice").map(|entry| entry.cid), Some(a));
}

#[test]
fn data_may_be_missing_but_not_meaningless() {
    let links = link(&child(), b"a", 1);
    for block in [
        links.clone(),
        [&links[..], &bytes(1, b"")].concat(),
        Vec::new(),
    ] {
        let Ok(Node::Directory(node)) = check(&block) else {
            panic!()
        };
        assert_eq!(node.entries.len(), usize::from(!block.is_empty()));
    }
    let data = |data: &[u8]| check(&bytes(1, data));
    assert_eq!(data(&number(3, 1)), Err(DataError::NoType.into()));
    assert_eq!(data(&number(1, 3)), Err(DataError::UnknownType(3).into()));
    assert_eq!(data(&number(1, 77)), Err(DataError::UnknownType(77).into()));
    assert_eq!(data(&bytes(1, b"")), Err(DataError::WireType(1).into()));
    let symlink = [links, bytes(1, &[number(1, 4), bytes(2, b"x")].concat())].concat();
    assert_eq!(check(&symlink), Err(DecodeError::SymlinkWithLinks));
}

#[test]
fn times_out_of_range() {
    let time = |time: &[u8]| check(&bytes(1, &[number(1, 1), bytes(8, time)].concat()));
    let nanos = |nanos: u32| [&number(1, 5)[..], &[0x15], &nanos.to_le_bytes()].concat();
    let Ok(Node::Directory(node)) = time(&nanos(999_999_999)) else {
        panic!()
    };
    assert_eq!(
        node.meta.mtime.map(|time| (time.seconds, time.nanos)),
        Some((5, 999_999_999))
    );
    for malformed in [
        nanos(0),
        nanos(1_000_000_000),
        Vec::new(),
        bytes(1, b""),
        number(2, 5),
    ] {
        assert_eq!(
            time(&malformed),
            Err(DataError::Mtime.into()),
            "{malformed:?}"
        );
    }
}

#[test]
fn blocks_that_are_not_protobuf() {
    let proto = |block: &[u8]| match check(block) {
        Err(DecodeError::DagPb(error)) => error,
        other => panic!("{other:?}"),
    };
    let truncated = DagPbError::Proto(ProtoError::Truncated);
    let overflow = DagPbError::Proto(ProtoError::Overflow);
    assert_eq!(proto(b"\x0a"), truncated);
    assert_eq!(proto(b"\x0a\x05abc"), truncated);
    // A length of 2^63, one of 2^64 - 1, one of 2^64, and one that never ends.
    assert_eq!(
        proto(b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
        truncated
    );
    assert_eq!(
        proto(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        truncated
    );
    assert_eq!(
        proto(b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"),
        overflow
    );
    assert_eq!(proto(&[0xff; 100]), overflow);
    assert_eq!(proto(b"\x0b"), DagPbError::Proto(ProtoError::WireType(3)));
    assert_eq!(proto(&number(1, 1)), DagPbError::Field(1));
    assert_eq!(proto(&bytes(3, b"")), DagPbError::Field(3));
    assert_eq!(proto(&bytes(2, b"")), DagPbError::NoHash);
    // Data twice, and data between links.
    let data = bytes(1, b"");
    let link = link(&child(), b"", 1);
    assert_eq!(proto(&[&data[..], &data].concat()), DagPbError::Field(1));
    assert_eq!(
        proto(&[&link[..], &data, &link].concat()),
        DagPbError::Field(2)
    );
    // In a link: the name before the hash, and the hash twice.
    let hash = bytes(1, &child().to_bytes());
    assert_eq!(
        proto(&bytes(2, &[bytes(2, b""), hash.clone()].concat())),
        DagPbError::Field(1)
    );
    assert_eq!(
        proto(&bytes(2, &[hash.clone(), hash].concat())),
        DagPbError::Field(1)
    );
}

#[test]
fn more_links_than_a_block_of_real_ones_can_hold() {
    let tiny = link(&Cid::new_v1(RAW, cid::hash(0, b"").unwrap()), b"", 0);
    assert!(check(&tiny.repeat(65_536)).is_ok());
    assert_eq!(
        check(&tiny.repeat(65_537)),
        Err(DagPbError::TooManyLinks.into())
    );
    let sizes = [number(1, 2), bytes(4, &vec![0; 65_537])].concat();
    assert_eq!(
        check(&bytes(1, &sizes)),
        Err(DataError::TooManyBlockSizes.into())
    );
    let large = vec![0; 2 * 1024 * 1024 + 1];
    assert_eq!(check(&large), Err(DecodeError::BlockTooLarge(large.len())));
}

#[test]
fn links_that_are_no_cids() {
    let with = |hash: &[u8]| check(&bytes(2, &bytes(1, hash)));
    assert!(with(&child().to_bytes()).is_ok());
    for hash in [
        &b""[..],
        b"\x01\x55",
        b"\x12\x20abc",
        &[0xff; 40],
        &[&child().to_bytes()[..], b"x"].concat(),
    ] {
        assert!(matches!(with(hash), Err(DecodeError::Link(_))), "{hash:?}");
    }
}

#[test]
fn other_codecs_are_not_read() {
    let cid = Cid::new_v1(0x71, *child().hash());
    assert_eq!(decode(&cid, b""), Err(DecodeError::UnknownCodec(0x71)));
}

fn check(block: &[u8]) -> Result<Node, DecodeError> {
    let digest = cid::hash(SHA2_256, block).unwrap();
    decode(&Cid::new_v1(DAG_PB, digest), block)
}

fn child() -> Cid {
    Profile::V1_2025.leaf(b"x").cid
}

fn link(cid: &Cid, name: &[u8], tsize: u64) -> Vec<u8> {
    bytes(
        2,
        &[bytes(1, &cid.to_bytes()), bytes(2, name), number(3, tsize)].concat(),
    )
}

fn shard_data(bitfield: &[u8], fanout: u64) -> Vec<u8> {
    bytes(
        1,
        &[
            number(1, 5),
            bytes(2, bitfield),
            number(5, MURMUR),
            number(6, fanout),
        ]
        .concat(),
    )
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [
        &varint(field << 3 | 2)[..],
        &varint(content.len() as u64),
        content,
    ]
    .concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(value: u64) -> Vec<u8> {
    unsigned_varint::encode::u64(value, &mut unsigned_varint::encode::u64_buffer()).to_vec()
}
