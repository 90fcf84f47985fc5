//! What `pause` and `resume` have in common: something is done with an item, and then it is shown.

use engine::api::Action;
use engine::api::{ItemId, ItemView, Problem};

use super::reach::Reach;
use super::{Context, OK, Outcome};
use crate::api::types::{ActRequest, OfItem, Request};

pub(super) async fn run(id: ItemId, action: Action, context: &Context) -> Outcome {
    let reach = Reach::any(context).await?;
    let view = act(&reach, id, action).await;
    let waits = reach.is_ours() && action == Action::Resume;
    reach.leave().await;
    context.out.items(&[view?])?;
    if waits {
        context
            .out
            .talk("It goes on when Shoal runs: `shoal daemon`.");
    }
    OK
}

async fn act(reach: &Reach, id: ItemId, action: Action) -> Result<ItemView, Problem> {
    let () = reach
        .call(Request::Act(ActRequest {
            ids: vec![id],
            action,
        }))
        .await?;
    reach.call(Request::Item(OfItem { id })).await
}
