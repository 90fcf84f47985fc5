//! CAR files: blocks one after the other, to be carried around without a network. Version 1 is read
//! and written, of version 2 the blocks are read and the index is skipped.
//!
//! Reading goes over the sections without their blocks, and takes single blocks out: one block is in
//! memory at a time, and none comes out that does not match its CID. What a CAR says about itself is
//! believed as far as it costs nothing: the roots are as given, and whether the blocks below them are
//! complete is for the reader of the blocks to find out. The header's CBOR is taken only in the one
//! form that DAG-CBOR allows.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use thiserror::Error;

use crate::cid::{self, Cid, CidError};
use crate::file::Block;
use crate::limits::{MAX_BLOCK_BYTES, MAX_CAR_HEADER_BYTES, MAX_CID_BYTES};

/// Why a CAR cannot be read any further.
#[derive(Debug, Error)]
pub enum CarError {
    #[error("the CAR cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("the CAR ends in the middle, at byte {at}")]
    Truncated { at: u64 },
    #[error("the CAR is damaged at byte {at}: {what}")]
    Malformed { at: u64, what: &'static str },
    #[error("the CAR has version {0}, which is unknown")]
    Version(u64),
    #[error("the CAR has {bytes} bytes in one piece at byte {at}, over the limit of {limit}")]
    TooLarge { at: u64, bytes: u64, limit: usize },
    #[error("the CAR's block at byte {at}: {error}")]
    Block { at: u64, error: CidError },
    #[error("a root of the CAR: {0}")]
    Root(CidError),
}

/// A block as it stands in a CAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Others keep data of other kinds beside files, under any hash. `None`: longer than any that can be
    /// held.
    pub cid: Option<Cid>,
    /// Where it begins, in bytes from the beginning of the CAR.
    pub at: u64,
    /// Bytes before those of the block: its length, and its CID.
    head: u64,
    /// Bytes of the block.
    len: u64,
}

/// Reads a CAR, whose length must not change meanwhile.
#[derive(Debug)]
pub struct CarReader<R> {
    input: Input<R>,
    roots: Vec<Cid>,
    /// Where the next section begins; `None` behind the last.
    next: Option<u64>,
}

impl<R: Read + Seek> CarReader<R> {
    /// Reads the header. The input needs no buffer of its own.
    pub fn new(mut input: R) -> Result<Self, CarError> {
        let length = input.seek(SeekFrom::End(0))?;
        input.rewind()?;
        let mut input = Input {
            reader: BufReader::new(input),
            position: 0,
            end: length,
            length,
        };
        let mut header = input.header()?;
        if header.version == 2 {
            input.skip_to_data()?;
            header = input.header()?;
        }
        match (header.version, header.roots) {
            (1, Some(roots)) => Ok(CarReader {
                next: Some(input.position),
                input,
                roots,
            }),
            (1, None) => Err(CarError::Malformed {
                at: 0,
                what: "the header has no roots",
            }),
            (version, _) => Err(CarError::Version(version)),
        }
    }

    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// The next section; `None` behind the last. After an error there is none.
    pub fn next_section(&mut self) -> Result<Option<Section>, CarError> {
        let Some(at) = self.next.take() else {
            return Ok(None);
        };
        self.input.go_to(at)?;
        if self.input.is_at_end() {
            return Ok(None);
        }
        let Some(section) = self.input.section()? else {
            self.input.check_padding(at)?;
            return Ok(None);
        };
        let end = section.at + section.head + section.len;
        self.input.go_to(end)?;
        self.next = Some(end);
        Ok(Some(section))
    }

    /// The block whose section begins there, as [`CarReader::next_section`] said.
    pub fn block_at(&mut self, at: u64) -> Result<Block, CarError> {
        self.input.go_to(at)?;
        let what = "no block begins there";
        let section = self.input.section()?;
        let section = section.ok_or(CarError::Malformed { at, what })?;
        let in_block = |error| CarError::Block { at, error };
        let cid = section.cid.ok_or(CarError::Malformed { at, what })?;
        let limit = MAX_BLOCK_BYTES;
        let bytes = section.len;
        let length = usize::try_from(bytes)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or(CarError::TooLarge { at, bytes, limit })?;
        self.input.go_to(at + section.head)?;
        let mut data = vec![0; length];
        self.input.read(&mut data)?;
        cid::verify(&cid, &data).map_err(in_block)?;
        let data = data.into();
        Ok(Block { cid, data })
    }
}

/// Writes a CAR of version 1.
#[derive(Debug)]
pub struct CarWriter<W> {
    out: W,
}

impl<W: Write> CarWriter<W> {
    /// Writes the header. The output should be buffered.
    pub fn new(mut out: W, roots: &[Cid]) -> io::Result<Self> {
        write_piece(&mut out, &[&encode_header(roots)])?;
        Ok(CarWriter { out })
    }

    /// Adds a block, which may be given in parts and is trusted to match its CID.
    pub fn write(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        let cid = cid.to_bytes();
        let mut pieces = Vec::with_capacity(1 + parts.len());
        pieces.push(cid.as_slice());
        pieces.extend_from_slice(parts);
        write_piece(&mut self.out, &pieces)
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn write_piece(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut buffer = unsigned_varint::encode::u64_buffer();
    out.write_all(unsigned_varint::encode::u64(length as u64, &mut buffer))?;
    parts.iter().try_for_each(|part| out.write_all(part))
}

/// Bytes, counted, up to the end of the blocks.
#[derive(Debug)]
struct Input<R> {
    reader: BufReader<R>,
    position: u64,
    /// Where the blocks end.
    end: u64,
    /// Where the input ends.
    length: u64,
}

/// Bytes of what stands between the pragma of a version 2 CAR and its data at least:
/// characteristics, offset and size of the data, offset of the index.
const V2_HEADER_BYTES: usize = 40;

impl<R: Read + Seek> Input<R> {
    fn is_at_end(&self) -> bool {
        self.position == self.end
    }

    /// What is read next begins there.
    fn go_to(&mut self, position: u64) -> Result<(), CarError> {
        if position > self.end.min(self.length) {
            return Err(CarError::Truncated { at: self.position });
        }
        // Both are within the input, whose length is that of a file.
        let by = position
            .cast_signed()
            .wrapping_sub(self.position.cast_signed());
        self.reader.seek_relative(by)?;
        self.position = position;
        Ok(())
    }

    /// What stands before a block. `None`: the section has no bytes.
    fn section(&mut self) -> Result<Option<Section>, CarError> {
        let at = self.position;
        let bytes = self.varint()?;
        if bytes == 0 {
            return Ok(None);
        }
        let start = self.position;
        let mut buffer = [0; MAX_CID_BYTES];
        let head = usize::try_from(bytes).map_or(buffer.len(), |bytes| bytes.min(buffer.len()));
        self.read(&mut buffer[..head])?;
        let in_block = |error| CarError::Block { at, error };
        let length = cid::prefix_len(&buffer[..head]).map_err(in_block)?;
        let len = bytes
            .checked_sub(length)
            .ok_or(in_block(CidError::CutOff))?;
        let whole = usize::try_from(length)
            .ok()
            .and_then(|length| buffer[..head].get(..length));
        let cid = whole.and_then(|cid| cid::from_bytes(cid).ok());
        Ok(Some(Section {
            cid,
            at,
            head: start - at + length,
            len,
        }))
    }

    fn header(&mut self) -> Result<Header, CarError> {
        let what = "a header of no bytes";
        let bytes = self.piece(MAX_CAR_HEADER_BYTES)?;
        let bytes = bytes.ok_or(CarError::Malformed { at: 0, what })?;
        let at = self.position - bytes.len() as u64;
        Cbor { bytes: &bytes, at }.header()
    }

    /// What follows is the rest of a version 2 header.
    fn skip_to_data(&mut self) -> Result<(), CarError> {
        let mut fields = [0; V2_HEADER_BYTES];
        self.read(&mut fields)?;
        let field = |index: usize| {
            let bytes = fields[index..].first_chunk().copied().unwrap_or_default();
            u64::from_le_bytes(bytes)
        };
        let (offset, size) = (field(16), field(24));
        let at = self.position;
        let malformed = |what| CarError::Malformed { at, what };
        let padding = offset
            .checked_sub(self.position)
            .ok_or(malformed("the data begin inside of the header"))?;
        let end = offset
            .checked_add(size)
            .ok_or(malformed("the data never end"))?;
        self.go_to(self.position + padding)?;
        self.end = end;
        Ok(())
    }

    /// Behind the last block there may be zeros, and nothing else.
    fn check_padding(&mut self, at: u64) -> Result<(), CarError> {
        let what = "a piece of no bytes";
        let mut byte = [0];
        while !self.is_at_end() {
            self.read(&mut byte)?;
            if byte != [0] {
                return Err(CarError::Malformed { at, what });
            }
        }
        Ok(())
    }

    /// Reads a length and so many bytes; `None` where there are none.
    fn piece(&mut self, limit: usize) -> Result<Option<Vec<u8>>, CarError> {
        let at = self.position;
        let bytes = self.varint()?;
        if bytes == 0 {
            return Ok(None);
        }
        let length = usize::try_from(bytes)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or(CarError::TooLarge { at, bytes, limit })?;
        let mut piece = vec![0; length];
        self.read(&mut piece)?;
        Ok(Some(piece))
    }

    fn varint(&mut self) -> Result<u64, CarError> {
        let at = self.position;
        // Nine bytes are the most that multiformats allow; the decoder would drop the bits of a
        // tenth that do not fit.
        let mut buffer = [0; 9];
        for length in 1..=buffer.len() {
            self.read(&mut buffer[length - 1..length])?;
            if buffer[length - 1] < 0x80 {
                return unsigned_varint::decode::u64(&buffer[..length])
                    .map(|(value, _)| value)
                    .map_err(|_| CarError::Malformed {
                        at,
                        what: "a length is not canonical",
                    });
            }
        }
        let what = "a length is over 63 bits";
        Err(CarError::Malformed { at, what })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), CarError> {
        let truncated = CarError::Truncated { at: self.position };
        let after = self.position.saturating_add(buffer.len() as u64);
        if after > self.end {
            return Err(truncated);
        }
        self.reader
            .read_exact(buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => truncated,
                _ => error.into(),
            })?;
        self.position = after;
        Ok(())
    }
}

struct Header {
    version: u64,
    roots: Option<Vec<Cid>>,
}

/// CBOR's major types, as far as a header has them.
const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// The tag of a CID in DAG-CBOR. The bytes below it begin with a zero.
const CID_TAG: u64 = 42;

/// A header that is being read.
struct Cbor<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Cbor<'a> {
    fn header(mut self) -> Result<Header, CarError> {
        let mut version = None;
        let mut roots = None;
        for _ in 0..self.expect(MAP)? {
            match self.content(TEXT)? {
                b"version" if version.is_none() => version = Some(self.expect(UNSIGNED)?),
                b"roots" if roots.is_none() => roots = Some(self.roots()?),
                _ => return Err(self.malformed("the header has an unknown field")),
            }
        }
        if !self.bytes.is_empty() {
            return Err(self.malformed("the header is longer than its content"));
        }
        match version {
            Some(version) => Ok(Header { version, roots }),
            None => Err(self.malformed("the header has no version")),
        }
    }

    fn roots(&mut self) -> Result<Vec<Cid>, CarError> {
        let mut roots = Vec::new();
        for _ in 0..self.expect(ARRAY)? {
            if self.expect(TAG)? != CID_TAG {
                return Err(self.malformed("a root is not a CID"));
            }
            let Some((0, cid)) = self.content(BYTES)?.split_first() else {
                return Err(self.malformed("a root is not a CID"));
            };
            roots.push(cid::from_bytes(cid).map_err(CarError::Root)?);
        }
        Ok(roots)
    }

    /// The argument of the next item, which must be of that major type and as short as it can be.
    fn expect(&mut self, major: u8) -> Result<u64, CarError> {
        let malformed = self.malformed("the header's CBOR is not what it should be");
        let Some((first, rest)) = self.bytes.split_first() else {
            return Err(malformed);
        };
        if first >> 5 != major {
            return Err(malformed);
        }
        let short = first & 0x1f;
        let width = match short {
            0..=23 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(malformed),
        };
        let Some((long, rest)) = rest.split_at_checked(width) else {
            return Err(malformed);
        };
        self.bytes = rest;
        let value = long
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        let smallest = match width {
            0 => return Ok(short.into()),
            1 => 24,
            width => 1 << (4 * width),
        };
        if value < smallest {
            Err(malformed)
        } else {
            Ok(value)
        }
    }

    fn content(&mut self, major: u8) -> Result<&'a [u8], CarError> {
        let length = usize::try_from(self.expect(major)?).ok();
        let split = length.and_then(|length| self.bytes.split_at_checked(length));
        let Some((content, rest)) = split else {
            return Err(self.malformed("the header ends in the middle"));
        };
        self.bytes = rest;
        Ok(content)
    }

    fn malformed(&self, what: &'static str) -> CarError {
        CarError::Malformed { at: self.at, what }
    }
}

fn encode_header(roots: &[Cid]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, MAP, 2);
    put_content(&mut out, TEXT, b"roots");
    put(&mut out, ARRAY, roots.len() as u64);
    for root in roots {
        put(&mut out, TAG, CID_TAG);
        put_content(
            &mut out,
            BYTES,
            &[&[0], root.to_bytes().as_slice()].concat(),
        );
    }
    put_content(&mut out, TEXT, b"version");
    put(&mut out, UNSIGNED, 1);
    out
}

fn put_content(out: &mut Vec<u8>, major: u8, content: &[u8]) {
    put(out, major, content.len() as u64);
    out.extend_from_slice(content);
}

fn put(out: &mut Vec<u8>, major: u8, value: u64) {
    let bytes = value.to_be_bytes();
    let (code, width) = match value {
        0..=23 => {
            out.push(major << 5 | bytes[7]);
            return;
        }
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | code);
    out.extend_from_slice(&bytes[8 - width..]);
}
