//! `shoal import` and `shoal export`: items as CAR files, for those who can't be reached.

use std::path::PathBuf;

use engine::api::{ItemView, Problem, Retry};

use super::connect::{Connection, interrupted};
use super::event::{Event, path_text};
use super::{Context, INTERRUPTED, ItemArgs, OK, Outcome, absolute, watch};
use crate::api::{ExportCarRequest, ImportCarRequest, ItemsRequest, ReportRequest};

/// Take the content of a CAR file in, each root as an item that is shared
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    #[arg(value_name = "FILE.car")]
    file: PathBuf,
}

pub(super) async fn import(args: ImportArgs, context: &Context) -> Outcome {
    let path = absolute(&args.file)?;
    let connection = Connection::online(context).await?;
    let outcome = tokio::select! {
        outcome = take_in(&connection, context, path) => outcome,
        () = interrupted() => {
            cut_short(&connection, context);
            Ok(INTERRUPTED)
        }
    };
    connection.leave().await;
    outcome
}

async fn take_in(connection: &Connection, context: &Context, path: PathBuf) -> Outcome {
    let before = connection.call(ItemsRequest).await?;
    let car = connection.call(ImportCarRequest { path }).await?;
    let mut outcome = OK;
    for id in car.ids {
        match watch::until_shared(connection, &context.out, id, None).await {
            Ok(view) => imported(connection, context, view, car.foreign).await?,
            // The others come all the same.
            Err(problem) => {
                if problem.retry == Retry::Never {
                    watch::give_up(connection, id, &before).await;
                }
                outcome = outcome.and(Err(problem));
            }
        }
    }
    for root in car.left_out {
        context.out.event(&Event::Skipped(root))?;
    }
    outcome
}

async fn imported(
    connection: &Connection,
    context: &Context,
    view: ItemView,
    foreign: u64,
) -> Result<(), Problem> {
    let id = view.id;
    let report = connection.call(ReportRequest { id }).await?;
    context.out.event(&Event::Imported {
        id,
        cid: view.cid,
        name: view.name,
        bytes: view.total,
        was_here: report.last.was_here,
        foreign,
        skipped: report.skipped,
    })
}

/// Ctrl-C. Where another process does the work, it goes on.
fn cut_short(connection: &Connection, context: &Context) {
    context.out.still();
    context.out.talk(if connection.is_ours() {
        "Stopped. The same command goes on where this one was."
    } else {
        "The running Shoal goes on with it; `shoal list` shows how far it is."
    });
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
