//! `shoal ls` and `shoal cat`: a look inside a link, of which nothing is kept.

use engine::api::{EntryView, ListView};
use futures::StreamExt;

use super::connect::{Connection, interrupted};
use super::event::Event;
use super::text::bytes;
use super::{Context, INTERRUPTED, OK, Outcome};
use crate::api::{CatRequest, ListRequest};

/// How long a look inside a link may take.
#[derive(Debug, clap::Args)]
struct Patience {
    /// Give up, with exit code 3, when nobody answers for so long
    #[arg(long, value_name = "SECS", default_value_t = 60, value_parser = super::patience())]
    timeout: u64,
}

/// List what is inside a link, without keeping it
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// A CID, /ipfs/CID/path, ipfs://CID or the address of a gateway
    #[arg(value_parser = super::any_text())]
    link: String,
    #[command(flatten)]
    patience: Patience,
}

pub(super) async fn ls(args: LsArgs, context: &Context) -> Outcome {
    super::check_link(&args.link)?;
    let connection = Connection::online(context).await?;
    let request = ListRequest {
        link: args.link,
        patience: args.patience.timeout,
    };
    let listed = tokio::select! {
        listed = connection.call(request) => listed.map(Some),
        () = interrupted() => Ok(None),
    };
    connection.leave().await;
    let Some(ListView { entries, complete }) = listed? else {
        return Ok(INTERRUPTED);
    };
    if context.out.is_json() {
        entries
            .into_iter()
            .try_for_each(|entry| context.out.event(&Event::Entry(entry)))?;
    } else {
        context.out.table(entries.into_iter().map(row))?;
    }
    if !complete {
        context.out.event(&Event::Incomplete)?;
    }
    OK
}

fn row(entry: EntryView) -> [String; 3] {
    let name = match entry.problem {
        Some(problem) => format!("{} ({problem})", entry.name),
        None => entry.name,
    };
    [
        entry.kind.unwrap_or_else(|| "?".to_owned()),
        entry.size.map(bytes).unwrap_or_default(),
        name,
    ]
}

/// Write a file's bytes to standard output, without keeping it
#[derive(Debug, clap::Args)]
pub(super) struct CatArgs {
    /// A CID, /ipfs/CID/path, ipfs://CID or the address of a gateway
    #[arg(value_parser = super::any_text())]
    link: String,
    #[command(flatten)]
    patience: Patience,
}

pub(super) async fn cat(args: CatArgs, context: &Context) -> Outcome {
    super::check_link(&args.link)?;
    let connection = Connection::online(context).await?;
    let request = CatRequest {
        link: args.link,
        patience: args.patience.timeout,
    };
    let outcome = tokio::select! {
        outcome = pour(request, &connection, context) => outcome,
        () = interrupted() => Ok(INTERRUPTED),
    };
    connection.leave().await;
    outcome
}

async fn pour(request: CatRequest, connection: &Connection, context: &Context) -> Outcome {
    let mut chunks = connection.call(request).await?;
    while let Some(chunk) = chunks.next().await
        && context.out.is_read()
    {
        context.out.raw(&chunk?)?;
    }
    OK
}
