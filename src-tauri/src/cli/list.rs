//! `shoal list`

use engine::api::ItemView;

use super::reach::Reach;
use super::{Context, OK, Outcome};
use crate::api::types::Request;

/// List everything that is shared or being fetched
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let reach = Reach::any(context).await?;
    let items: Result<Vec<ItemView>, _> = reach.call(Request::Items).await;
    reach.leave().await;
    context.out.items(&items?)?;
    OK
}
