//! Links: every form in which a person may hold one, and the form that we give out.
//!
//! Read: a CID, `/ipfs/CID/path`, `ipfs:CID`, `ipfs://CID/path?filename=NAME&provider=MULTIADDR`,
//! and gateway URLs with the CID in the path or in the host. Written:
//! `ipfs://CID?filename=…&provider=…`, which other programs read too: a parameter that they don't
//! know is one that they ignore (IPIP-504 proposes `provider`).

use std::fmt;
use std::str::FromStr;

use libp2p::Multiaddr;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use unixfs::cid::{self, Cid, CidError};
use url::form_urlencoded;

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

/// What a link says: which content, and where it may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub cid: Cid,
    /// Names to follow from `cid`, outermost first.
    pub path: Vec<String>,
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
    #[error("{text:?} is not a content address (CID): {source}")]
    BadCid { text: String, source: CidError },
    #[error("names (IPNS) can't be opened: {0:?}")]
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
            filename: None,
            providers: Vec::new(),
        }
    }

    /// The name that the item gets: what the sender calls it, else the last name of the path, else
    /// the CID.
    pub fn name(&self) -> String {
        let named = self.filename.as_ref().or(self.path.last());
        named.cloned().unwrap_or_else(|| self.cid.to_string())
    }

    /// The same for people without Shoal.
    pub fn at_gateway(&self) -> String {
        self.to_string().replacen("ipfs:/", GATEWAY, 1)
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LinkError::Empty);
        }
        if text.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        if lower.starts_with("ipns:") || lower.starts_with("/ipns/") {
            return Err(LinkError::Name(text.to_owned()));
        }
        if lower.starts_with("https://") || lower.starts_with("http://") {
            return gateway(text);
        }
        if lower.starts_with("ipfs:") {
            return uri(text["ipfs:".len()..].trim_start_matches('/'));
        }
        // A path as other programs print it: nothing in it is escaped, and it has no parameters.
        let bare = text
            .strip_prefix("/ipfs/")
            .or_else(|| text.strip_prefix("ipfs/"))
            .unwrap_or(text);
        if bare.contains('?') {
            return uri(bare);
        }
        let (cid, path) = bare.split_once('/').unwrap_or((bare, ""));
        let segments = path.split('/').map(str::to_owned);
        Ok(Self {
            path: clean(segments)?,
            ..Self::to(content(cid)?)
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ipfs://{}", self.cid)?;
        for name in &self.path {
            write!(f, "/{}", utf8_percent_encode(name, SEGMENT))?;
        }
        let names = self.filename.iter().map(|name| ("filename", name.clone()));
        let providers = self
            .providers
            .iter()
            .map(|address| ("provider", address.to_string()));
        for (at, (key, value)) in names.chain(providers).enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", utf8_percent_encode(&value, ESCAPED))?;
        }
        Ok(())
    }
}

/// `CID/path?filename=&provider=`, escaped as in any URI.
fn uri(text: &str) -> Result<Link, LinkError> {
    let text = text.split('#').next().unwrap_or(text);
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let place = place.strip_prefix("ipfs/").unwrap_or(place);
    let (cid, path) = place.split_once('/').unwrap_or((place, ""));
    let mut link = Link {
        path: clean(path.split('/').map(decoded))?,
        ..Link::to(content(cid)?)
    };
    parameters(
        &mut link,
        form_urlencoded::parse(plus_is_plus(query).as_bytes()),
    );
    Ok(link)
}

/// `https://gateway/ipfs/CID/path` or `https://CID.ipfs.gateway/path`.
fn gateway(text: &str) -> Result<Link, LinkError> {
    let missing = || LinkError::NoCid(text.to_owned());
    let url = url::Url::parse(text).map_err(|_| missing())?;
    let mut segments = url.path().split('/').skip(1);
    let host = url.host_str().unwrap_or_default();
    let cid = match host.split_once('.') {
        Some((cid, rest)) if rest.starts_with("ipfs.") => content(cid)?,
        Some((_, rest)) if rest.starts_with("ipns.") => {
            return Err(LinkError::Name(text.to_owned()));
        }
        _ => match segments.next() {
            Some("ipfs") => content(segments.next().ok_or_else(missing)?)?,
            Some("ipns") => return Err(LinkError::Name(text.to_owned())),
            _ => return Err(missing()),
        },
    };
    let mut link = Link {
        path: clean(segments.map(decoded))?,
        ..Link::to(cid)
    };
    let query = plus_is_plus(url.query().unwrap_or_default());
    parameters(&mut link, form_urlencoded::parse(query.as_bytes()));
    Ok(link)
}

/// What we don't understand in a link's parameters is ignored: the content address alone decides
/// what is fetched.
fn parameters(link: &mut Link, pairs: form_urlencoded::Parse<'_>) {
    for (key, value) in pairs {
        match &*key {
            "filename" if !value.is_empty() => link.filename = Some(value.into_owned()),
            "provider" if link.providers.len() < MAX_LINK_PROVIDERS => {
                link.providers.extend(value.parse::<Multiaddr>());
            }
            _ => {}
        }
    }
}

/// Forms write a blank as a plus, links write it as `%20`: a plus in a link is a plus.
fn plus_is_plus(query: &str) -> String {
    query.replace('+', "%2B")
}

fn content(text: &str) -> Result<Cid, LinkError> {
    let bad = |source| LinkError::BadCid {
        text: shortened(text),
        source,
    };
    if text.is_empty() {
        return Err(LinkError::NoCid(shortened(text)));
    }
    let cid = cid::parse(text).map_err(bad)?;
    cid::acceptable(&cid).map_err(bad)?;
    Ok(cid)
}

/// Enough of what was typed to recognise it in a sentence.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Empty names and `.` lead nowhere and go; `..` is refused, as it would lead out.
fn clean(segments: impl Iterator<Item = String>) -> Result<Vec<String>, LinkError> {
    let names = segments.filter(|name| !name.is_empty() && name != ".");
    names
        .map(|name| {
            if name == ".." {
                Err(LinkError::Escapes)
            } else {
                Ok(name)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    const V0: &str = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";

    fn check(text: &str, cid: &str, path: &[&str], filename: Option<&str>, providers: usize) {
        let link: Link = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(link.cid.to_string(), cid, "{text}");
        assert_eq!(link.path, path, "{text}");
        assert_eq!(link.filename.as_deref(), filename, "{text}");
        assert_eq!(link.providers.len(), providers, "{text}");
        assert_eq!(link.to_string().parse(), Ok(link), "{text}");
    }

    #[test]
    fn every_form_that_people_have_is_read() {
        check(V1, V1, &[], None, 0);
        check(&format!("  {V0}\n"), V0, &[], None, 0);
        check(
            &format!("/ipfs/{V0}/a b/c%20d"),
            V0,
            &["a b", "c%20d"],
            None,
            0,
        );
        check(&format!("ipfs:{V1}"), V1, &[], None, 0);
        check(&format!("IPFS://{V0}/a%20b"), V0, &["a b"], None, 0);
        check(
            &format!("ipfs://{V1}?filename=a%26b.txt"),
            V1,
            &[],
            Some("a&b.txt"),
            0,
        );
        let hinted = format!(
            "ipfs://{V1}/x?filename=1+1&provider=/ip4/127.0.0.1/tcp/1&provider=nonsense&provider=%2Fip4%2F127.0.0.1%2Fudp%2F1%2Fquic-v1"
        );
        check(&hinted, V1, &["x"], Some("1+1"), 2);
        check(
            &format!("https://ipfs.io/ipfs/{V0}/a%2Fb?filename=n"),
            V0,
            &["a/b"],
            Some("n"),
            0,
        );
        check(
            &format!("http://{V1}.ipfs.localhost:8080/a//./b"),
            V1,
            &["a", "b"],
            None,
            0,
        );
    }

    #[test]
    fn what_is_no_link_says_why() {
        let error = |text: &str| text.parse::<Link>().unwrap_err();
        assert_eq!(error(" "), LinkError::Empty);
        assert!(matches!(error("hello"), LinkError::BadCid { .. }));
        assert!(matches!(error("https://example.org/"), LinkError::NoCid(_)));
        assert!(matches!(error("ipns://docs.ipfs.tech"), LinkError::Name(_)));
        assert!(matches!(
            error(&format!("https://{V1}.ipns.dweb.link/")),
            LinkError::Name(_)
        ));
        assert_eq!(error(&format!("ipfs://{V1}/../../etc")), LinkError::Escapes);
        let outside = format!("https://x.org/ipfs/{V1}/%2e%2e/%2E%2E");
        assert!(matches!(error(&outside), LinkError::NoCid(_)));
        assert_eq!(error(&"x".repeat(MAX_LINK_BYTES + 1)), LinkError::TooLong);
        assert!(matches!(error("é"), LinkError::BadCid { .. }));
    }

    #[test]
    fn a_name_is_suggested() {
        let name = |text: &str| text.parse::<Link>().unwrap().name();
        assert_eq!(name(V1), V1);
        assert_eq!(name(&format!("{V1}/a/b.txt")), "b.txt");
        assert_eq!(name(&format!("{V1}/a/b.txt?filename=c")), "c");
    }
}
