//! `shoal ls`

use engine::api::EntryView;

use super::connect::{Connection, interrupted};
use super::text::bytes;
use super::{Context, INTERRUPTED, OK, Outcome, Patience};
use crate::api::types::{Event, Request};

/// List what is inside a link, without keeping it
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
    let request = Request::List {
        link: args.link,
        patience: args.patience.timeout,
    };
    let entries = tokio::select! {
        entries = connection.call(request) => entries.map(Some),
        () = interrupted() => Ok(None),
    };
    connection.leave().await;
    let Some(entries): Option<Vec<EntryView>> = entries? else {
        return Ok(INTERRUPTED);
    };
    if context.out.is_json() {
        entries
            .into_iter()
            .try_for_each(|entry| context.out.event(&Event::Entry(entry)))?;
    } else {
        context.out.table(entries.into_iter().map(row))?;
    }
    OK
}

fn row(entry: EntryView) -> [String; 3] {
    [
        entry.kind,
        entry.size.map(bytes).unwrap_or_default(),
        entry.name,
    ]
}
