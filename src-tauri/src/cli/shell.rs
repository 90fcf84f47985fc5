//! `shoal completions` and `shoal man`: what a shell and a manual reader are given.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::problem;
use super::render::Output;
use super::{Cli, OK, Outcome};

/// Print what makes a shell complete Shoal's commands
///
/// For bash: shoal completions bash > ~/.local/share/bash-completion/completions/shoal
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    shell: Shell,
}

pub(super) fn completions(args: CompletionsArgs, out: &Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "shoal", &mut script);
    out.raw(&script)?;
    OK
}

const SOURCE: &str = concat!("shoal ", env!("CARGO_PKG_VERSION"));

/// Print the manual page, or that of one command; to read it: shoal man | man -l -
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    command: Option<String>,
}

pub(super) fn man(args: ManArgs, out: &Output) -> Outcome {
    let mut cli = Cli::command().disable_help_subcommand(true);
    // Gives each command its full name and the options that all share.
    cli.build();
    let command = match args.command {
        None => cli,
        Some(name) => {
            let found = cli.find_subcommand(&name).cloned();
            found.ok_or_else(|| problem::unknown_command(&name))?
        }
    };
    let mut page = Vec::new();
    let man = Man::new(command).manual("Shoal").source(SOURCE);
    let rendered = man.render(&mut page);
    rendered.map_err(|error| problem::output(&error))?;
    out.raw(&page)?;
    OK
}
