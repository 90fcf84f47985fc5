//! The published CIDs: every test vector of IPIP-499, and three more that Kubo's third set of
//! parameters gives.
//!
//! Inputs come from the generator of Kubo's own tests: the ChaCha20 keystream whose key is the
//! SHA-256 of a seed.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use sha2::{Digest, Sha256};
use unixfs::{
    Block, Chunker, DirectoryBuilder, FileBuilder, Leaf, Metadata, Mtime, Profile, Root, symlink,
};

#[test]
fn files_in_one_block() {
    let hello = |profile: &Profile| build(profile, &[profile.leaf(b"hello world")]);
    check(
        hello(&Profile::V0_2015),
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
    );
    check(
        hello(&Profile::V1_2025),
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    );
    check(
        hello(&Profile::KUBO_CIDV1),
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    );
}

#[test]
fn files_around_one_chunk() {
    let check = |profile: &Profile, seed: &str, length: u64, cid: &str| {
        check(build(profile, &leaves(profile, seed, length)), cid);
    };
    let v0 = &Profile::V0_2015;
    check(
        v0,
        "chunk-v0-seed",
        262_144,
        "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE",
    );
    check(
        v0,
        "chunk-v0-seed",
        262_145,
        "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ",
    );
    let v1 = &Profile::V1_2025;
    check(
        v1,
        "chunk-v1-seed",
        1_048_576,
        "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta",
    );
    check(
        v1,
        "chunk-v1-seed",
        1_048_577,
        "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64",
    );
    check(
        &Profile::KUBO_CIDV1,
        "chunk-v0-seed",
        262_145,
        "bafybeibyui7o3sbw3yifnewshhrbnuntcehluzvbkwgi5vmtsdobnc2c6y",
    );
}

#[test]
fn files_around_one_full_node() {
    let check = |profile: &Profile, seed: &str, full: &str, one_byte_more: &str| {
        let length = u64::from(profile.chunk_size) * profile.width as u64;
        let leaves = leaves(profile, seed, length + 1);
        let (_, all_but_last) = leaves.split_last().unwrap();
        check(build(profile, all_but_last), full);
        check(build(profile, &leaves), one_byte_more);
    };
    check(
        &Profile::V0_2015,
        "v0-seed",
        "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2",
        "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW",
    );
    // 1 GiB.
    check(
        &Profile::V1_2025,
        "v1-2025-seed",
        "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm",
        "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe",
    );
}

#[test]
fn a_full_node_and_one_byte_with_kubos_third_set() {
    let profile = &Profile::KUBO_CIDV1;
    check(
        build(profile, &leaves(profile, "v0-seed", 174 * 262_144 + 1)),
        "bafybeifr472xiwfk53w5s7bayijk3lq2go6ocqqcfch6ygy5qwza5hkdl4",
    );
}

#[test]
fn directories_around_the_threshold() {
    let check = |profile: &Profile, count: usize, length: usize, last: usize, cid: &str| {
        let seed = format!("hamt-{}", profile.name);
        check(directory(profile, &seed, count, length, last), cid);
    };
    let v0 = &Profile::V0_2015;
    check(
        v0,
        4096,
        30,
        30,
        "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN",
    );
    check(
        v0,
        4033,
        31,
        31,
        "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP",
    );
    let v1 = &Profile::V1_2025;
    check(
        v1,
        4766,
        11,
        21,
        "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4",
    );
    check(
        v1,
        4766,
        11,
        22,
        "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu",
    );
}

#[test]
fn nothing_and_a_symlink() {
    let empty_file = |profile: &Profile| build(profile, &[]);
    check(
        empty_file(&Profile::V0_2015),
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    );
    check(
        empty_file(&Profile::V1_2025),
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    );

    let empty_directory = |profile| {
        DirectoryBuilder::new(profile, Metadata::default())
            .finish(&mut drop)
            .unwrap()
    };
    check(
        empty_directory(&Profile::V0_2015),
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
    );
    check(
        empty_directory(&Profile::V1_2025),
        "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
    );

    // As the specification spells it: a type and the target, no size.
    let link = symlink(&Profile::V1_2025, b"a/b", &Metadata::default());
    assert_eq!(link.data[..], *b"\x0a\x07\x08\x04\x12\x03a/b");
}

#[test]
fn permissions_and_times() {
    // `ipfs add --cid-version=1 --mode=0640 --mtime=1700000000 --mtime-nsecs=5` of a folder that
    // holds a symlink, and of that.
    let meta = Metadata {
        mode: Some(0o640),
        mtime: Some(Mtime {
            seconds: 1_700_000_000,
            nanos: 5,
        }),
    };
    let mtime = b"\x42\x0b\x08\x80\xe2\xcf\xaa\x06\x15\x05\x00\x00\x00";
    let link = symlink(&Profile::V1_2025, b"f", &meta);
    let expected = [&b"\x0a\x12\x08\x04\x12\x01f"[..], mtime].concat();
    assert_eq!(link.data[..], expected);

    let mut directory = DirectoryBuilder::new(&Profile::V1_2025, meta);
    directory.push("l", link.root()).unwrap();
    let mut block = Vec::new();
    let keep = &mut |root: Block| block = root.data.to_vec();
    directory.finish(keep).unwrap();
    let expected = [&b"\x12\x01l\x18\x14\x0a\x12\x08\x01\x38\xa0\x03"[..], mtime].concat();
    assert!(block.ends_with(&expected));
}

fn check(root: Root, cid: &str) {
    assert_eq!(root.cid.to_string(), cid);
}

fn build(profile: &Profile, leaves: &[Leaf]) -> Root {
    let mut builder = FileBuilder::new(profile, Metadata::default());
    for leaf in leaves {
        builder.push(*leaf, &mut drop);
    }
    builder.finish(&mut drop)
}

/// Hashes the chunks of a generated file on two threads.
fn leaves(profile: &Profile, seed: &str, length: u64) -> Vec<Leaf> {
    let chunks: Vec<_> = Chunker::new(profile.chunk_size).chunks(length).collect();
    let hash = |chunks: &[std::ops::Range<u64>]| -> Vec<Leaf> {
        let mut keystream = keystream(seed);
        let mut data = Vec::new();
        let leaf = |chunk: &std::ops::Range<u64>| {
            data.clear();
            data.resize(usize::try_from(chunk.end - chunk.start).unwrap(), 0);
            keystream.seek(chunk.start);
            keystream.apply_keystream(&mut data);
            profile.leaf(&data)
        };
        chunks.iter().map(leaf).collect()
    };
    std::thread::scope(|scope| {
        let (first, second) = chunks.split_at(chunks.len() / 2);
        let first = scope.spawn(|| hash(first));
        let second = hash(second);
        [first.join().unwrap(), second].concat()
    })
}

/// A directory of files that hold "x" each, their names all of one length but the last's.
fn directory(profile: &Profile, seed: &str, count: usize, length: usize, last: usize) -> Root {
    const ALPHABET: &[u8; 39] = b"abcdefghijklmnopqrstuvwxyz01234567890-_";
    let mut keystream = keystream(seed);
    let file = build(profile, &[profile.leaf(b"x")]);
    let mut builder = DirectoryBuilder::new(profile, Metadata::default());
    for index in 1..=count {
        let mut name = vec![0; if index == count { last } else { length }];
        keystream.apply_keystream(&mut name);
        for byte in &mut name {
            *byte = ALPHABET[usize::from(*byte) % ALPHABET.len()];
        }
        builder.push(name, file).unwrap();
    }
    builder.finish(&mut drop).unwrap()
}

fn keystream(seed: &str) -> ChaCha20 {
    ChaCha20::new(&Sha256::digest(seed), &[0; 12].into())
}
