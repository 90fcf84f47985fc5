//! The call with which a command follows items: what changed, as soon as it matters.

use std::time::{Duration, Instant};

use engine::Engine;
use engine::api::{Changes, ItemId, ItemView, Problem, State};
use serde::{Deserialize, Serialize};

use super::Call;

/// The least time between two answers that only report progress: four a second are as many as people
/// can read.
const PROGRESS_GAP: Duration = Duration::from_millis(250);
/// The longest that an end may go unnoticed while progress is held back: looking every 10 ms costs
/// nothing that can be measured.
const MAX_LOOK_GAP: Duration = Duration::from_millis(10);
/// What timers can tell apart. What is done within a few of these is looked at without a pause.
const MIN_LOOK_GAP: Duration = Duration::from_millis(1);
/// The longest wait that a call may ask for; a reader that is gone is forgotten after it.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// What changed since revision `since`, waiting up to `wait_ms` for something to change.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ChangesRequest {
    /// 0 asks for everything.
    pub(crate) since: u64,
    pub(crate) wait_ms: u64,
    /// Nothing but this item is of interest.
    pub(crate) only: Option<ItemId>,
}

impl Call for ChangesRequest {
    const NAME: &'static str = "changes";
    const ONLY_WAITS: bool = true;
    type Answer = Changes;

    /// Answers at once when an item came to rest, and else holds progress back, so that answers are
    /// [`PROGRESS_GAP`] apart.
    async fn run(self, engine: &Engine) -> Result<Changes, Problem> {
        let began = Instant::now();
        let mut until = began + Duration::from_millis(self.wait_ms).min(MAX_WAIT);
        let mut seen = self.since;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let news = only(engine.changes(seen, left).await, self.only);
            seen = news.rev;
            if news.full || !news.removed.is_empty() || !news.items.iter().all(is_moving) {
                break;
            }
            if !news.items.is_empty() {
                until = until.min(began + PROGRESS_GAP);
            }
            if Instant::now() >= until {
                break;
            }
            let gap = (began.elapsed() / 32).min(MAX_LOOK_GAP);
            if gap >= MIN_LOOK_GAP {
                tokio::time::sleep(gap).await;
            }
        }
        let news = engine.changes(self.since, Duration::ZERO).await;
        Ok(only(news, self.only))
    }
}

fn only(mut changes: Changes, id: Option<ItemId>) -> Changes {
    if let Some(id) = id {
        changes.items.retain(|item| item.id == id);
        changes.removed.retain(|removed| *removed == id);
    }
    changes
}

/// Its numbers change by themselves until it comes to rest.
fn is_moving(item: &ItemView) -> bool {
    matches!(
        item.state,
        State::Hashing | State::Downloading | State::Verifying
    )
}
