//! `shoal cid`

use std::path::PathBuf;

use super::event::Event;
use super::render::Output;
use super::{OK, Outcome, absolute};

/// Compute the CID that a share would have; stores and sends nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders; several become the entries of one folder
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How content becomes blocks: unixfs-v1-2025 (the default) or unixfs-v0-2015
    #[arg(long)]
    profile: Option<String>,
    /// Count the hidden files inside folders too
    #[arg(long)]
    hidden: bool,
}

pub(super) fn run(args: Args, out: &Output) -> Outcome {
    let paths = args
        .paths
        .iter()
        .map(|path| absolute(path))
        .collect::<Result<Vec<_>, _>>()?;
    let computed = engine::compute_cid(&paths, args.profile.as_deref(), args.hidden);
    let (cid, bytes, skipped) = computed.map_err(|error| error.problem())?;
    out.event(&Event::Cid {
        cid,
        bytes,
        skipped,
    })?;
    OK
}
