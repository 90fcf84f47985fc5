//! `shoal list`

use engine::api::ItemView;

use super::connect::Connection;
use super::{Context, OK, Outcome};
use crate::api::types::Request;

/// List everything that is shared or being fetched
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let connection = Connection::any(context).await?;
    let items: Result<Vec<ItemView>, _> = connection.call(Request::Items).await;
    connection.leave().await;
    context.out.items(&items?)?;
    OK
}
