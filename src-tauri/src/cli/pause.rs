//! `shoal pause`

use engine::api::Action;

use super::{Context, ItemArgs, Outcome, act};

/// Stop fetching or serving an item until it is resumed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    act::run(args.item.id, Action::Pause, context).await
}
