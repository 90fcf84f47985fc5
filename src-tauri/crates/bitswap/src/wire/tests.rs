//! The exact bytes that a peer sees, and what becomes of bytes that no honest peer would send.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use unixfs::cid::{self, DAG_PB, RAW, SHA2_256, Version as CidVersion};
use unixfs::proto;

use super::*;
use crate::limits::{COPIED_BLOCK_BYTES, MAX_BLOCK_BYTES, MAX_WANTLIST};

fn raw_cid(data: &[u8]) -> Cid {
    Cid::new_v1(RAW, cid::hash(SHA2_256, data).unwrap())
}

fn old_cid(data: &[u8]) -> Cid {
    Cid::new(CidVersion::V0, DAG_PB, cid::hash(SHA2_256, data).unwrap()).unwrap()
}

fn want(cid: Cid) -> WantEntry {
    WantEntry {
        cid,
        priority: 1,
        cancel: false,
        want_type: WantType::Block,
        send_dont_have: false,
    }
}

fn joined(message: &Outgoing, version: Version) -> Vec<u8> {
    message.encode(version).concat()
}

/// Takes the length off and decodes the rest.
fn reread(message: &Outgoing, version: Version) -> Message {
    let bytes = Bytes::from(joined(message, version));
    let (length, skip) = proto::varint(&bytes).unwrap();
    assert_eq!(usize::try_from(length).unwrap(), bytes.len() - skip);
    Message::decode(bytes.slice(skip..), version).unwrap()
}

#[test]
fn a_wantlist_in_1_2() {
    let cid = raw_cid(b"a");
    let message = Outgoing {
        wantlist: vec![
            WantEntry {
                want_type: WantType::Have,
                send_dont_have: true,
                ..want(cid)
            },
            WantEntry {
                priority: 0,
                cancel: true,
                ..want(cid)
            },
        ],
        full: true,
        ..Outgoing::default()
    };
    let mut expected = vec![92, 0x0a, 90];
    expected.extend([0x0a, 44, 0x0a, 36]);
    expected.extend(cid.to_bytes());
    expected.extend([0x10, 1, 0x20, 1, 0x28, 1]);
    expected.extend([0x0a, 40, 0x0a, 36]);
    expected.extend(cid.to_bytes());
    expected.extend([0x18, 1]);
    expected.extend([0x10, 1]);
    assert_eq!(joined(&message, Version::V1_2), expected);
}

#[test]
fn old_peers_see_no_want_have_and_no_new_fields() {
    let (a, b) = (raw_cid(b"a"), raw_cid(b"b"));
    let message = Outgoing {
        wantlist: vec![
            WantEntry {
                want_type: WantType::Have,
                ..want(a)
            },
            WantEntry {
                send_dont_have: true,
                ..want(b)
            },
        ],
        presences: vec![(a, Presence::Have)],
        ..Outgoing::default()
    };
    let mut expected = vec![44, 0x0a, 42, 0x0a, 40, 0x0a, 36];
    expected.extend(b.to_bytes());
    expected.extend([0x10, 1]);
    for version in [Version::V1_1, Version::V1_0, Version::Unnumbered] {
        assert_eq!(joined(&message, version), expected);
    }
    let nothing = Outgoing {
        presences: vec![(a, Presence::DontHave)],
        ..Outgoing::default()
    };
    assert!(nothing.encode(Version::V1_1).is_empty());
}

#[test]
fn a_negative_priority_takes_ten_bytes_and_comes_back() {
    let message = Outgoing {
        wantlist: vec![WantEntry {
            priority: -2,
            ..want(raw_cid(b"a"))
        }],
        ..Outgoing::default()
    };
    let bytes = joined(&message, Version::V1_2);
    assert!(bytes.ends_with(&[
        0x10, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
    ]));
    assert_eq!(reread(&message, Version::V1_2).wantlist, message.wantlist);
}

#[test]
fn blocks_have_a_prefix_from_1_1_on() {
    let message = Outgoing {
        blocks: vec![(raw_cid(b"abc"), Bytes::from_static(b"abc"))],
        ..Outgoing::default()
    };
    let expected = [
        13, 0x1a, 11, 0x0a, 4, 1, 0x55, 0x12, 32, 0x12, 3, b'a', b'b', b'c',
    ];
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(joined(&message, version), expected);
        assert_eq!(
            reread(&message, version).blocks[0].cid(),
            Some(raw_cid(b"abc"))
        );
    }
}

#[test]
fn blocks_are_bare_before_1_1_and_stand_for_version_0() {
    let message = Outgoing {
        blocks: vec![(old_cid(b"abc"), Bytes::from_static(b"abc"))],
        ..Outgoing::default()
    };
    for version in [Version::V1_0, Version::Unnumbered] {
        assert_eq!(joined(&message, version), [5, 0x12, 3, b'a', b'b', b'c']);
        assert_eq!(
            reread(&message, version).blocks[0].cid(),
            Some(old_cid(b"abc"))
        );
    }
}

#[test]
fn presences_as_kubo_writes_them() {
    let cid = raw_cid(b"a");
    let message = Outgoing {
        presences: vec![(cid, Presence::Have), (cid, Presence::DontHave)],
        ..Outgoing::default()
    };
    let mut expected = vec![82, 0x22, 38, 0x0a, 36];
    expected.extend(cid.to_bytes());
    expected.extend([0x22, 40, 0x0a, 36]);
    expected.extend(cid.to_bytes());
    expected.extend([0x10, 1]);
    assert_eq!(joined(&message, Version::V1_2), expected);
    assert_eq!(reread(&message, Version::V1_2).presences, message.presences);
}

#[test]
fn a_large_block_is_neither_copied_out_nor_in() {
    let data = Bytes::from(vec![7; COPIED_BLOCK_BYTES + 1]);
    let message = Outgoing {
        blocks: vec![
            (raw_cid(&data), data.clone()),
            (raw_cid(b"s"), Bytes::from_static(b"s")),
        ],
        ..Outgoing::default()
    };
    let segments = message.encode(Version::V1_2);
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[1].as_ptr(), data.as_ptr());

    let body = Bytes::from(segments.concat());
    let (_, skip) = proto::varint(&body).unwrap();
    let message = Message::decode(body.slice(skip..), Version::V1_2).unwrap();
    let range = body.as_ptr_range();
    assert!(range.contains(&message.blocks[0].data.as_ptr()));
}

#[test]
fn a_block_of_the_largest_size_fits_into_a_message() {
    let data = Bytes::from(vec![0; MAX_BLOCK_BYTES]);
    let message = Outgoing {
        blocks: vec![(raw_cid(&data), data)],
        ..Outgoing::default()
    };
    assert!(joined(&message, Version::V1_2).len() < crate::limits::MAX_MESSAGE_BYTES);
    assert_eq!(
        reread(&message, Version::V1_2).blocks[0].data.len(),
        MAX_BLOCK_BYTES
    );

    let data = Bytes::from(vec![0; MAX_BLOCK_BYTES + 1]);
    let message = Outgoing {
        blocks: vec![(raw_cid(&data), data)],
        ..Outgoing::default()
    };
    let body = Bytes::from(joined(&message, Version::V1_2)).slice(4..);
    assert_eq!(
        Message::decode(body, Version::V1_2),
        Err(DecodeError::BlockTooLarge(MAX_BLOCK_BYTES + 1))
    );
}

#[test]
fn wants_beyond_the_limit_are_dropped_but_their_cancels_are_heard() {
    let entries = |cancel| {
        (0..2 * MAX_WANTLIST).map(move |i| WantEntry {
            cancel,
            ..want(raw_cid(&i.to_le_bytes()))
        })
    };
    let message = Outgoing {
        wantlist: entries(false).chain(entries(true)).collect(),
        ..Outgoing::default()
    };
    let message = reread(&message, Version::V1_2);
    let (cancels, wants): (Vec<_>, Vec<_>) = message.wantlist.into_iter().partition(|e| e.cancel);
    assert_eq!(
        (wants.len(), cancels.len()),
        (MAX_WANTLIST, 2 * MAX_WANTLIST)
    );
}

#[test]
fn a_cid_that_is_none_or_too_long_is_left_out() {
    let good = raw_cid(b"a");
    let mut long = vec![1, 0x55, 0x00, 0xa0, 0x01];
    long.extend([0; 160]);
    let mut list = BytesMut::new();
    for cid in [b"nonsense".as_slice(), &long, &good.to_bytes(), b""] {
        proto::put_bytes_header(&mut list, 1, proto::bytes_field_len(cid.len()));
        proto::put_bytes_header(&mut list, 1, cid.len());
        list.extend_from_slice(cid);
    }
    let mut body = BytesMut::new();
    proto::put_bytes_header(&mut body, 1, list.len());
    body.extend_from_slice(&list);
    let message = Message::decode(body.freeze(), Version::V1_2).unwrap();
    assert_eq!(
        message.wantlist,
        [WantEntry {
            priority: 0,
            ..want(good)
        }]
    );
}

#[test]
fn a_block_under_an_unknown_hash_or_an_impossible_length_has_no_cid() {
    let block = |prefix: &[u8]| Block {
        prefix: Prefix::decode(prefix).unwrap(),
        data: Bytes::from_static(b"abc"),
    };
    assert_eq!(block(&[1, 0x55, 0x7f, 32]).cid(), None);
    assert_eq!(block(&[1, 0x55, 0x12, 33]).cid(), None);
    assert_eq!(
        block(&[0, 0x55, 0x12, 32]).cid(),
        None,
        "version 0 is dag-pb only"
    );
    let short = block(&[1, 0x55, 0x12, 20]).cid().unwrap();
    assert_eq!(
        short.hash().digest(),
        &cid::hash(SHA2_256, b"abc").unwrap().digest()[..20]
    );
    assert_eq!(Prefix::decode(&[1, 0x55]), None);
}

#[test]
fn unknown_fields_are_passed_over() {
    // Field 5 (pending bytes), an unknown field of each wire type, then a bare block.
    let body = [
        0x28, 9, 0x78, 1, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 1, 0, 0x7d, 0, 0, 0, 0, 0x12, 1, 7,
    ];
    let message = Message::decode(Bytes::copy_from_slice(&body), Version::V1_0).unwrap();
    assert_eq!(message.blocks.len(), 1);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        seeds in proptest::collection::vec((any::<u64>(), any::<i32>(), any::<[bool; 3]>()), 0..20),
        sizes in proptest::collection::vec(0_usize..40_000, 0..4),
        full in any::<bool>(),
    ) {
        let wantlist = seeds.iter().map(|(seed, priority, [cancel, have, send_dont_have])| WantEntry {
            cid: raw_cid(&seed.to_le_bytes()),
            priority: *priority,
            cancel: *cancel,
            want_type: if *have { WantType::Have } else { WantType::Block },
            send_dont_have: *send_dont_have,
        }).collect::<Vec<_>>();
        let presences = wantlist.iter().map(|e| (e.cid, if e.cancel { Presence::Have } else { Presence::DontHave }));
        let blocks = sizes.iter().map(|n| vec![7; *n]).map(|d| (raw_cid(&d), Bytes::from(d)));
        let message = Outgoing {
            presences: presences.collect(),
            blocks: blocks.collect(),
            wantlist,
            full,
        };
        prop_assume!(!message.encode(Version::V1_2).is_empty());
        let read = reread(&message, Version::V1_2);
        prop_assert_eq!(&read.wantlist, &message.wantlist);
        prop_assert_eq!(read.full, full);
        prop_assert_eq!(&read.presences, &message.presences);
        let blocks = read.blocks.into_iter().map(|b| (b.cid().unwrap(), b.data)).collect::<Vec<_>>();
        prop_assert_eq!(blocks, message.blocks);
    }
}
