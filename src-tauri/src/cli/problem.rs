//! Problems that only the command line has, and what it ends with after any.

use std::io;
use std::path::Path;

use engine::api::{Problem, Retry};

use crate::api::problem::{NOBODY_HAS_IT, problem};

pub(super) use crate::api::problem::{is_engine_stopped, nobody_has_it, start};

/// Exit code of any problem.
const FAILED: u8 = 1;
/// Exit code when nobody was found in time.
const NOBODY: u8 = 3;

const NOBODY_REACHABLE: &str = "nobody-reachable";

/// What the program ends with after this problem.
pub(super) fn exit_code(problem: &Problem) -> u8 {
    match problem.code.as_str() {
        NOBODY_HAS_IT | NOBODY_REACHABLE => NOBODY,
        _ => FAILED,
    }
}

/// Nobody who has the content was found in time.
pub(super) fn is_nobody(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), NOBODY_HAS_IT | NOBODY_REACHABLE)
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
