//! `make map`: prints the map of this workspace, or of another tree.
#![allow(
    clippy::print_stdout,
    reason = "the map is for the person who asked for it"
)]

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let tree = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let tree = std::path::absolute(Path::new(&tree))?;
    let crates = architecture::workspace::load(&tree)?;
    print!("{}", architecture::map::draw(&crates)?);
    Ok(())
}
