//! `shoal import`

use std::path::PathBuf;

use engine::api::{ItemId, ItemView, Problem};

use super::connect::Connection;
use super::{Context, OK, Outcome, absolute, watch};
use crate::api::types::{Event, Request};

/// Take the content of a CAR file in, as an item that is shared
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(value_name = "FILE.car")]
    file: PathBuf,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let path = absolute(&args.file)?;
    let connection = Connection::online(context).await?;
    let view = import(&connection, context, path).await;
    connection.leave().await;
    let view = view?;
    context.out.event(&Event::Imported {
        id: view.id,
        cid: view.cid,
        name: view.name,
        bytes: view.total,
    })?;
    OK
}

async fn import(
    connection: &Connection,
    context: &Context,
    path: PathBuf,
) -> Result<ItemView, Problem> {
    let id: ItemId = connection.call(Request::ImportCar { path }).await?;
    watch::until_shared(connection, &context.out, id, None).await
}
