//! CARs: there and back, and what damaged ones get.

use std::io::{Cursor, Read};

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
        let (read_roots, read_blocks) = read(&whole[..]).unwrap();
        prop_assert_eq!(&read_roots, &roots);
        prop_assert_eq!(&read_blocks, &blocks);
        prop_assert_eq!(&read(OneByte(&whole)).unwrap().1, &blocks);

        let with_index = version_2(&whole, 7, b"an index");
        prop_assert_eq!(&read(&with_index[..]).unwrap().1, &blocks);

        // Cut anywhere: an error, or the blocks up to there; never a wrong one.
        let cut = cut.index(whole.len());
        if let Ok((_, some)) = read(&whole[..cut]) {
            prop_assert!(blocks.starts_with(&some));
        }
        let cut_inside = version_2(&whole, 7, b"")[..51 + 7 + cut].to_vec();
        prop_assert!(read(&cut_inside[..]).is_err());
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
        let Ok(reader) = CarReader::new(&damaged[..]) else { return Ok(()) };
        for block in reader.flatten() {
            prop_assert!(cid::verify(&block.cid, &block.data).is_ok());
        }
    }
}

#[test]
fn a_block_that_does_not_match_ends_the_reading() {
    let blocks = [raw(b"one"), raw(b"two"), raw(b"three")];
    let mut damaged = car(&[], &blocks);
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    let mut reader = CarReader::new(&damaged[..]).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), blocks[0]);
    assert_eq!(reader.next().unwrap().unwrap(), blocks[1]);
    assert!(matches!(reader.next(), Some(Err(CarError::Block { .. }))));
    assert!(reader.next().is_none());
}

#[test]
fn lengths_are_bounded_before_anything_is_read() {
    let header = car(&[], &[]);
    let section = |length: &[u8]| read(&[&header, length].concat()[..]).unwrap_err();
    // 2^62 bytes; just over the limit; ten bytes that say 2^64 and more; not canonical; nothing.
    assert!(matches!(
        section(b"\x80\x80\x80\x80\x80\x80\x80\x80\x40"),
        CarError::TooLarge { .. }
    ));
    assert!(matches!(
        section(b"\xa9\x81\x80\x01"),
        CarError::TooLarge { .. }
    ));
    assert!(matches!(section(&[0xff; 12]), CarError::Malformed { .. }));
    let dropped_bits = b"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02";
    assert!(matches!(section(dropped_bits), CarError::Malformed { .. }));
    assert!(matches!(section(b"\x81\x00"), CarError::Malformed { .. }));
    // Zeros to the end are padding.
    assert!(matches!(section(b"\0\0\x01"), CarError::Malformed { .. }));
    assert!(read(&[&header, &[0; 9][..]].concat()[..]).is_ok());
    assert!(matches!(
        section(b"\xa8\x81\x80\x01"),
        CarError::Truncated { .. }
    ));
    assert!(matches!(
        read(&b"\xff\xff\xff\x7f"[..]),
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
        assert_eq!(CarReader::new(&car[..]).is_ok(), good, "{header:x?}");
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
        read(&car[..]).map(|(_, blocks)| blocks.len())
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

fn read(input: impl Read) -> Result<(Vec<Cid>, Vec<Block>), CarError> {
    let reader = CarReader::new(input)?;
    let roots = reader.roots().to_vec();
    Ok((roots, reader.collect::<Result<_, _>>()?))
}

/// Gives a byte at a time, as a slow pipe does.
struct OneByte<'a>(&'a [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        let read = Cursor::new(self.0).read(&mut buffer[..length])?;
        self.0 = &self.0[read..];
        Ok(read)
    }
}
