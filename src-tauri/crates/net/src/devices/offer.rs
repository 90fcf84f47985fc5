//! `/shoal/offer/1`: one CBOR question and one answer a stream. Whoever offers asks; the other side
//! never begins.
//!
//! | question | |
//! |---|---|
//! | `{"offer": {"mark": number, "note": text, "items": [{"cid": text, "name": text, "size": number, "count": number}]}}` | will you have this? |
//! | `{"state": {"mark": number}}` | what became of it? |
//!
//! Both are answered by where the offer stands, [`Stands`]: `"waiting"`, `{"taking": thousandths}`,
//! `"has"`, `"declined"`, `"busy"` (later), `"unknown"`, `"refused"` (never). An offer is known by the
//! `mark` that its sender gave it: said twice it is one. It holds no paths.

use std::time::Duration;

use libp2p::request_response::{self, ProtocolSupport, cbor};
use libp2p::{PeerId, StreamProtocol};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use unixfs::cid::{self, Cid};

use super::Card;
use crate::limits::{
    MAX_NOTE_CHARS, MAX_OFFER_ANSWER_BYTES, MAX_OFFER_BYTES, MAX_OFFERED, MAX_OFFERED_NAME,
};

const OFFER: StreamProtocol = StreamProtocol::new("/shoal/offer/1");
/// What is asked is looked up, and kept on a disk that may be busy.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Of one connection.
const MAX_STREAMS: usize = 4;

pub(crate) type Offering = cbor::Behaviour<Said, Stands>;

pub(crate) fn offering() -> Offering {
    let config = request_response::Config::default()
        .with_request_timeout(ANSWER_TIMEOUT)
        .with_max_concurrent_streams(MAX_STREAMS);
    let codec = cbor::codec::Codec::default()
        .set_request_size_maximum(MAX_OFFER_BYTES)
        .set_response_size_maximum(MAX_OFFER_ANSWER_BYTES);
    Offering::with_codec(codec, [(OFFER, ProtocolSupport::Full)], config)
}

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    Offer(Offer),
    /// What became of the offer with that mark?
    State(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Chosen by whoever offers.
    pub mark: u64,
    /// Text of any lines; no more than [`MAX_NOTE_CHARS`].
    pub note: String,
    /// At most [`MAX_OFFERED`]; none: the note is all.
    pub items: Vec<Offered>,
}

/// Something that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub cid: Cid,
    /// One name, not a path. It may be no name that a disk can hold.
    pub name: String,
    /// Bytes, as its sender says.
    pub size: u64,
    /// Files in it, as its sender says.
    pub count: u64,
}

/// Where an offer stands with whom it was made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stands {
    /// The person has not decided.
    Waiting,
    /// It is being fetched: so many thousandths are there.
    Taking(u16),
    Has,
    Declined,
    /// There is no room for it now.
    Busy,
    Unknown,
    /// It is no offer, or one that is not taken from this device.
    Refused,
}

/// A question that another device asks.
#[derive(Debug)]
pub struct Asked {
    pub peer: PeerId,
    /// As it calls itself, if it said so.
    pub card: Option<Card>,
    pub question: Question,
    /// Nothing is said where this is dropped.
    pub reply: oneshot::Sender<Stands>,
}

/// A question as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said {
    Offer {
        mark: u64,
        #[serde(default)]
        note: String,
        #[serde(default)]
        items: Vec<Item>,
    },
    State {
        mark: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    cid: String,
    name: String,
    size: u64,
    count: u64,
}

impl Said {
    /// `None`: it is no question that we would ask.
    pub(crate) fn read(self) -> Option<Question> {
        let (mark, note, items) = match self {
            Self::State { mark } => return Some(Question::State(mark)),
            Self::Offer { mark, note, items } => (mark, note, items),
        };
        let is_fit = note.chars().count() <= MAX_NOTE_CHARS && items.len() <= MAX_OFFERED;
        let is_something = !items.is_empty() || !note.trim().is_empty();
        let items = items.into_iter().map(Item::read).collect::<Option<_>>()?;
        (is_fit && is_something).then(|| {
            Question::Offer(Offer {
                mark,
                note: readable(&note),
                items,
            })
        })
    }
}

impl Item {
    fn read(self) -> Option<Offered> {
        let is_path = matches!(&*self.name, "" | "." | "..") || self.name.contains(['/', '\0']);
        if is_path || self.name.len() > MAX_OFFERED_NAME {
            return None;
        }
        Some(Offered {
            cid: cid::parse(&self.cid).ok()?,
            name: self.name,
            size: self.size,
            count: self.count,
        })
    }
}

/// Without control characters, but for the ends of lines.
fn readable(note: &str) -> String {
    let is_readable = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    note.chars().filter(is_readable).collect()
}

impl From<Question> for Said {
    fn from(question: Question) -> Self {
        match question {
            Question::State(mark) => Self::State { mark },
            Question::Offer(Offer { mark, note, items }) => {
                let item = |item: Offered| Item {
                    cid: item.cid.to_string(),
                    name: item.name,
                    size: item.size,
                    count: item.count,
                };
                Self::Offer {
                    mark,
                    note,
                    items: items.into_iter().map(item).collect(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use libp2p::request_response::Codec as _;
    use proptest::prelude::*;

    use super::*;

    const CID: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    fn item(name: &str) -> Item {
        Item {
            cid: CID.to_owned(),
            name: name.to_owned(),
            size: 11,
            count: 1,
        }
    }

    fn offer(note: &str, items: Vec<Item>) -> Said {
        Said::Offer {
            mark: 7,
            note: note.to_owned(),
            items,
        }
    }

    #[test]
    fn what_is_asked_and_answered_is_what_the_table_says() {
        let (mut codec, protocol) = (cbor::codec::Codec::<Said, Stands>::default(), OFFER);
        let mut check = |said: Said, bytes: &[u8]| {
            let mut written = Vec::new();
            let write = codec.write_request(&protocol, &mut written, said.clone());
            write.now_or_never().unwrap().unwrap();
            assert_eq!(written, bytes, "{}", String::from_utf8_lossy(&written));
            let read = codec.read_request(&protocol, &mut &*written).now_or_never();
            assert_eq!(read.unwrap().unwrap(), said);
        };
        check(Said::State { mark: 7 }, b"\xa1\x65state\xa1\x64mark\x07");
        let text = offer("hi", Vec::new());
        check(
            text,
            b"\xa1\x65offer\xa3\x64mark\x07\x64note\x62hi\x65items\x80",
        );
        let start = b"\xa1\x65offer\xa3\x64mark\x07\x64note\x60\x65items\x81\xa4\x63cid\x78\x3b";
        let end = b"\x64name\x61a\x64size\x0b\x65count\x01";
        let file = offer("", vec![item("a")]);
        check(file, &[&start[..], CID.as_bytes(), &end[..]].concat());
        for (stands, bytes) in [
            (Stands::Waiting, &b"\x67waiting"[..]),
            (Stands::Taking(400), b"\xa1\x66taking\x19\x01\x90"),
            (Stands::Has, b"\x63has"),
        ] {
            let mut written = Vec::new();
            let write = codec.write_response(&protocol, &mut written, stands);
            write.now_or_never().unwrap().unwrap();
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn an_offer_is_read_as_it_was_made() {
        let question = offer("a\tb\nc\u{1b}[2J\0", vec![item("Grüße?.txt")]).read();
        let offered = Offered {
            cid: cid::parse(CID).unwrap(),
            name: "Grüße?.txt".to_owned(),
            size: 11,
            count: 1,
        };
        let made = Question::Offer(Offer {
            mark: 7,
            note: "a\tb\nc[2J".to_owned(),
            items: vec![offered],
        });
        assert_eq!(question, Some(made.clone()));
        assert_eq!(Said::from(made.clone()).read(), Some(made));
        let state = Question::State(9);
        assert_eq!(Said::from(state.clone()).read(), Some(state));
    }

    #[test]
    fn what_is_too_much_or_nothing_is_no_offer() {
        let note = |length| offer(&"ä".repeat(length), Vec::new()).read();
        assert!(note(MAX_NOTE_CHARS).is_some() && note(MAX_NOTE_CHARS + 1).is_none());
        let many = |count| offer("", vec![item("a"); count]).read();
        assert!(many(MAX_OFFERED).is_some() && many(MAX_OFFERED + 1).is_none());
        assert!(many(0).is_none() && offer(" \n", Vec::new()).read().is_none());
        let no_content = Item {
            cid: "../secret".to_owned(),
            ..item("a")
        };
        assert!(offer("", vec![no_content]).read().is_none());
    }

    /// As CVE-2025-27142 of LocalSend, CVE-2026-32116 of Magic Wormhole and GHSA-ppjh-xp5v-46wc of
    /// croc: what was sent chose where it went.
    #[test]
    fn a_name_that_leads_elsewhere_is_no_offer() {
        for name in [
            "..",
            ".",
            "",
            "/etc/passwd",
            "../.ssh/authorized_keys",
            "a/b",
            "a\0b",
        ] {
            assert_eq!(offer("", vec![item(name)]).read(), None, "{name:?}");
        }
        let long = "a".repeat(MAX_OFFERED_NAME + 1);
        assert_eq!(offer("", vec![item(&long)]).read(), None);
    }

    proptest! {
        #[test]
        fn whatever_is_made_of_an_offer_is_bounded_or_refused(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let (mut codec, protocol) = (cbor::codec::Codec::<Said, Stands>::default(), OFFER);
            let mut bytes = Vec::new();
            let whole = offer("a note", vec![item("a"), item("b")]);
            let write = codec.write_request(&protocol, &mut bytes, whole);
            write.now_or_never().unwrap().unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
            let read = codec.read_request(&protocol, &mut &*bytes).now_or_never();
            let Ok(Some(Question::Offer(offer))) = read.unwrap().map(Said::read) else {
                return Ok(());
            };
            prop_assert!(offer.note.chars().count() <= MAX_NOTE_CHARS);
            prop_assert!(offer.items.len() <= MAX_OFFERED);
            for item in offer.items {
                let is_name = !item.name.is_empty() && item.name != "..";
                prop_assert!(is_name && !item.name.contains(['/', '\0']), "{:?}", item.name);
            }
        }
    }
}
