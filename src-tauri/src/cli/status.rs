//! `shoal status`

use engine::api::Report;
use engine::api::{ItemView, Problem, State};

use super::connect::Connection;
use super::text::{bytes, count, kind, people, rate, sentence};
use super::{Context, ItemArgs, OK, Outcome};
use crate::api::types::{Event, OfItem, Request, path_text};

/// Show one item in full: its state, its sources, what was left out
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    item: ItemArgs,
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let id = args.item.id;
    let connection = Connection::any(context).await?;
    let answers = async {
        let view: ItemView = connection.call(Request::Item(OfItem { id })).await?;
        let report: Report = connection.call(Request::Report(OfItem { id })).await?;
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
    for skipped in report.skipped {
        out.event(&Event::Skipped(skipped))?;
    }
    OK
}

fn lines(view: &ItemView) -> Vec<[String; 2]> {
    let mut lines = vec![("name", view.name.clone()), ("state", sentence(view))];
    if let State::NeedsYou(problem) = &view.state {
        lines.extend(problem.hint.clone().map(|hint| ("next", hint)));
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
