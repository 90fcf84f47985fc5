//! `shoal resume`

use engine::api::Action;

use super::{Context, ItemArgs, Outcome, act};

/// Go on with an item that was paused, or whose problem is solved
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    act::run(args.item.id, Action::Resume, context).await
}
