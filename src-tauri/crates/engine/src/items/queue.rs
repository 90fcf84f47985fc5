//! Which jobs wait: of each kind only so many run at a time, however many items there are.
//!
//! Pure bookkeeping: [`super::supervisor`] asks whether a job may begin, says what began and ended,
//! and takes the next.

use std::collections::{HashMap, VecDeque};

use super::job::Job;
use crate::items::limits::{MAX_FETCHES, MAX_LOOKS, MAX_READS_OF_ITEMS};
use store::index::{ItemId, ItemKind};

/// Jobs that take turns with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Reads no contents: quick.
    Look,
    /// Reads everything: as fast as the disk or the cores are.
    Read,
    /// Waits for others.
    Fetch,
}

impl Lane {
    pub(crate) fn of(job: Job, kind: ItemKind) -> Self {
        match (job, kind) {
            (Job::Scan, _) => Self::Look,
            (Job::Whole, ItemKind::Download) => Self::Fetch,
            (Job::Whole, ItemKind::Share) | (Job::Verify, _) => Self::Read,
        }
    }

    fn places(self) -> usize {
        match self {
            Self::Look => MAX_LOOKS,
            Self::Read => MAX_READS_OF_ITEMS,
            Self::Fetch => MAX_FETCHES,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    lanes: [Waiting; 3],
    /// The job that each waiting item is to have. Items that a lane holds and this map does not are
    /// outdated.
    jobs: HashMap<ItemId, (Lane, Job)>,
}

#[derive(Debug, Default)]
struct Waiting {
    running: usize,
    items: VecDeque<ItemId>,
}

impl Queue {
    /// Takes a place for a job that begins now; false: it has to wait.
    pub(crate) fn begin(&mut self, lane: Lane) -> bool {
        let state = &mut self.lanes[lane as usize];
        let is_free = state.running < lane.places();
        state.running += usize::from(is_free);
        is_free
    }

    /// Gives the place back.
    pub(crate) fn end(&mut self, lane: Lane) {
        let running = &mut self.lanes[lane as usize].running;
        *running = running.saturating_sub(1);
    }

    /// The item waits for its job, in place of any that it waited for.
    pub(crate) fn wait(&mut self, id: ItemId, lane: Lane, job: Job) {
        let before = self.jobs.insert(id, (lane, job));
        if before.is_none_or(|(before, _)| before != lane) {
            self.lanes[lane as usize].items.push_back(id);
        }
    }

    pub(crate) fn is_waiting(&self, id: ItemId) -> bool {
        self.jobs.contains_key(&id)
    }

    /// The item waits no more.
    pub(crate) fn forget(&mut self, id: ItemId) {
        self.jobs.remove(&id);
    }

    pub(crate) fn clear(&mut self) {
        self.jobs.clear();
        for lane in &mut self.lanes {
            lane.items.clear();
        }
    }

    /// The next job of a lane, if the lane has a free place. The place is not taken yet.
    pub(crate) fn next(&mut self, lane: Lane) -> Option<(ItemId, Job)> {
        let state = &mut self.lanes[lane as usize];
        if state.running >= lane.places() {
            return None;
        }
        while let Some(id) = state.items.pop_front() {
            if let Some(&(of, job)) = self.jobs.get(&id)
                && of == lane
            {
                self.jobs.remove(&id);
                return Some((id, job));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_begin_in_turn_as_others_end() {
        let mut queue = Queue::default();
        let lane = Lane::of(Job::Scan, ItemKind::Share);
        for _ in 0..MAX_LOOKS {
            assert!(queue.begin(lane));
        }
        assert!(!queue.begin(lane));
        assert!(queue.begin(Lane::Read));
        for id in 1..=3 {
            queue.wait(ItemId(id), lane, Job::Scan);
        }
        queue.forget(ItemId(2));
        assert_eq!(queue.next(lane), None);
        queue.end(lane);
        assert_eq!(queue.next(lane), Some((ItemId(1), Job::Scan)));
        assert_eq!(queue.next(lane), Some((ItemId(3), Job::Scan)));
        assert_eq!(queue.next(lane), None);
    }

    #[test]
    fn an_item_waits_for_its_last_job_only() {
        let mut queue = Queue::default();
        queue.wait(ItemId(1), Lane::Look, Job::Scan);
        queue.wait(ItemId(1), Lane::Read, Job::Verify);
        assert_eq!(queue.next(Lane::Look), None);
        assert_eq!(queue.next(Lane::Read), Some((ItemId(1), Job::Verify)));
        assert!(!queue.is_waiting(ItemId(1)));
    }
}
