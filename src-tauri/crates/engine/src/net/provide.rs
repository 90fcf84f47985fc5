//! Announces in the DHT what we have: each key at once, then every 22 hours for as long as it is shared.
//!
//! [`Schedule`] is pure; [`Announcer`] is a task of its own beside the actor, because the schedule lies in the index, whose calls
//! block. It works only while others can reach us and the DHT knows somebody: an announcement without an address is dropped by
//! whoever gets it. What came due meanwhile is made up for then, and everything is announced again when our addresses change.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use unixfs::cid::Multihash;

use super::commands::Command;
use crate::index::Index;
use crate::limits::{ANNOUNCES_AT_A_TIME, WAITING_COMMANDS};

/// Between two announcements of a key: records live 48 hours, and Amino's practice is 22.
const INTERVAL: i64 = 22 * 60 * 60;
/// Announcements are up to this much earlier, so that what was shared together doesn't stay a burst for ever. Seconds.
const JITTER: i64 = 2 * 60 * 60;
/// After a failure. Seconds.
const RETRY: i64 = 5 * 60;

/// When each key is to be announced. Times are Unix seconds.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    due: HashMap<Multihash, i64>,
    order: BTreeSet<(i64, Multihash)>,
}

impl Schedule {
    /// `last`: when the key was last announced; 0 is never.
    pub(crate) fn add(&mut self, key: Multihash, last: i64, jitter: i64) {
        let at = if last == 0 {
            0
        } else {
            last + INTERVAL - jitter
        };
        self.set(key, at);
    }

    pub(crate) fn remove(&mut self, key: &Multihash) {
        if let Some(at) = self.due.remove(key) {
            self.order.remove(&(at, *key));
        }
    }

    pub(crate) fn contains(&self, key: &Multihash) -> bool {
        self.due.contains_key(key)
    }

    /// The next key that is due. It stays on the schedule, to be tried again should nobody say what came of it.
    pub(crate) fn next_due(&mut self, now: i64) -> Option<Multihash> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.set(key, now + RETRY);
        Some(key)
    }

    /// Seconds until the next key is due.
    pub(crate) fn wait(&self, now: i64) -> Option<u64> {
        let (at, _) = self.order.first()?;
        u64::try_from(at - now).ok().or(Some(0))
    }

    /// Everything is due.
    pub(crate) fn again(&mut self) {
        let keys: Vec<Multihash> = self.due.keys().copied().collect();
        for key in keys {
            self.set(key, 0);
        }
    }

    fn set(&mut self, key: Multihash, at: i64) {
        self.remove(&key);
        self.due.insert(key, at);
        self.order.insert((at, key));
    }
}

/// A change of the schedule.
#[derive(Debug)]
pub(crate) enum Change {
    Announce(Vec<Multihash>),
    Withdraw(Vec<Multihash>),
}

/// What announcing depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Addresses that others can reach; in order.
    pub(crate) external: Vec<libp2p::Multiaddr>,
    /// The DHT knows somebody.
    pub(crate) has_peers: bool,
}

impl Standing {
    fn can_announce(&self) -> bool {
        self.has_peers && !self.external.is_empty()
    }
}

/// Keeps the schedule and asks the actor to announce what is due.
pub(crate) struct Announcer {
    index: Index,
    changes: mpsc::Receiver<Change>,
    standing: watch::Receiver<Standing>,
    actor: mpsc::WeakSender<Command>,
    schedule: Schedule,
}

impl Announcer {
    /// Starts the task. It ends when the returned sender is dropped.
    pub(crate) fn start(
        index: Index,
        standing: watch::Receiver<Standing>,
        actor: mpsc::WeakSender<Command>,
    ) -> mpsc::Sender<Change> {
        let (sender, changes) = mpsc::channel(WAITING_COMMANDS);
        let announcer = Self {
            index,
            changes,
            standing,
            actor,
            schedule: Schedule::default(),
        };
        tokio::spawn(announcer.run());
        sender
    }

    async fn run(mut self) {
        for (key, last) in self
            .on_index(Index::announcements)
            .await
            .unwrap_or_default()
        {
            self.schedule.add(key, last, jitter());
        }
        let mut announced_at = Vec::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            let standing = self.standing.borrow_and_update().clone();
            if standing.can_announce() {
                if announced_at != standing.external {
                    if !announced_at.is_empty() {
                        self.schedule.again();
                    }
                    announced_at.clone_from(&standing.external);
                }
                while under_way.len() < ANNOUNCES_AT_A_TIME
                    && let Some(key) = self.schedule.next_due(now())
                {
                    under_way.push(announce(self.actor.clone(), key));
                }
            }
            let next_due = self
                .schedule
                .wait(now())
                .filter(|_| standing.can_announce());
            let has_room = under_way.len() < ANNOUNCES_AT_A_TIME;
            tokio::select! {
                change = self.changes.recv() => match change {
                    Some(change) => self.change(change).await,
                    None => return,
                },
                changed = self.standing.changed() => if changed.is_err() { return },
                Some((key, done)) = under_way.next() => if done { self.announced(key).await },
                () = sleep(next_due), if has_room && next_due.is_some() => {}
            }
        }
    }

    async fn change(&mut self, change: Change) {
        match change {
            Change::Announce(keys) => {
                let mut new = keys;
                new.retain(|key| !self.schedule.contains(key));
                for key in &new {
                    self.schedule.add(*key, 0, 0);
                }
                let record = move |index: &Index| {
                    let mut new = new.iter();
                    new.try_for_each(|key| index.set_announced(key, 0))
                };
                self.on_index(record).await;
            }
            Change::Withdraw(keys) => {
                for key in &keys {
                    self.schedule.remove(key);
                }
                self.on_index(move |index| index.forget_announced(&keys))
                    .await;
            }
        }
    }

    async fn announced(&mut self, key: Multihash) {
        // It may have been withdrawn meanwhile.
        if !self.schedule.contains(&key) {
            return;
        }
        let now = now();
        self.schedule.add(key, now, jitter());
        self.on_index(move |index| index.set_announced(&key, now))
            .await;
    }

    async fn on_index<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Index) -> crate::index::Result<T> + Send + 'static,
    ) -> Option<T> {
        let index = self.index.clone();
        let done = spawn_blocking(move || job(&index)).await.ok()?;
        done.inspect_err(
            |error| tracing::warn!(%error, "the schedule of announcements can't be kept"),
        )
        .ok()
    }
}

/// Announces one key; says whether it went out.
async fn announce(actor: mpsc::WeakSender<Command>, key: Multihash) -> (Multihash, bool) {
    let (reply, answer) = oneshot::channel();
    let sent = match actor.upgrade() {
        Some(actor) => actor.send(Command::Provide { key, reply }).await.is_ok(),
        None => false,
    };
    (key, sent && answer.await.unwrap_or(false))
}

async fn sleep(seconds: Option<u64>) {
    tokio::time::sleep(Duration::from_secs(seconds.unwrap_or_default())).await;
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn jitter() -> i64 {
    rand::random_range(0..JITTER)
}

#[cfg(test)]
mod tests {
    use unixfs::cid::{SHA2_256, hash};

    use super::*;

    fn key(number: u8) -> Multihash {
        hash(SHA2_256, &[number]).unwrap()
    }

    #[test]
    fn new_keys_go_out_at_once_and_old_ones_after_22_hours() {
        let mut schedule = Schedule::default();
        let now = 1_000_000;
        schedule.add(key(1), 0, 0);
        schedule.add(key(2), now - 60, 600);
        assert_eq!(schedule.next_due(now), Some(key(1)));
        schedule.add(key(1), now, 0);
        assert_eq!(schedule.next_due(now), None);
        assert_eq!(schedule.wait(now), Some(22 * 3600 - 660));
        assert_eq!(schedule.next_due(now + 22 * 3600 - 660), Some(key(2)));
        schedule.remove(&key(2));
        assert_eq!(schedule.next_due(now + 22 * 3600), Some(key(1)));
    }

    #[test]
    fn what_failed_is_tried_again_soon() {
        let mut schedule = Schedule::default();
        schedule.add(key(1), 0, 0);
        assert_eq!(schedule.next_due(100), Some(key(1)));
        assert_eq!(schedule.next_due(101), None);
        assert_eq!(schedule.next_due(100 + RETRY), Some(key(1)));
    }

    #[test]
    fn a_new_address_makes_everything_due_and_withdrawn_keys_are_gone() {
        let mut schedule = Schedule::default();
        for number in 0..3 {
            schedule.add(key(number), 1_000, 0);
        }
        schedule.remove(&key(1));
        assert_eq!(schedule.next_due(2_000), None);
        schedule.again();
        let mut due = [schedule.next_due(2_000), schedule.next_due(2_000)];
        due.sort();
        let mut expected = [Some(key(0)), Some(key(2))];
        expected.sort();
        assert_eq!(due, expected);
        assert_eq!(schedule.next_due(2_000), None);
    }
}
