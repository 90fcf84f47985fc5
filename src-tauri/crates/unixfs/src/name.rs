//! Names as text, without losing a byte. Pure.
//!
//! A name on a disk and in a folder's node is bytes; what people read, type and send as JSON is
//! text. A byte that is no part of UTF-8 is written as `�` and its two digits: `caf�E9.txt`. All
//! other names are written as they are, but for a `�` of their own that would be read as such a
//! byte. So two names never look alike, and each leads back to its bytes.

use std::borrow::Cow;

/// Stands before the two digits of a byte that is no part of UTF-8.
const MARK: char = char::REPLACEMENT_CHARACTER;

/// A name as text.
pub fn to_text(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains(MARK) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(name)),
    }
}

fn escaped(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(MARK) {
            let (before, after) = (&rest[..at], &rest[at + MARK.len_utf8()..]);
            text.push_str(before);
            if byte(after).is_some() {
                let mut mark = [0; 4];
                push(&mut text, MARK.encode_utf8(&mut mark).as_bytes());
            } else {
                text.push(MARK);
            }
            rest = after;
        }
        text.push_str(rest);
        push(&mut text, chunk.invalid());
    }
    text
}

fn push(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in bytes {
        text.push(MARK);
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// The bytes of a name in text.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut name = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, after) = (&rest[..at], &rest[at + MARK.len_utf8()..]);
        name.extend_from_slice(before.as_bytes());
        if let Some(byte) = byte(after) {
            name.push(byte);
            rest = &after[2..];
        } else {
            name.extend_from_slice(&rest.as_bytes()[at..at + MARK.len_utf8()]);
            rest = after;
        }
    }
    name.extend_from_slice(rest.as_bytes());
    Cow::Owned(name)
}

/// The byte that the first two digits are. Those below 0x80 are letters by themselves: no slash
/// and no dot comes in this way.
fn byte(text: &str) -> Option<u8> {
    let digits = text.as_bytes().get(..2)?;
    let digit = |at: usize| match digits[at] {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let byte = digit(0)? << 4 | digit(1)?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &[u8], text: &str) {
        assert_eq!(to_text(name), text);
        assert_eq!(*to_bytes(text), *name, "{text}");
    }

    #[test]
    fn names_are_shown_as_they_are_where_they_are_text() {
        check(b"", "");
        check("Ünïcode €.txt".as_bytes(), "Ünïcode €.txt");
        check(b"caf\xe9.txt", "caf\u{fffd}E9.txt");
        check(b"caf\xe8.txt", "caf\u{fffd}E8.txt");
        check(b"\xff\xc3", "\u{fffd}FF\u{fffd}C3");
        check("a\u{fffd}b".as_bytes(), "a\u{fffd}b");
        check(
            "a\u{fffd}E9".as_bytes(),
            "a\u{fffd}EF\u{fffd}BF\u{fffd}BDE9",
        );
        check("\u{fffd}2F".as_bytes(), "\u{fffd}2F");
    }

    proptest! {
        #[test]
        fn every_name_leads_back_to_its_bytes(
            name in prop::collection::vec(prop_oneof![
                any::<u8>(),
                prop::sample::select(b"\xef\xbf\xbdE9/.".to_vec()),
            ], 0..40),
        ) {
            let text = to_text(&name).into_owned();
            prop_assert_eq!(&*to_bytes(&text), &name[..]);
        }
    }
}
