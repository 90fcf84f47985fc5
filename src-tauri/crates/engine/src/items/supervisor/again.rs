//! What becomes of a fault in the supervisor itself: all items are taken up again where their records say they were left.

use std::pin::pin;

use super::absent::Absent;
use super::{Actor, Command, ItemError, Queue, Then, unfinished};
use crate::faults::{Part, Pause, guarded};
use crate::util::blocking;

impl Actor {
    /// Runs until it is to stop, whatever breaks.
    pub(super) async fn run_again_and_again(mut self) {
        let mut pause = Pause::default();
        while let Err(fault) = guarded(self.run()).await {
            self.context.faults.note(Part::Items, fault);
            pause.wait().await;
            loop {
                match guarded(self.begin_again()).await {
                    Ok(Ok(())) => break,
                    Ok(Err(error)) => {
                        tracing::error!(%error, "the items can't be taken up again yet");
                    }
                    Err(fault) => self.context.faults.note(Part::Items, fault),
                }
                if self.is_shut_down_within(pause.wait()).await {
                    return;
                }
            }
        }
    }

    /// Without its items it can still be told to end. Whoever else asks hears that no answer comes.
    async fn is_shut_down_within(&mut self, pause: impl Future<Output = ()>) -> bool {
        let mut pause = pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return false,
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown(reply)) => {
                        let _ = reply.send(());
                        return true;
                    }
                    Some(_) => {}
                    None => return true,
                },
            }
        }
    }

    /// Ends all jobs and forgets what was decided: only what is on record counts, and that is what pauses and removals are.
    async fn begin_again(&mut self) -> Result<(), ItemError> {
        let mut removals = Vec::new();
        for (_, running) in self.running.drain() {
            running.stop.cancel();
            if let Some(Then::Remove(removal)) = running.then {
                removals.push(removal);
            }
        }
        while self.tasks.join_next().await.is_some() {}
        for removal in removals {
            self.finish_removal(removal);
        }
        for (_, waiting) in self.pausing.drain() {
            self.context.source.close_files();
            for reply in waiting {
                drop(reply.send(Ok(())));
            }
        }
        self.queue = Queue::default();
        self.absent = Absent::default();
        self.looks.abort_all();
        self.unfinished = unfinished::all(self.context.index.clone()).await;
        let index = self.context.index.clone();
        let records = blocking(move || index.items()).await??;
        self.take_up_all(records).await
    }
}
