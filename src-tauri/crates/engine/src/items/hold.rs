//! "Everything is paused", for those who show it. The store keeps the hold, because the store
//! decides what is served; readers look it up here, and wait here for a change.

use store::Serving;
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(crate) struct Hold {
    serving: Serving,
    changed: watch::Receiver<()>,
}

impl Hold {
    /// `changed` tells after each change.
    pub(crate) fn new(serving: Serving, changed: watch::Receiver<()>) -> Self {
        Self { serving, changed }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.serving.is_on_hold()
    }

    /// From now on only later changes count as changes.
    pub(crate) fn mark_unchanged(&mut self) {
        self.changed.mark_unchanged();
    }

    /// Waits for the next change; false when there will be none.
    pub(crate) async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }
}
