//! `shoal import`

use std::path::PathBuf;

use engine::api::{ItemId, ItemView, Problem};

use super::reach::Reach;
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
    let reach = Reach::online(context).await?;
    let view = import(&reach, context, path).await;
    reach.leave().await;
    let view = view?;
    context.out.event(&Event::Imported {
        id: view.id,
        cid: view.cid,
        name: view.name,
        bytes: view.total,
    })?;
    OK
}

async fn import(reach: &Reach, context: &Context, path: PathBuf) -> Result<ItemView, Problem> {
    let id: ItemId = reach.call(Request::ImportCar { path }).await?;
    watch::until_shared(reach, &context.out, id, None).await
}
