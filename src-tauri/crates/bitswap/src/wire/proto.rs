//! The few parts of Protocol Buffers that Bitswap needs.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::DecodeError;

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

/// A field's content. Fixed-width numbers occur only in fields that we do not know, and are skipped.
#[derive(Debug)]
pub(super) enum Value {
    Number(u64),
    Bytes(Bytes),
    Skipped,
}

/// Reads the fields of one protobuf message, in the order in which they stand.
#[derive(Debug)]
pub(super) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(super) fn new(message: Bytes) -> Self {
        Self { rest: message }
    }

    /// The next field's number and content; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            VARINT => Value::Number(self.varint()?),
            LENGTH => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            FIXED_64 => self.take(8).map(|_| Value::Skipped)?,
            FIXED_32 => self.take(4).map(|_| Value::Skipped)?,
            other => return Err(DecodeError::WireType(other)),
        };
        Ok(Some((key >> 3, value)))
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let (number, length) = varint(&self.rest)?;
        let _ = self.rest.split_to(length);
        Ok(number)
    }

    fn take(&mut self, length: u64) -> Result<Bytes, DecodeError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => Ok(self.rest.split_to(length)),
            _ => Err(DecodeError::Truncated),
        }
    }
}

/// Reads a varint from the front of `bytes`: the number, and how many bytes it took. Lenient like Google's readers: a number
/// may be written longer than needed, bits beyond 64 are lost.
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), DecodeError> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f)
            .checked_shl(7 * u32::try_from(index).unwrap_or(9))
            .unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((number, index + 1));
        }
    }
    Err(if bytes.len() < 10 {
        DecodeError::Truncated
    } else {
        DecodeError::Varint
    })
}

/// Bytes that a varint takes.
pub(super) fn varint_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes of a field of length `length`, with its key (every field of Bitswap has a one-byte key) and length.
pub(super) fn field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low seven bits are what is meant"
)]
pub(super) fn put_varint(out: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        out.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

pub(super) fn put_number(out: &mut BytesMut, field: u8, number: u64) {
    out.put_u8(field << 3);
    put_varint(out, number);
}

/// Key and length of a field whose content follows.
pub(super) fn put_length(out: &mut BytesMut, field: u8, length: usize) {
    out.put_u8(field << 3 | 2);
    put_varint(out, length as u64);
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
            let mut bytes = BytesMut::new();
            put_varint(&mut bytes, number);
            assert_eq!(bytes.len(), varint_len(number));
            assert_eq!(varint(&bytes), Ok((number, bytes.len())));
        }
    }

    #[test]
    fn a_varint_without_an_end_is_refused() {
        assert_eq!(varint(&[]), Err(DecodeError::Truncated));
        assert_eq!(varint(&[0x80; 3]), Err(DecodeError::Truncated));
        assert_eq!(varint(&[0x80; 10]), Err(DecodeError::Varint));
    }
}
