//! The protobuf wire format, as much of it as dag-pb, UnixFS, Bitswap and AutoNAT use: the one
//! reader for all of them.
//!
//! A [`Reader`] never copies and never allocates: what it finds are numbers and ranges of the
//! message that it was made from, so that a caller with shared memory slices it without a copy.
//!
//! There is one rule for varints, wherever a message comes from. They may be longer than they need
//! be: writers that learn a length late pad it, and Google's and Go's readers take that. Ten bytes
//! are the end, and bits beyond 64 are refused: readers that drop them (as C++ does) and readers
//! that refuse them (as Go does) would not agree on what was said.

use std::ops::Range;

use bytes::BufMut;
use thiserror::Error;

/// Why bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtoError {
    #[error("the message ends in the middle of a field")]
    Truncated,
    #[error("a number does not fit into 64 bits")]
    Overflow,
    #[error("wire type {0} is not in use")]
    WireType(u8),
}

/// One field's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Varint(u64),
    Fixed64(u64),
    /// A range of the bytes that the reader was made from.
    Bytes(Range<usize>),
    Fixed32(u32),
}

/// Reads the fields of the message that lies at a range of some bytes, in the order in which they
/// stand.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    block: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// `range` must lie in the bytes; where it does not, the message is empty.
    pub fn new(block: &'a [u8], range: Range<usize>) -> Self {
        let block = block.get(..range.end).unwrap_or_default();
        Reader {
            block,
            position: range.start.min(block.len()),
        }
    }

    /// The next field's number and content, `None` at the end. After an error there is nothing more
    /// to read.
    pub fn field(&mut self) -> Result<Option<(u64, Value)>, ProtoError> {
        if self.position == self.block.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            other => return Err(ProtoError::WireType(u8::try_from(other).unwrap_or(u8::MAX))),
        };
        Ok(Some((key >> 3, value)))
    }

    /// The next bare varint, `None` at the end: the content of a packed field.
    pub fn packed(&mut self) -> Result<Option<u64>, ProtoError> {
        if self.position == self.block.len() {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    fn varint(&mut self) -> Result<u64, ProtoError> {
        let (number, length) = varint(&self.block[self.position..])?;
        self.position += length;
        Ok(number)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProtoError> {
        let range = self.take(N as u64)?;
        self.block[range]
            .try_into()
            .map_err(|_| ProtoError::Truncated)
    }

    fn take(&mut self, length: u64) -> Result<Range<usize>, ProtoError> {
        let start = self.position;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .filter(|end| *end <= self.block.len())
            .ok_or(ProtoError::Truncated)?;
        self.position = end;
        Ok(start..end)
    }
}

/// Reads a varint from the front of `bytes`: the number, and how many bytes it took.
pub fn varint(bytes: &[u8]) -> Result<(u64, usize), ProtoError> {
    let mut number = 0;
    for (index, shift) in (0..64).step_by(7).enumerate() {
        let byte = *bytes.get(index).ok_or(ProtoError::Truncated)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(ProtoError::Overflow);
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok((number, index + 1));
        }
    }
    Err(ProtoError::Overflow)
}

/// Appends a varint.
pub fn put_varint(out: &mut impl BufMut, number: u64) {
    let mut buffer = unsigned_varint::encode::u64_buffer();
    out.put_slice(unsigned_varint::encode::u64(number, &mut buffer));
}

/// Appends a field with a number in it. Here and below, the field's own number is below 16.
pub fn put_number(out: &mut impl BufMut, field: u8, number: u64) {
    out.put_u8(field << 3);
    put_varint(out, number);
}

/// Appends a field with a number of fixed width in it.
pub fn put_fixed64(out: &mut impl BufMut, field: u8, number: u64) {
    out.put_u8(field << 3 | 1);
    out.put_u64_le(number);
}

/// Appends a field with bytes in it.
pub fn put_bytes(out: &mut impl BufMut, field: u8, bytes: &[u8]) {
    put_bytes_header(out, field, bytes.len());
    out.put_slice(bytes);
}

/// Appends what stands before a field's bytes.
pub fn put_bytes_header(out: &mut impl BufMut, field: u8, length: usize) {
    out.put_u8(field << 3 | 2);
    put_varint(out, length as u64);
}

/// Bytes that the varint takes.
pub fn varint_len(number: u64) -> usize {
    // 7 bits a byte; zero takes one as well.
    (64 - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes that a field with `length` bytes in it takes.
pub fn bytes_field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_and_say_their_length() {
        for number in [
            0,
            1,
            127,
            128,
            300,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(bytes.len(), varint_len(number));
            assert_eq!(varint(&bytes), Ok((number, bytes.len())));
        }
    }

    #[test]
    fn a_varint_may_be_padded_but_ends_after_64_bits() {
        assert_eq!(varint(&[]), Err(ProtoError::Truncated));
        assert_eq!(varint(&[0x80; 3]), Err(ProtoError::Truncated));
        assert_eq!(varint(&[0x80; 10]), Err(ProtoError::Overflow));
        assert_eq!(varint(&[0x80, 0x80, 0]), Ok((0, 3)));
        let with_tenth = |tenth| [&[0xff; 9][..], &[tenth]].concat();
        assert_eq!(varint(&with_tenth(1)), Ok((u64::MAX, 10)));
        assert_eq!(varint(&with_tenth(2)), Err(ProtoError::Overflow));
        assert_eq!(varint(&with_tenth(0x81)), Err(ProtoError::Overflow));
    }

    #[test]
    fn fields_are_ranges_and_numbers() {
        let message = [
            9, 0x08, 5, 0x11, 1, 2, 0, 0, 0, 0, 0, 0, 0x1a, 2, 7, 7, 0x25, 3, 0, 0, 0,
        ];
        let mut reader = Reader::new(&message, 1..message.len());
        for expected in [
            (1, Value::Varint(5)),
            (2, Value::Fixed64(0x0201)),
            (3, Value::Bytes(14..16)),
            (4, Value::Fixed32(3)),
        ] {
            assert_eq!(reader.field(), Ok(Some(expected)));
        }
        assert_eq!(reader.field(), Ok(None));
        for (bad, error) in [
            (&[0x08][..], ProtoError::Truncated),
            (&[0x11, 1, 2], ProtoError::Truncated),
            (&[0x0a, 2, 1], ProtoError::Truncated),
            (&[0x0b], ProtoError::WireType(3)),
        ] {
            assert_eq!(Reader::new(bad, 0..bad.len()).field(), Err(error));
        }
    }
}
