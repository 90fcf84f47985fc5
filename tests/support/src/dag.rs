//! Blocks made by hand, byte by byte, for what no honest program would send.

use cid::Cid;
use cid::multihash::Multihash;
use sha2::{Digest, Sha256};

const RAW: u64 = 0x55;
const DAG_PB: u64 = 0x70;
const SHA2_256: u64 = 0x12;

#[derive(Clone, Debug)]
pub struct Block {
    pub cid: Cid,
    pub bytes: Vec<u8>,
}

pub fn raw(bytes: &[u8]) -> Block {
    Block {
        cid: cid_of(RAW, bytes),
        bytes: bytes.to_vec(),
    }
}

/// The multihash in a CID that was printed.
pub fn multihash(cid: &str) -> Vec<u8> {
    cid.parse::<Cid>().unwrap().hash().to_bytes()
}

/// A block of another kind of data: `dag-cbor` is 0x71.
pub fn other(codec: u64, bytes: &[u8]) -> Block {
    Block {
        cid: cid_of(codec, bytes),
        bytes: bytes.to_vec(),
    }
}

/// The same bytes under a hash function of which only the name is known here.
pub fn hashed_otherwise(block: &Block, function: u64, digest: &[u8]) -> Block {
    Block {
        cid: Cid::new_v1(
            block.cid.codec(),
            Multihash::wrap(function, digest).unwrap(),
        ),
        bytes: block.bytes.clone(),
    }
}

/// A directory whose entries have exactly these names, in this order.
pub fn directory(entries: &[(&[u8], &Block)]) -> Block {
    let links: Vec<_> = entries
        .iter()
        .map(|(name, block)| link(name, block))
        .collect();
    // UnixFS type 1: directory.
    node(&links, &[0x08, 0x01])
}

/// A HAMT directory that claims this fan-out, bitfield and prefixed links.
pub fn shard(fanout: u64, bitfield: &[u8], entries: &[(&[u8], &Block)]) -> Block {
    let links: Vec<_> = entries
        .iter()
        .map(|(name, block)| link(name, block))
        .collect();
    // UnixFS type 5, hash function murmur3-x64-64.
    let mut data = vec![0x08, 0x05];
    data.extend(field(2, bitfield));
    data.extend([0x28, 0x22, 0x30]);
    data.extend(varint(fanout));
    node(&links, &data)
}

/// A file that claims these sizes of its children.
pub fn file(children: &[&Block], claimed: &[u64]) -> Block {
    let links: Vec<_> = children.iter().map(|block| link(b"", block)).collect();
    let mut data = vec![0x08, 0x02, 0x18];
    data.extend(varint(claimed.iter().sum()));
    for size in claimed {
        data.push(0x20);
        data.extend(varint(*size));
    }
    node(&links, &data)
}

/// A leaf of a file with this content, and so many bytes in a field that no file needs.
pub fn padded(content: &[u8], padding: usize) -> Block {
    let mut data = vec![0x08, 0x02];
    data.extend(field(2, content));
    data.push(0x18);
    data.extend(varint(content.len() as u64));
    data.extend(field(15, &vec![0; padding]));
    node(&[], &data)
}

/// A symlink to `target`.
pub fn symlink(target: &[u8]) -> Block {
    let mut data = vec![0x08, 0x04];
    data.extend(field(2, target));
    node(&[], &data)
}

/// A CARv1 of these blocks; the first is the root.
pub fn car(blocks: &[&Block]) -> Vec<u8> {
    car_of(&blocks[..1], blocks)
}

/// A CARv1 of these blocks that names these roots, fewer than 24.
pub fn car_of(roots: &[&Block], blocks: &[&Block]) -> Vec<u8> {
    // DAG-CBOR {"roots": [root], "version": 1}; a CID is tag 42 over its bytes after a zero.
    let mut header = vec![0xa2, 0x65];
    header.extend(b"roots");
    header.push(0x80 | u8::try_from(roots.len()).unwrap());
    for root in roots {
        let cid = root.cid.to_bytes();
        let length = u8::try_from(cid.len() + 1).unwrap();
        header.extend([0xd8, 0x2a, 0x58, length, 0x00]);
        header.extend(&cid);
    }
    header.push(0x67);
    header.extend(b"version");
    header.push(0x01);

    let mut car = varint(header.len() as u64);
    car.extend(header);
    for block in blocks {
        let cid = block.cid.to_bytes();
        car.extend(varint((cid.len() + block.bytes.len()) as u64));
        car.extend(cid);
        car.extend(&block.bytes);
    }
    car
}

fn node(links: &[Vec<u8>], unixfs: &[u8]) -> Block {
    let mut bytes = Vec::new();
    for link in links {
        bytes.extend(field(2, link));
    }
    bytes.extend(field(1, unixfs));
    Block {
        cid: cid_of(DAG_PB, &bytes),
        bytes,
    }
}

fn link(name: &[u8], block: &Block) -> Vec<u8> {
    let mut link = field(1, &block.cid.to_bytes());
    link.extend(field(2, name));
    link.push(0x18);
    link.extend(varint(block.bytes.len() as u64));
    link
}

/// A length-delimited protobuf field.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len() as u64));
    field.extend(bytes);
    field
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn cid_of(codec: u64, bytes: &[u8]) -> Cid {
    Cid::new_v1(
        codec,
        Multihash::wrap(SHA2_256, &Sha256::digest(bytes)).unwrap(),
    )
}
