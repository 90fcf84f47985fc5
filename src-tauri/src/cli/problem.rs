//! Problems that only the command line has, and what it ends with after any.

use std::io;
use std::path::Path;

use engine::api::{Checked, ItemView, KeptAway, Problem, Retry, State, WhyKeptAway};

use super::text::{bytes, count};
use crate::api::problem::{NOBODY_HAS_IT, problem};

pub(super) use crate::api::problem::{is_engine_stopped, nobody_has_it, start};

/// Exit code of any problem.
const FAILED: u8 = 1;
/// Exit code when nobody was found in time.
const NOBODY: u8 = 3;

const NOBODY_REACHABLE: &str = "nobody-reachable";
const KEPT_AWAY: &str = "kept-away";
const NOT_ITS_TURN: &str = "not-its-turn";

/// What the program ends with after this problem.
pub(super) fn exit_code(problem: &Problem) -> u8 {
    match problem.code.as_str() {
        NOBODY_HAS_IT | NOBODY_REACHABLE | KEPT_AWAY | NOT_ITS_TURN => NOBODY,
        _ => FAILED,
    }
}

/// Nobody who has the content was found in time.
pub(super) fn is_nobody(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), NOBODY_HAS_IT | NOBODY_REACHABLE)
}

/// What was asked for is not in the item, or is to go where nothing can.
pub(super) fn is_mistyped(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "not-in-item" | "bad-path")
}

/// What was asked for is not in the item.
pub(super) fn is_not_there(problem: &Problem) -> bool {
    problem.code == "not-in-item"
}

/// `people` have it, but sit behind routers that let nobody in.
pub(super) fn nobody_reachable(people: u64) -> Problem {
    let message = match people {
        1 => "the one person who has it can't be connected to directly".to_owned(),
        people => format!("the {people} people who have it can't be connected to directly"),
    };
    let hint = "A port opened on either router lets you in: `shoal network` tells about yours. Or try again when others have it.";
    problem(NOBODY_REACHABLE, message, hint, Retry::User)
}

/// Nobody is left of those who are said to have it but `people` who are kept away from.
pub(super) fn kept_away(first: &KeptAway, people: usize) -> Problem {
    let who = match people {
        1 => "the one person who is said to have it is kept away".to_owned(),
        people => format!("the {people} people who are said to have it are kept away"),
    };
    let peer = &first.peer;
    let (why, hint) = match first.why {
        WhyKeptAway::Blocked => (
            "you blocked them",
            format!("`shoal peers --forget {peer}` lets them in again."),
        ),
        WhyKeptAway::Network => (
            "you blocked their network",
            "`shoal settings networks.blocked` shows and changes which are blocked.".to_owned(),
        ),
        WhyKeptAway::Banned => (
            "they broke the rules of the exchange",
            format!("It ends within an hour; `shoal peers --forget {peer}` ends it now."),
        ),
    };
    problem(KEPT_AWAY, format!("{who}: {why}"), &hint, Retry::User)
}

/// The device that is meant is not on this network.
pub(super) fn is_no_such_device(problem: &Problem) -> bool {
    problem.code == "no-such-device"
}

/// The other side said no to what was sent.
pub(super) fn declined(name: &str) -> Problem {
    let hint = "Ask them what they would like, and send that.";
    problem("declined", format!("{name} declined it"), hint, Retry::User)
}

/// The other side takes nothing of the kind.
pub(super) fn refused(name: &str) -> Problem {
    let message = format!("{name} takes nothing like it");
    let hint = "It may have another version of Shoal: a link can be opened by any.";
    problem("refused", message, hint, Retry::Never)
}

/// What was sent was removed before it arrived.
pub(super) fn not_sent() -> Problem {
    let message = "it was removed before it arrived".to_owned();
    problem("removed", message, "Send it again.", Retry::User)
}

/// Another download takes all that the limit lets in.
pub(super) fn not_its_turn(other: &str) -> Problem {
    let message =
        format!("it waited for its turn: {other} takes all that the download limit lets in");
    let hint =
        "Wait until that is here, pause it, or raise the limit: `shoal settings download.limit`.";
    problem(NOT_ITS_TURN, message, hint, Retry::User)
}

/// There may be others beyond the private network.
pub(super) fn nobody_in_network(problem: Problem) -> Problem {
    Problem {
        message: format!(
            "{}; only those with the same network key are asked",
            problem.message
        ),
        ..problem
    }
}

pub(super) fn no_engine(what: &str) -> Problem {
    let message = format!("no Shoal is running here, so there are no {what}");
    let hint = "Start one with `shoal daemon`, or `shoal share` something.";
    problem("no-engine", message, hint, Retry::User)
}

pub(super) fn unknown_setting(key: &str) -> Problem {
    let message = format!("there is no setting {key:?}");
    problem(
        "unknown-setting",
        message,
        "`shoal settings` lists them all.",
        Retry::Never,
    )
}

/// An item that was checked is not all here.
pub(super) fn not_whole(view: &ItemView, checked: Checked) -> Problem {
    let (here, total) = (bytes(checked.here), bytes(view.total));
    let mut message = match view.total {
        0 => format!("{here} is here, and as it was shared; the rest is not here yet"),
        _ => format!("{here} of {total} is here, and as it was shared; the rest is not here yet"),
    };
    if checked.wrong_blocks > 0 {
        let pieces = count(checked.wrong_blocks, "piece was", "pieces were");
        message = format!("{message}. {pieces} damaged, to be fetched again");
    }
    let hint = match &view.state {
        State::Paused => "Resume it to fetch the rest.",
        State::NeedsYou(problem) => problem.hint.as_deref().unwrap_or(&problem.message),
        _ => "It goes on by itself while Shoal runs.",
    };
    problem("not-whole", message, hint, Retry::User)
}

/// A check was stopped before its end.
pub(super) fn not_checked() -> Problem {
    problem(
        "stopped",
        "the check was stopped before its end".to_owned(),
        "Check it again.",
        Retry::User,
    )
}

pub(super) fn removed() -> Problem {
    let message = "the item was removed meanwhile".to_owned();
    problem(
        "removed",
        message,
        "`shoal list` shows what there is.",
        Retry::Never,
    )
}

pub(super) fn bad_path(path: &Path, error: &io::Error) -> Problem {
    let message = format!("{:?} is not a path: {error}", path.display());
    problem("bad-path", message, "Name a file or folder.", Retry::Never)
}

pub(super) fn unknown_command(name: &str) -> Problem {
    let message = format!("there is no command {name:?}");
    problem(
        "unknown-command",
        message,
        "`shoal help` lists them all.",
        Retry::Never,
    )
}

pub(super) fn no_data_dir() -> Problem {
    let message = "there is no home directory to keep data in".to_owned();
    problem(
        "no-data-dir",
        message,
        "Name a place with --data-dir or SHOAL_DATA_DIR.",
        Retry::User,
    )
}

#[cfg(all(feature = "desktop", target_os = "linux"))]
pub(super) fn autostart(error: &io::Error) -> Problem {
    let message = format!("starting at login could not be changed: {error}");
    problem(
        "autostart",
        message,
        "Check that you may write to the folder autostart of your desktop's settings.",
        Retry::User,
    )
}

pub(super) fn output(error: &io::Error) -> Problem {
    let message = format!("the output could not be written: {error}");
    problem(
        "output",
        message,
        "Check where standard output goes.",
        Retry::User,
    )
}
