//! Which CIDs are let in, and which blocks match them.

use unixfs::cid::{
    self, BLAKE3, Base, Cid, CidError, DAG_PB, IDENTITY, Multihash, RAW, SHA2_256, SHA2_512,
};

const EMPTY_RAW: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

#[test]
fn every_known_hash_is_verified_also_when_cut_short() {
    for code in [SHA2_256, SHA2_512, BLAKE3] {
        let whole = cid::hash(code, b"abc").unwrap();
        for length in 20..=whole.size() {
            let hash = Multihash::wrap(code, &whole.digest()[..length.into()]).unwrap();
            let cid = Cid::new_v1(RAW, hash);
            assert_eq!(cid::verify(&cid, b"abc"), Ok(()));
            assert_eq!(cid::verify(&cid, b"abd"), Err(CidError::Mismatch));
        }
        let short = Multihash::wrap(code, &whole.digest()[..19]).unwrap();
        let error = CidError::DigestLength { code, bytes: 19 };
        assert_eq!(cid::verify(&Cid::new_v1(RAW, short), b"abc"), Err(error));
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
    check(RAW, 0x11, 20, Err(CidError::UnknownHash(0x11)));
    check(RAW, IDENTITY, 0, Ok(()));
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
    for code in [SHA2_256, SHA2_512, BLAKE3] {
        let cid = Cid::new_v1(DAG_PB, cid::hash(code, b"").unwrap());
        assert_eq!(cid::implied_block(&cid).as_deref(), Some(&b""[..]));
    }
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
