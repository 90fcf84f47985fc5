//! `shoal export`

use std::path::PathBuf;

use super::connect::Connection;
use super::{Context, ItemArgs, OK, Outcome, absolute};
use crate::api::types::{Event, Request, path_text};

/// Write an item's blocks to a CAR file, for those who can't be reached
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
    #[arg(value_name = "FILE.car")]
    file: PathBuf,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let (id, path) = (args.item.id, absolute(&args.file)?);
    let connection = Connection::any(context).await?;
    let bytes = connection
        .call(Request::ExportCar {
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
