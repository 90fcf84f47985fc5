//! Problems that arise before or around the engine: it can't be reached, nobody answered in time, the output is gone.
//!
//! The engine's own errors bring their [`Problem`]s along; this module adds those of the app. What to
//! do is said without commands and flags: the command line has its own words for that.

use std::io;
use std::path::Path;

use engine::EngineError;
use engine::api::{Problem, Retry};

pub(crate) const NOBODY_HAS_IT: &str = "nobody-has-it";
const ENGINE_STOPPED: &str = "engine-stopped";

/// The engine that was asked ended before it answered.
pub(crate) fn is_engine_stopped(problem: &Problem) -> bool {
    problem.code == ENGINE_STOPPED || problem.code == EngineError::Stopping.problem().code
}

/// An engine's error, whatever room it is from, as a person reads it.
pub(super) fn told(error: impl Into<EngineError>) -> Problem {
    error.into().problem()
}

pub(crate) fn nobody_has_it(seconds: u64) -> Problem {
    let message = format!("nobody who has it answered within {seconds} s");
    let hint = "Try again when someone who has it is online.";
    problem(NOBODY_HAS_IT, message, hint, Retry::User)
}

/// Addresses were not tried, because a link that is only looked at must not make this computer knock in private networks.
pub(super) fn left_out(problem: Problem, addresses: &str) -> Problem {
    let message = format!(
        "{}; not tried was {addresses}, in a private network: the link was only looked at",
        problem.message
    );
    let hint = "Fetch it, and that is tried, too.".to_owned();
    Problem {
        message,
        hint: Some(hint),
        ..problem
    }
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

/// The socket by which other commands would reach this engine can't be made.
pub(crate) fn no_control(error: &io::Error) -> Problem {
    let message = format!("other commands can't reach this Shoal: {error}");
    let hint = "Look at what the message names, then start Shoal again.";
    problem("no-control", message, hint, Retry::User)
}

/// What came over the control socket isn't what this version speaks.
pub(crate) fn other_version(what: &dyn std::fmt::Display) -> Problem {
    let message = format!("the running Shoal and this command don't understand each other: {what}");
    let hint = "They may be of different versions: stop the running one and start it again.";
    problem("other-version", message, hint, Retry::User)
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

#[cfg(all(feature = "desktop", target_os = "linux"))]
pub(crate) fn no_display(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("there is no display to open a window on: {error}");
    let hint = "Without one, use the commands.";
    problem("no-display", message, hint, Retry::User)
}

#[cfg(feature = "desktop")]
pub(crate) fn window(error: &dyn std::fmt::Display) -> Problem {
    let message = format!("the window could not be opened: {error}");
    let hint = "Use the commands meanwhile.";
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

pub(crate) fn problem(code: &str, message: String, hint: &str, retry: Retry) -> Problem {
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
