//! Names in the order in which people look for them: whatever their case, and numbers by their value.

use std::cmp::Ordering;

/// `photo 2` before `Photo 10`.
pub(crate) fn by_name(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left, right);
    loop {
        // Most names are plain, and differ early.
        if let (Some(x), Some(y)) = (a.bytes().next(), b.bytes().next())
            && x.is_ascii()
            && y.is_ascii()
            && !(x.is_ascii_digit() && y.is_ascii_digit())
        {
            match x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase()) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                unequal => return unequal,
            }
            continue;
        }
        let (first, second) = (number(a), number(b));
        if let (Some((x, rest_a)), Some((y, rest_b))) = (first, second) {
            match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                Ordering::Equal => (a, b) = (rest_a, rest_b),
                unequal => return unequal,
            }
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (Some(x), Some(y)) => match x.to_lowercase().cmp(y.to_lowercase()) {
                Ordering::Equal => (a, b) = (rest_a.as_str(), rest_b.as_str()),
                unequal => return unequal,
            },
            (None, None) => return left.cmp(right),
            (x, y) => return x.is_some().cmp(&y.is_some()),
        }
    }
}

/// The digits that a text begins with, without zeros in front, and what follows them.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| (text[..end].trim_start_matches('0'), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_where_people_look_for_them() {
        let sorted = [
            "",
            "01",
            "1",
            "2 a",
            "10",
            "a",
            "B",
            "photo 2.jpg",
            "Photo 10.jpg",
            "photo 010b",
            "zebra",
            "Ä",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(names, sorted);
    }
}
