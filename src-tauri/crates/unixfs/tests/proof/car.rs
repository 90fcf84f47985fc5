//! CARs: there and back, and what damaged ones get.

use std::io::{Cursor, Read, Seek, SeekFrom};

use proptest::prelude::*;
use unixfs::cid::{self, Cid, RAW, SHA2_256};
use unixfs::{Block, CarError, CarReader, CarWriter};

#[test]
fn the_bytes_are_those_of_the_specification() {
    let block = raw(b"hi");
    let car = car(&[block.cid], std::slice::from_ref(&block));
    let cid = block.cid.to_bytes();
    let expected = [
        &b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"[..],
        &cid,
        b"\x67version\x01",
        b"\x26",
        &cid,
        b"hi",
    ]
    .concat();
    assert_eq!(car, expected);
}

proptest! {
    #[test]
    fn a_car_reads_as_it_was_written(
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        roots in 0..30_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let blocks: Vec<_> = contents.iter().map(|content| raw(content)).collect();
        let roots: Vec<_> = blocks.iter().cycle().take(roots.min(blocks.len() * 3)).map(|block| block.cid).collect();
        let whole = car(&roots, &blocks);
        let (read_roots, read_blocks) = read(&whole).unwrap();
        prop_assert_eq!(&read_roots, &roots);
        prop_assert_eq!(&read_blocks, &blocks);
        prop_assert_eq!(&read_from(OneByte(Cursor::new(&whole))).unwrap().1, &blocks);

        let with_index = version_2(&whole, 7, b"an index");
        prop_assert_eq!(&read(&with_index).unwrap().1, &blocks);

        // Cut anywhere: an error, or the blocks up to there; never a wrong one.
        let cut = cut.index(whole.len());
        if let Ok((_, some)) = read(&whole[..cut]) {
            prop_assert!(blocks.starts_with(&some));
        }
        let cut_inside = version_2(&whole, 7, b"")[..51 + 7 + cut].to_vec();
        prop_assert!(read(&cut_inside).is_err());
    }

    #[test]
    fn a_flipped_bit_is_never_a_wrong_block(
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let blocks = [raw(b"one"), raw(b"two"), raw(b"three")];
        let mut damaged = car(&[blocks[0].cid], &blocks);
        let byte = byte.index(damaged.len());
        damaged[byte] ^= 1 << bit;
        let Ok(mut reader) = CarReader::new(Cursor::new(&damaged)) else { return Ok(()) };
        while let Ok(Some(section)) = reader.next_section() {
            if let Ok(block) = reader.block_at(section.at) {
                prop_assert!(cid::verify(&block.cid, &block.data).is_ok());
            }
        }
    }
}

#[test]
fn a_block_that_does_not_match_is_the_only_one_refused() {
    let blocks = [raw(b"one"), raw(b"two"), raw(b"three")];
    let mut damaged = car(&[], &blocks);
    let second = damaged.len() - 6 - 37;
    damaged[second] ^= 1;
    let mut reader = CarReader::new(Cursor::new(&damaged)).unwrap();
    let mut at = Vec::new();
    while let Some(section) = reader.next_section().unwrap() {
        at.push(section.at);
    }
    assert!(matches!(
        reader.block_at(at[1]),
        Err(CarError::Block { .. })
    ));
    assert_eq!(reader.block_at(at[2]).unwrap(), blocks[2]);
    assert_eq!(reader.block_at(at[0]).unwrap(), blocks[0]);
    assert!(reader.next_section().unwrap().is_none());
}

/// Another codec, a hash that nobody knows, a digest longer than any that can be held, a block longer than any: all are passed by.
#[test]
fn what_is_of_another_kind_is_told_from_damage() {
    let [one, two] = [raw(b"one"), raw(b"two")];
    let mut mixed = car(&[], std::slice::from_ref(&one));
    let mut foreign = |cid: &[u8], length: usize| {
        let mut size = [0; 10];
        let bytes = (cid.len() + length) as u64;
        mixed.extend_from_slice(unsigned_varint::encode::u64(bytes, &mut size));
        mixed.extend_from_slice(cid);
        mixed.resize(mixed.len() + length, 7);
    };
    foreign(&[&[1, 0x71, 0x12, 32][..], &[9; 32]].concat(), 5);
    foreign(&[&[1, 0x55, 0xd5, 0x01, 16][..], &[9; 16]].concat(), 3);
    foreign(&[&[1, 0x55, 0x00, 0xc8, 0x01][..], &[9; 200]].concat(), 0);
    foreign(&one.cid.to_bytes(), 3_000_000);
    mixed.extend_from_slice(&car(&[], std::slice::from_ref(&two))[car(&[], &[]).len()..]);
    let mut reader = CarReader::new(Cursor::new(&mixed)).unwrap();
    let mut sections = Vec::new();
    while let Some(section) = reader.next_section().unwrap() {
        sections.push(section);
    }
    let fit = |cid: &Cid| cid::acceptable(cid).is_ok();
    let cids: Vec<_> = sections
        .iter()
        .map(|section| section.cid.filter(fit))
        .collect();
    assert_eq!(
        cids,
        [
            Some(one.cid),
            None,
            None,
            None,
            Some(one.cid),
            Some(two.cid)
        ]
    );
    let kept: Vec<_> = sections
        .iter()
        .map(|section| section.cid.is_some())
        .collect();
    assert_eq!(kept, [true, true, true, false, true, true]);
    assert!(reader.block_at(sections[1].at).is_err());
    assert!(matches!(
        reader.block_at(sections[4].at),
        Err(CarError::TooLarge { .. })
    ));
    assert_eq!(reader.block_at(sections[5].at).unwrap(), two);
    // What is no CID at all is damage.
    for cid in [
        &b"\x02\x55\x12\x20"[..],
        b"\x01\x55",
        b"\x01\x55\x12\x20\x01",
    ] {
        let mut damaged = car(&[], &[]);
        damaged.push(u8::try_from(cid.len()).unwrap());
        damaged.extend_from_slice(cid);
        assert!(matches!(read(&damaged), Err(CarError::Block { .. })));
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_read() {
    let header = car(&[], &[]);
    let section = |length: &[u8]| read(&[&header, length].concat()).unwrap_err();
    // 2^62 bytes; ten bytes that say 2^64 and more; not canonical; nothing.
    assert!(matches!(
        section(b"\x80\x80\x80\x80\x80\x80\x80\x80\x40"),
        CarError::Truncated { .. }
    ));
    assert!(matches!(section(&[0xff; 12]), CarError::Malformed { .. }));
    let dropped_bits = b"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02";
    assert!(matches!(section(dropped_bits), CarError::Malformed { .. }));
    assert!(matches!(section(b"\x81\x00"), CarError::Malformed { .. }));
    // Zeros to the end are padding.
    assert!(matches!(section(b"\0\0\x01"), CarError::Malformed { .. }));
    assert!(read(&[&header, &[0; 9][..]].concat()).is_ok());
    assert!(matches!(
        section(b"\xa8\x81\x80\x01"),
        CarError::Truncated { .. }
    ));
    assert!(matches!(
        read(b"\xff\xff\xff\x7f"),
        Err(CarError::TooLarge { .. })
    ));
}

#[test]
fn headers_are_taken_in_one_form_only() {
    let root = [&b"\xd8\x2a\x58\x25\x00"[..], &raw(b"").cid.to_bytes()].concat();
    let check = |header: &[&[u8]], good: bool| {
        let header = header.concat();
        let mut car = vec![u8::try_from(header.len()).unwrap()];
        car.extend_from_slice(&header);
        assert_eq!(
            CarReader::new(Cursor::new(&car)).is_ok(),
            good,
            "{header:x?}"
        );
    };
    check(&[b"\xa2\x65roots\x80\x67version\x01"], true);
    check(&[b"\xa2\x67version\x01\x65roots\x80"], true);
    check(&[b"\xa2\x65roots\x81", &root, b"\x67version\x01"], true);
    check(&[b"\xa2\x65roots\x82", &root, b"\x67version\x01"], false);
    check(
        &[b"\xa2\x65roots\x9b\xff\xff\xff\xff\xff\xff\xff\xff", &root],
        false,
    );
    check(
        &[b"\xa2\x65roots\x81\xd8\x2a\x41\x00\x67version\x01"],
        false,
    );
    check(
        &[b"\xa2\x65roots\x81\xd8\x2b", &root[2..], b"\x67version\x01"],
        false,
    );
    check(&[b"\xa2\x65roots\x80\x67version\x18\x01"], false);
    check(&[b"\xa2\x65roots\x80\x67version\x02"], false);
    check(&[b"\xa2\x65roots\x80\x67version\x03"], false);
    check(&[b"\xa1\x67version\x01"], false);
    check(&[b"\xa1\x65roots\x80"], false);
    check(&[b"\xa3\x65roots\x80\x65roots\x80\x67version\x01"], false);
    check(&[b"\xbf\x65roots\x80\x67version\x01\xff"], false);
    check(&[b"\xa2\x65roots\x80\x67version\x01\x00"], false);
    check(&[b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"], false);
    check(&[b"\x80"], false);
}

#[test]
fn a_version_2_header_cannot_send_the_reader_astray() {
    let data = car(&[], &[raw(b"x")]);
    let change = |at: usize, value: u64| {
        let mut car = version_2(&data, 0, b"");
        car[at..at + 8].copy_from_slice(&value.to_le_bytes());
        read(&car).map(|(_, blocks)| blocks.len())
    };
    let (offset, size) = (11 + 16, 11 + 24);
    assert!(matches!(change(offset, 51), Ok(1)));
    assert!(change(offset, 0).is_err());
    assert!(change(offset, 50).is_err());
    assert!(change(offset, 52).is_err());
    assert!(change(offset, u64::MAX).is_err());
    assert!(change(offset, u64::MAX - data.len() as u64).is_err());
    assert!(change(size, 0).is_err());
    assert!(change(size, data.len() as u64 - 1).is_err());
    assert!(change(size, data.len() as u64 + 1).is_err());
    assert!(change(size, u64::MAX).is_err());
}

fn raw(content: &[u8]) -> Block {
    let cid = Cid::new_v1(RAW, cid::hash(SHA2_256, content).unwrap());
    Block {
        cid,
        data: content.to_vec().into(),
    }
}

fn car(roots: &[Cid], blocks: &[Block]) -> Vec<u8> {
    let mut writer = CarWriter::new(Vec::new(), roots).unwrap();
    for block in blocks {
        let (first, second) = block.data.split_at(block.data.len() / 2);
        writer.write(&block.cid, &[first, second]).unwrap();
    }
    writer.finish().unwrap()
}

/// Wraps a CAR into version 2, with padding before the data and an index behind it.
fn version_2(car: &[u8], padding: usize, index: &[u8]) -> Vec<u8> {
    let offset = 51 + padding as u64;
    let size = car.len() as u64;
    let mut out = b"\x0a\xa1\x67version\x02".to_vec();
    out.extend_from_slice(&[0; 16]);
    for field in [offset, size, offset + size] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.resize(out.len() + padding, 0);
    out.extend_from_slice(car);
    out.extend_from_slice(index);
    out
}

fn read(input: &[u8]) -> Result<(Vec<Cid>, Vec<Block>), CarError> {
    read_from(Cursor::new(input))
}

fn read_from(input: impl Read + Seek) -> Result<(Vec<Cid>, Vec<Block>), CarError> {
    let mut reader = CarReader::new(input)?;
    let mut blocks = Vec::new();
    while let Some(section) = reader.next_section()? {
        blocks.push(reader.block_at(section.at)?);
    }
    Ok((reader.roots().to_vec(), blocks))
}

/// Gives a byte at a time, as a slow disk may.
struct OneByte<'a>(Cursor<&'a [u8]>);

impl Read for OneByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

impl Seek for OneByte<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}
