//! The end of jobs: what becomes of their items.

use super::super::job::{Ended, Job};
use super::super::row;
use super::{Actor, Running, Then};
use crate::api::{LastWork, Problem, Retry, State};
use store::index::{ItemId, ItemRecord, ItemState};

impl Actor {
    /// A job ended: say what became of its item, and do what was asked for meanwhile.
    pub(super) async fn settle(&mut self, id: ItemId, ended: Ended) {
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        self.queue.end(running.lane);
        let lane = running.lane;
        self.conclude(id, ended, running).await;
        for reply in self.pausing.remove(&id).unwrap_or_default() {
            self.context.source.close_files();
            drop(reply.send(Ok(())));
        }
        self.launch_next(lane).await;
    }

    async fn conclude(&mut self, id: ItemId, ended: Ended, running: Running) {
        let Running {
            began,
            job,
            completes,
            then,
            ..
        } = running;
        let then = match then {
            Some(Then::Remove(removal)) => return self.finish_removal(removal),
            then => then,
        };
        match (job, &ended) {
            (Job::Verify, _) => {
                let work = self.worked.entry(id).or_default();
                work.checks += 1;
                work.checked = ended.checked();
            }
            (
                Job::Whole,
                Ended::Whole {
                    sources, was_here, ..
                },
            ) => {
                self.worked.entry(id).or_default().last = LastWork {
                    sources: sources.clone(),
                    secs: began.elapsed().as_secs_f64(),
                    was_here: *was_here,
                };
            }
            _ => {}
        }
        if matches!(ended, Ended::Whole { .. }) {
            // A look may have found again what was away.
            self.context.shared_changed();
            self.absent.forget(id);
            self.watch_unfinished(id);
        }
        // At a start there may be 100,000 of them, and a look changes nothing that is shown.
        if job == Job::Scan && then.is_none() && matches!(ended, Ended::Whole { .. }) {
            self.context.board.set_whole(id);
            if self.is_held(id) {
                self.show_paused(id);
            }
            return;
        }
        let record = match self.record(id).await {
            Ok(record) => record,
            Err(error) => return self.needs_you(id, error.problem()).await,
        };
        // The row shows the next job already.
        if let Some(Then::Start(job)) = then {
            if completes && matches!(ended, Ended::Whole { .. }) {
                self.context.board.notice(id);
            }
            return self.start_next(record, job);
        }
        let is_paused = then.is_some() || record.state == ItemState::Paused || self.is_held(id);
        match ended {
            // It is shown as shared before it is shown as paused: its bytes are all there.
            Ended::Whole { .. } => {
                self.context.board.set_whole(id);
                self.show_numbers(&record);
                if completes {
                    self.context.board.notice(id);
                }
                if is_paused {
                    self.show_paused(id);
                }
            }
            // It was paused meanwhile: what is wrong is found again when it goes on.
            Ended::Problem(_) if then.is_some() => {
                self.show_numbers(&record);
                self.show_paused(id);
            }
            Ended::Problem(problem) => {
                self.show_numbers(&record);
                self.needs_you(id, problem).await;
            }
            Ended::Checked(_) if !is_paused => {
                self.show_numbers(&record);
                self.go_on(record);
            }
            Ended::Checked(_) | Ended::Stopped => {
                self.show_numbers(&record);
                if is_paused {
                    self.show_paused(id);
                }
            }
        }
    }

    /// An item that is not whole was looked at: it is what it was before.
    fn go_on(&mut self, record: ItemRecord) {
        let id = record.id;
        if let ItemState::Problem(problem) = &record.state {
            self.left_absent(id, problem);
            let state = State::NeedsYou(problem.clone().into());
            return self.context.board.set_still(id, state);
        }
        let job = Job::to_finish(&record).unwrap_or(Job::Scan);
        self.start(record, job);
    }

    /// What is on record is shown: the next start knows no more.
    fn show_numbers(&self, record: &ItemRecord) {
        self.context.board.set_numbers(row::of(record));
    }

    pub(super) async fn needs_you(&mut self, id: ItemId, problem: Problem) {
        tracing::warn!(%id, code = problem.code, "{}", problem.message);
        let kept = self
            .set_state(id, ItemState::Problem(problem.clone().into()))
            .await;
        if let Err(error) = kept {
            tracing::error!(%id, %error, "the problem could not be recorded");
        }
        let is_news = !self.is_no_news(id, &problem);
        let is_for_the_person = problem.retry != Retry::Auto && is_news;
        self.context.board.set_still(id, State::NeedsYou(problem));
        if is_for_the_person {
            self.context.board.notice(id);
        }
    }

    pub(super) fn show_paused(&self, id: ItemId) {
        self.context.board.set_still(id, State::Paused);
    }
}
