//! From what a person pasted to a link. Pure.
//!
//! Two things are told apart. Where an address stands in a path (`/ipfs/CID/what?.txt`, `CID/50%`),
//! all that follows is names, letter by letter. Where it stands in a URL, names are escaped, `?`
//! begins parameters and `#` ends it; what follows it may belong to the sentence around, so the path
//! is read both ways, and as it stands first. Nothing is ever read so that it could be the name of
//! another file while its own is there.

use std::borrow::Cow;

use libp2p::Multiaddr;
use percent_encoding::{percent_decode, percent_decode_str};
use unixfs::cid::Cid;
use unixfs::name;

use super::address::{certain, content, shortened};
use super::{ENDS, Link, LinkError, MAX_LINK_BYTES, MAX_LINK_PROVIDERS};

/// What people and programs put around a link.
const PAIRS: [(char, char); 17] = [
    ('<', '>'),
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('‘', '’'),
    ('‚', '‘'),
    ('«', '»'),
    ('‹', '›'),
    ('（', '）'),
    ('「', '」'),
    ('【', '】'),
    ('《', '》'),
];

/// Schemes of shared content.
const SCHEMES: [&str; 4] = ["ipfs:", "web+ipfs:", "dweb:", "fs:"];
const WEB: [&str; 3] = ["https://", "http://", "//"];

/// What stands between words, beside white space.
const APART: [char; 10] = ['<', '>', '"', '|', '[', ']', '：', '，', '。', '、'];

/// A link within a link, as `https://gateway/ipfs/?uri=ipfs%3A%2F%2F…`: once, no deeper.
const MAX_DEPTH: u8 = 1;

/// Reads a link, and the text around it.
pub(super) fn link(text: &str) -> Result<Link, LinkError> {
    if text.len() > MAX_LINK_BYTES {
        return Err(LinkError::TooLong);
    }
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if text.is_empty() {
        return Err(LinkError::Empty);
    }
    let found = whole(text, 0).or_else(|error| whole(&joined(text), 0).map_err(|_| error));
    found.or_else(|error| {
        let found = starts(text).find_map(|at| in_prose(&text[at..]));
        found.ok_or_else(|| error.about(text))
    })
}

/// Reads what is a link from its beginning.
fn whole(text: &str, depth: u8) -> Result<Link, LinkError> {
    let text = unwrapped(text);
    let is = |start: &str| has_start(text, start);
    if is("ipns:") || is("web+ipns:") || is("/ipns/") || is("ipns/") {
        return Err(LinkError::Name(shortened(text)));
    }
    if let Some(scheme) = SCHEMES.iter().find(|scheme| is(scheme)) {
        return in_sentence(&text[scheme.len()..], uri);
    }
    if let Some(scheme) = WEB.iter().find(|scheme| is(scheme)) {
        return in_sentence(&text[scheme.len()..], |text| web(text, depth));
    }
    let bare = path(text);
    if !matches!(bare, Err(LinkError::NoCid(_) | LinkError::BadCid { .. })) {
        return bare;
    }
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    // Not every word with a dot is an address on the web.
    let found = if is_host(host) {
        in_sentence(text, |text| web(text, depth))
    } else if has_escaped_slash(text) {
        inner(text, depth)
    } else {
        return bare;
    };
    match found {
        Err(LinkError::WebPage(_)) => bare,
        found => found,
    }
}

/// A link that is escaped, and so part of another.
fn inner(text: &str, depth: u8) -> Result<Link, LinkError> {
    if depth < MAX_DEPTH {
        whole(&percent_decode_str(text).decode_utf8_lossy(), depth + 1)
    } else {
        Err(LinkError::NoCid(shortened(text)))
    }
}

/// Reads a URL that a sentence may go on behind, and that a mail may have broken.
fn in_sentence(
    text: &str,
    read: impl Fn(&str) -> Result<Link, LinkError>,
) -> Result<Link, LinkError> {
    let joined = joined(text.trim_end());
    let mut link = read(&joined)?;
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let shorter = without_end(word);
    if shorter.len() < joined.len()
        && let Ok(other) = read(shorter)
        && other.cid == link.cid
        && other.path != link.path
    {
        link.otherwise = Some(other.path);
    }
    Ok(link)
}

/// Reads what a text begins with: a word, and what a broken line cut off from it.
fn in_prose(text: &str) -> Option<Link> {
    let is_apart = |c: char| c.is_whitespace() || APART.contains(&c);
    let end = |text: &str| text.find(is_apart).unwrap_or(text.len());
    let word = &text[..end(text)];
    let mut broken = word.len();
    while let Some(rest) = text[broken..].strip_prefix(['\n', '\r']) {
        let next = rest.trim_start_matches(is_quoting);
        broken = text.len() - next.len();
        broken += end(next);
    }
    let plain = whole(word, 0).ok();
    let Ok(mut link) = whole(&text[..broken], 0) else {
        return plain;
    };
    if let Some(plain) = plain.filter(|plain| plain.cid == link.cid && plain.path != link.path) {
        link.otherwise = Some(plain.path);
    }
    Some(link)
}

/// Where in a text a link may begin: at a word, and at a scheme within one.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let mut before = ' ';
    text.char_indices().filter_map(move |(at, c)| {
        let is_new = before.is_whitespace() || APART.contains(&before) || before == '(';
        let is_word = is_new && !c.is_whitespace() && !APART.contains(&c);
        let is_scheme = || {
            let mut schemes = SCHEMES.iter().chain(&WEB[..2]);
            !before.is_ascii_alphanumeric() && schemes.any(|scheme| has_start(&text[at..], scheme))
        };
        let found = is_word || is_scheme();
        before = c;
        found.then_some(at)
    })
}

/// A path as other programs print it: nothing in it is escaped. Before the address other names may
/// stand, as in `/gateway/ipfs/CID`.
fn path(text: &str) -> Result<Link, LinkError> {
    let (place, marked) = match place_of(text) {
        Some(place) => (place, true),
        None => (text, false),
    };
    let (cid, rest) = address(place, marked)?;
    if let Some(query) = rest.strip_prefix('?') {
        let mut link = Link::to(cid);
        parameters(&mut link, query);
        return Ok(link);
    }
    if !rest.starts_with('/') {
        return Ok(Link::to(cid));
    }
    let names = |path: &str| clean(path.split('/').map(str::to_owned));
    let path = names(rest)?;
    // A name with a line break, or a blank at its end, is rarer than one that was pasted so.
    let joined = joined(rest.trim_end());
    let otherwise = if *joined == *rest {
        None
    } else {
        Some(names(&joined)?)
    };
    Ok(Link {
        path,
        otherwise,
        ..Link::to(cid)
    })
}

/// What follows the last name before the address.
fn place_of(text: &str) -> Option<&str> {
    if has_start(text, "ipfs/") {
        return Some(&text["ipfs/".len()..]);
    }
    if !text.starts_with('/') {
        return None;
    }
    let mark = |place: &&str| {
        let word = place.split('/').next().unwrap_or_default();
        content(word, true).is_ok()
    };
    let lower = text.to_ascii_lowercase();
    let mut places = lower
        .match_indices("/ipfs/")
        .map(|(at, found)| &text[at + found.len()..]);
    places.clone().find(mark).or_else(|| places.next())
}

/// What follows a scheme: `CID/path?filename=&provider=`, escaped as in any URI.
fn uri(text: &str) -> Result<Link, LinkError> {
    let mut place = text.trim_start_matches('/');
    if has_start(place, "ipns/") {
        return Err(LinkError::Name(shortened(place)));
    }
    while has_start(place, "ipfs/") {
        place = place["ipfs/".len()..].trim_start_matches('/');
    }
    let (cid, rest) = address(place, true)?;
    inside(cid, rest)
}

/// What follows the CID in a URL.
fn inside(cid: Cid, rest: &str) -> Result<Link, LinkError> {
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut link = Link::to(cid);
    if path.starts_with('/') {
        link.path = clean(path.split('/').map(decoded))?;
    }
    parameters(&mut link, query);
    Ok(link)
}

/// What follows `https://`: the CID is in the host, in the path, behind the `#`, or in a parameter.
fn web(text: &str, depth: u8) -> Result<Link, LinkError> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (place, query) = before.split_at(before.find('?').unwrap_or(before.len()));
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let mut faults = Vec::new();
    if let Some(found) = of_host(host) {
        match found {
            Ok(cid) => return inside(cid, &format!("{path}{query}")),
            Err(fault) => faults.push(fault),
        }
    }
    for (place, query) in [(path, query), (fragment, "")] {
        match in_path(place) {
            Some(Ok((cid, rest))) => return inside(cid, &format!("{rest}{query}")),
            Some(Err(fault)) => faults.push(fault),
            None => {}
        }
    }
    let pairs = query.trim_start_matches('?').split('&');
    for value in pairs.filter_map(|pair| pair.split_once('=').map(|(_, value)| value)) {
        match inner(value, depth) {
            Ok(link) => return Ok(link),
            Err(fault @ LinkError::Name(_)) if value.contains("ipns") => faults.push(fault),
            Err(_) => {}
        }
    }
    let none = LinkError::WebPage(shortened(text));
    Err(faults.into_iter().next().unwrap_or(none))
}

/// `CID.ipfs.gateway`; nothing where the host names none.
fn of_host(host: &str) -> Option<Result<Cid, LinkError>> {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let labels: Vec<&str> = host.split('.').collect();
    let mut kinds = labels.iter().enumerate().skip(1);
    let (at, kind) = kinds.find(|(_, label)| {
        label.eq_ignore_ascii_case("ipfs") || label.eq_ignore_ascii_case("ipns")
    })?;
    let label = labels[at - 1];
    if kind.eq_ignore_ascii_case("ipns") {
        return Some(Err(LinkError::Name(shortened(label))));
    }
    match content(label, false) {
        // A word like any other in a host's name.
        Err(LinkError::NoCid(_)) => None,
        found => Some(found),
    }
}

/// The address in a URL's path, and what follows it: behind `/ipfs/`, else any that is certain.
fn in_path(path: &str) -> Option<Result<(Cid, &str), LinkError>> {
    let mut fault = None;
    let mut loose = None;
    let mut before = "";
    let mut rest = path.trim_start_matches(['!', '?']);
    while !rest.is_empty() {
        let own = rest.trim_start_matches('/');
        let name = own.split(['/', '?']).next().unwrap_or_default();
        if before.eq_ignore_ascii_case("ipns") && !name.is_empty() {
            return Some(Err(LinkError::Name(shortened(name))));
        }
        let is_marked = before.eq_ignore_ascii_case("ipfs");
        if is_marked && !name.is_empty() {
            match address(own, true) {
                Ok(found) => return Some(Ok(found)),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        if loose.is_none()
            && let Some(found) = certain(without_end(name))
        {
            loose = Some(found.map(|cid| (cid, &own[name.len()..])));
        }
        before = name;
        rest = &own[name.len()..];
        if rest.starts_with('?') {
            break;
        }
    }
    loose.or(fault.map(Err))
}

/// The CID that a text begins with, and what follows it: a slash, a question mark, or nothing that
/// matters.
fn address(text: &str, marked: bool) -> Result<(Cid, &str), LinkError> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let whole = content(word, marked);
    if whole.is_ok() {
        return whole.map(|cid| (cid, rest));
    }
    // The sentence around the link goes on behind it.
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    let end = word.find(|c| !is_letter(c)).unwrap_or(word.len());
    let (letters, after) = word.split_at(end);
    let is_end = |c: char| ENDS.contains(&c) || PAIRS.iter().any(|(_, close)| *close == c);
    let prose = after.trim_start_matches(|c| is_end(c) || is_invisible(c));
    if !after.is_empty() && (prose.is_empty() || prose.starts_with(char::is_whitespace)) {
        let rest = if prose.is_empty() { rest } else { "" };
        return content(letters, marked).map(|cid| (cid, rest));
    }
    whole.map(|cid| (cid, rest))
}

/// What we don't understand in a link's parameters is ignored: the content address alone decides
/// what is fetched. Forms write a blank as a plus, links write it as `%20`: a plus in a link is a
/// plus.
fn parameters(link: &mut Link, query: &str) {
    let query = query.split('#').next().unwrap_or_default();
    let query = without_end(query);
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value);
        match key {
            "filename" if !value.is_empty() => link.filename = Some(value),
            "provider" if link.providers.len() < MAX_LINK_PROVIDERS => {
                link.providers.extend(value.parse::<Multiaddr>());
            }
            _ => {}
        }
    }
}

/// A name out of a URL.
fn decoded(segment: &str) -> String {
    let segment = name::to_bytes(segment);
    let bytes: Cow<'_, [u8]> = percent_decode(&segment).into();
    name::to_text(&bytes).into_owned()
}

/// Empty names and `.` lead nowhere and go; `..` leads back, and not out.
fn clean(segments: impl Iterator<Item = String>) -> Result<Vec<String>, LinkError> {
    let mut names = Vec::new();
    for name in segments {
        match &*name {
            "" | "." => {}
            ".." => {
                names.pop().ok_or(LinkError::Escapes)?;
            }
            _ => names.push(name),
        }
    }
    Ok(names)
}

/// Without what stands around it. Where only its beginning is left, that goes too.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim_start_matches(['*', '_']);
    while let Some(first) = text.chars().next()
        && let Some((_, close)) = PAIRS.iter().find(|(open, _)| *open == first)
    {
        let inside = &text[first.len_utf8()..];
        let is_end = |c: char| c.is_whitespace() || (ENDS.contains(&c) && c != *close);
        let ended = inside.trim_end_matches(is_end).strip_suffix(*close);
        text = ended.unwrap_or(inside).trim_start();
    }
    text
}

/// Without what ends a sentence, or closes a bracket that the link did not open.
fn without_end(text: &str) -> &str {
    let mut text = text;
    while let Some(last) = text.chars().next_back() {
        let opener = PAIRS.iter().find(|(_, close)| *close == last);
        let is_end = ENDS.contains(&last)
            || opener.is_some_and(|(open, close)| {
                let count = |sign: char| text.chars().filter(|c| *c == sign).count();
                open == close || count(*open) < count(*close)
            });
        if !is_end {
            break;
        }
        text = &text[..text.len() - last.len_utf8()];
    }
    text
}

/// Without the line breaks of a mail, with the indentation and the marks of what is quoted, and
/// without letters that nobody sees. A line that begins another link stays apart.
fn joined(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c == '\n' || c == '\r' || is_invisible(c)) {
        return Cow::Borrowed(text);
    }
    let mut lines = text.split(['\n', '\r']);
    let mut whole = lines.next().unwrap_or_default().trim_end().to_owned();
    for line in lines {
        let own = line.trim_start_matches(is_quoting);
        let mut others = SCHEMES.iter().chain(&WEB).chain(&["/ipfs/"]);
        if others.any(|start| has_start(own, start)) {
            break;
        }
        whole.push_str(own.trim_end());
    }
    Cow::Owned(whole.replace(is_invisible, ""))
}

fn is_quoting(c: char) -> bool {
    c.is_whitespace() || c == '>'
}

fn has_escaped_slash(text: &str) -> bool {
    text.contains("%2F") || text.contains("%2f")
}

/// A host and its port, by the look of it.
fn is_host(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    let is_name = name.eq_ignore_ascii_case("localhost")
        || name.starts_with('[')
        || (name.contains('.') && !name.starts_with('.'));
    let is_written =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    is_name && name.chars().all(is_written) && port.bytes().all(|b| b.is_ascii_digit())
}

fn has_start(text: &str, start: &str) -> bool {
    let head = text.as_bytes().get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// Letters that chats and web pages put in for the breaking of lines and the direction of writing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
