//! What is asked of single items. On record first: where that fails, nothing else has changed.

use super::super::job::{self, Job};
use super::super::{ItemError, known};
use super::{Actor, Removal, Reply, Then};
use crate::api::{Action, Removed};
use crate::faults::guarded;
use crate::util::blocking;
use store::index::{IndexError, ItemId, ItemKind, ItemRecord, ItemState};

impl Actor {
    pub(super) async fn act(&mut self, id: ItemId, action: Action) -> Result<(), ItemError> {
        let record = self.record(id).await?;
        match action {
            // Its answer waits for its end.
            Action::Pause => Err(ItemError::NotAtRest(id)),
            Action::Resume => self.resume(record).await,
            Action::Verify => {
                self.start_next(record, Job::Verify);
                Ok(())
            }
            Action::Update if record.kind == ItemKind::Share => {
                let record = self.set_active(record, "updated").await?;
                self.absent.forget(id);
                self.let_go(id);
                self.start_next(record, Job::Whole);
                Ok(())
            }
            Action::Update => Err(ItemError::NotAShare(id)),
        }
    }

    /// Answers when the item's files are let go of: then its disk can be ejected.
    pub(super) async fn pause(&mut self, id: ItemId, reply: Reply<()>) {
        let paused = async {
            self.record(id).await?;
            let kept = self.set_state(id, ItemState::Paused).await;
            kept.map_err(not_done(id, "paused"))
        };
        if let Err(error) = paused.await {
            return drop(reply.send(Err(error)));
        }
        self.absent.forget(id);
        self.queue.forget(id);
        self.show_paused(id);
        if let Some(running) = self.running.get_mut(&id) {
            running.stop_then(Then::Pause);
            self.pausing.entry(id).or_default().push(reply);
            return;
        }
        self.context.source.close_files();
        drop(reply.send(Ok(())));
    }

    async fn resume(&mut self, record: ItemRecord) -> Result<(), ItemError> {
        let id = record.id;
        let paused = self
            .running
            .get(&id)
            .is_none_or(|running| matches!(running.then, Some(Then::Pause)));
        if !paused || (self.queue.is_waiting(id) && !self.is_held(id)) {
            self.let_go(id);
            return Ok(());
        }
        let index = self.context.index.clone();
        let kept = record.clone();
        blocking(move || known::allowed(&index, &kept)).await??;
        let job = self.job_to_resume(&record).await?;
        let record = self.record(id).await?;
        let record = self.set_active(record, "resumed").await?;
        self.absent.forget(id);
        self.let_go(id);
        self.start_next(record, job);
        Ok(())
    }

    /// Puts on record that the person wants an item to go on.
    pub(super) async fn set_active(
        &self,
        record: ItemRecord,
        what: &'static str,
    ) -> Result<ItemRecord, ItemError> {
        let kept = self.set_state(record.id, ItemState::Active).await;
        kept.map_err(not_done(record.id, what))?;
        Ok(ItemRecord {
            state: ItemState::Active,
            ..record
        })
    }

    pub(super) async fn rename(&mut self, id: ItemId, name: String) -> Result<(), ItemError> {
        let index = self.context.index.clone();
        let title = name.clone();
        self.record(id).await?;
        let kept = move || index.update_item(id, |record| record.title = Some(title));
        blocking(kept).await?.map_err(not_done(id, "renamed"))?;
        self.context.board.rename(id, name);
        Ok(())
    }

    pub(super) async fn again(&mut self, id: ItemId) -> Result<(), ItemError> {
        let record = self.record(id).await?;
        if record.state != ItemState::Active || self.is_held(id) {
            return Ok(());
        }
        let job = Job::to_finish(&record).unwrap_or(Job::Scan);
        self.start_next(record, job);
        Ok(())
    }

    /// It is gone for everybody once that is on record; its job stops, and then its files go.
    pub(super) async fn remove(&mut self, id: ItemId, delete_files: bool, reply: Reply<Removed>) {
        let index = self.context.index.clone();
        let begin = move || match index.begin_removal(id, delete_files) {
            Err(IndexError::Removed) => Err(ItemError::UnknownItem(id)),
            begun => begun.map_err(not_done(id, "removed")),
        };
        let begun = blocking(begin).await;
        let record = match begun.map_err(ItemError::from).and_then(|begun| begun) {
            Ok(record) => Box::new(record),
            Err(error) => return drop(reply.send(Err(error))),
        };
        self.queue.forget(id);
        self.absent.forget(id);
        self.worked.remove(&id);
        self.context.board.remove(id);
        self.context.shared_changed();
        let removal = Removal {
            record,
            delete_files,
            reply,
        };
        match self.running.get_mut(&id) {
            Some(running) => running.stop_then(Then::Remove(removal)),
            None => self.finish_removal(removal),
        }
    }

    pub(super) fn finish_removal(&mut self, removal: Removal) {
        let context = self.context.clone();
        if removal.delete_files {
            self.deleting_in.extend(removal.record.into.clone());
        }
        self.removals.spawn(async move {
            let removing = job::remove(&context, *removal.record, removal.delete_files);
            let removed = guarded(removing).await;
            let removed = removed.unwrap_or_else(|fault| Err(fault.into()));
            // Whoever asked may be gone.
            let _ = removal.reply.send(removed);
        });
    }
}

/// What was asked for could not be put on record.
fn not_done<E: Into<ItemError>>(id: ItemId, what: &'static str) -> impl FnOnce(E) -> ItemError {
    move |error| match error.into() {
        ItemError::Index(source) => ItemError::NotDone { id, what, source },
        error => error,
    }
}
