//! Content addresses in a link: which CID a word is, or what is wrong with it. Pure.

use unixfs::cid::{self, Cid, CidError};

use super::LinkError;

/// Codec of the key behind an IPNS name (multicodec `libp2p-key`).
const KEY: u64 = 0x72;
/// Fewer letters than this are a word, not the beginning of an address.
const RECOGNISABLE: usize = 12;
/// Letters of version 0, which is always as long.
const V0_LETTERS: usize = 46;
/// A digest of fewer bytes may be chance, where nothing says that a word is an address.
const CERTAIN_DIGEST: usize = 20;

/// What a word is that stands where an address belongs; with `marked` something says so.
pub(super) fn content(word: &str, marked: bool) -> Result<Cid, LinkError> {
    let shown = || shortened(word);
    match parse(word) {
        Ok(cid) if cid.codec() == KEY => Err(LinkError::Name(shown())),
        Ok(cid) => cid::acceptable(&cid)
            .map(|()| cid)
            .map_err(|source| LinkError::NotFetchable {
                text: shown(),
                source,
            }),
        Err(source) => Err(fault(word, source, marked)),
    }
}

/// A word that is an address beyond doubt, wherever it stands.
pub(super) fn certain(word: &str) -> Option<Result<Cid, LinkError>> {
    let cid = parse(word).ok()?;
    let digest = cid.hash();
    let long = digest.code() != cid::IDENTITY && digest.digest().len() >= CERTAIN_DIGEST;
    (long || cid.codec() == KEY).then(|| content(word, true))
}

/// In bases without small and large letters, phones make the first letter of a text large.
fn parse(word: &str) -> Result<Cid, CidError> {
    cid::parse(word).or_else(|error| {
        if word.starts_with(['b', 'B', 'k', 'K', 'f', 'F']) && word.is_ascii() {
            cid::parse(&word.to_ascii_lowercase()).map_err(|_| error)
        } else {
            Err(error)
        }
    })
}

fn fault(word: &str, source: CidError, marked: bool) -> LinkError {
    let shown = shortened(word);
    let is_word = |len: usize| word.len() >= len && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let small = word.to_ascii_lowercase();
    if word.is_empty() {
        let nothing = if marked {
            LinkError::CutOff
        } else {
            LinkError::NoCid
        };
        return nothing(shown);
    }
    // The ID of a peer, of which names were made first.
    if small.starts_with("12d3koow") && is_word(RECOGNISABLE) {
        return LinkError::Name(shown);
    }
    // A name of the DNS.
    let labels = || word.split('.');
    if marked && labels().count() > 1 && labels().all(|label| !label.is_empty()) {
        return LinkError::Name(shown);
    }
    let likely = marked
        || (is_word(RECOGNISABLE) && ["qm", "baf"].iter().any(|start| small.starts_with(start)));
    if !likely {
        return LinkError::NoCid(shown);
    }
    let is_small = *word == *small && is_word(V0_LETTERS);
    let v0 = small.starts_with("qm");
    if is_small && (v0 && word.len() == V0_LETTERS || small.starts_with('z')) {
        return LinkError::SmallLetters(shown);
    }
    let short_v0 = v0 && is_base58(word) && word.len() < V0_LETTERS;
    let short_v1 = small.starts_with(['b', 'f']) && is_beginning(&small);
    let short_number = small.starts_with(['z', 'k']) && is_word(1) && word.len() < V0_LETTERS;
    if short_v0 || short_v1 || short_number {
        return LinkError::CutOff(shown);
    }
    LinkError::BadCid {
        text: shown,
        source,
    }
}

fn is_base58(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() && !b"0OIl".contains(&b))
}

/// Whether a word in base 32 or 16 is an address without its end. Cut within a byte, it can't be
/// read before its last letters are gone too.
fn is_beginning(word: &str) -> bool {
    let is_alphabet = |b: u8| match word.as_bytes()[0] {
        b'b' => matches!(b, b'a'..=b'z' | b'2'..=b'7'),
        _ => b.is_ascii_hexdigit(),
    };
    if !word.bytes().all(is_alphabet) {
        return false;
    }
    if word.len() < RECOGNISABLE {
        return true;
    }
    // Whole bytes end at every eighth letter.
    let lengths = (word.len() - 7..=word.len()).rev();
    let mut tried = lengths.map(|len| cid::parse(&word[..len]));
    let told = tried.find(|tried| matches!(tried, Ok(_) | Err(CidError::CutOff)));
    matches!(told, Some(Err(_)))
}

/// Enough of what was typed to recognise it in a sentence.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
