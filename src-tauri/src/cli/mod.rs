//! The command line: words in, calls to an engine, text out.
//!
//! One file a subject, with its commands. A command finds its engine through [`connect`], says what
//! happened as events through [`render`], and ends with an exit code: 0, 1 for a problem, 2 for wrong
//! usage, 3 when nobody has the content in time.

mod car;
mod cid;
mod connect;
mod daemon;
mod devices;
mod event;
mod get;
mod hints;
mod inbox;
mod items;
mod log;
mod look;
mod network;
mod overview;
mod peers;
mod problem;
mod render;
mod send;
mod settings;
mod share;
mod shell;
mod text;
mod watch;
#[cfg(feature = "desktop")]
mod window;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use engine::EngineError;
use engine::Link;
use engine::api::{ItemId, Problem};

use self::render::Output;

/// Exit code of what Ctrl-C ended before its end, as shells count it.
const INTERRUPTED: u8 = 130;

/// Share files straight from your computer, over the public IPFS protocols.
///
/// A share stays where it lies; whoever opens its link fetches from everyone who has it, verified block by block.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[cfg(feature = "desktop")]
    #[command(flatten)]
    window: window::Args,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// Where Shoal keeps its own data; commands with the same directory belong together
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SHOAL_DATA_DIR",
        hide_env_values = true
    )]
    data_dir: Option<PathBuf>,
    /// Say everything as JSON on standard output, one object a line
    #[arg(long, global = true)]
    json: bool,
    /// Say results and errors only
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Daemon(daemon::Args),
    Share(share::Args),
    Get(get::Args),
    List(items::ListArgs),
    Status(items::StatusArgs),
    Link(items::LinkArgs),
    Pause(items::PauseArgs),
    Resume(items::ResumeArgs),
    Verify(items::VerifyArgs),
    Remove(items::RemoveArgs),
    Cid(cid::Args),
    Ls(look::LsArgs),
    Cat(look::CatArgs),
    Import(car::ImportArgs),
    Export(car::ExportArgs),
    Peers(peers::Args),
    Devices(devices::Args),
    Send(send::SendArgs),
    Outbox(send::OutboxArgs),
    Inbox(inbox::Args),
    Network(network::Args),
    Settings(settings::Args),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

impl Command {
    /// Whether it is there for what it does, and not for what it says.
    fn goes_on(&self) -> bool {
        matches!(
            self,
            Self::Daemon(_)
                | Self::Share(_)
                | Self::Get(_)
                | Self::Send(_)
                | Self::Import(_)
                | Self::Export(_)
        )
    }
}

/// What every command runs with.
#[derive(Debug)]
struct Context {
    data_dir: PathBuf,
    out: Output,
}

/// How a command ends: with an exit code, or with a problem that is told and has its own.
type Outcome = Result<u8, Problem>;

const OK: Outcome = Ok(0);

/// The item a command is about.
#[derive(Debug, clap::Args)]
struct ItemArgs {
    /// The item's number, as `shoal list` shows it
    #[arg(value_parser = item_id)]
    id: ItemId,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.global.json, cli.global.quiet);
    log::init();
    let outcome = match cli {
        #[cfg(feature = "desktop")]
        Cli {
            command: Some(_),
            window,
            ..
        } if !window.is_empty() => mixed(),
        Cli {
            command: Some(command),
            global,
            ..
        } => run(command, global.data_dir, &out),
        #[cfg(feature = "desktop")]
        Cli { window, global, .. } => {
            data_dir(global.data_dir).and_then(|data_dir| window::run(window, &data_dir))
        }
        #[cfg(not(feature = "desktop"))]
        Cli { .. } => out
            .text(&Cli::command().render_help().to_string())
            .map(|()| 0),
    };
    let code = out.complete(outcome).unwrap_or_else(|problem| {
        out.problem(&problem);
        problem::exit_code(&problem)
    });
    ExitCode::from(code)
}

fn run(command: Command, data_dir: Option<PathBuf>, out: &Output) -> Outcome {
    match command {
        // These need neither data nor an engine.
        Command::Cid(args) => return cid::run(args, out),
        Command::Completions(args) => return shell::completions(args, out),
        Command::Man(args) => return shell::man(args, out),
        _ => {}
    }
    let context = Context {
        data_dir: self::data_dir(data_dir)?,
        out: if command.goes_on() {
            out.that_goes_on()
        } else {
            out.clone()
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| problem::start(&error))?;
    let outcome = runtime.block_on(dispatch(command, &context));
    // Whatever had to end has ended: threads that are still reading a file need not hold up the person.
    runtime.shutdown_timeout(Duration::ZERO);
    outcome
}

fn data_dir(chosen: Option<PathBuf>) -> Result<PathBuf, Problem> {
    let data_dir = chosen.or_else(engine::paths::default_data_dir);
    data_dir.ok_or_else(problem::no_data_dir)
}

/// A command and something for the window at once is a slip.
#[cfg(feature = "desktop")]
fn mixed() -> Outcome {
    let message = "a command comes first, and takes everything that follows it\n";
    Cli::command()
        .error(clap::error::ErrorKind::ArgumentConflict, message)
        .exit()
}

async fn dispatch(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Daemon(args) => daemon::run(args, context).await,
        Command::Share(args) => share::run(args, context).await,
        Command::Get(args) => get::run(args, context).await,
        Command::List(args) => items::list(args, context).await,
        Command::Status(args) => items::status(args, context).await,
        Command::Link(args) => items::link(args, context).await,
        Command::Pause(args) => items::pause(args, context).await,
        Command::Resume(args) => items::resume(args, context).await,
        Command::Verify(args) => items::verify(args, context).await,
        Command::Remove(args) => items::remove(args, context).await,
        Command::Ls(args) => look::ls(args, context).await,
        Command::Cat(args) => look::cat(args, context).await,
        Command::Import(args) => car::import(args, context).await,
        Command::Export(args) => car::export(args, context).await,
        Command::Peers(args) => peers::run(args, context).await,
        Command::Devices(args) => devices::run(args, context).await,
        Command::Send(args) => send::send(args, context).await,
        Command::Outbox(args) => send::outbox(args, context).await,
        Command::Inbox(args) => inbox::run(args, context).await,
        Command::Network(args) => network::run(args, context).await,
        Command::Settings(args) => settings::run(args, context).await,
        Command::Cid(args) => cid::run(args, &context.out),
        Command::Completions(args) => shell::completions(args, &context.out),
        Command::Man(args) => shell::man(args, &context.out),
    }
}

/// The longest that a command may be told to wait: ten years.
const MAX_PATIENCE: u64 = 10 * 365 * 24 * 3600;

/// Seconds to wait.
fn patience() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=MAX_PATIENCE)
}

fn item_id(text: &str) -> Result<ItemId, &'static str> {
    text.parse()
        .map_err(|_| "an item is named by its number, as `shoal list` shows it")
}

/// A path that means the same to another process.
fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| problem::bad_path(path, &error))
}

/// A word that may be any bytes, as text that leads back to them. Text stays as it is typed: it may be such already.
fn any_text() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new().map(|word| match word.into_string() {
        Ok(text) => text,
        Err(word) => engine::path_text(Path::new(&word)),
    })
}

/// Refuses a link that can't be read before anything is started for it.
fn check_link(link: &str) -> Result<(), Problem> {
    let read: Result<Link, _> = link.parse();
    read.map(drop)
        .map_err(|error| EngineError::from(error).problem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_go_before_and_after_a_command() {
        for words in [
            &["shoal", "--json", "--data-dir", "d", "list"][..],
            &["shoal", "list", "--data-dir", "d", "--json"],
        ] {
            let cli = Cli::try_parse_from(words).unwrap();
            assert!(cli.global.json && cli.global.data_dir.is_some());
        }
    }
}
