//! Announces in the DHTs what we have: each key at once, then republishes it for as long as it is
//! shared. What is to be announced is asked of the [`Memory`] at the start and after each change, so
//! that nothing stays announced which is not shared any more.
//!
//! [`Schedule`] is pure; [`Announcer`] is a task of its own beside the swarm's, because the
//! schedule lies in a [`Memory`], whose calls block. It works only while others can reach us and
//! the DHT knows somebody: an announcement without an address is dropped by whoever gets it. What
//! came due meanwhile is made up for then, and everything is announced again when our addresses
//! change.
//!
//! The public DHT keeps records for two days, so its schedule outlives the process. That of this
//! network is joined anew with each start, costs next to nothing, and its peers come and go: there
//! everything is announced each time, and every hour.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use unixfs::cid::Multihash;

use crate::dht::find::DhtKind;
use crate::limits::{ANNOUNCES_AT_A_TIME, MAX_WITHDRAWN};
use crate::memory::{Fault, Functions, Memory};
use crate::now_unix;

/// Between two announcements of a key: records live 48 hours, and Amino's practice is 22.
const INTERVAL: i64 = 22 * 60 * 60;
/// The same on this network, whose devices come and go.
const LOCAL_INTERVAL: i64 = 60 * 60;
/// Announcements are up to one in so many seconds earlier, so that what was shared together doesn't
/// stay a burst for ever.
const JITTER: i64 = 11;
/// After a failure. Seconds.
const RETRY: i64 = 60;

/// When each key is to be announced. Times are Unix seconds.
#[derive(Debug)]
pub(crate) struct Schedule {
    interval: i64,
    due: HashMap<Multihash, i64>,
    order: BTreeSet<(i64, Multihash)>,
    /// When keys would have been due that were withdrawn: what is announced in a DHT can't be taken
    /// back, and stands until it is old.
    withdrawn: HashMap<Multihash, i64>,
}

impl Schedule {
    fn new(interval: i64) -> Self {
        Self {
            interval,
            due: HashMap::new(),
            order: BTreeSet::new(),
            withdrawn: HashMap::new(),
        }
    }

    /// `last`: when the key was last announced; 0 is never. A time that has not come yet is of a
    /// clock that was wrong: by little, or by so much that nothing is known.
    pub(crate) fn add(&mut self, key: Multihash, last: i64, jitter: i64, now: i64) {
        let is_known = last != 0 && last <= now.saturating_add(self.interval);
        let at = if is_known {
            last.min(now) + self.interval - jitter
        } else {
            0
        };
        self.set(key, at);
    }

    /// Adds a key that is shared from now on, and gives when it was last announced; 0: not in this
    /// run.
    pub(crate) fn add_new(&mut self, key: Multihash) -> i64 {
        let at = self.withdrawn.remove(&key).unwrap_or_default();
        self.set(key, at);
        at.saturating_sub(self.interval).max(0)
    }

    pub(crate) fn withdraw(&mut self, key: &Multihash) {
        if let Some(at) = self.remove(key)
            && self.withdrawn.len() < MAX_WITHDRAWN
        {
            self.withdrawn.insert(*key, at);
        }
    }

    fn remove(&mut self, key: &Multihash) -> Option<i64> {
        let at = self.due.remove(key)?;
        self.order.remove(&(at, *key));
        Some(at)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Multihash> {
        self.due.keys()
    }

    pub(crate) fn contains(&self, key: &Multihash) -> bool {
        self.due.contains_key(key)
    }

    /// The next key that is due. It stays on the schedule, to be tried again should its outcome
    /// never be told.
    pub(crate) fn next_due(&mut self, now: i64) -> Option<Multihash> {
        self.mind_the_clock(now);
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

    /// Brings back what is further away than anything can be: the clock was set back meanwhile.
    fn mind_the_clock(&mut self, now: i64) {
        let latest = now + self.interval;
        let spread = self.interval / JITTER;
        let mut earlier = 0;
        while let Some((at, key)) = self.order.last().copied()
            && at > latest
        {
            self.set(key, latest - earlier);
            earlier = (earlier + 1) % spread;
        }
    }

    /// Everything is due.
    pub(crate) fn again(&mut self) {
        self.withdrawn.clear();
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

/// What the announcer asks of the swarm's task.
#[derive(Debug)]
pub(crate) enum Request {
    /// Announce a key in a DHT; says whether it went out.
    Announce {
        dht: DhtKind,
        key: Multihash,
        reply: oneshot::Sender<bool>,
    },
    /// We have these: say so to peers that ask in the DHTs.
    AnswerFor { keys: Vec<Multihash> },
    /// Say it no more.
    Stop { keys: Vec<Multihash> },
}

/// What announcing in a DHT depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnnounceState {
    /// Addresses at which its peers can reach us; in order.
    pub(crate) addresses: Vec<libp2p::Multiaddr>,
    /// The DHT's table has a peer.
    pub(crate) has_peers: bool,
}

impl AnnounceState {
    fn can_announce(&self) -> bool {
        self.has_peers && !self.addresses.is_empty()
    }
}

/// What announcing depends on, for both DHTs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnnounceStates {
    public: AnnounceState,
    local: AnnounceState,
}

impl AnnounceStates {
    fn of(&self, dht: DhtKind) -> &AnnounceState {
        match dht {
            DhtKind::Public => &self.public,
            DhtKind::Local => &self.local,
        }
    }

    pub(crate) fn of_mut(&mut self, dht: DhtKind) -> &mut AnnounceState {
        match dht {
            DhtKind::Public => &mut self.public,
            DhtKind::Local => &mut self.local,
        }
    }
}

/// Keeps the schedule and asks the swarm's task to announce what is due.
pub(crate) struct Announcer {
    memory: Memory,
    /// Other keys may be to be announced. Once says all: what is to be announced is asked for after it
    /// was heard.
    changes: Arc<Notify>,
    state: watch::Receiver<AnnounceStates>,
    requests: mpsc::Sender<Request>,
    plans: [Plan; 2],
}

/// The schedule of one DHT.
struct Plan {
    dht: DhtKind,
    schedule: Schedule,
    /// The addresses that were announced last.
    announced_at: Vec<libp2p::Multiaddr>,
    under_way: usize,
}

impl Plan {
    fn new(dht: DhtKind, interval: i64) -> Self {
        Self {
            dht,
            schedule: Schedule::new(interval),
            announced_at: Vec::new(),
            under_way: 0,
        }
    }

    /// The next key to announce in this state.
    fn next(&mut self, state: &AnnounceState) -> Option<Multihash> {
        if !state.can_announce() || self.under_way >= ANNOUNCES_AT_A_TIME {
            return None;
        }
        if self.announced_at != state.addresses {
            if !self.announced_at.is_empty() {
                self.schedule.again();
            }
            self.announced_at.clone_from(&state.addresses);
        }
        self.schedule.next_due(now_unix())
    }

    /// Seconds until there is something to do in this state.
    fn wait(&self, state: &AnnounceState) -> Option<u64> {
        let can_go_on = state.can_announce() && self.under_way < ANNOUNCES_AT_A_TIME;
        self.schedule.wait(now_unix()).filter(|_| can_go_on)
    }

    fn jitter(&self) -> i64 {
        rand::random_range(0..self.schedule.interval / JITTER)
    }
}

impl Announcer {
    /// Starts the task. It ends when the other end of `state` is dropped.
    pub(crate) fn start(
        memory: Memory,
        changes: Arc<Notify>,
        state: watch::Receiver<AnnounceStates>,
        requests: mpsc::Sender<Request>,
    ) -> JoinHandle<()> {
        let announcer = Self {
            memory,
            changes,
            state,
            requests,
            plans: [
                Plan::new(DhtKind::Local, LOCAL_INTERVAL),
                Plan::new(DhtKind::Public, INTERVAL),
            ],
        };
        tokio::spawn(announcer.run())
    }

    async fn run(mut self) {
        let known = self.remember(|memory| (memory.announcements)()).await;
        let known = known.unwrap_or_default();
        let now = now_unix();
        for plan in &mut self.plans {
            for (key, last) in &known {
                let last = if plan.dht == DhtKind::Public {
                    *last
                } else {
                    0
                };
                let jitter = plan.jitter();
                plan.schedule.add(*key, last, jitter, now);
            }
        }
        self.refresh().await;
        self.answer_for(self.plans[0].schedule.keys().copied().collect())
            .await;
        let mut under_way = FuturesUnordered::new();
        loop {
            let state = self.state.borrow_and_update().clone();
            for plan in &mut self.plans {
                while let Some(key) = plan.next(state.of(plan.dht)) {
                    plan.under_way += 1;
                    under_way.push(announce(self.requests.clone(), plan.dht, key));
                }
            }
            let waits = self.plans.iter().map(|plan| plan.wait(state.of(plan.dht)));
            let next_due = waits.flatten().min();
            tokio::select! {
                () = self.changes.notified() => self.refresh().await,
                changed = self.state.changed() => if changed.is_err() { return },
                Some((dht, key, done)) = under_way.next() => self.announced(dht, key, done).await,
                () = sleep(next_due), if next_due.is_some() => {}
            }
        }
    }

    /// Announces what is to be announced now, and nothing else.
    async fn refresh(&mut self) {
        let wanted = self.remember(|memory| (memory.to_announce)()).await;
        // What can't be asked stays as it is.
        let Some(wanted) = wanted else { return };
        let wanted: HashSet<Multihash> = wanted.into_iter().collect();
        let [local, public] = &mut self.plans;
        let known = local.schedule.keys();
        let gone: Vec<Multihash> = known.filter(|key| !wanted.contains(key)).copied().collect();
        let new = wanted
            .into_iter()
            .filter(|key| !local.schedule.contains(key));
        let new: Vec<Multihash> = new.collect();
        for key in &gone {
            local.schedule.withdraw(key);
            public.schedule.withdraw(key);
        }
        let mut kept = Vec::new();
        for key in &new {
            local.schedule.add_new(*key);
            kept.push((*key, public.schedule.add_new(*key)));
        }
        if !gone.is_empty() {
            // After what was said for them before.
            let stop = Request::Stop { keys: gone.clone() };
            let _ = self.requests.send(stop).await;
            self.remember(|memory| (memory.forget_announced)(gone))
                .await;
        }
        if !new.is_empty() {
            self.answer_for(new).await;
            self.remember(|memory| (memory.set_announced)(kept)).await;
        }
    }

    async fn answer_for(&self, keys: Vec<Multihash>) {
        if !keys.is_empty() {
            let _ = self.requests.send(Request::AnswerFor { keys }).await;
        }
    }

    async fn announced(&mut self, dht: DhtKind, key: Multihash, done: bool) {
        let Some(plan) = self.plans.iter_mut().find(|plan| plan.dht == dht) else {
            return;
        };
        plan.under_way -= 1;
        // It may have been withdrawn meanwhile.
        if !done || !plan.schedule.contains(&key) {
            return;
        }
        let now = now_unix();
        let jitter = plan.jitter();
        plan.schedule.add(key, now, jitter, now);
        if dht == DhtKind::Public {
            self.remember(move |memory| (memory.set_announced)(vec![(key, now)]))
                .await;
        }
    }

    async fn remember<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Functions) -> Result<T, Fault> + Send + 'static,
    ) -> Option<T> {
        let what = "the schedule of announcements can't be kept";
        self.memory.ask(what, job).await
    }
}

/// Announces one key; says whether it went out.
async fn announce(
    requests: mpsc::Sender<Request>,
    dht: DhtKind,
    key: Multihash,
) -> (DhtKind, Multihash, bool) {
    let (reply, answer) = oneshot::channel();
    let request = Request::Announce { dht, key, reply };
    let sent = requests.send(request).await.is_ok();
    (dht, key, sent && answer.await.unwrap_or(false))
}

async fn sleep(seconds: Option<u64>) {
    tokio::time::sleep(Duration::from_secs(seconds.unwrap_or_default())).await;
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
        let mut schedule = Schedule::new(INTERVAL);
        let now = 1_000_000;
        schedule.add(key(1), 0, 0, 100);
        schedule.add(key(2), now - 60, 600, now);
        assert_eq!(schedule.next_due(now), Some(key(1)));
        schedule.add(key(1), now, 0, now);
        assert_eq!(schedule.next_due(now), None);
        assert_eq!(schedule.wait(now), Some(22 * 3600 - 660));
        assert_eq!(schedule.next_due(now + 22 * 3600 - 660), Some(key(2)));
        schedule.withdraw(&key(2));
        assert_eq!(schedule.next_due(now + 22 * 3600), Some(key(1)));
    }

    #[test]
    fn what_failed_is_tried_again_soon() {
        let mut schedule = Schedule::new(INTERVAL);
        schedule.add(key(1), 0, 0, 100);
        assert_eq!(schedule.next_due(100), Some(key(1)));
        assert_eq!(schedule.next_due(101), None);
        assert_eq!(schedule.next_due(100 + RETRY), Some(key(1)));
    }

    #[test]
    fn a_new_address_makes_everything_due_and_withdrawn_keys_are_gone() {
        let mut schedule = Schedule::new(INTERVAL);
        for number in 0..3 {
            schedule.add(key(number), 1_000, 0, 1_000);
        }
        schedule.withdraw(&key(1));
        assert_eq!(schedule.next_due(2_000), None);
        schedule.again();
        let mut due = [schedule.next_due(2_000), schedule.next_due(2_000)];
        due.sort();
        let mut expected = [Some(key(0)), Some(key(2))];
        expected.sort();
        assert_eq!(due, expected);
        assert_eq!(schedule.next_due(2_000), None);
    }

    #[test]
    fn a_clock_that_jumps_makes_nothing_wait_for_years() {
        const YEARS: i64 = 5 * 365 * 24 * 3600;
        let now = 1_000_000_000;
        let mut schedule = Schedule::new(INTERVAL);
        // Announced when the clock was a minute ahead, and when it was years ahead.
        schedule.add(key(1), now + 60, 0, now);
        schedule.add(key(2), now + YEARS, 0, now);
        assert_eq!(schedule.next_due(now), Some(key(2)));
        assert_eq!(schedule.wait(now), Some(60));
        schedule.add(key(2), now, 0, now);
        assert_eq!(schedule.wait(now), Some(INTERVAL.unsigned_abs()));

        // The clock is set forward: all is due, and once more. It is set back again.
        for _ in 0..2 {
            let key = schedule.next_due(now + YEARS).unwrap();
            schedule.add(key, now + YEARS, 0, now + YEARS);
        }
        assert_eq!(schedule.next_due(now), None);
        assert!(schedule.wait(now).unwrap() <= INTERVAL.unsigned_abs());
        assert!(schedule.next_due(now + INTERVAL).is_some());
    }

    #[test]
    fn what_is_shared_again_soon_still_stands() {
        let now = 1_000_000;
        let mut schedule = Schedule::new(INTERVAL);
        assert_eq!(schedule.add_new(key(1)), 0);
        assert_eq!(schedule.next_due(now), Some(key(1)));
        schedule.add(key(1), now, 0, now);
        schedule.withdraw(&key(1));
        assert_eq!(schedule.next_due(now + INTERVAL), None);
        assert_eq!(schedule.add_new(key(1)), now);
        assert_eq!(schedule.next_due(now + 60), None);
        assert_eq!(schedule.next_due(now + INTERVAL), Some(key(1)));
    }
}
