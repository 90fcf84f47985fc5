//! dag-pb: a block as links and data, and back.
//!
//! What is written is canonical: links before data, and in each link hash, name, size. What is read
//! must be what a strict dag-pb decoder takes: known fields only, each at most once, in that order
//! within a link, the data before or after all links. What the data means is none of this module's
//! business.

use std::ops::Range;

use thiserror::Error;

use crate::limits::MAX_LINKS;
use crate::proto::{self, ProtoError, Reader, Value};

/// Why a block is not dag-pb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DagPbError {
    #[error("{0}")]
    Proto(#[from] ProtoError),
    #[error("field {0} does not belong there")]
    Field(u64),
    #[error("a link has no hash")]
    NoHash,
    #[error("more than {MAX_LINKS} links")]
    TooManyLinks,
}

/// A block taken apart. Nothing is copied: `links` borrow from the block, `data` is a range of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbNode<'a> {
    pub links: Vec<PbLink<'a>>,
    pub data: Option<Range<usize>>,
}

/// One link: the CID's binary form (not yet checked to be one), the name, and the size of all below
/// it as somebody claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PbLink<'a> {
    pub hash: &'a [u8],
    pub name: Option<&'a [u8]>,
    pub tsize: Option<u64>,
}

/// Takes a dag-pb block apart.
pub fn decode(block: &[u8]) -> Result<PbNode<'_>, DagPbError> {
    let mut node = PbNode {
        links: Vec::new(),
        data: None,
    };
    let mut data_came_first = false;
    let mut reader = Reader::new(block, 0..block.len());
    while let Some((field, value)) = reader.field()? {
        match (field, value) {
            (1, Value::Bytes(range)) if node.data.is_none() => {
                data_came_first = node.links.is_empty();
                node.data = Some(range);
            }
            (2, Value::Bytes(range)) if node.data.is_none() || data_came_first => {
                if node.links.len() == MAX_LINKS {
                    return Err(DagPbError::TooManyLinks);
                }
                node.links.push(decode_link(block, range)?);
            }
            (field, _) => return Err(DagPbError::Field(field)),
        }
    }
    Ok(node)
}

fn decode_link(block: &[u8], range: Range<usize>) -> Result<PbLink<'_>, DagPbError> {
    let mut hash = None;
    let mut name = None;
    let mut tsize = None;
    let mut last = 0;
    let mut reader = Reader::new(block, range);
    while let Some((field, value)) = reader.field()? {
        if field <= last {
            return Err(DagPbError::Field(field));
        }
        last = field;
        match (field, value) {
            (1, Value::Bytes(range)) => hash = Some(&block[range]),
            (2, Value::Bytes(range)) => name = Some(&block[range]),
            (3, Value::Varint(value)) => tsize = Some(value),
            (field, _) => return Err(DagPbError::Field(field)),
        }
    }
    Ok(PbLink {
        hash: hash.ok_or(DagPbError::NoHash)?,
        name,
        tsize,
    })
}

/// Puts a block together, link by link.
#[derive(Debug, Default)]
pub struct Encoder {
    block: Vec<u8>,
}

impl Encoder {
    /// Adds a link to a CID in binary form, its name in parts. The name is written even where it is
    /// empty: the published CIDs of files need it.
    pub fn link(&mut self, cid: &[u8], name: &[&[u8]], tsize: u64) {
        let name_len = name.iter().map(|part| part.len()).sum();
        proto::put_bytes_header(
            &mut self.block,
            2,
            link_inner_len(cid.len(), name_len, tsize),
        );
        proto::put_bytes(&mut self.block, 1, cid);
        proto::put_bytes_header(&mut self.block, 2, name_len);
        for part in name {
            self.block.extend_from_slice(part);
        }
        proto::put_number(&mut self.block, 3, tsize);
    }

    /// Adds the data and gives the block.
    pub fn finish(mut self, data: &[u8]) -> Vec<u8> {
        proto::put_bytes(&mut self.block, 1, data);
        self.block
    }
}

/// Bytes that one link adds to a block.
pub(crate) fn link_len(cid_len: usize, name_len: usize, tsize: u64) -> usize {
    proto::bytes_field_len(link_inner_len(cid_len, name_len, tsize))
}

fn link_inner_len(cid_len: usize, name_len: usize, tsize: u64) -> usize {
    proto::bytes_field_len(cid_len)
        + proto::bytes_field_len(name_len)
        + 1
        + proto::varint_len(tsize)
}
