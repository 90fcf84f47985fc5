//! Names of strangers, as names of files here.
//!
//! What could lead elsewhere is refused. What this file system cannot hold gets a visible substitute: the same for the same name,
//! so that a download that goes on finds its files again. What it can hold is kept to the byte. Nothing here touches a file, but for
//! [`Rules::of`], which asks a folder what it can hold (see `tried`).

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;

use icu_normalizer::ComposingNormalizerBorrowed;
use unixfs::cid::{self, SHA2_256};

use crate::limits::MAX_NAME_BYTES;

/// A name that is refused wherever it comes from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of a file")]
pub struct NameError(String);

/// The name under which something is written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalName {
    pub name: OsString,
    /// It is not the name that was asked for.
    pub substituted: bool,
}

/// May anything have this name? It may not if it is empty, `.` or `..`, or holds `/` or NUL.
pub fn check(name: &[u8]) -> Result<(), NameError> {
    if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        return Err(NameError(String::from_utf8_lossy(name).into_owned()));
    }
    Ok(())
}

/// What names a file system can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Windows' reserved names and characters mean something else.
    pub reserved: bool,
    /// Names that differ in case or Unicode form alone are one name.
    pub folds: bool,
    /// Names are Unicode.
    pub text: bool,
    /// Bytes of a name, or units of UTF-16 where names are reserved.
    pub longest: usize,
    /// Bytes of a file.
    pub largest: u64,
}

/// The names used so far in one folder.
#[derive(Debug, Clone, Default)]
pub struct TakenNames {
    rules: Rules,
    keys: HashSet<Vec<u8>>,
}

impl TakenNames {
    pub fn new(rules: Rules) -> Self {
        TakenNames {
            rules,
            keys: HashSet::new(),
        }
    }

    /// The name under which an entry is written, which is taken from now on.
    pub fn local_name(&mut self, name: &[u8]) -> Result<LocalName, NameError> {
        check(name)?;
        let legal = self.rules.legal(name);
        if self.take(&legal) {
            return Ok(LocalName {
                substituted: legal != name,
                name: os_string(legal),
            });
        }
        let mut number = 0_u32;
        loop {
            let mark = match number {
                0 => mark_of(name),
                number => format!("~{number}"),
            };
            let marked = with_mark(&legal, &mark, self.rules.longest);
            if self.take(&marked) {
                return Ok(LocalName {
                    name: os_string(marked),
                    substituted: true,
                });
            }
            number += 1;
        }
    }

    fn take(&mut self, name: &[u8]) -> bool {
        self.keys.insert(self.rules.key(name))
    }
}

/// Those of this system.
impl Default for Rules {
    fn default() -> Self {
        Rules {
            reserved: cfg!(windows),
            folds: cfg!(any(windows, target_os = "macos")),
            text: cfg!(any(windows, target_os = "macos")),
            ..Rules::UNIX
        }
    }
}

impl Rules {
    pub const UNIX: Rules = Rules {
        reserved: false,
        folds: false,
        text: false,
        longest: MAX_NAME_BYTES,
        largest: u64::MAX,
    };
    pub const MACOS: Rules = Rules {
        folds: true,
        text: true,
        ..Rules::UNIX
    };
    pub const WINDOWS: Rules = Rules {
        reserved: true,
        folds: true,
        text: true,
        ..Rules::UNIX
    };
    /// FAT keeps a file's length in 32 bits.
    pub const FAT: Rules = Rules {
        largest: 0xffff_ffff,
        ..Rules::WINDOWS
    };

    /// Those of the file system that a folder lies on: a USB stick on Linux holds no other names than on Windows. What is not
    /// known is tried out there.
    pub fn of(folder: &Path) -> Self {
        super::tried::rules(folder)
    }

    /// The name under which something is written that has the folder's name for itself.
    pub fn local(self, name: &[u8]) -> Result<LocalName, NameError> {
        TakenNames::new(self).local_name(name)
    }

    /// The name as it is, if it can be held; else what stands in for it.
    fn legal(self, name: &[u8]) -> Vec<u8> {
        let mut legal = name.to_vec();
        if self.text && std::str::from_utf8(name).is_err() {
            legal = String::from_utf8_lossy(name)
                .replace(char::REPLACEMENT_CHARACTER, "_")
                .into_bytes();
        }
        if self.reserved {
            legal = unreserved(legal);
        }
        if self.length(&legal) > self.longest {
            legal = with_mark(&legal, &mark_of(name), self.longest);
        }
        legal
    }

    fn length(self, name: &[u8]) -> usize {
        match std::str::from_utf8(name) {
            Ok(text) if self.reserved => text.encode_utf16().count(),
            _ => name.len(),
        }
    }

    /// What is the same for two names exactly if they cannot both be in one folder.
    fn key(self, name: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(name) {
            Ok(text) if self.folds => {
                let normal = ComposingNormalizerBorrowed::new_nfc();
                // Some letters have one capital and two small forms.
                let folded = normal.normalize(text).to_uppercase().to_lowercase();
                normal.normalize(&folded).into_owned().into_bytes()
            }
            _ => name.to_vec(),
        }
    }
}

/// Without what means something else to Windows.
fn unreserved(name: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(name) else {
        return b"_".to_vec();
    };
    let is_reserved = |letter: char| letter.is_ascii_control() || "<>:\"/\\|?*".contains(letter);
    let mut legal: String = text
        .chars()
        .map(|letter| if is_reserved(letter) { '_' } else { letter })
        .collect();
    // Windows drops dots and spaces at the end.
    if legal.ends_with(['.', ' ']) {
        legal.pop();
        legal.push('_');
    }
    let stem_len = legal.find('.').unwrap_or(legal.len());
    if is_device(legal[..stem_len].trim_end_matches(' ')) {
        legal.insert(stem_len, '_');
    }
    legal.into_bytes()
}

/// Names that stand for devices in every folder, with any extension.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let number = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        let mut letters = number.chars();
        matches!(letters.next(), Some('0'..='9' | '¹' | '²' | '³')) && letters.next().is_none()
    })
}

/// What tells two names apart that would look the same: 32 bits of the name's hash.
fn mark_of(name: &[u8]) -> String {
    let hash = cid::hash(SHA2_256, name);
    let first = hash.and_then(|hash| hash.digest().first_chunk().copied());
    format!("~{:08x}", first.map_or(0, u32::from_be_bytes))
}

/// `photo.jpg` as `photo~1.jpg`, cut so that it is not too long.
fn with_mark(name: &[u8], mark: &str, longest: usize) -> Vec<u8> {
    let dot = name
        .iter()
        .rposition(|byte| *byte == b'.')
        .filter(|dot| *dot > 0);
    // An end that is this long is none that tells what a file is.
    let dot = dot
        .filter(|dot| name.len() - dot <= 16)
        .unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let room = longest.saturating_sub(mark.len() + extension.len());
    let mut end = stem.len().min(room);
    // Not through a letter.
    while end < stem.len() && end > 0 && stem[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    [&stem[..end], mark.as_bytes(), extension].concat()
}

#[cfg(unix)]
fn os_string(name: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(name)
}

#[cfg(not(unix))]
fn os_string(name: Vec<u8>) -> OsString {
    // The rules of all such systems make it text.
    String::from_utf8_lossy(&name).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Rules; 3] = [Rules::UNIX, Rules::MACOS, Rules::WINDOWS];

    fn name(rules: Rules, name: &[u8]) -> String {
        let local = TakenNames::new(rules).local_name(name).unwrap();
        let text = local.name.to_string_lossy().into_owned();
        assert_eq!(
            local.substituted,
            local.name.as_encoded_bytes() != name,
            "{text:?}"
        );
        text
    }

    fn names(rules: Rules, names: &[&str]) -> Vec<String> {
        let mut taken = TakenNames::new(rules);
        let local = |name: &&str| {
            taken
                .local_name(name.as_bytes())
                .unwrap()
                .name
                .into_string()
                .unwrap()
        };
        names.iter().map(local).collect()
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for bad in [
            &b""[..],
            b".",
            b"..",
            b"/",
            b"../x",
            b"/x",
            b"a/b",
            b"a/",
            b"a\0b",
            b"\0",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
            for rules in ALL {
                assert!(TakenNames::new(rules).local_name(bad).is_err(), "{bad:?}");
            }
        }
        for good in [&b"a"[..], b"...", b".a", b"a..", b"..a", b"\xff"] {
            check(good).unwrap();
        }
    }

    #[test]
    fn unix_keeps_every_byte() {
        for kept in [
            &b"CON"[..],
            b"a:b",
            b"a\\b",
            b"a\nb",
            b"\x1b[0m",
            b"caf\xe9",
            b"end.",
            b" ",
            b"...",
            b"C:",
        ] {
            let local = TakenNames::new(Rules::UNIX).local_name(kept).unwrap();
            assert_eq!(
                (local.name.as_encoded_bytes(), local.substituted),
                (kept, false)
            );
        }
        assert_eq!(
            names(Rules::UNIX, &["a", "A", "é", "e\u{301}"]),
            ["a", "A", "é", "e\u{301}"]
        );
    }

    #[test]
    fn windows_gets_names_that_mean_nothing_else() {
        for (bad, good) in [
            ("CON", "CON_"),
            ("con.txt", "con_.txt"),
            ("Lpt9.tar.gz", "Lpt9_.tar.gz"),
            ("com¹", "com¹_"),
            ("NUL .txt", "NUL _.txt"),
            ("a:b", "a_b"),
            ("C:\\x", "C__x"),
            ("a\nb\u{1}", "a_b_"),
            ("what?*", "what__"),
            ("end.", "end_"),
            ("end ", "end_"),
            ("...", ".._"),
        ] {
            assert_eq!(name(Rules::WINDOWS, bad.as_bytes()), good, "{bad}");
        }
        for kept in [
            "CONSOLE",
            "COM10",
            "COM",
            "conf",
            "a b",
            ".hidden",
            "ünï",
            "lpt",
            "auxiliary.txt",
        ] {
            assert_eq!(name(Rules::WINDOWS, kept.as_bytes()), kept);
        }
    }

    #[test]
    fn names_that_differ_in_case_or_form_alone_are_told_apart() {
        for rules in [Rules::MACOS, Rules::WINDOWS] {
            let local = names(rules, &["Readme.md", "README.md", "readme.md"]);
            assert_eq!(local[0], "Readme.md");
            assert!(
                local[1].starts_with("README~") && local[1].contains(".md"),
                "{local:?}"
            );
            assert!(
                local[2].starts_with("readme~") && local[2] != local[1],
                "{local:?}"
            );
            let local = names(rules, &["é", "e\u{301}", "É", "ſ", "s", "K", "\u{212a}"]);
            assert_eq!(
                (local[0].as_str(), local[3].as_str(), local[5].as_str()),
                ("é", "ſ", "K")
            );
            assert!(
                [1, 2, 4, 6]
                    .iter()
                    .all(|number| local[*number].contains('~')),
                "{local:?}"
            );
        }
    }

    #[test]
    fn what_is_no_text_gets_some_where_names_are_text() {
        assert_eq!(name(Rules::MACOS, b"caf\xe9"), "caf_");
        assert_eq!(name(Rules::WINDOWS, b"\xff\xfe"), "__");
    }

    #[test]
    fn long_names_are_cut_and_keep_their_end() {
        for rules in ALL {
            let fits = "x".repeat(255);
            assert_eq!(name(rules, fits.as_bytes()), fits);
            let long = format!("{}.jpg", "x".repeat(252));
            let local = name(rules, long.as_bytes());
            assert_eq!(local.len(), 255);
            assert!(local.contains(".jpg") && local.contains('~'));
            let other = format!("{}y.jpg", "x".repeat(252));
            assert_ne!(
                name(rules, other.as_bytes()),
                local,
                "two long names stay two"
            );
        }
        let letters = "é".repeat(200);
        assert_eq!(
            name(Rules::WINDOWS, letters.as_bytes()),
            letters,
            "200 units of UTF-16"
        );
        let cut = name(Rules::UNIX, letters.as_bytes());
        assert!(cut.len() <= 255 && !cut.contains(char::REPLACEMENT_CHARACTER));
    }

    #[test]
    fn a_substitute_does_not_take_a_name_that_comes_later() {
        assert_eq!(names(Rules::WINDOWS, &["CON", "CON_"])[0], "CON_");
        let local = names(Rules::WINDOWS, &["CON", "CON_"]);
        assert!(local[1].starts_with("CON_~"), "{local:?}");
        let local = names(Rules::UNIX, &["a", "a"]);
        assert_ne!(local[0], local[1]);
    }

    #[test]
    fn a_folder_of_this_system_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("Folder");
        fs_err::create_dir(&folder).unwrap();
        let folds = dir.path().join("fOLDER").exists();
        assert_eq!(Rules::of(&folder).folds, folds);
    }

    proptest! {
        #[test]
        fn every_name_that_is_not_refused_can_be_held_and_no_two_clash(
            wanted in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..300),
                    "\\PC{1,80}".prop_map(String::into_bytes),
                    "(con|Nul|aUx|a|A|é|e\u{301})(\\.| |:|txt|){0,3}".prop_map(String::into_bytes),
                ],
                1..40,
            ),
        ) {
            for rules in ALL {
                let mut taken = TakenNames::new(rules);
                let mut keys = HashSet::new();
                for name in &wanted {
                    let Ok(local) = taken.local_name(name) else {
                        prop_assert!(check(name).is_err());
                        continue;
                    };
                    let held = local.name.as_encoded_bytes();
                    check(held).unwrap();
                    prop_assert!(rules.length(held) <= rules.longest);
                    prop_assert_eq!(rules.legal(held), held.to_vec());
                    prop_assert!(keys.insert(rules.key(held)), "{:?} twice", held);
                }
            }
        }
    }
}
