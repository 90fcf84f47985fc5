//! Which part of a file a request asks for. Pure.

/// What was asked for of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// From the first byte to before the second.
    Range(u64, u64),
    Beyond,
}

impl Part {
    /// What a `Range` header asks for (RFC 9110, section 14.2). One that can't be read, and several at once, count for none.
    pub(crate) fn read(range: &str, size: u64) -> Self {
        let Some((first, last)) = range
            .trim()
            .strip_prefix("bytes=")
            .and_then(|it| it.split_once('-'))
        else {
            return Self::Whole;
        };
        let range = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
            (Some(first), None) if last.is_empty() => (first, size),
            (None, Some(len)) if first.is_empty() => (size.saturating_sub(len), size),
            _ => return Self::Whole,
        };
        match range {
            (start, end) if start < end => Self::Range(start, end),
            _ => Self::Beyond,
        }
    }

    /// No more than `most` bytes of a range: the reader comes back for the rest.
    pub(crate) fn at_most(self, most: u64) -> Self {
        match self {
            Self::Range(start, end) => Self::Range(start, end.min(start.saturating_add(most))),
            other => other,
        }
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let check = |range: &str, part: Part| assert_eq!(Part::read(range, 100), part, "{range}");
        check("bytes=0-9", Part::Range(0, 10));
        check("bytes=90-", Part::Range(90, 100));
        check("bytes=90-200", Part::Range(90, 100));
        check("bytes=-5", Part::Range(95, 100));
        check("bytes=-500", Part::Range(0, 100));
        check("bytes=100-", Part::Beyond);
        check("bytes=-0", Part::Beyond);
        check("bytes=9-3", Part::Whole);
        check("bytes=0-1,5-6", Part::Whole);
        check("lines=0-1", Part::Whole);
        check("bytes=+5-9", Part::Whole);
        check("bytes=0-18446744073709551615", Part::Range(0, 100));
        assert_eq!(Part::read("bytes=0-", 0), Part::Beyond);
        assert_eq!(Part::Range(5, 90).at_most(10), Part::Range(5, 15));
    }
}
