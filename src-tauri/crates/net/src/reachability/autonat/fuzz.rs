//! What servers that test our addresses say, for the fuzzer and the tests.

#![allow(clippy::unwrap_used, reason = "what fails here has broken a promise")]

use futures::FutureExt as _;
use futures::io::Cursor;

use super::*;

/// A message is taken whole or not at all, whatever follows it; only an answer that says so says that we were reached; and a number
/// is the one that stands there.
pub(crate) fn messages(bytes: &[u8]) {
    let answered = read_answer(bytes);
    let whole = bytes
        .split_first()
        .filter(|(len, rest)| rest.len() >= usize::from(**len));
    assert!(answered.is_none() || whole.is_some());
    if let Some((len, rest)) = whole.filter(|(len, _)| usize::from(**len) <= MAX_MESSAGE) {
        let message = &rest[..usize::from(*len)];
        assert_eq!(answered, answer(message).ok());
    }
    if answered == Some(Answer::Reached) {
        let is_200 = |pair: &[u8]| pair[0] == 0xc8 && pair[1] & 0x7f == 1;
        assert!(bytes.windows(2).any(is_200), "nobody said 200");
    }
    let (mut codec, protocol) = (DialBackCodec, DIAL_BACK);
    let mut stream = Cursor::new(bytes);
    let read = codec.read_request(&protocol, &mut stream);
    if let Ok(nonce) = read.now_or_never().unwrap() {
        assert!(bytes.windows(8).any(|bytes| bytes == nonce.to_le_bytes()));
        let said = encode(&DialRequest {
            address: Multiaddr::empty(),
            nonce,
        });
        assert!(said.windows(8).any(|bytes| bytes == nonce.to_le_bytes()));
    }
}

fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let (mut codec, protocol) = (DialRequestCodec, DIAL_REQUEST);
    let mut stream = Cursor::new(bytes);
    let read = codec.read_response(&protocol, &mut stream);
    read.now_or_never().unwrap().ok()
}
