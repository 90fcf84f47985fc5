//! What a device says of itself. Pure.

use crate::limits::MAX_DEVICE_NAME;

/// A device's name and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// At most [`MAX_DEVICE_NAME`] characters on one line, none of which is a control character.
    /// Empty: it has none.
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Desktop,
    Laptop,
    Server,
    /// Of a kind that this version doesn't know.
    Other,
}

impl Card {
    /// Of any text: it is cut, and control characters are taken out.
    pub fn new(name: &str, kind: Kind) -> Self {
        let clean = name.trim().chars().filter(|char| !char.is_control());
        Self {
            name: clean.take(MAX_DEVICE_NAME).collect(),
            kind,
        }
    }
}

impl Kind {
    /// As it is said to others.
    pub fn word(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Laptop => "laptop",
            Self::Server => "server",
            Self::Other => "other",
        }
    }

    pub fn of_word(word: &str) -> Self {
        let known = [Self::Desktop, Self::Laptop, Self::Server];
        let known = known.into_iter().find(|kind| kind.word() == word);
        known.unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        let name = |text: &str| Card::new(text, Kind::Laptop).name;
        assert_eq!(name(" Ben's laptop\n"), "Ben's laptop");
        assert_eq!(name("a\u{1b}[2J\r\nb\0"), "a[2Jb");
        assert_eq!(name(&"ä".repeat(1000)), "ä".repeat(MAX_DEVICE_NAME));
        assert_eq!(name("\n \t"), "");
    }

    #[test]
    fn a_kind_that_is_not_known_is_another_one() {
        for kind in [Kind::Desktop, Kind::Laptop, Kind::Server, Kind::Other] {
            assert_eq!(Kind::of_word(kind.word()), kind);
        }
        assert_eq!(Kind::of_word("fridge"), Kind::Other);
    }
}
