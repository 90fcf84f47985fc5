//! `shoal link`

use super::connect::Connection;
use super::{Context, ItemArgs, OK, Outcome};
use crate::api::inside::LinkView;
use crate::api::types::{Event, OfItem, Request};

/// Print an item's link
///
/// While Shoal runs, the link says at which addresses it can be reached.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let id = args.item.id;
    let connection = Connection::any(context).await?;
    let links = connection.call(Request::Link(OfItem { id })).await;
    connection.leave().await;
    let LinkView { link, .. } = links?;
    context.out.event(&Event::Link { id, link })?;
    OK
}
