//! `shoal verify`

use engine::api::Action;
use engine::api::{ItemId, ItemView, Problem};

use super::connect::{Connection, interrupted};
use super::text::bytes;
use super::{Context, INTERRUPTED, ItemArgs, OK, Outcome, watch};
use crate::api::types::{ActRequest, Event, Request};

/// Read every byte of an item again and compare it with its link
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let out = &context.out;
    let connection = Connection::any(context).await?;
    let view = tokio::select! {
        view = verify(&connection, context, args.item.id) => view.map(Some),
        () = interrupted() => Ok(None),
    };
    out.still();
    connection.leave().await;
    let Some(view) = view? else {
        return Ok(INTERRUPTED);
    };
    out.talk(&format!(
        "All of it is as it was shared: {}.",
        bytes(view.total)
    ));
    if out.is_json() {
        out.event(&Event::item(&view))?;
    }
    OK
}

async fn verify(
    connection: &Connection,
    context: &Context,
    id: ItemId,
) -> Result<ItemView, Problem> {
    let action = Action::Verify;
    let () = connection
        .call(Request::Act(ActRequest {
            ids: vec![id],
            action,
        }))
        .await?;
    watch::until_shared(connection, &context.out, id, None).await
}
