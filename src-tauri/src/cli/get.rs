//! `shoal get`

use std::path::PathBuf;
use std::time::Duration;

use engine::api::{Action, DownloadRequest, ItemId, ItemView, Problem, Report, Retry};

use super::connect::{Connection, interrupted};
use super::event::{Event, path_text};
use super::problem;
use super::text::unfinished;
use super::{Context, INTERRUPTED, OK, Outcome, absolute, watch};
use crate::api::{ActRequest, ItemRequest, ItemsRequest, ReportRequest, SettingsRequest};

/// Fetch what a link names from everyone who has it
///
/// What is being fetched already goes on; what is here already is checked. With a running Shoal, Ctrl-C leaves it going.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A CID, /ipfs/CID/path, ipfs://CID or the address of a gateway
    #[arg(value_parser = super::any_text())]
    link: String,
    /// The folder to put it in; else the one from the settings
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Only this file or folder inside; may be given several times
    #[arg(long, value_name = "PATH", value_parser = super::any_text())]
    select: Vec<String>,
    /// Keep permissions and times, where its sharer gave them along; else as `keep.metadata` says
    #[arg(long)]
    keep_metadata: bool,
    /// Go on even if it unfolds to far more files or bytes than are fetched for it
    #[arg(long)]
    unfold: bool,
    /// Somebody who has it; may be given several times
    #[arg(long = "provider", value_name = "MULTIADDR")]
    providers: Vec<String>,
    /// Give up, with exit code 3, when not a byte arrives for so long
    #[arg(long, value_name = "SECS", value_parser = super::patience())]
    timeout: Option<u64>,
    /// With a running Shoal: don't wait until it is there
    #[arg(long)]
    detach: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let patience = args.timeout.map(Duration::from_secs);
    let detach = args.detach;
    let request = DownloadRequest {
        link: args.link,
        into: args.into.as_deref().map(absolute).transpose()?,
        select: args.select,
        providers: args.providers,
        metadata: args.keep_metadata.then_some(true),
        unfold: args.unfold.then_some(true),
    };
    super::check_link(&request.link)?;
    loop {
        let connection = Connection::online(context).await?;
        let mut begun = None;
        let outcome = tokio::select! {
            outcome = get(&request, detach, patience, &connection, context, &mut begun) => outcome,
            () = interrupted() => {
                context.out.still();
                leave_going(&connection, context, begun)
            }
        };
        let ours = connection.is_ours();
        connection.leave().await;
        match outcome {
            // Another process ran the engine and ended: now it is on us.
            Err(problem) if !ours && problem::is_engine_stopped(&problem) => {}
            outcome => return outcome,
        }
    }
}

async fn get(
    request: &DownloadRequest,
    detach: bool,
    patience: Option<Duration>,
    connection: &Connection,
    context: &Context,
    begun: &mut Option<ItemId>,
) -> Outcome {
    let out = &context.out;
    connection.say_ready(out).await?;
    let before = connection.call(ItemsRequest).await?;
    let id = connection.call(request.clone()).await?;
    *begun = Some(id);
    if detach && !connection.is_ours() {
        out.event(&Event::Detached { id })?;
        return OK;
    }
    match watch::until_shared(connection, out, id, patience).await {
        Ok(view) => done(connection, context, view).await,
        Err(problem) if problem::is_mistyped(&problem) => {
            let known = before.iter().any(|item| item.id == id);
            if known && problem::is_not_there(&problem) {
                // It goes on with what was asked for before.
                let (ids, action) = (vec![id], Action::Resume);
                connection.call(ActRequest { ids, action }).await?;
            }
            watch::give_up(connection, id, &before).await;
            Err(problem)
        }
        Err(problem) if problem::is_nobody(&problem) => {
            let problem = explain(connection, id, problem).await?;
            let problem = if problem::is_nobody(&problem) {
                tell_missing(connection, context, id, problem).await?
            } else {
                problem
            };
            watch::give_up(connection, id, &before).await;
            Err(problem)
        }
        Err(problem) if problem.retry == Retry::Never => {
            watch::give_up(connection, id, &before).await;
            Err(problem)
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn done(connection: &Connection, context: &Context, view: ItemView) -> Outcome {
    let id = view.id;
    let report = connection.call(ReportRequest { id }).await?;
    let last = report.last;
    let out = &context.out;
    out.progress(&view)?;
    let path = report.path.or(view.path).unwrap_or_default();
    out.event(&Event::Done {
        id,
        cid: view.cid.unwrap_or_default(),
        path: path_text(&path),
        bytes: view.total,
        secs: last.secs,
        was_here: last.was_here,
        undressed: report.undressed,
        fetched: last.sources.iter().map(|source| source.bytes).sum(),
        also: report.also.iter().map(ToString::to_string).collect(),
        sources: last.sources,
        skipped: report.skipped,
    })?;
    OK
}

/// Why nothing came, where that is known better than that nobody answered.
async fn explain(
    connection: &Connection,
    id: ItemId,
    problem: Problem,
) -> Result<Problem, Problem> {
    let Report { kept_away, .. } = connection.call(ReportRequest { id }).await?;
    let items = connection.call(ItemsRequest).await?;
    let view = items.iter().find(|item| item.id == id);
    let known = view.map_or(0, |view| view.having);
    if let Some(first) = kept_away.first().filter(|_| known == 0) {
        return Ok(problem::kept_away(first, kept_away.len()));
    }
    let settings = connection.call(SettingsRequest).await?;
    let value = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key);
        setting.map_or("", |setting| setting.value.as_str())
    };
    let limited = ["download.limit", "schedule.download.limit"];
    let is_limited = limited
        .into_iter()
        .any(|key| !["", "0"].contains(&value(key)));
    let takes = |item: &&ItemView| item.id != id && item.rate_down > 0;
    if let Some(other) = items.iter().find(takes).filter(|_| is_limited && known > 0) {
        return Ok(problem::not_its_turn(&other.name));
    }
    if !value("network.key").is_empty() {
        return Ok(problem::nobody_in_network(problem));
    }
    Ok(problem)
}

/// Of a download that has come a part of the way: which files it lacks.
async fn tell_missing(
    connection: &Connection,
    context: &Context,
    id: ItemId,
    problem: Problem,
) -> Result<Problem, Problem> {
    let view = connection.call(ItemRequest { id }).await?;
    let Report { missing, .. } = connection.call(ReportRequest { id }).await?;
    let Some(message) = unfinished(&view, &missing) else {
        return Ok(problem);
    };
    let count = Some(missing.count + missing.folders.len() as u64);
    context.out.event(&Event::Missing(missing))?;
    Ok(Problem {
        message,
        count,
        ..problem
    })
}

fn leave_going(connection: &Connection, context: &Context, begun: Option<ItemId>) -> Outcome {
    match begun {
        Some(id) if !connection.is_ours() => context.out.event(&Event::Detached { id })?,
        Some(_) => context
            .out
            .talk("Stopped. The same command goes on where this one was."),
        None => {}
    }
    Ok(INTERRUPTED)
}
