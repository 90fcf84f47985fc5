//! `shoal remove`

use super::reach::Reach;
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
    let reach = Reach::any(context).await?;
    let request = RemoveRequest {
        ids: vec![id],
        delete_files,
    };
    let removed: Result<(), _> = reach.call(Request::Remove(request)).await;
    reach.leave().await;
    removed?;
    context.out.event(&Event::Removed { id })?;
    OK
}
