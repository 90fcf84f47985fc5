//! `shoal completions`

use clap::CommandFactory;
use clap_complete::Shell;

use super::render::Output;
use super::{Cli, OK, Outcome};

/// Print what makes a shell complete Shoal's commands
///
/// For bash: shoal completions bash > ~/.local/share/bash-completion/completions/shoal
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    shell: Shell,
}

pub(super) fn run(args: Args, out: &Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "shoal", &mut script);
    out.raw(&script)?;
    OK
}
