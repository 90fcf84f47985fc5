//! `shoal import` and `shoal export`: items as CAR files, for those who can't be reached.

use std::path::PathBuf;

use engine::api::{ItemView, Problem};

use super::connect::Connection;
use super::event::{Event, path_text};
use super::{Context, ItemArgs, OK, Outcome, absolute, watch};
use crate::api::{ExportCarRequest, ImportCarRequest};

/// Take the content of a CAR file in, as an item that is shared
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    #[arg(value_name = "FILE.car")]
    file: PathBuf,
}

pub(super) async fn import(args: ImportArgs, context: &Context) -> Outcome {
    let path = absolute(&args.file)?;
    let connection = Connection::online(context).await?;
    let view = taken_in(&connection, context, path).await;
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

async fn taken_in(
    connection: &Connection,
    context: &Context,
    path: PathBuf,
) -> Result<ItemView, Problem> {
    let id = connection.call(ImportCarRequest { path }).await?;
    watch::until_shared(connection, &context.out, id, None).await
}

/// Write an item's blocks to a CAR file, for those who can't be reached
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    item: ItemArgs,
    #[arg(value_name = "FILE.car")]
    file: PathBuf,
}

pub(super) async fn export(args: ExportArgs, context: &Context) -> Outcome {
    let (id, path) = (args.item.id, absolute(&args.file)?);
    let connection = Connection::any(context).await?;
    let bytes = connection
        .call(ExportCarRequest {
            id,
            path: path.clone(),
        })
        .await;
    connection.leave().await;
    context.out.event(&Event::Exported {
        id,
        path: path_text(&path),
        bytes: bytes?,
    })?;
    OK
}
