//! Links: every form in which a person may hold one, and the form that we give out.
//!
//! [`read`] takes them apart: for the command line and the window alike, so that both open the same.
//! Written: `ipfs://CID/path?filename=…&provider=…`, which other programs read too: a parameter that
//! they don't know is one that they ignore (IPIP-504 proposes `provider`).

mod address;
mod read;

use std::fmt;
use std::str::FromStr;

use libp2p::Multiaddr;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use unixfs::cid::{Cid, CidError};
use unixfs::name;

use crate::api::BadLink;

/// Bytes of a link. Chats cut longer ones; ours stay under 2 KiB.
const MAX_LINK_BYTES: usize = 16 * 1024;
/// Provider hints read from a link: each is a dial.
pub(crate) const MAX_LINK_PROVIDERS: usize = net::limits::MAX_HINTS;

/// Where people without Shoal get content: a public gateway that keeps each item apart from the
/// others.
const GATEWAY: &str = "https://dweb.link/ipfs";

/// What must be escaped in a path segment or a value so that it survives chats, browsers and
/// shells' copy and paste.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'\\')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'^')
    .add(b'[')
    .add(b']')
    .add(b'(')
    .add(b')')
    .add(b';')
    .add(b'=');

/// In a path segment a slash would start the next one.
const SEGMENT: &AsciiSet = &ESCAPED.add(b'/');

/// What ends a sentence: at the end of a link it may not be the link's.
const ENDS: [char; 14] = [
    '.', ',', ';', ':', '!', '?', '…', '*', '_', '。', '，', '、', '！', '？',
];

/// What a link says: which content, and where it may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub cid: Cid,
    /// Names to follow from `cid`, outermost first, as [`unixfs::name`] writes them.
    pub path: Vec<String>,
    /// What the path is if it is not there as it stands: without the sentence around the link.
    pub otherwise: Option<Vec<String>>,
    /// What the sender calls it. A suggestion: it is checked before it becomes a name on the disk.
    pub filename: Option<String>,
    /// Peers that are said to have it, most useful first.
    pub providers: Vec<Multiaddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("the link is empty")]
    Empty,
    #[error("the link is longer than {MAX_LINK_BYTES} bytes")]
    TooLong,
    #[error("there is no content address (CID) in {0:?}")]
    NoCid(String),
    #[error("{0:?} is an address on the web, and there is no content address (CID) in it")]
    WebPage(String),
    #[error("{text:?} is not a content address (CID): {source}")]
    BadCid { text: String, source: CidError },
    #[error("{text} can't be fetched: {source}")]
    NotFetchable { text: String, source: CidError },
    #[error("the end of the content address (CID) {0:?} is missing")]
    CutOff(String),
    #[error("{0:?} was written in small letters, which makes another content address (CID) of it")]
    SmallLetters(String),
    #[error("{0:?} is a name (IPNS), behind which the content can change: names can't be opened")]
    Name(String),
    #[error("the path in the link leads out of its content")]
    Escapes,
}

impl Link {
    /// A link to content alone.
    pub fn to(cid: Cid) -> Self {
        Self {
            cid,
            path: Vec::new(),
            otherwise: None,
            filename: None,
            providers: Vec::new(),
        }
    }

    /// The name that the item gets: what the sender calls it, else the last name of the path, else
    /// the CID.
    pub fn name(&self) -> String {
        let path = self.otherwise.as_ref().unwrap_or(&self.path);
        let named = self.filename.as_ref().or(path.last());
        named.cloned().unwrap_or_else(|| self.cid.to_string())
    }

    /// The name, where the link has one.
    pub fn own_name(&self) -> Option<String> {
        let unnamed = self.filename.is_none() && self.path.is_empty();
        (!unnamed).then(|| self.name())
    }

    /// The same for people without Shoal.
    pub fn at_gateway(&self) -> String {
        self.to_string().replacen("ipfs:/", GATEWAY, 1)
    }
}

impl LinkError {
    /// Where nothing of the text can be pointed at, all of it is.
    fn about(self, text: &str) -> Self {
        let all = address::shortened(text);
        match self {
            Self::NoCid(part) if part.is_empty() => Self::NoCid(all),
            Self::CutOff(part) if part.is_empty() => Self::CutOff(all),
            Self::WebPage(part) if part.is_empty() => Self::WebPage(all),
            other => other,
        }
    }

    /// The kind of it, for whoever types the link.
    pub fn kind(&self) -> BadLink {
        match self {
            Self::Empty | Self::NoCid(_) => BadLink::NoLink,
            Self::TooLong => BadLink::TooLong,
            Self::WebPage(_) => BadLink::WebPage,
            Self::CutOff(_) => BadLink::CutOff,
            Self::SmallLetters(_) => BadLink::SmallLetters,
            Self::Name(_) => BadLink::Name,
            Self::Escapes => BadLink::Outside,
            Self::NotFetchable { .. } => BadLink::Unknown,
            Self::BadCid { .. } => BadLink::Mistyped,
        }
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        read::link(text)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("ipfs://{}", self.cid);
        let escaped = |text: &str, set| percent_encode(&name::to_bytes(text), set).to_string();
        for name in &self.path {
            text.push('/');
            text.push_str(&escaped(name, SEGMENT));
        }
        let names = self.filename.iter().map(|name| ("filename", name.clone()));
        let providers = self
            .providers
            .iter()
            .map(|address| ("provider", address.to_string()));
        for (at, (key, value)) in names.chain(providers).enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(key);
            text.push('=');
            text.push_str(&escaped(&value, ESCAPED));
        }
        // So that nobody takes the end of a name for the end of a sentence.
        match text.pop() {
            Some(last) if ENDS.contains(&last) => write!(f, "{text}%{:02X}", u32::from(last)),
            Some(last) => write!(f, "{text}{last}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
