//! The program: a command on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    shoal::cli::main()
}
