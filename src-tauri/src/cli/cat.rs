//! `shoal cat`

use futures::StreamExt;

use super::connect::{Connection, interrupted};
use super::{Context, INTERRUPTED, OK, Outcome, Patience};
use crate::api::types::Request;

/// Write a file's bytes to standard output, without keeping it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A CID, /ipfs/CID/path, ipfs://CID or the address of a gateway
    link: String,
    #[command(flatten)]
    patience: Patience,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    super::check_link(&args.link)?;
    let connection = Connection::online(context).await?;
    let request = Request::Cat {
        link: args.link,
        patience: args.patience.timeout,
    };
    let outcome = tokio::select! {
        outcome = cat(request, &connection, context) => outcome,
        () = interrupted() => Ok(INTERRUPTED),
    };
    connection.leave().await;
    outcome
}

async fn cat(request: Request, connection: &Connection, context: &Context) -> Outcome {
    let mut chunks = connection.bytes(request).await?;
    while let Some(chunk) = chunks.next().await
        && context.out.is_read()
    {
        context.out.raw(&chunk?)?;
    }
    OK
}
