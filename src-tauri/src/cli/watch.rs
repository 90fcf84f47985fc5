//! Waits until an item comes to rest, and shows how far it is meanwhile.

use std::time::{Duration, Instant};

use engine::api::{Checked, ItemId, ItemKind, ItemView, Problem, Retry, State};

use super::connect::Connection;
use super::problem;
use super::render::Output;
use crate::api::{ChangesRequest, ItemRequest, RemoveRequest, ReportRequest};

/// How long one question for news may wait. Only to notice an engine that hangs: news comes at once.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Returns once the item is whole and shared. `patience` bounds the time in which not a byte more arrives.
pub(super) async fn until_shared(
    connection: &Connection,
    out: &Output,
    id: ItemId,
    patience: Option<Duration>,
) -> Result<ItemView, Problem> {
    let settled = watch(connection, out, id, patience).await;
    out.still();
    settled
}

/// Returns once a check of the item has come to its end, after so many `before`.
pub(super) async fn until_checked(
    connection: &Connection,
    out: &Output,
    id: ItemId,
    before: u64,
) -> Result<(ItemView, Checked), Problem> {
    let mut since = 0;
    let checked = loop {
        let request = ChangesRequest {
            since,
            wait_ms: u64::try_from(MAX_WAIT.as_millis()).unwrap_or(u64::MAX),
            only: Some(id),
        };
        let news = connection.call(request).await?;
        since = news.rev;
        let Some(view) = news.items.into_iter().next() else {
            if news.full || news.removed.contains(&id) {
                return Err(problem::removed());
            }
            continue;
        };
        let report = connection.call(ReportRequest { id }).await?;
        if report.checks > before {
            break (view, report.checked);
        }
        out.progress(&view)?;
    };
    out.still();
    match checked {
        (view, Some(checked)) => Ok((view, checked)),
        (
            ItemView {
                state: State::NeedsYou(problem),
                ..
            },
            None,
        ) => Err(problem),
        (_, None) => Err(problem::not_checked()),
    }
}

async fn watch(
    connection: &Connection,
    out: &Output,
    id: ItemId,
    patience: Option<Duration>,
) -> Result<ItemView, Problem> {
    let mut since = 0;
    let mut done = None;
    let mut unreachable = 0;
    let later = || patience.map(|patience| Instant::now() + patience);
    let mut deadline = later();
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let wait = left.unwrap_or(MAX_WAIT).min(MAX_WAIT);
        let request = ChangesRequest {
            since,
            // Rounded up: a wait that ends too early would be followed by one of nothing.
            wait_ms: u64::try_from(wait.as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(1),
            only: Some(id),
        };
        let news = connection.call(request).await?;
        since = news.rev;
        match news.items.into_iter().next() {
            Some(view) => {
                if let Some(end) = rest(&view) {
                    return end.map(|()| view);
                }
                out.progress(&view)?;
                if is_local(&view.state) {
                    deadline = None;
                } else if deadline.is_none() || done != Some(view.done) {
                    deadline = later();
                }
                (done, unreachable) = (Some(view.done), view.unreachable);
            }
            None if news.full || news.removed.contains(&id) => return Err(problem::removed()),
            None => {}
        }
        if let (Some(at), Some(patience)) = (deadline, patience)
            && Instant::now() >= at
        {
            return Err(match unreachable {
                0 => problem::nobody_has_it(patience.as_secs()),
                people => problem::nobody_reachable(people.into()),
            });
        }
    }
}

/// What this command began and nothing came of leaves nothing behind; what has begun to come is kept. `before`: the items that
/// were there.
pub(super) async fn give_up(connection: &Connection, id: ItemId, before: &[ItemView]) {
    let Ok(view) = connection.call(ItemRequest { id }).await else {
        return;
    };
    if view.done > 0 || before.iter().any(|item| item.id == id) {
        return;
    }
    let remove = RemoveRequest {
        ids: vec![id],
        // Nothing has come: an empty file or folder is all that there can be of it.
        delete_files: view.kind == ItemKind::Download,
    };
    // What went wrong first is what the person has to know.
    if let Err(problem) = connection.call(remove).await {
        tracing::warn!(%id, problem.code, "what never began stays in the list");
    }
}

/// Whether the item came to rest, and how. What the engine will try again by itself is no end.
fn rest(view: &ItemView) -> Option<Result<(), Problem>> {
    match &view.state {
        State::Sharing => Some(Ok(())),
        State::NeedsYou(problem) if problem.retry != Retry::Auto => Some(Err(problem.clone())),
        _ => None,
    }
}

/// It waits for nobody else: for this disk, or for the person.
fn is_local(state: &State) -> bool {
    matches!(state, State::Hashing | State::Verifying | State::Paused)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use engine::api::Announce;
    use engine::api::ShareRequest;

    use super::*;
    use crate::cli::Context;
    use crate::cli::text::tests::view;

    async fn shared(data_dir: &Path, path: &Path) -> Result<ItemView, Problem> {
        let out = Output::new(false, true);
        let context = Context {
            data_dir: data_dir.to_owned(),
            out: out.clone(),
        };
        let connection = Connection::any(&context).await?;
        let request = ShareRequest {
            paths: vec![path.to_owned()],
            name: None,
            profile: None,
            hidden: false,
            announce: Announce::None,
            metadata: None,
        };
        let id = connection.call(request).await?;
        let view = until_shared(&connection, &out, id, Some(Duration::from_mins(1))).await;
        connection.leave().await;
        view
    }

    #[tokio::test]
    async fn a_share_comes_to_rest_when_it_is_hashed() {
        let dir = tempfile::tempdir().unwrap();
        let (data, file) = (dir.path().join("data"), dir.path().join("hello"));
        fs_err::write(&file, "hello world").unwrap();
        for _ in ["hashed now", "known from before"] {
            let view = shared(&data, &file).await.unwrap();
            assert_eq!((view.total, view.done, view.files), (11, 11, 1));
            let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
            assert_eq!(view.cid.as_deref(), Some(cid));
        }
        fs_err::remove_file(&file).unwrap();
        shared(&data, &file).await.unwrap_err();
    }

    fn problem(retry: Retry) -> State {
        State::NeedsYou(Problem {
            retry,
            ..problem::removed()
        })
    }

    #[test]
    fn only_what_nobody_but_the_person_can_solve_is_an_end() {
        assert_eq!(rest(&view(State::Sharing)), Some(Ok(())));
        assert!(matches!(rest(&view(problem(Retry::User))), Some(Err(_))));
        for state in [State::Finding, State::Paused, problem(Retry::Auto)] {
            assert_eq!(rest(&view(state)), None);
        }
    }
}
