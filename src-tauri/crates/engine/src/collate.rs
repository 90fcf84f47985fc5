//! Names as people compare them: without regard to case, accents, width, or how long a number is
//! written.
//!
//! Pure: it is told names. The list of items and every list of files use this one order, so that a
//! window shows no two.

use std::borrow::Cow;

use icu_normalizer::DecomposingNormalizer;

/// A name without case and accents: `Grüße` and `GRUSSE` are the same.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return name.to_ascii_lowercase().into();
        }
        return name.into();
    }
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(name);
    let mut folded = String::with_capacity(decomposed.len());
    for letter in decomposed.chars().filter(|letter| !is_accent(*letter)) {
        match letter {
            // Letters that have an accent of their own, which doesn't come off.
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'ł' | 'Ł' => folded.push('l'),
            'đ' | 'Đ' => folded.push('d'),
            'ı' => folded.push('i'),
            letter => folded.extend(letter.to_lowercase()),
        }
    }
    folded.into()
}

/// Blocks of combining marks.
fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// What sorts a name as people look for it. Names that only differ in what makes no difference stay
/// apart, by their bytes.
pub(crate) fn order(name: &str) -> String {
    let mut key = sort_key(&folded(name));
    // Below everything that a longer name can go on with.
    key.push('\0');
    key.push_str(name);
    key
}

/// What sorts a folded name as people count: `photo 9` before `photo 10`.
pub(crate) fn sort_key(folded: &str) -> String {
    let mut key = String::with_capacity(folded.len() + 4);
    let mut rest = folded;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        key.push_str(&rest[..start]);
        let number = &rest[start..];
        let end = number.find(|letter: char| !letter.is_ascii_digit());
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        let digits = number.trim_start_matches('0');
        // How many digits there are decides first. Each 9 stands for eight of them and for more to come.
        let mut length = digits.len();
        while length > 8 {
            key.push('9');
            length -= 8;
        }
        key.extend(char::from_digit(u32::try_from(length).unwrap_or(8), 10));
        key.push_str(digits);
        rest = after;
    }
    key.push_str(rest);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_width_make_no_difference() {
        for (name, same) in [
            ("Holiday", "holiday"),
            ("Grüße", "grusse"),
            ("ÉTÉ à Łódź", "ete a lodz"),
            ("Ｓｈｏａｌ", "shoal"),
            ("假期照片", "假期照片"),
            ("Ελλάδα", "ελλαδα"),
        ] {
            assert_eq!(folded(name), same, "{name}");
        }
    }

    #[test]
    fn names_stand_where_people_look_for_them() {
        let sorted = [
            "",
            "01",
            "1",
            "2 a",
            "10",
            "a",
            "Ä",
            "äb",
            "B",
            "photo 2.jpg",
            "Photo 10.jpg",
            "photo 010b",
            "zebra",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by_cached_key(|name| order(name));
        assert_eq!(names, sorted);
    }

    #[test]
    fn numbers_are_counted() {
        let mut names = ["b", "a 10", "a 9", "a 9b", "a 009a", "a", "a 1000"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["a", "a 9", "a 009a", "a 9b", "a 10", "a 1000", "b"]);

        // Dates to the millisecond, numbers of cards: as long as names can be.
        let mut counted: Vec<String> = (1..60).map(|digits| "9".repeat(digits)).collect();
        let sorted = counted.clone();
        counted.reverse();
        counted.sort_by_key(|name| sort_key(name));
        assert_eq!(counted, sorted);
    }
}
