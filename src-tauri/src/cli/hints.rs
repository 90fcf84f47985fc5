//! What to do next, in the command line's own words: the engine knows no commands and no flags.

use engine::api::{ItemView, Problem, State};

/// By the code of the problem; where it has none here, what the problem itself says stands.
const OWN: &[(&str, &str)] = &[
    (
        "data-dir",
        "Give a folder that you may write to with --data-dir.",
    ),
    ("data-dir-foreign", "Use another --data-dir."),
    (
        "data-dir-in-use",
        "Stop the other one, or give this one a folder of its own with --data-dir.",
    ),
    (
        "data-dir-newer",
        "Install the newer version again, or use another --data-dir.",
    ),
    ("bad-setting", "`shoal settings` explains each."),
    (
        "listen",
        "Another program may use the port: choose one with `shoal settings listen`.",
    ),
    (
        "no-display",
        "Without one, use the commands: `shoal help` lists them, `shoal daemon` shares in the background.",
    ),
    (
        "no-window",
        "Use the commands meanwhile: `shoal help` lists them.",
    ),
    (
        "nobody-has-it",
        "Try again when someone who has it is online, or name one with --provider.",
    ),
    ("nothing-to-share", "Hidden files are shared with --hidden."),
    ("offline", "Start one with `shoal daemon`."),
    ("unknown-item", "`shoal list` shows all items."),
    ("unknown-setting", "`shoal settings` lists them all."),
];

/// The next step, where there is one.
pub(super) fn hint(problem: &Problem) -> Option<&str> {
    let own = OWN.iter().find(|(code, _)| *code == problem.code);
    own.map(|(_, hint)| *hint).or(problem.hint.as_deref())
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
    use engine::EngineError;
    use engine::paths::DataDirError;

    use super::*;

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
    }
}
