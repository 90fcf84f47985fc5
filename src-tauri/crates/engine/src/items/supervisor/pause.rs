//! "Pause all": everything is held but what the person starts after it.
//!
//! No item's record changes by it, so that afterwards those that were paused by hand stay paused.

use super::super::ItemError;
use super::super::job::Job;
use super::{Actor, Then};
use crate::util::blocking;
use store::index::{Index, ItemId, ItemState};

/// Under this the index keeps that everything is paused.
const KEY: &str = "all paused";

/// Whether the last run ended with everything paused.
pub(super) fn was_on(index: &Index) -> Result<bool, ItemError> {
    Ok(index.meta(KEY)?.is_some_and(|kept| kept == [1]))
}

impl Actor {
    /// Everything is paused, and this item was not started since.
    pub(super) fn is_held(&self, id: ItemId) -> bool {
        self.context.index.serving().is_held(id)
    }

    /// The person starts this item although everything is paused.
    pub(super) fn let_go(&self, id: ItemId) {
        self.context.index.serving().let_go(id);
        self.context.shared_changed();
    }

    pub(super) async fn pause_all(&mut self, pause: bool) -> Result<(), ItemError> {
        let index = self.context.index.clone();
        let keep = move || {
            let records = index.items()?;
            index.set_meta(KEY, &[u8::from(pause)])?;
            Ok::<_, ItemError>(records)
        };
        let records = blocking(keep).await??;
        self.context.index.serving().hold_all(pause);
        self.context.shared_changed();
        self.held.send_replace(());
        let active = records
            .into_iter()
            .filter(|record| record.state == ItemState::Active);
        if pause {
            self.queue.clear();
            for running in self.running.values_mut() {
                running.stop_then(Then::Pause);
            }
            active.for_each(|record| self.show_paused(record.id));
            self.context.source.close_files();
            return Ok(());
        }
        for record in active {
            let (id, job) = (record.id, Job::to_finish(&record).unwrap_or(Job::Scan));
            match self.running.get_mut(&id) {
                Some(running) if matches!(running.then, Some(Then::Pause)) => {
                    running.stop_then(Then::Start(job));
                    self.show(&record, job);
                }
                Some(_) => {}
                None => self.start(record, job),
            }
        }
        Ok(())
    }
}
