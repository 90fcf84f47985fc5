//! `shoal man`

use clap::CommandFactory;
use clap_mangen::Man;

use super::render::Output;
use super::{Cli, OK, Outcome};
use crate::api::problem;

const SOURCE: &str = concat!("shoal ", env!("CARGO_PKG_VERSION"));

/// Print the manual page, or that of one command; to read it: shoal man | man -l -
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    command: Option<String>,
}

pub(super) fn run(args: Args, out: &Output) -> Outcome {
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
