//! What the fuzzer does with its input, one function for each decoder of this crate that other programs reach: each panics if a
//! promise is broken. The tests run them too.

use crate::control;
use crate::fuzz_input::Input;
pub use crate::fuzz_input::Target;
use crate::range::Part;

pub const TARGETS: &[Target] = &[
    ("control_answers", control::fuzz::answers),
    ("control_requests", control::fuzz::requests),
    ("media_ranges", media_ranges),
];

/// A range lies in its file and is what the standard says of these words, or there is none.
fn media_ranges(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let size = input.long() >> input.below(64);
    let most = input.long() >> input.below(64);
    let words = String::from_utf8_lossy(input.rest()).into_owned();
    let part = Part::read(&words, size);
    if let Part::Range(start, end) = part {
        assert!(start < end && end <= size);
        let Part::Range(first, last) = part.at_most(most.max(1)) else {
            panic!("a part of a range is a range")
        };
        assert!(first == start && first < last && last <= end && last - first <= most.max(1));
    }
    if part == Part::Whole {
        return;
    }
    let asked = words
        .trim()
        .strip_prefix("bytes=")
        .and_then(|asked| asked.split_once('-'));
    let Some((first, last)) = asked else {
        panic!("{words:?} asks for no range")
    };
    let is_number =
        |text: &str| text.is_empty() || text.bytes().all(|digit| digit.is_ascii_digit());
    assert!(is_number(first) && is_number(last), "{words:?}");
    let number = |text: &str| text.parse::<u64>().ok();
    let asked = match (number(first), number(last)) {
        (Some(first), last) => (
            first,
            last.map_or(size, |last| last.saturating_add(1).min(size)),
        ),
        (None, last) => (size.saturating_sub(last.unwrap_or(0)), size),
    };
    let expected = match asked {
        (start, end) if start < end => Part::Range(start, end),
        _ => Part::Beyond,
    };
    assert_eq!(part, expected, "{words:?}");
}

#[cfg(test)]
mod tests {
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/src/check.rs"));

    #[test]
    fn promises_are_kept_on_kept_and_on_damaged_input() {
        for target in super::TARGETS {
            check(*target, 1000);
        }
    }
}
