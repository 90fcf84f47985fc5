//! What `pause` and `resume` have in common: something is done with an item, and then it is shown.

use engine::api::Action;
use engine::api::{ItemId, ItemView, Problem};

use super::connect::Connection;
use super::{Context, OK, Outcome};
use crate::api::types::{ActRequest, OfItem, Request};

pub(super) async fn run(id: ItemId, action: Action, context: &Context) -> Outcome {
    let connection = Connection::any(context).await?;
    let view = act(&connection, id, action).await;
    let waits = connection.is_ours() && action == Action::Resume;
    connection.leave().await;
    context.out.items(&[view?])?;
    if waits {
        context
            .out
            .talk("It goes on when Shoal runs: `shoal daemon`.");
    }
    OK
}

async fn act(connection: &Connection, id: ItemId, action: Action) -> Result<ItemView, Problem> {
    let () = connection
        .call(Request::Act(ActRequest {
            ids: vec![id],
            action,
        }))
        .await?;
    connection.call(Request::Item(OfItem { id })).await
}
