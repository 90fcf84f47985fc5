//! Which CIDs are let in, and which blocks match them.

use unixfs::cid::{
    self, BLAKE2B_8, BLAKE2B_512, BLAKE2S_8, BLAKE2S_256, BLAKE3, Base, Cid, CidError, DAG_PB,
    DBL_SHA2_256, IDENTITY, KECCAK_224, KECCAK_256, KECCAK_384, KECCAK_512, Multihash, RAW, SHA1,
    SHA2_256, SHA2_512, SHA3_224, SHA3_256, SHA3_384, SHA3_512, SHAKE_256,
};

const EMPTY_RAW: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

/// "abc" under every function, as others compute it; of BLAKE2 the ends of what is allowed and what is used most.
#[test]
fn every_known_hash_is_verified_also_when_cut_short() {
    let digests = [
        (SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            SHA2_256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            SHA2_512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (
            SHA3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        (
            SHA3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            SHA3_256,
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        ),
        (
            SHA3_224,
            "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
        ),
        (
            SHAKE_256,
            "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4",
        ),
        (
            KECCAK_224,
            "c30411768506ebe1c2871b1ee2e87d38df342317300a9b97a95ec6a8",
        ),
        (
            KECCAK_256,
            "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
        ),
        (
            KECCAK_384,
            "f7df1165f033337be098e7d288ad6a2f74409d7a60b49c36642218de161b1f99f8c681e4afaf31a34db29fb763e3c28e",
        ),
        (
            KECCAK_512,
            "18587dc2ea106b9a1563e32b3312421ca164c7f1f07bc922a9c83d77cea3a1e5d0c69910739025372dc14ac9642629379540c17e2a65b19d77aa511a9d00bb96",
        ),
        (
            DBL_SHA2_256,
            "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358",
        ),
        (BLAKE2B_8 + 19, "384264f676f39536840523f284921cdc68b6846b"),
        (
            BLAKE2B_8 + 31,
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        ),
        (
            BLAKE2B_512,
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
        ),
        (BLAKE2S_8 + 19, "5ae3b99be29b01834c3b508521ede60438f8de17"),
        (
            BLAKE2S_256,
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
        ),
        (
            BLAKE3,
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        ),
    ];
    for (code, digest) in digests {
        let whole = cid::hash(code, b"abc").unwrap();
        let hex = Base::Base16Lower.encode(whole.digest());
        assert_eq!(hex, digest, "{code:#x}");
        for length in 20..=whole.size() {
            let hash = Multihash::wrap(code, &whole.digest()[..length.into()]).unwrap();
            let cid = Cid::new_v1(RAW, hash);
            assert_eq!(cid::verify(&cid, b"abc"), Ok(()));
            assert_eq!(cid::verify(&cid, b"abd"), Err(CidError::Mismatch));
        }
        let short = Multihash::wrap(code, &whole.digest()[..19]).unwrap();
        let error = CidError::DigestLength { code, bytes: 19 };
        assert_eq!(cid::verify(&Cid::new_v1(RAW, short), b"abc"), Err(error));
        let empty = Cid::new_v1(DAG_PB, cid::hash(code, b"").unwrap());
        assert_eq!(cid::implied_block(&empty).as_deref(), Some(&b""[..]));
    }
    // BLAKE3 gives digests of any length; the longer one begins with the shorter.
    let mut long = [0; 128];
    blake3::Hasher::new()
        .update(b"abc")
        .finalize_xof()
        .fill(&mut long);
    let cid = Cid::new_v1(RAW, Multihash::wrap(BLAKE3, &long).unwrap());
    assert_eq!(cid::verify(&cid, b"abc"), Ok(()));
}

#[test]
fn what_cannot_be_verified_is_not_acceptable() {
    let digest = [7; 64];
    let check = |codec, code, length: usize, expected: Result<(), CidError>| {
        let hash = Multihash::wrap(code, &digest[..length]).unwrap();
        assert_eq!(cid::acceptable(&Cid::new_v1(codec, hash)), expected);
    };
    check(RAW, SHA2_256, 32, Ok(()));
    check(DAG_PB, SHA2_512, 64, Ok(()));
    check(
        RAW,
        SHA2_256,
        33,
        Err(CidError::DigestLength {
            code: SHA2_256,
            bytes: 33,
        }),
    );
    check(0x71, SHA2_256, 32, Err(CidError::UnknownCodec(0x71)));
    // SHAKE128, MD5, a murmur, and BLAKE2 with digests that are too short to be safe.
    for code in [0x18, 0xd5, 0x22, BLAKE2B_8 + 18, BLAKE2S_8 + 18, u64::MAX] {
        check(RAW, code, 20, Err(CidError::UnknownHash(code)));
    }
    check(RAW, IDENTITY, 0, Ok(()));
}

#[test]
fn what_cannot_be_fetched_is_told_by_its_name() {
    let check = |codec, code, expected: &str| {
        let hash = Multihash::wrap(code, &[7; 20]).unwrap();
        let error = cid::acceptable(&Cid::new_v1(codec, hash)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        RAW,
        0xd5,
        "it uses the hash function md5, which Shoal can't check",
    );
    check(
        RAW,
        BLAKE2B_8,
        "it uses the hash function blake2b-8, which Shoal can't check",
    );
    check(
        0x71,
        SHA2_256,
        "it holds dag-cbor, which is no part of a file or folder",
    );
}

#[test]
fn a_block_over_the_limit_is_refused_before_it_is_hashed() {
    let cid = cid::parse(EMPTY_RAW).unwrap();
    let block = vec![0; 2 * 1024 * 1024 + 1];
    assert_eq!(
        cid::verify(&cid, &block),
        Err(CidError::BlockTooLarge(block.len()))
    );
    assert_eq!(cid::verify(&cid, &block[1..]), Err(CidError::Mismatch));
}

#[test]
fn some_blocks_follow_from_their_cid() {
    let check = |text: &str, expected: Option<&[u8]>| {
        let cid = cid::parse(text).unwrap();
        let block = cid::implied_block(&cid);
        assert_eq!(block.as_deref(), expected, "{text}");
        if let Some(block) = block {
            assert_eq!(cid::verify(&cid, &block), Ok(()));
        }
    };
    check("bafkqaaa", Some(b""));
    check("bafkqabtimvwgy3yk", Some(b"hello\n"));
    check(EMPTY_RAW, Some(b""));
    check(
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        None,
    );
    // A digest of nothing at all is a prefix of every digest, and no proof of anything.
    let cid = Cid::new_v1(RAW, Multihash::wrap(SHA2_256, b"").unwrap());
    assert_eq!(cid::implied_block(&cid), None);
}

#[test]
fn text_is_one_cid_and_nothing_else() {
    let v0 = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH";
    assert_eq!(cid::parse(v0).unwrap().to_string(), v0);
    let v1 = cid::parse(EMPTY_RAW).unwrap();
    for base in [
        Base::Base16Lower,
        Base::Base32Upper,
        Base::Base36Lower,
        Base::Base58Btc,
        Base::Base64Url,
    ] {
        assert_eq!(cid::parse(&v1.to_string_of_base(base).unwrap()), Ok(v1));
    }
    let multibase_v0 = format!("z{v0}");
    let long = "b".repeat(100_000);
    for text in [
        "",
        "Q",
        "é",
        "bafkrei",
        "not a cid",
        &multibase_v0,
        &long,
        &format!("{EMPTY_RAW}a"),
        &format!("/ipfs/{EMPTY_RAW}"),
        &format!(" {EMPTY_RAW}"),
        // 129 bytes of identity
        &format!("f01550081 01{}", "00".repeat(129)).replace(' ', ""),
    ] {
        assert!(
            matches!(cid::parse(text), Err(CidError::Malformed(_))),
            "{text}"
        );
    }
}

#[test]
fn binary_is_one_cid_and_nothing_else() {
    let bytes = cid::parse(EMPTY_RAW).unwrap().to_bytes();
    assert!(cid::from_bytes(&bytes).is_ok());
    assert!(cid::from_bytes(&bytes[..35]).is_err());
    let longer = [&bytes[..], b"x"].concat();
    assert!(cid::from_bytes(&longer).is_err());
    assert_eq!(cid::read_prefix(&longer).unwrap().1, 36);
    let changed = |at: usize, instead: &[u8]| {
        cid::from_bytes(&[&bytes[..at], instead, &bytes[at + 1..]].concat()).map(|cid| cid.codec())
    };
    assert_eq!(changed(1, &[0x70]), Ok(DAG_PB));
    assert!(changed(0, &[0]).is_err());
    assert!(changed(0, &[2]).is_err());
    // A codec of nine bytes, one of ten, one that does not fit into 64 bits, and one that is longer
    // than need be.
    let long = |length: usize, last: u8| [vec![0xff; length - 1], vec![last]].concat();
    assert_eq!(changed(1, &long(9, 0x7f)), Ok((1 << 63) - 1));
    assert!(changed(1, &long(10, 0x01)).is_err());
    assert!(changed(1, &long(10, 0x7f)).is_err());
    assert!(changed(1, &long(11, 0x01)).is_err());
    assert!(changed(1, &[0xd5, 0x00]).is_err());
}
