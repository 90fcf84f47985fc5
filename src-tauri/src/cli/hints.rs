//! What to do next, in the command line's own words: the engine knows no commands and no flags.

use engine::api::{ItemView, Problem, State};

/// What the engine says, and what the command line says in its place. By the sentence and not by the problem's code, under which
/// the engine may say something more fitting: that stands.
const OWN: &[(&str, &str)] = &[
    (
        "Give a folder that you may write to.",
        "Give a folder that you may write to with --data-dir.",
    ),
    (
        "Use another folder for its data.",
        "Use another --data-dir.",
    ),
    (
        "Stop the other one, or give this one a folder of its own.",
        "Stop the other one, or give this one a folder of its own with --data-dir.",
    ),
    (
        "Install the newer version again, or use another folder for its data.",
        "Install the newer version again, or use another --data-dir.",
    ),
    (
        "What it may be stands beside each setting.",
        "`shoal settings` explains each.",
    ),
    (
        "Another program may use the port: choose another in the settings.",
        "Another program may use the port: choose one with `shoal settings listen`.",
    ),
    (
        "Without one, use the commands.",
        "Without one, use the commands: `shoal help` lists them, `shoal daemon` shares in the background.",
    ),
    (
        "Use the commands meanwhile.",
        "Use the commands meanwhile: `shoal help` lists them.",
    ),
    (
        "Try again when someone who has it is online.",
        "Try again when someone who has it is online, or name one with --provider.",
    ),
    (
        "Hidden files come along when they are asked for; name anything else itself to share it.",
        "Hidden files come along with --hidden; name anything else itself to share it.",
    ),
    (
        "Hidden files are shared only when they are asked for.",
        "Hidden files are shared with --hidden.",
    ),
    (
        "Try again while Shoal runs.",
        "Start one with `shoal daemon`.",
    ),
    (
        "Choose one of the items that there are.",
        "`shoal list` shows all items.",
    ),
    (
        "Choose one of the devices that are near.",
        "`shoal devices` lists those that are near; the other one has to run Shoal too.",
    ),
    (
        "Name it by its key, which the other side can read to you.",
        "Name it by its key: `shoal devices` shows all, there and here.",
    ),
    (
        "Choose one of the offers that there are.",
        "`shoal inbox` lists all offers.",
    ),
    (
        "Choose one of the settings that there are.",
        "`shoal settings` lists them all.",
    ),
    (
        "List what the item holds, and choose again.",
        "`shoal ls LINK` lists what the item holds; choose again.",
    ),
    (
        "Resume it if you trust whoever gave you the link, or remove it.",
        "If you trust whoever made it, `shoal resume` it, or get it again with --unfold; else `shoal remove` it.",
    ),
];

/// The next step, where there is one.
pub(super) fn hint(problem: &Problem) -> Option<&str> {
    let theirs = problem.hint.as_deref()?;
    let own = OWN.iter().find(|(words, _)| *words == theirs);
    Some(own.map_or(theirs, |(_, own)| *own))
}

/// The next step. Where there is none, more of what happened helps to find one.
pub(super) fn hint_or_look(problem: &Problem) -> &str {
    const LOOK: &str = "Run it again with SHOAL_LOG=debug to see more of what happens.";
    hint(problem).unwrap_or(LOOK)
}

/// Puts the own words in the place of the engine's.
pub(super) fn reword(view: &mut ItemView) {
    if let State::NeedsYou(problem) = &mut view.state {
        problem.hint = hint(problem).map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use engine::EngineError;
    use engine::api::Retry;
    use engine::paths::DataDirError;

    use super::*;
    use crate::api::problem::problem;

    #[test]
    fn the_engine_leaves_commands_and_flags_to_the_command_line() {
        let check = |error: EngineError, own: &str| {
            let problem = error.problem();
            let engines = problem.hint.as_deref().unwrap_or_default();
            assert!(
                !engines.contains("--") && !engines.contains('`'),
                "{engines}"
            );
            assert_eq!(hint(&problem), Some(own));
        };
        let taken = DataDirError::InUse("/data".into());
        check(
            taken.into(),
            "Stop the other one, or give this one a folder of its own with --data-dir.",
        );
        // Where the engine's words fit, they stand.
        let peer = EngineError::BadPeer("me".to_owned());
        check(peer, "The ID of a peer looks like 12D3KooW… or Qm…");
        let fitting = problem(
            "nothing-to-share",
            String::new(),
            "Name a file or folder.",
            Retry::Never,
        );
        assert_eq!(hint(&fitting), Some("Name a file or folder."));
    }

    /// Where somebody rewords a sentence of the engine's, it is reworded here too.
    #[test]
    fn each_sentence_that_is_replaced_is_one_that_is_said() {
        fn said(folder: &Path, all: &mut String) {
            for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    said(&path, all);
                } else if !path.ends_with("cli/hints.rs") {
                    all.push_str(&fs_err::read_to_string(&path).unwrap_or_default());
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri");
        let mut all = String::new();
        said(&root.join("src"), &mut all);
        said(&root.join("crates/engine/src"), &mut all);
        for (words, _) in OWN {
            assert!(all.contains(&format!("\"{words}\"")), "{words}");
        }
    }
}
