//! `make bench`: what Shoal needs for the work people give it, beside what the machine itself can do.
//!
//! Every row runs the real program, release build, on 127.0.0.1, and is printed with its ratio to a raw limit that was
//! measured in the same run: machines differ and so does one machine from minute to minute, the ratio less. Nothing
//! here passes or fails by time. Rows that cannot run say why, and the others go on.
//!
//!     cargo bench --no-default-features --bench speed                 every row
//!     cargo bench --no-default-features --bench speed -- one-seed     single rows, by name
//!     cargo bench --no-default-features --bench speed -- --list
//!
//! `BENCH_RUNS` says how often a short row is repeated (3), `BENCH_DIR` where the files lie (about 6 GB, in `target`
//! otherwise). Two traps of virtual machines are kept out of the figures, see `machine`: cold memory, and files made
//! right after files were deleted.
#![cfg(target_os = "linux")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is for the person who asked for it"
)]

mod kubo;
mod machine;
mod raw;
mod rows;
mod rqbit;
mod samples;
mod shoal;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use machine::Scratch;
use raw::Limits;
use samples::Samples;
use table::Table;

/// What the rows share.
struct Bench {
    scratch: Scratch,
    samples: Samples,
    limits: Limits,
    table: Table,
    /// How often a short row is measured.
    runs: usize,
}

/// A part of the work, which adds one or more lines to the table.
struct Row {
    name: &'static str,
    measure: fn(&mut Bench) -> Result<()>,
}

const RUNS: usize = 3;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what was asked for; `false` when a row could not be measured.
fn run() -> Result<bool> {
    // Cargo adds `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if asked.iter().any(|argument| argument == "--list") {
        for row in rows::ALL {
            println!("{}", row.name);
        }
        return Ok(true);
    }
    if let Some(unknown) = asked
        .iter()
        .find(|name| rows::ALL.iter().all(|row| row.name != **name))
    {
        bail!("no row is called {unknown}; --list says which there are");
    }
    let runs = match std::env::var("BENCH_RUNS") {
        Ok(text) => text.parse().context("BENCH_RUNS is not a number")?,
        Err(_) => RUNS,
    };

    let mut bench = Bench {
        scratch: Scratch::open()?,
        samples: Samples::default(),
        limits: Limits::default(),
        table: Table::default(),
        runs,
    };
    println!("{}\n", machine::describe()?);
    let mut whole = true;
    for row in rows::ALL {
        if !asked.is_empty() && asked.iter().all(|name| name != row.name) {
            continue;
        }
        eprintln!("… {}", row.name);
        if let Err(error) = (row.measure)(&mut bench) {
            whole = false;
            eprintln!("  {} could not be measured: {error:#}", row.name);
            bench.table.failed(row.name, &error);
        }
    }
    println!("{}", bench.table);
    println!("{}", machine::load()?);
    Ok(whole)
}
