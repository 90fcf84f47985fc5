//! Numbers, names and states as people read them.

use std::time::Duration;

use engine::api::{ItemKind, ItemView, KeptFile, KeptReason, Lacking, Missing, State};
use indicatif::{DecimalBytes, HumanDuration};

use crate::shown::is_treacherous;

/// A name as a terminal may show it.
pub(super) fn shown(name: &str) -> String {
    name.chars().fold(String::new(), |mut shown, c| {
        if is_treacherous(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// Text of several lines as a terminal may show it.
pub(super) fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(shown).collect();
    lines.join("\n")
}

pub(super) fn bytes(bytes: u64) -> String {
    DecimalBytes(bytes).to_string()
}

pub(super) fn rate(bytes_a_second: u64) -> String {
    format!("{}/s", DecimalBytes(bytes_a_second))
}

pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{number} {word}")
}

pub(super) fn people(number: u64) -> String {
    count(number, "person", "people")
}

/// `None` while the whole is unknown.
fn percent(view: &ItemView) -> Option<u64> {
    let (done, total) = (u128::from(view.done), u128::from(view.total));
    let percent = (done * 100).checked_div(total)?;
    u64::try_from(percent).ok()
}

/// What an item is doing, in a sentence.
pub(super) fn sentence(view: &ItemView) -> String {
    let so_far = || {
        percent(view)
            .map(|percent| format!(", {percent} %"))
            .unwrap_or_default()
    };
    match &view.state {
        State::Hashing => format!("Hashing{}", so_far()),
        State::Finding if let Some(lacking) = view.lacking => {
            let part = percent(view).map(|percent| format!("{percent} %, "));
            format!("{}{}", part.unwrap_or_default(), lacks(lacking))
        }
        State::Finding if view.unreachable > 0 => format!(
            "{} who {} it can't be connected to directly; looking for others",
            people(view.unreachable.into()),
            if view.unreachable == 1 { "has" } else { "have" },
        ),
        State::Finding => {
            let what = if view.done > 0 { "the rest" } else { "it" };
            let whom = match view.having {
                0 => format!("Looking for people who have {what}"),
                1 => format!("Waiting for the one person who has {what}"),
                people => format!("Waiting for {people} people who have {what}"),
            };
            format!(
                "{whom}{}",
                if view.done > 0 {
                    so_far()
                } else {
                    String::new()
                }
            )
        }
        State::Downloading => {
            let from = match view.peers {
                0 => String::new(),
                peers => format!(" from {}", people(peers.into())),
            };
            let left = left(view).map(|left| format!(", {left}"));
            format!("Downloading{from}{}{}", so_far(), left.unwrap_or_default())
        }
        State::Verifying => format!("Checking{}", so_far()),
        State::Sharing if view.peers > 0 => {
            let are = if view.peers == 1 { "is" } else { "are" };
            format!("Shared, {} {are} fetching it", people(view.peers.into()))
        }
        State::Sharing => "Shared".to_owned(),
        State::Paused if view.done < view.total => format!("Paused{}", so_far()),
        State::Paused => "Paused".to_owned(),
        State::NeedsYou(problem) => format!("Needs you: {}", problem.message),
    }
}

/// What those who are connected don't have.
fn lacks(Lacking { pieces, people }: Lacking) -> String {
    let pieces = count(pieces, "piece", "pieces");
    match people {
        1 => format!("{pieces} that the one person connected does not have"),
        people => format!("{pieces} that none of the {people} people connected has"),
    }
}

/// What a download came to that nobody could finish: which files are here, and which are not.
pub(super) fn unfinished(view: &ItemView, missing: &Missing) -> Option<String> {
    const NAMED: usize = 3;
    let unknown = unknown(missing);
    let has_begun = view.done > 0 || missing.here > 0 || view.lacking.is_some();
    if !has_begun || missing.count == 0 && unknown.is_none() {
        return None;
    }
    let all = missing.here + missing.count;
    if missing.count == 0 {
        let here = count(all, "file is here", "files are here");
        return unknown.map(|unknown| format!("{here}; {unknown}"));
    }
    if all == 1 && unknown.is_none() {
        return Some(format!("{}: {}", view.name, sentence(view)));
    }
    let named = missing.files.iter().take(NAMED).cloned();
    let names = named.collect::<Vec<_>>().join(", ");
    let names = match missing.count.saturating_sub(NAMED as u64) {
        0 => names,
        more => format!("{names} and {more} more"),
    };
    let nobody = if view.lacking.is_some() {
        "nobody has"
    } else {
        "nobody answered who has"
    };
    let here = missing.here;
    let unknown = unknown.map(|unknown| format!("; {unknown}"));
    Some(format!(
        "{here} of {all} files are here; {nobody} {names}{}",
        unknown.unwrap_or_default()
    ))
}

/// That a folder may hold more than is known.
fn unknown(missing: &Missing) -> Option<String> {
    let first = missing.folders.first()?;
    let more = match missing.folders.len() {
        1 => String::new(),
        all => format!(" and {} more", count(all as u64 - 1, "folder", "folders")),
    };
    let folder = match first.as_str() {
        "" => "the folder".to_owned(),
        path => path.to_owned(),
    };
    Some(format!(
        "a part of {folder}{more} is missing, and what is in it is not known"
    ))
}

/// An item's name, how far it is as a bar, and what there is to say of it: one line.
pub(super) fn progress_line(view: &ItemView) -> String {
    let name = shown(&view.name);
    let moves = matches!(
        view.state,
        State::Hashing | State::Verifying | State::Downloading
    );
    match percent(view) {
        Some(percent) if moves => format!("{name} {} {}", bar(percent), progress(view)),
        None if moves => format!("{name} {}", progress(view)),
        _ => format!("{name} {}", sentence(view)),
    }
}

fn bar(percent: u64) -> String {
    const CELLS: usize = 24;
    let full = usize::try_from(percent.min(100)).unwrap_or(0) * CELLS / 100;
    format!("{}{}", "━".repeat(full), "─".repeat(CELLS - full))
}

fn progress(view: &ItemView) -> String {
    let of = match view.total {
        0 => bytes(view.done),
        total => format!("{} of {}", bytes(view.done), bytes(total)),
    };
    let mut parts = vec![of];
    if view.state == State::Downloading {
        parts.push(rate(view.rate_down));
        parts.extend((view.peers > 0).then(|| people(view.peers.into())));
    }
    parts.extend(left(view));
    parts.join(", ")
}

fn left(view: &ItemView) -> Option<String> {
    let left = HumanDuration(Duration::from_secs(view.eta?));
    Some(format!("{left:#} left"))
}

/// Why a file was not deleted.
pub(super) fn why_kept(file: &KeptFile) -> String {
    match file.reason {
        KeptReason::NotMade => "Shoal did not make it".to_owned(),
        KeptReason::Changed => "it was changed since it was downloaded".to_owned(),
        KeptReason::Shared => match file.item {
            Some(id) => format!("item {id} shares it"),
            None => "another item shares it".to_owned(),
        },
        KeptReason::NotEmpty => "there is something in it that Shoal did not make".to_owned(),
        KeptReason::Failed => match &file.detail {
            Some(detail) => format!("it could not be deleted: {detail}"),
            None => "it could not be deleted".to_owned(),
        },
        KeptReason::NotAsked => "its files were not to be deleted".to_owned(),
        KeptReason::Unfinished => "it is what came so far, and can be deleted by hand".to_owned(),
    }
}

pub(super) fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Share => "shared from here",
        ItemKind::Download => "downloaded",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use engine::api::ItemId;

    use super::*;

    pub(in crate::cli) fn view(state: State) -> ItemView {
        ItemView {
            id: ItemId(7),
            kind: ItemKind::Download,
            name: "holiday.mov".to_owned(),
            path: None,
            cid: Some("bafy".to_owned()),
            state,
            total: 4_000_000,
            done: 1_000_000,
            files: 1,
            rate_down: 500_000,
            rate_up: 0,
            folder: false,
            peers: 2,
            having: 3,
            unreachable: 0,
            lacking: None,
            eta: Some(6),
            skipped: 0,
            created: 0,
        }
    }

    #[test]
    fn a_name_can_not_rewrite_the_terminal() {
        assert_eq!(shown("grüße 世界 🐟.txt"), "grüße 世界 🐟.txt");
        assert_eq!(shown("a\x1b[2Jb\r\n"), "a\\u{1b}[2Jb\\u{d}\\u{a}");
        assert_eq!(shown("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
        assert_eq!(
            shown("\u{9b}31m\u{2066}\u{200f}"),
            "\\u{9b}31m\\u{2066}\\u{200f}"
        );
        assert_eq!(shown_lines("a\nb\x07"), "a\nb\\u{7}");
    }

    #[test]
    fn states_are_sentences() {
        let check =
            |state, sentence_of_it: &str| assert_eq!(sentence(&view(state)), sentence_of_it);
        check(
            State::Downloading,
            "Downloading from 2 people, 25 %, 6s left",
        );
        check(State::Verifying, "Checking, 25 %");
        check(State::Paused, "Paused, 25 %");
        check(State::Sharing, "Shared, 2 people are fetching it");
    }

    #[test]
    fn what_stands_still_says_why() {
        let stuck = |pieces, people| ItemView {
            lacking: Some(Lacking { pieces, people }),
            done: 3_999_999,
            ..view(State::Finding)
        };
        let check = |view: &ItemView, words: &str| assert_eq!(sentence(view), words);
        check(
            &stuck(1, 2),
            "99 %, 1 piece that none of the 2 people connected has",
        );
        check(
            &stuck(7, 1),
            "99 %, 7 pieces that the one person connected does not have",
        );
        let known_to = |having, done| ItemView {
            having,
            done,
            ..view(State::Finding)
        };
        check(
            &known_to(0, 1_000_000),
            "Looking for people who have the rest, 25 %",
        );
        check(
            &known_to(3, 1_000_000),
            "Waiting for 3 people who have the rest, 25 %",
        );
        check(&known_to(1, 0), "Waiting for the one person who has it");
        check(&known_to(0, 0), "Looking for people who have it");
        let missing = |here, names: &[&str], count| Missing {
            here,
            files: names.iter().map(|name| (*name).to_owned()).collect(),
            count,
            folders: Vec::new(),
        };
        let ends = |view: &ItemView, missing: &Missing, words: &str| {
            assert_eq!(unfinished(view, missing).as_deref(), Some(words));
        };
        ends(
            &stuck(1, 1),
            &missing(19, &["f7"], 1),
            "19 of 20 files are here; nobody has f7",
        );
        ends(
            &view(State::Finding),
            &missing(1, &["a", "b", "c", "d"], 5),
            "1 of 6 files are here; nobody answered who has a, b, c and 2 more",
        );
        ends(
            &stuck(1, 2),
            &missing(0, &[""], 1),
            "holiday.mov: 99 %, 1 piece that none of the 2 people connected has",
        );
        assert_eq!(unfinished(&stuck(1, 2), &Missing::default()), None);
        let unknown = |here, count, folder: &str| Missing {
            folders: vec![folder.to_owned()],
            ..missing(here, &["a"][..usize::from(count > 0)], count)
        };
        ends(
            &stuck(1, 1),
            &unknown(3, 0, ""),
            "3 files are here; a part of the folder is missing, and what is in it is not known",
        );
        ends(
            &stuck(1, 1),
            &unknown(3, 1, "sub"),
            "3 of 4 files are here; nobody has a; a part of sub is missing, and what is in it is not known",
        );
    }

    #[test]
    fn progress_names_what_moves() {
        let check = |state, line: &str| assert_eq!(progress_line(&view(state)), line);
        check(
            State::Downloading,
            "holiday.mov ━━━━━━────────────────── 1.00 MB of 4.00 MB, 500.00 kB/s, 2 people, 6s left",
        );
        check(
            State::Finding,
            "holiday.mov Waiting for 3 people who have the rest, 25 %",
        );
        let unknown = ItemView {
            total: 0,
            peers: 0,
            ..view(State::Hashing)
        };
        assert_eq!(progress_line(&unknown), "holiday.mov 1.00 MB, 6s left");
    }
}
