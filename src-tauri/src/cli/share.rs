//! `shoal share`

use std::path::PathBuf;

use clap::ValueEnum;
use engine::api::Announce;
use engine::api::{ItemId, Problem};
use engine::api::{Report, ShareRequest};

use super::connect::{Connection, interrupted};
use super::event::Event;
use super::{Context, INTERRUPTED, OK, Outcome, absolute, watch};
use crate::api::{ItemsRequest, LinkRequest, ReportRequest};

/// Share files and folders where they lie, as one item, and print its link
///
/// Without a running Shoal this shares until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to share; several become the entries of one folder
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What others see it called; else its own name
    #[arg(long, value_parser = super::any_text())]
    name: Option<String>,
    /// How content becomes blocks, and with that its CID: unixfs-v1-2025 (the default) or unixfs-v0-2015
    #[arg(long)]
    profile: Option<String>,
    /// Share the hidden files inside folders too
    #[arg(long)]
    hidden: bool,
    /// Keep permissions, such as that to run it, and times: they become part of what is shared; else as `keep.metadata` says
    #[arg(long)]
    keep_metadata: bool,
    /// What others can find without the link, knowing a CID
    #[arg(long, value_enum, default_value = "root")]
    announce: Announced,
    /// With a running Shoal: don't wait until it is hashed
    #[arg(long)]
    detach: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Announced {
    /// The item as a whole
    Root,
    /// The item and each file in it
    Files,
    /// Nothing: only those who have the link, with its addresses, find it
    None,
}

impl From<Announced> for Announce {
    fn from(announced: Announced) -> Self {
        match announced {
            Announced::Root => Self::Root,
            Announced::Files => Self::Files,
            Announced::None => Self::None,
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let detach = args.detach;
    let request = ShareRequest {
        paths: args
            .paths
            .iter()
            .map(|path| absolute(path))
            .collect::<Result<_, _>>()?,
        name: args.name,
        profile: args.profile,
        hidden: args.hidden,
        announce: args.announce.into(),
        metadata: args.keep_metadata.then_some(true),
    };
    let connection = Connection::online(context).await?;
    let outcome = tokio::select! {
        outcome = share(request, detach, &connection, context) => outcome,
        () = interrupted() => cut_short(&connection, context),
    };
    connection.leave().await;
    outcome
}

async fn share(
    request: ShareRequest,
    detach: bool,
    connection: &Connection,
    context: &Context,
) -> Outcome {
    let out = &context.out;
    connection.say_ready(out).await?;
    let before = connection.call(ItemsRequest).await?;
    let id = connection.call(request).await?;
    if detach && !connection.is_ours() {
        out.event(&Event::Detached { id })?;
        return OK;
    }
    let view = match watch::until_shared(connection, out, id, None).await {
        Ok(view) => view,
        Err(problem) => {
            watch::give_up(connection, id, &before).await;
            return Err(problem);
        }
    };
    let Report { skipped, .. } = connection.call(ReportRequest { id }).await?;
    out.event(&Event::Shared {
        id,
        cid: view.cid.unwrap_or_default(),
        link: link(connection, id).await?,
        name: view.name,
        bytes: view.total,
        files: view.files,
        skipped,
    })?;
    if connection.is_ours() {
        out.talk("People fetch it from here while this runs. Stop with Ctrl-C.");
        // Until Ctrl-C.
        std::future::pending::<()>().await;
    }
    OK
}

async fn link(connection: &Connection, id: ItemId) -> Result<String, Problem> {
    let links = connection.call(LinkRequest { id }).await?;
    Ok(links.link)
}

/// Ctrl-C is how a foreground share ends. While it was still being hashed somewhere else, it goes on there.
fn cut_short(connection: &Connection, context: &Context) -> Outcome {
    context.out.still();
    if connection.is_ours() {
        return OK;
    }
    context
        .out
        .talk("The running Shoal goes on hashing; `shoal list` shows how far it is.");
    Ok(INTERRUPTED)
}
