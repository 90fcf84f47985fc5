//! `/shoal/hello/1`: one CBOR map each way, `{"name": text, "kind": "desktop"|"laptop"|"server"}`.
//! What else stands in it is for later versions.
//!
//! Whoever asks says as much as it hears, so that one exchange is enough for both.

use std::time::Duration;

use libp2p::StreamProtocol;
use libp2p::request_response::{self, ProtocolSupport, cbor};
use serde::{Deserialize, Serialize};

use super::card::{Card, Kind};
use crate::limits::MAX_HELLO_BYTES;

pub(crate) const HELLO: StreamProtocol = StreamProtocol::new("/shoal/hello/1");
/// Both sides say what they know already.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Of one connection: one asks, and asks again when its name changes.
const MAX_STREAMS: usize = 2;

pub(crate) type Hellos = cbor::Behaviour<Hello, Hello>;

pub(crate) fn hellos() -> Hellos {
    let config = request_response::Config::default()
        .with_request_timeout(ANSWER_TIMEOUT)
        .with_max_concurrent_streams(MAX_STREAMS);
    let codec = cbor::codec::Codec::default()
        .set_request_size_maximum(MAX_HELLO_BYTES)
        .set_response_size_maximum(MAX_HELLO_BYTES);
    Hellos::with_codec(codec, [(HELLO, ProtocolSupport::Full)], config)
}

/// A card as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    name: String,
    kind: String,
}

impl Hello {
    pub(crate) fn card(&self) -> Card {
        Card::new(&self.name, Kind::of_word(&self.kind))
    }
}

impl From<&Card> for Hello {
    fn from(card: &Card) -> Self {
        Self {
            name: card.name.clone(),
            kind: card.kind.word().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use libp2p::request_response::Codec as _;

    use super::*;

    fn codec() -> cbor::codec::Codec<Hello, Hello> {
        cbor::codec::Codec::default().set_request_size_maximum(MAX_HELLO_BYTES)
    }

    fn read(bytes: &[u8]) -> Option<Hello> {
        let mut io = bytes;
        let read = codec().read_request(&HELLO, &mut io).now_or_never();
        read.unwrap().ok()
    }

    #[test]
    fn a_hello_is_a_small_map_of_texts() {
        let hello = Hello::from(&Card::new("Ben", Kind::Laptop));
        let mut said = Vec::new();
        let (mut codec, protocol) = (codec(), HELLO);
        let write = codec.write_request(&protocol, &mut said, hello.clone());
        write.now_or_never().unwrap().unwrap();
        let bytes = b"\xa2\x64name\x63Ben\x64kind\x66laptop";
        assert_eq!(said, bytes);
        assert_eq!(read(bytes), Some(hello.clone()));
        let of_a_later_version = b"\xa3\x64name\x63Ben\x64kind\x66laptop\x63new\x81\x01";
        assert_eq!(read(of_a_later_version), Some(hello));
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        let long = [
            &b"\xa2\x64kind\x66laptop\x64name\x79\x10\x00"[..],
            &[b'a'; 4096],
        ]
        .concat();
        // As long as it says, in a map that is much longer.
        let deep = [&b"\xa2\x64name"[..], &[0x81; 4000]].concat();
        // It says that it holds more than there is memory.
        let huge = b"\xa2\x64name\x7b\xff\xff\xff\xff\xff\xff\xff\x00";
        for bytes in [
            &long[..],
            &deep,
            huge,
            b"",
            b"\xa1\x64name\x63Ben",
            b"\x63Ben",
            b"\xff",
        ] {
            assert_eq!(read(bytes), None, "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }
}
