//! The protobuf wire format, as much of it as dag-pb and UnixFS use.
//!
//! A [`Reader`] never copies and never allocates: what it finds are numbers and ranges of the block. Varints may be longer than
//! they need be, as every protobuf reader allows, but not beyond 64 bits.

use std::ops::Range;

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

/// One field's content. `Bytes` is a range of the block that the reader was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Varint(u64),
    Fixed64,
    Bytes(Range<usize>),
    Fixed32(u32),
}

/// Reads the fields of the message that lies at a range of a block.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    block: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// `range` must lie in the block; where it does not, the message is empty.
    pub(crate) fn new(block: &'a [u8], range: Range<usize>) -> Self {
        let block = block.get(..range.end).unwrap_or_default();
        Reader {
            block,
            position: range.start.min(block.len()),
        }
    }

    /// The next field's number and content, `None` at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(u64, Value)>, ProtoError> {
        if self.position == self.block.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Fixed64
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let range = self.take(4)?;
                let bytes = self.block[range].try_into().unwrap_or_default();
                Value::Fixed32(u32::from_le_bytes(bytes))
            }
            other => return Err(ProtoError::WireType(u8::try_from(other).unwrap_or(u8::MAX))),
        };
        Ok(Some((key >> 3, value)))
    }

    /// The next bare varint, `None` at the end: the content of a packed field.
    pub(crate) fn packed(&mut self) -> Result<Option<u64>, ProtoError> {
        if self.position == self.block.len() {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    fn varint(&mut self) -> Result<u64, ProtoError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.block.get(self.position).ok_or(ProtoError::Truncated)?;
            self.position += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ProtoError::Overflow);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtoError::Overflow)
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

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    let mut buffer = unsigned_varint::encode::u64_buffer();
    out.extend_from_slice(unsigned_varint::encode::u64(value, &mut buffer));
}

/// Appends a field with a number in it.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    put_varint(out, value);
}

/// Appends a field with bytes in it.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_bytes_header(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends what stands before a field's bytes.
pub(crate) fn put_bytes_header(out: &mut Vec<u8>, field: u8, length: usize) {
    out.push(field << 3 | 2);
    put_varint(out, length as u64);
}

/// Bytes that the varint takes.
pub(crate) fn varint_len(value: u64) -> usize {
    // 7 bits a byte; zero takes one as well.
    (64 - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes that a field with `length` bytes in it takes, where the field's number is below 16.
pub(crate) fn bytes_field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}
