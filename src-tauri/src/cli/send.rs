//! `shoal send` and `shoal outbox`: straight to a device on this network, and what became of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::api::{
    Announce, ItemId, OffersView, OtherDevice, OutcomeKind, Problem, SendRequest, SentView,
    ShareRequest,
};

use super::connect::{Connection, interrupted};
use super::event::Event;
use super::text::shown;
use super::{Context, INTERRUPTED, OK, Outcome, absolute, problem, watch};
use crate::api::{FindDeviceRequest, ItemsRequest, OffersRequest};

/// How long an engine of our own looks for the device, which is found within seconds.
const LOOKING: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_GAP: Duration = Duration::from_millis(100);
/// How long one question for news may wait. Only to notice an engine that hangs: news comes at once.
const MAX_WAIT_MS: u64 = 30_000;

/// Send files, folders or a note straight to a device on this network
///
/// Whoever is there is asked. What is taken travels from here, verified, and goes on where it was when either side was away.
/// `shoal devices` lists who is near.
#[derive(Debug, clap::Args)]
pub(super) struct SendArgs {
    /// What to send; several become the entries of one folder
    #[arg(value_name = "PATH", required_unless_present = "note")]
    paths: Vec<PathBuf>,
    /// The device: its name, its key as `shoal devices` shows it, or its peer ID
    #[arg(long, value_name = "DEVICE", value_parser = super::any_text())]
    to: String,
    /// Words to go with it; without a file, all there is
    #[arg(long, value_name = "TEXT", value_parser = super::any_text())]
    note: Option<String>,
    /// Send the hidden files inside folders too
    #[arg(long)]
    hidden: bool,
    /// With a running Shoal: don't wait until it has arrived
    #[arg(long)]
    detach: bool,
}

/// List what was sent to devices, and what became of it
#[derive(Debug, clap::Args)]
pub(super) struct OutboxArgs {}

pub(super) async fn send(args: SendArgs, context: &Context) -> Outcome {
    let paths = args.paths.iter().map(|path| absolute(path));
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    let connection = Connection::online(context).await?;
    let outcome = tokio::select! {
        outcome = send_all(args, paths, &connection, context) => outcome,
        () = interrupted() => {
            context.out.still();
            context.out.talk(if connection.is_ours() {
                "Stopped. It goes on while Shoal runs, as with `shoal daemon`."
            } else {
                "The running Shoal goes on with it; `shoal outbox` shows how far it is."
            });
            Ok(INTERRUPTED)
        }
    };
    connection.leave().await;
    outcome
}

async fn send_all(
    args: SendArgs,
    paths: Vec<PathBuf>,
    connection: &Connection,
    context: &Context,
) -> Outcome {
    let out = &context.out;
    connection.say_ready(out).await?;
    let to = find(args.to, connection).await?;
    let item = if paths.is_empty() {
        None
    } else {
        Some(share(paths, args.hidden, connection, context).await?)
    };
    let request = SendRequest {
        to: to.peer,
        note: args.note.unwrap_or_default(),
        item,
    };
    let id = connection.call(request).await?;
    if args.detach && !connection.is_ours() {
        let OffersView { sent, .. } = offers(connection, 0, 0).await?;
        let mut sent = sent.iter().filter(|sent| sent.id == id);
        return sent
            .try_for_each(|sent| out.event(&Event::sent(sent)))
            .map(|()| 0);
    }
    follow(id, connection, context).await
}

/// An engine of our own knows nobody yet.
async fn find(to: String, connection: &Connection) -> Result<OtherDevice, Problem> {
    let began = Instant::now();
    loop {
        let found = connection.call(FindDeviceRequest { to: to.clone() }).await;
        match found {
            Err(problem)
                if connection.is_ours()
                    && problem::is_no_such_device(&problem)
                    && began.elapsed() < LOOKING =>
            {
                tokio::time::sleep(LOOK_GAP).await;
            }
            found => return found,
        }
    }
}

/// A share that nobody is told of but the device.
async fn share(
    paths: Vec<PathBuf>,
    hidden: bool,
    connection: &Connection,
    context: &Context,
) -> Result<ItemId, Problem> {
    let before = connection.call(ItemsRequest).await?;
    let request = ShareRequest {
        paths,
        name: None,
        profile: None,
        hidden,
        announce: Announce::None,
        metadata: None,
    };
    let id = connection.call(request).await?;
    match watch::until_shared(connection, &context.out, id, None).await {
        Ok(view) => Ok(view.id),
        Err(problem) => {
            watch::give_up(connection, id, &before).await;
            Err(problem)
        }
    }
}

/// Until nothing more becomes of it.
async fn follow(id: i64, connection: &Connection, context: &Context) -> Outcome {
    let mut since = 0;
    let mut told = None;
    loop {
        let news = offers(connection, since, MAX_WAIT_MS).await?;
        since = news.revision;
        let sent = news.sent.into_iter().find(|sent| sent.id == id);
        let sent = sent.ok_or_else(problem::not_sent)?;
        if told.as_ref() == Some(&sent) {
            continue;
        }
        context.out.event(&Event::sent(&sent))?;
        let is_moving = |told: &SentView| (told.state, told.away) == (sent.state, sent.away);
        // How it ends is told as what the command ends with.
        let is_refused = matches!(sent.state, OutcomeKind::Declined | OutcomeKind::Refused);
        if !is_refused && !told.as_ref().is_some_and(is_moving) {
            context.out.talk(&format!("{}.", sentence(&sent)));
        }
        match sent.state {
            OutcomeKind::Has => return OK,
            OutcomeKind::Declined => return Err(problem::declined(&name(&sent.to))),
            OutcomeKind::Refused => return Err(problem::refused(&name(&sent.to))),
            OutcomeKind::New | OutcomeKind::Waiting | OutcomeKind::Taking => told = Some(sent),
        }
    }
}

pub(super) async fn offers(
    connection: &Connection,
    since: u64,
    wait_ms: u64,
) -> Result<OffersView, Problem> {
    connection.call(OffersRequest { since, wait_ms }).await
}

pub(super) async fn outbox(OutboxArgs {}: OutboxArgs, context: &Context) -> Outcome {
    let out = &context.out;
    let connection = Connection::running(context, "what was sent").await?;
    let OffersView { sent, .. } = offers(&connection, 0, 0).await?;
    if out.is_json() {
        sent.iter()
            .try_for_each(|sent| out.event(&Event::sent(sent)))?;
        return OK;
    }
    if sent.is_empty() {
        out.talk("Nothing was sent to a device in the last days.");
    }
    let row = |sent: &SentView| {
        let item = sent.item.map(|id| format!("item {id}"));
        let what = item.unwrap_or_else(|| "a note".to_owned());
        [
            sent.id.to_string(),
            sent.to.key.clone(),
            what,
            sentence(sent),
        ]
    };
    out.table(sent.iter().map(row))?;
    OK
}

/// What became of it.
fn sentence(sent: &SentView) -> String {
    let name = name(&sent.to);
    match sent.state {
        _ if sent.away => format!("{name} is away; it goes on when {name} is back"),
        OutcomeKind::New => format!("Asking {name}"),
        OutcomeKind::Waiting => format!("Waiting for {name}"),
        OutcomeKind::Taking => format!("{name} is fetching it, {} %", sent.part / 10),
        OutcomeKind::Has => format!("{name} has it"),
        OutcomeKind::Declined => format!("{name} declined it"),
        OutcomeKind::Refused => format!("{name} takes nothing like it"),
    }
}

/// A device in a sentence.
pub(super) fn name(device: &OtherDevice) -> String {
    match device.name.as_str() {
        "" => device.key.clone(),
        name => shown(name),
    }
}

#[cfg(test)]
mod tests {
    use engine::api::DeviceKind;

    use super::*;

    #[test]
    fn what_became_of_it_is_a_sentence() {
        let sent = |state, part, away| SentView {
            id: 1,
            to: OtherDevice {
                peer: "12D3".to_owned(),
                name: "Ben\u{202e}".to_owned(),
                kind: DeviceKind::Laptop,
                key: "abcd".to_owned(),
            },
            note: String::new(),
            item: Some(ItemId(7)),
            state,
            part,
            away,
            at: 0,
        };
        let check = |sent: SentView, words: &str| assert_eq!(sentence(&sent), words);
        let ben = "Ben\\u{202e}";
        check(
            sent(OutcomeKind::Taking, 405, false),
            &format!("{ben} is fetching it, 40 %"),
        );
        check(
            sent(OutcomeKind::Has, 1000, false),
            &format!("{ben} has it"),
        );
        let away = format!("{ben} is away; it goes on when {ben} is back");
        check(sent(OutcomeKind::Waiting, 0, true), &away);
    }
}
