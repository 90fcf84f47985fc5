//! `shoal list`, `status`, `link`, `pause`, `resume`, `verify` and `remove`: the items that there are,
//! and what is done with them.

use engine::api::{Action, Checked, ItemId, ItemView, Problem, State};

use super::connect::{Connection, interrupted};
use super::event::{Event, path_text};
use super::hints::hint;
use super::text::{bytes, count, kind, people, rate, sentence};
use super::{Context, INTERRUPTED, ItemArgs, OK, Outcome, overview, problem, watch};
use crate::api::{
    ActRequest, ItemRequest, ItemsRequest, LinkRequest, RemoveRequest, ReportRequest,
};

/// List everything that is shared or being fetched
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {}

pub(super) async fn list(ListArgs {}: ListArgs, context: &Context) -> Outcome {
    let connection = Connection::any(context).await?;
    let items = connection.call(ItemsRequest).await;
    connection.leave().await;
    context.out.items(&items?)?;
    OK
}

/// Show how Shoal stands; or one item in full: its state, its sources, what was left out
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// The item's number, as `shoal list` shows it; without one: whether Shoal runs, who is kept away, what was wrong at its start
    #[arg(value_parser = super::item_id)]
    id: Option<ItemId>,
}

pub(super) async fn status(args: StatusArgs, context: &Context) -> Outcome {
    let Some(id) = args.id else {
        return overview::show(context).await;
    };
    let connection = Connection::any(context).await?;
    let answers = async {
        let view = connection.call(ItemRequest { id }).await?;
        let report = connection.call(ReportRequest { id }).await?;
        Ok::<_, Problem>((view, report))
    };
    let answers = answers.await;
    connection.leave().await;
    let (view, report) = answers?;

    let out = &context.out;
    if out.is_json() {
        out.event(&Event::item(&view))?;
    } else {
        out.table(lines(&view).into_iter())?;
    }
    for source in report.sources {
        out.event(&Event::Source(source))?;
    }
    if report.missing.count > 0 || !report.missing.folders.is_empty() {
        out.event(&Event::Missing(report.missing))?;
    }
    for skipped in report.skipped {
        out.event(&Event::Skipped(skipped))?;
    }
    OK
}

fn lines(view: &ItemView) -> Vec<[String; 2]> {
    let mut lines = vec![("name", view.name.clone()), ("state", sentence(view))];
    if let State::NeedsYou(problem) = &view.state {
        lines.extend(hint(problem).map(|hint| ("next", hint.to_owned())));
    }
    let files = count(view.files, "file", "files");
    lines.push(("size", format!("{} in {files}", bytes(view.total))));
    if view.done < view.total {
        lines.push(("here", bytes(view.done)));
    }
    if view.rate_down + view.rate_up > 0 {
        let rates = format!("{} in, {} out", rate(view.rate_down), rate(view.rate_up));
        lines.push(("speed", format!("{rates}, {}", people(view.peers.into()))));
    }
    lines.push(("kind", kind(view.kind).to_owned()));
    lines.extend(view.path.as_deref().map(|path| ("place", path_text(path))));
    lines.extend(view.cid.clone().map(|cid| ("CID", cid)));
    lines
        .into_iter()
        .map(|(name, value)| [name.to_owned(), value])
        .collect()
}

/// Print an item's link
///
/// While Shoal runs, the link says at which addresses it can be reached.
#[derive(Debug, clap::Args)]
pub(super) struct LinkArgs {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn link(args: LinkArgs, context: &Context) -> Outcome {
    let id = args.item.id;
    let connection = Connection::any(context).await?;
    let links = connection.call(LinkRequest { id }).await;
    connection.leave().await;
    let link = links?.link;
    context.out.event(&Event::Link { id, link })?;
    OK
}

/// Stop fetching or serving an item until it is resumed
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn pause(args: PauseArgs, context: &Context) -> Outcome {
    act_and_show(args.item.id, Action::Pause, context).await
}

/// Go on with an item that was paused, or whose problem is solved
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn resume(args: ResumeArgs, context: &Context) -> Outcome {
    act_and_show(args.item.id, Action::Resume, context).await
}

/// What `pause` and `resume` have in common: something is done with an item, and then it is shown.
async fn act_and_show(id: ItemId, action: Action, context: &Context) -> Outcome {
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
    let ids = vec![id];
    connection.call(ActRequest { ids, action }).await?;
    connection.call(ItemRequest { id }).await
}

/// Read every byte of an item again and compare it with its link
///
/// Of a download that is not all here, what is here is read; it goes on afterwards.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn verify(args: VerifyArgs, context: &Context) -> Outcome {
    let out = &context.out;
    let connection = Connection::any(context).await?;
    let view = tokio::select! {
        view = verified(&connection, context, args.item.id) => view.map(Some),
        () = interrupted() => Ok(None),
    };
    out.still();
    connection.leave().await;
    let Some(view) = view? else {
        return Ok(INTERRUPTED);
    };
    let (view, checked) = view;
    if out.is_json() {
        out.event(&Event::item(&view))?;
    }
    if !checked.whole {
        return Err(problem::not_whole(&view, checked));
    }
    out.talk(&format!(
        "All of it is as it was shared: {}.",
        bytes(view.total)
    ));
    OK
}

async fn verified(
    connection: &Connection,
    context: &Context,
    id: ItemId,
) -> Result<(ItemView, Checked), Problem> {
    let before = connection.call(ReportRequest { id }).await?.checks;
    let action = Action::Verify;
    let ids = vec![id];
    connection.call(ActRequest { ids, action }).await?;
    watch::until_checked(connection, &context.out, id, before).await
}

/// Forget an item: it is no longer shared or fetched
///
/// Its files stay, unless --delete-files says otherwise of a download.
#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    item: ItemArgs,
    /// Delete what the download wrote; never what was shared from here
    #[arg(long)]
    delete_files: bool,
}

pub(super) async fn remove(args: RemoveArgs, context: &Context) -> Outcome {
    let (id, delete_files) = (args.item.id, args.delete_files);
    let connection = Connection::any(context).await?;
    let request = RemoveRequest {
        ids: vec![id],
        delete_files,
    };
    let removed = connection.call(request).await;
    connection.leave().await;
    let removed = removed?;
    context.out.event(&Event::removed(id, removed))?;
    OK
}
