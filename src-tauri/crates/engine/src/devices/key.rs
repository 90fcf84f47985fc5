//! A device's key in short: what two people compare, to know that no third one stands between them.

use libp2p::PeerId;
use unixfs::cid;

/// Letters and digits that nobody takes for one another, by eye or ear; five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Of them: 80 bits, so that no key can be made that looks like a given one.
const LENGTH: usize = 16;
/// Letters between two gaps.
const GROUP: usize = 4;

/// `k7rw-3fqa-zn2m-p4ax`: from the SHA-256 of the peer ID.
pub(super) fn fingerprint(peer: &PeerId) -> String {
    let hash = cid::hash(cid::SHA2_256, &peer.to_bytes());
    let digest = hash
        .as_ref()
        .map(cid::Multihash::digest)
        .unwrap_or_default();
    let bit = |at: usize| {
        digest
            .get(at / 8)
            .map_or(0, |byte| byte >> (7 - at % 8) & 1)
    };
    let mut text = String::new();
    for letter in 0..LENGTH {
        if letter > 0 && letter % GROUP == 0 {
            text.push('-');
        }
        let number = (0..5).fold(0, |number, at| number << 1 | bit(letter * 5 + at));
        text.extend(
            LETTERS
                .get(usize::from(number))
                .map(|letter| char::from(*letter)),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_in_short_stays_the_same_and_is_nobody_elses() {
        let peer: PeerId = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8"
            .parse()
            .unwrap();
        assert_eq!(fingerprint(&peer), "dzen-a2h4-jgjw-puyn");
        let keys: HashSet<String> = (0..100).map(|_| fingerprint(&PeerId::random())).collect();
        assert_eq!(keys.len(), 100);
        assert!(keys.iter().all(|key| key.len() == LENGTH + 3));
    }
}
