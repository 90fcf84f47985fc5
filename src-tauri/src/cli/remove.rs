//! `shoal remove`

use super::connect::Connection;
use super::{Context, ItemArgs, OK, Outcome};
use crate::api::types::{Event, RemoveRequest, Request};

/// Forget an item: it is no longer shared or fetched
///
/// Its files stay, unless --delete-files says otherwise of a download.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
    /// Delete what the download wrote; never what was shared from here
    #[arg(long)]
    delete_files: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let (id, delete_files) = (args.item.id, args.delete_files);
    let connection = Connection::any(context).await?;
    let request = RemoveRequest {
        ids: vec![id],
        delete_files,
    };
    let removed: Result<(), _> = connection.call(Request::Remove(request)).await;
    connection.leave().await;
    removed?;
    context.out.event(&Event::Removed { id })?;
    OK
}
