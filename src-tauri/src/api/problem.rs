//! Problems that arise before or around the engine: it can't be reached, nobody answered in time, the output is gone.
//!
//! The engine's own errors bring their [`Problem`]s along; this module adds those of the app, and the exit codes.

use std::io;
use std::path::Path;

use engine::EngineError;
use engine::api::{Problem, Retry};

/// Exit code of any problem.
const FAILED: u8 = 1;
/// Exit code when nobody was found in time.
const NOBODY: u8 = 3;

const NOBODY_HAS_IT: &str = "nobody-has-it";
const NOBODY_REACHABLE: &str = "nobody-reachable";
const ENGINE_STOPPED: &str = "engine-stopped";

/// What the program ends with after this problem.
pub(crate) fn exit_code(problem: &Problem) -> u8 {
    match problem.code.as_str() {
        NOBODY_HAS_IT | NOBODY_REACHABLE => NOBODY,
        _ => FAILED,
    }
}

/// The engine that was asked ended before it answered.
pub(crate) fn is_engine_stopped(problem: &Problem) -> bool {
    problem.code == ENGINE_STOPPED || problem.code == EngineError::Stopping.problem().code
}

/// An engine's error, whatever room it is from, as a person reads it.
pub(super) fn told(error: impl Into<EngineError>) -> Problem {
    error.into().problem()
}

/// Nobody who has the content was found in time.
pub(crate) fn is_nobody(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), NOBODY_HAS_IT | NOBODY_REACHABLE)
}

pub(crate) fn nobody_has_it(seconds: u64) -> Problem {
    let message = format!("nobody who has it answered within {seconds} s");
    let hint = "Try again when someone who has it is online, or name one with --provider.";
    problem(NOBODY_HAS_IT, message, hint, Retry::User)
}

/// `people` have it, but sit behind routers that let nobody in.
pub(crate) fn nobody_reachable(people: u64) -> Problem {
    let message = match people {
        1 => "the one person who has it can't be connected to directly".to_owned(),
        people => format!("the {people} people who have it can't be connected to directly"),
    };
    let hint = "A port opened on either router lets you in: `shoal network` tells about yours. Or try again when others have it.";
    problem(NOBODY_REACHABLE, message, hint, Retry::User)
}

pub(crate) fn no_engine(what: &str) -> Problem {
    let message = format!("no Shoal is running here, so there are no {what}");
    let hint = "Start one with `shoal daemon`, or `shoal share` something.";
    problem("no-engine", message, hint, Retry::User)
}

pub(crate) fn engine_stopped() -> Problem {
    let message = "the running Shoal stopped before it answered".to_owned();
    let hint = "Run the command again: what was under way goes on where it stopped.";
    problem(ENGINE_STOPPED, message, hint, Retry::User)
}

pub(crate) fn engine_silent() -> Problem {
    let message = "the Shoal running on this data directory doesn't answer".to_owned();
    let hint = "Stop it and start it again; nothing is lost.";
    problem("engine-silent", message, hint, Retry::User)
}

pub(crate) fn engine_busy() -> Problem {
    let message = "too many commands are waiting for the running Shoal".to_owned();
    problem(
        "engine-busy",
        message,
        "Wait for some of them, or stop them with Ctrl-C.",
        Retry::User,
    )
}

pub(crate) fn control(path: &Path, error: &io::Error) -> Problem {
    let message = format!(
        "the running Shoal can't be reached at {}: {error}",
        path.display()
    );
    let hint = "Check who owns the data directory; it has to be yours alone.";
    problem("control", message, hint, Retry::User)
}

/// What came over the control socket isn't what this version speaks.
pub(crate) fn other_version(what: &dyn std::fmt::Display) -> Problem {
    let message = format!("the running Shoal and this command don't understand each other: {what}");
    let hint = "They may be of different versions: stop the running one and start it again.";
    problem("other-version", message, hint, Retry::User)
}

pub(crate) fn unknown_setting(key: &str) -> Problem {
    let message = format!("there is no setting {key:?}");
    problem(
        "unknown-setting",
        message,
        "`shoal settings` lists them all.",
        Retry::Never,
    )
}

pub(crate) fn removed() -> Problem {
    let message = "the item was removed meanwhile".to_owned();
    problem(
        "removed",
        message,
        "`shoal list` shows what there is.",
        Retry::Never,
    )
}

pub(crate) fn bad_path(path: &Path, error: &io::Error) -> Problem {
    let message = format!("{:?} is not a path: {error}", path.display());
    problem("bad-path", message, "Name a file or folder.", Retry::Never)
}

pub(crate) fn unknown_command(name: &str) -> Problem {
    let message = format!("there is no command {name:?}");
    problem(
        "unknown-command",
        message,
        "`shoal help` lists them all.",
        Retry::Never,
    )
}

pub(crate) fn no_data_dir() -> Problem {
    let message = "there is no home directory to keep data in".to_owned();
    problem(
        "no-data-dir",
        message,
        "Name a place with --data-dir or SHOAL_DATA_DIR.",
        Retry::User,
    )
}

pub(crate) fn start(error: &io::Error) -> Problem {
    let message = format!("the program could not start: {error}");
    problem(
        "start",
        message,
        "The system may be short of memory or threads.",
        Retry::User,
    )
}

/// A name or path that is no text.
pub(crate) fn unwritable(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the running Shoal can't be told of this: {error}");
    let hint = "Rename what isn't valid text, or stop the running Shoal and try again.";
    problem("not-text", message, hint, Retry::User)
}

pub(crate) fn output(error: &io::Error) -> Problem {
    let message = format!("the output could not be written: {error}");
    problem(
        "output",
        message,
        "Check where standard output goes.",
        Retry::User,
    )
}

#[cfg(all(feature = "desktop", target_os = "linux"))]
pub(crate) fn no_display(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("there is no display to open a window on: {error}");
    let hint = "Without one, use the commands: `shoal help` lists them, `shoal daemon` shares in the background.";
    problem("no-display", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn window(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the window could not be opened: {error}");
    let hint = "Use the commands meanwhile: `shoal help` lists them.";
    problem("no-window", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn clipboard(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the clipboard could not be reached: {error}");
    let hint = "Select the text and copy it by hand.";
    problem("clipboard", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn no_program(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the system could not open it: {error}");
    let hint = "Open it from the file manager.";
    problem("no-program", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn not_there(what: &dyn std::fmt::Display) -> Problem {
    let message = format!("{what} is not on this computer yet, or not where it was");
    let hint = "Wait until it has been downloaded, or say where it lies now.";
    problem("not-there", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn bad_choice(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("what was chosen is not on this computer: {error}");
    problem("bad-path", message, "Choose something else.", Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn unwritten(error: &io::Error) -> Problem {
    let message = format!("it could not be saved: {error}");
    problem("unwritten", message, "Choose another place.", Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn no_file() -> Problem {
    let message = "this is not the address of a file".to_owned();
    problem("no-file", message, "Open it from its item.", Retry::Never)
}

#[cfg(feature = "desktop")]
pub(crate) fn too_big_to_show() -> Problem {
    let message = "it is too big to be shown here".to_owned();
    let hint = "Open it with a program of your own.";
    problem("too-big-to-show", message, hint, Retry::Never)
}

#[cfg(all(feature = "desktop", target_os = "linux"))]
pub(crate) fn no_player(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("it can't be played here: {error}");
    let hint = "Open it with a program of your own.";
    problem("no-player", message, hint, Retry::User)
}

fn problem(code: &str, message: String, hint: &str, retry: Retry) -> Problem {
    Problem {
        code: code.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        retry,
        subject: None,
        count: None,
        field: None,
    }
}
