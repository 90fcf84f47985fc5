//! `shoal status` without an item: the program as a whole.

use engine::api::{BannedView, ItemView, Problem, State};

use super::connect::Connection;
use super::event::{Event, Status, path_text};
use super::hints::hint;
use super::peers::banned_row;
use super::text::count;
use super::{Context, OK, Outcome};
use crate::api::{BannedRequest, HelloRequest, ItemsRequest, PeersRequest, RemarksRequest};

pub(super) async fn show(context: &Context) -> Outcome {
    let connection = Connection::any(context).await?;
    let seen = seen(&connection, context).await;
    connection.leave().await;
    let (status, remarks, banned) = seen?;
    let out = &context.out;
    if !out.is_json() {
        out.table(lines(&status, &remarks, &banned).into_iter())?;
        return OK;
    }
    out.event(&Event::Status(status))?;
    for remark in &remarks {
        out.event(&Event::remark(remark))?;
    }
    for peer in banned {
        out.event(&Event::Banned(peer))?;
    }
    OK
}

async fn seen(
    connection: &Connection,
    context: &Context,
) -> Result<(Status, Vec<Problem>, Vec<BannedView>), Problem> {
    let running = !connection.is_ours();
    let hello = connection.call(HelloRequest).await?;
    let items = connection.call(ItemsRequest).await?;
    let needs_you = |view: &&ItemView| matches!(view.state, State::NeedsYou(_));
    let mut status = Status {
        running,
        version: hello.version,
        pid: running.then_some(hello.pid),
        data_dir: path_text(&context.data_dir),
        items: items.len(),
        needs_you: items.iter().filter(needs_you).count(),
        peers: None,
    };
    if !running {
        // What was wrong at this start was said already.
        return Ok((status, Vec::new(), Vec::new()));
    }
    status.peers = Some(connection.call(PeersRequest).await?.len());
    let remarks = connection.call(RemarksRequest).await?;
    let banned = connection.call(BannedRequest).await?;
    Ok((status, remarks, banned))
}

fn lines(status: &Status, remarks: &[Problem], banned: &[BannedView]) -> Vec<[String; 2]> {
    let running = match status.pid {
        Some(pid) => format!("yes, as process {pid}"),
        None => {
            "no: nothing is shared or fetched until `shoal daemon` or the window runs".to_owned()
        }
    };
    let items = match status.needs_you {
        0 => status.items.to_string(),
        1 => format!("{}, of which 1 needs you", status.items),
        many => format!("{}, of which {many} need you", status.items),
    };
    let mut lines = vec![
        ("running", running),
        ("version", status.version.clone()),
        ("data", status.data_dir.clone()),
        ("items", items),
    ];
    let people = |peers: usize| count(peers as u64, "peer", "peers");
    lines.extend(status.peers.map(|peers| ("connected", people(peers))));
    for remark in remarks {
        lines.push(("note", remark.message.clone()));
        lines.extend(hint(remark).map(|hint| ("", hint.to_owned())));
    }
    for peer in banned {
        let [peer, left] = banned_row(peer.clone());
        lines.push((
            "kept away",
            format!("{peer}, {left}: it broke the rules of the exchange"),
        ));
    }
    if !banned.is_empty() {
        lines.push((
            "",
            "`shoal peers --forget ID` lets one in again.".to_owned(),
        ));
    }
    lines
        .into_iter()
        .map(|(name, value)| [name.to_owned(), value])
        .collect()
}
