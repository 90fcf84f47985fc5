//! "Everything is paused", for those who show it. The store keeps it, where it decides what is served; here it is looked up, and
//! waited for.

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

    /// What was so far is known.
    pub(crate) fn mark_unchanged(&mut self) {
        self.changed.mark_unchanged();
    }

    /// Waits for the next change; false when there will be none.
    pub(crate) async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }
}
