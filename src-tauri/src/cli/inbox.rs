//! `shoal inbox`: what devices on this network offer, and what is said to it.

use std::path::PathBuf;

use clap::Subcommand;
use engine::api::{AcceptRequest, OfferView, OutcomeKind};

use super::connect::{Connection, interrupted};
use super::event::Event;
use super::send::{name, offers};
use super::text::{bytes, count, shown_lines};
use super::{Context, INTERRUPTED, OK, Outcome, absolute, get, watch};
use crate::api::DeclineRequest;

/// List what devices on this network offer; take it, or decline it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take what is offered, and fetch it
    Accept {
        /// The offer's number
        id: i64,
        /// The folder to put it in; else the one from the settings
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Don't wait until it is there
        #[arg(long)]
        detach: bool,
    },
    /// Say no
    Decline {
        /// The offer's number
        id: i64,
    },
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let connection = Connection::running(context, "offers").await?;
    match args.what {
        None => list(&connection, context).await,
        Some(What::Accept { id, into, detach }) => {
            let into = into.as_deref().map(absolute).transpose()?;
            let request = AcceptRequest { id, into };
            tokio::select! {
                outcome = accept(request, detach, &connection, context) => outcome,
                () = interrupted() => {
                    context.out.still();
                    context.out.talk("The running Shoal goes on with it; `shoal list` shows how far it is.");
                    Ok(INTERRUPTED)
                }
            }
        }
        Some(What::Decline { id }) => {
            connection.call(DeclineRequest { id }).await?;
            let view = offers(&connection, 0, 0).await?;
            let mut declined = view.received.iter().filter(|offer| offer.id == id);
            declined.try_for_each(|offer| context.out.event(&Event::offer(offer)))?;
            context.out.talk("Declined.");
            OK
        }
    }
}

async fn list(connection: &Connection, context: &Context) -> Outcome {
    let out = &context.out;
    let received = offers(connection, 0, 0).await?.received;
    if out.is_json() {
        received
            .iter()
            .try_for_each(|offer| out.event(&Event::offer(offer)))?;
        return OK;
    }
    if received.is_empty() {
        out.talk("No device has offered anything in the last days.");
    }
    for offer in &received {
        out.table(std::iter::once(row(offer)))?;
        let item = |item: &engine::api::OfferedView| {
            let files = count(item.count, "file", "files");
            let size = format!("    {}, {files}", bytes(item.size));
            [size, item.name.clone()]
        };
        out.table(offer.items.iter().map(item))?;
        if !offer.note.is_empty() {
            out.table(offer.note.lines().map(|line| [format!("    {line}")]))?;
        }
    }
    if received
        .iter()
        .any(|offer| offer.state == OutcomeKind::Waiting)
    {
        out.talk("Take one with `shoal inbox accept ID`, or `shoal inbox decline ID`.");
    }
    OK
}

fn row(offer: &OfferView) -> [String; 4] {
    let state = match offer.state {
        OutcomeKind::Taking => format!("{} % here", offer.part / 10),
        OutcomeKind::Has => "here".to_owned(),
        OutcomeKind::Declined => "declined".to_owned(),
        OutcomeKind::New | OutcomeKind::Waiting | OutcomeKind::Refused => "open".to_owned(),
    };
    let from = format!("from {}", name(&offer.from));
    [offer.id.to_string(), offer.from.key.clone(), state, from]
}

async fn accept(
    request: AcceptRequest,
    detach: bool,
    connection: &Connection,
    context: &Context,
) -> Outcome {
    let out = &context.out;
    let id = request.id;
    let downloads = connection.call(request).await?;
    let received = offers(connection, 0, 0).await?.received;
    if let Some(offer) = received.iter().find(|offer| offer.id == id) {
        out.event(&Event::offer(offer))?;
        if !offer.note.is_empty() {
            out.talk(&shown_lines(&offer.note));
        }
    }
    for id in downloads {
        if detach {
            out.event(&Event::Detached { id })?;
            continue;
        }
        let view = watch::until_shared(connection, out, id, None).await?;
        get::done(connection, context, view).await?;
    }
    OK
}
