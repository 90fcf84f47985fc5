//! What the fuzzer does with its input, one function for each decoder and state machine that content, links, files and other
//! programs reach: each panics if a promise is broken. The tests run them too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use unixfs::cid;

pub use crate::fuzz_input::Target;
use crate::link::{Link, MAX_LINK_PROVIDERS};
use crate::{fetch, list, settings};

pub const TARGETS: &[Target] = &[
    ("fetch_plan", fetch::fuzz::plan),
    ("items_list", list::fuzz::list),
    ("links", links),
    ("schedule", settings::fuzz::schedule),
    ("selection", fetch::fuzz::selection),
    ("setting_values", settings::fuzz::values),
    ("settings_file", settings::fuzz::file),
    ("swarm_key", settings::fuzz::swarm_key),
];

/// Bytes of a link that is read at all.
const LONGEST: usize = 16 * 1024;

/// What is read as a link can be fetched, leads nowhere outside, and reads the same when it is written: as one word.
fn links(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let link = match text.parse::<Link>() {
        Ok(link) => link,
        Err(error) => {
            assert!(error.to_string().len() < 2000);
            let _ = error.kind();
            return;
        }
    };
    assert_eq!(cid::acceptable(&link.cid), Ok(()));
    assert!(link.providers.len() <= MAX_LINK_PROVIDERS && !link.name().is_empty());
    let names = link.path.iter().chain(link.otherwise.iter().flatten());
    for name in names {
        assert!(!matches!(name.as_str(), "" | "." | ".."));
    }
    let written = link.to_string();
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>`\\{}|^[]()".contains(c);
    assert!(written.chars().all(is_plain), "{written}");
    assert!(link.at_gateway().starts_with("https://dweb.link/ipfs/"));
    if written.len() <= LONGEST {
        let otherwise = None;
        assert_eq!(written.parse(), Ok(Link { otherwise, ..link }), "{written}");
    }
}

#[cfg(test)]
mod tests {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/check.rs"
    ));

    #[test]
    fn promises_are_kept_on_kept_and_on_damaged_input() {
        for target in super::TARGETS {
            check(*target, 150);
        }
    }
}
