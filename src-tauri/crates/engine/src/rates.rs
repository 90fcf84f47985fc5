//! How fast bytes move: over all, of each item, and with each peer, once a second while they move.
//!
//! Whoever moves bytes tells the [`Meter`], which costs an uncontended lock; one task samples it every second, and sleeps
//! while nothing moves. [`Samples`] is the arithmetic, without clock or task.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libp2p::PeerId;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::api::{RateSample, Rates};
use crate::index::ItemId;
use crate::items::board::Board;

/// Between two samples.
const PERIOD: Duration = Duration::from_secs(1);
/// Samples that are kept and shown: a minute.
const HISTORY: usize = 60;
/// Seconds over which a rate is the mean: a block of 1 MiB at 500 kB/s is no rate of 1 MiB/s and then none.
const SMOOTH: usize = 4;
/// Seconds after its last block for which a peer counts as giving or taking.
const STILL_THERE: u64 = 5;
/// Items whose rates are measured at a time. Strangers decide which items they fetch; a person can't look at so many.
const MAX_ITEMS: usize = 1024;
/// Peers likewise. No more than 256 are connected at a time.
const MAX_PEERS: usize = 1024;

/// Where bytes are counted. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    flow: Mutex<Flow>,
    samples: Mutex<Samples>,
    /// Bytes move again.
    moves: Notify,
    /// Counts samples, for whoever shows them.
    sampled: watch::Sender<u64>,
}

/// What moved since the last sample, in bytes: down, up.
#[derive(Debug, Default)]
struct Flow {
    total: RateSample,
    peers: HashMap<PeerId, RateSample>,
    items: HashMap<ItemId, RateSample>,
    giving: HashSet<(ItemId, PeerId)>,
    taking: HashMap<(ItemId, PeerId), u64>,
}

/// The rates of the last minute.
#[derive(Debug, Default)]
struct Samples {
    second: u64,
    total: Track,
    peers: HashMap<PeerId, Track>,
    items: HashMap<ItemId, Item>,
}

#[derive(Debug, Default)]
struct Item {
    track: Track,
    /// Who gives us of it, with the second of the last block.
    giving: HashMap<PeerId, u64>,
    /// Who fetches it from us, likewise.
    taking: HashMap<PeerId, u64>,
    /// Bytes that each took since there was a minute without any.
    taken: HashMap<PeerId, u64>,
}

/// What a sample says of an item.
#[derive(Debug, PartialEq, Eq)]
struct News {
    id: ItemId,
    rate_up: u64,
    giving: u32,
    taking: u32,
}

/// Bytes of each of the last seconds.
#[derive(Debug, Default)]
struct Track(VecDeque<RateSample>);

impl Meter {
    /// A peer sent us wanted bytes.
    pub(crate) fn received(&self, peer: PeerId, bytes: u64) {
        self.count(|flow| {
            flow.total.0 += bytes;
            flow.peers.entry(peer).or_default().0 += bytes;
        });
    }

    /// They were for this item.
    pub(crate) fn fetched(&self, peer: PeerId, item: ItemId, bytes: u64) {
        self.count(|flow| {
            if let Some(sample) = flow.item(item) {
                sample.0 += bytes;
                flow.giving.insert((item, peer));
            }
        });
    }

    /// We gave a peer bytes, out of that item if it is known.
    pub(crate) fn sent(&self, peer: PeerId, item: Option<ItemId>, bytes: u64) {
        self.count(|flow| {
            flow.total.1 += bytes;
            flow.peers.entry(peer).or_default().1 += bytes;
            if let Some(item) = item
                && let Some(sample) = flow.item(item)
            {
                sample.1 += bytes;
                *flow.taking.entry((item, peer)).or_default() += bytes;
            }
        });
    }

    pub(crate) fn rates(&self) -> Rates {
        let samples = self.samples();
        let RateSample(down, up) = samples.total.rate();
        Rates {
            down,
            up,
            history: samples.total.history(),
        }
    }

    pub(crate) fn history_of(&self, item: ItemId) -> Vec<RateSample> {
        let samples = self.samples();
        let item = samples.items.get(&item);
        item.map(|item| item.track.history()).unwrap_or_default()
    }

    pub(crate) fn of_peers(&self) -> HashMap<PeerId, RateSample> {
        let samples = self.samples();
        let rates = samples.peers.iter();
        rates.map(|(peer, track)| (*peer, track.rate())).collect()
    }

    /// Who gives us of an item now, or takes of it, with the bytes taken.
    pub(crate) fn partners(&self, item: ItemId) -> HashMap<PeerId, u64> {
        let samples = self.samples();
        let Some(item) = samples.items.get(&item) else {
            return HashMap::new();
        };
        let partners = item.giving.keys().chain(item.taking.keys());
        let taken = |peer: &PeerId| (*peer, item.taken.get(peer).copied().unwrap_or(0));
        partners.map(taken).collect()
    }

    /// Tells of every sample.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.0.sampled.subscribe()
    }

    /// Samples until the runtime ends, and shows each item's rates in its view.
    pub(crate) async fn run(self, activity: Board) {
        loop {
            self.0.moves.notified().await;
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if !self.sample(&activity) {
                    break;
                }
            }
        }
    }

    /// False when nothing moved for so long that there is nothing left to show.
    fn sample(&self, activity: &Board) -> bool {
        let flow = std::mem::take(&mut *self.flow());
        let mut samples = self.samples();
        let moved = samples.take(flow);
        let is_awake = !samples.total.is_empty();
        drop(samples);
        for news in moved {
            activity.set_rates(news.id, news.rate_up, news.giving, news.taking);
        }
        self.0.sampled.send_modify(|count| *count += 1);
        is_awake
    }

    fn count(&self, add: impl FnOnce(&mut Flow)) {
        let was_empty = {
            let mut flow = self.flow();
            let was_empty = flow.total == RateSample::default() && flow.items.is_empty();
            add(&mut flow);
            was_empty
        };
        if was_empty {
            self.0.moves.notify_one();
        }
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        // Plain sums: a panic elsewhere leaves them good enough to be shown.
        self.0.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.0
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    fn item(&mut self, id: ItemId) -> Option<&mut RateSample> {
        let known = self.items.contains_key(&id) || self.items.len() < MAX_ITEMS;
        known.then(|| self.items.entry(id).or_default())
    }
}

impl Samples {
    /// A second is over. Gives what there is to show of items.
    fn take(&mut self, flow: Flow) -> Vec<News> {
        self.second += 1;
        let now = self.second;
        self.total.push(flow.total);
        for peer in flow.peers.keys() {
            if self.peers.len() < MAX_PEERS {
                self.peers.entry(*peer).or_default();
            }
        }
        for (peer, track) in &mut self.peers {
            track.push(flow.peers.get(peer).copied().unwrap_or_default());
        }
        self.peers.retain(|_, track| !track.is_empty());
        for id in flow.items.keys() {
            if self.items.len() < MAX_ITEMS {
                self.items.entry(*id).or_default();
            }
        }
        for (id, peer) in flow.giving {
            if let Some(item) = self.items.get_mut(&id) {
                item.giving.insert(peer, now);
            }
        }
        for ((id, peer), bytes) in flow.taking {
            if let Some(item) = self.items.get_mut(&id) {
                item.taking.insert(peer, now);
                if item.taken.len() < MAX_PEERS || item.taken.contains_key(&peer) {
                    *item.taken.entry(peer).or_default() += bytes;
                }
            }
        }
        let mut moved = Vec::new();
        for (id, item) in &mut self.items {
            item.track
                .push(flow.items.get(id).copied().unwrap_or_default());
            let count = |partners: &mut HashMap<PeerId, u64>| {
                partners.retain(|_, last| now - *last < STILL_THERE);
                u32::try_from(partners.len()).unwrap_or(u32::MAX)
            };
            moved.push(News {
                id: *id,
                rate_up: item.track.rate().1,
                giving: count(&mut item.giving),
                taking: count(&mut item.taking),
            });
        }
        self.items.retain(|_, item| !item.track.is_empty());
        moved
    }
}

impl Track {
    fn push(&mut self, bytes: RateSample) {
        self.0.push_back(bytes);
        if self.0.len() > HISTORY {
            self.0.pop_front();
        }
        if self.0.iter().all(|sample| *sample == RateSample::default()) {
            self.0.clear();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes a second over the last few seconds.
    fn rate(&self) -> RateSample {
        self.mean(self.0.len())
    }

    fn history(&self) -> Vec<RateSample> {
        (1..=self.0.len()).map(|end| self.mean(end)).collect()
    }

    fn mean(&self, end: usize) -> RateSample {
        let start = end.saturating_sub(SMOOTH);
        let (mut down, mut up) = (0, 0);
        for RateSample(received, sent) in self.0.range(start..end) {
            down += received;
            up += sent;
        }
        let seconds = (end - start).max(1) as u64;
        RateSample(down / seconds, up / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::State;
    use crate::list::tests::view;

    fn flow(item: i64, down: u64, up: u64) -> Flow {
        let sample = RateSample(down, up);
        Flow {
            total: sample,
            items: HashMap::from([(ItemId(item), sample)]),
            ..Flow::default()
        }
    }

    #[test]
    fn rates_are_means_of_seconds_and_fade_after_a_minute() {
        let mut samples = Samples::default();
        for (bytes, rate) in [(400, 400), (0, 200), (200, 200), (200, 200), (0, 100)] {
            samples.take(flow(1, bytes, 0));
            assert_eq!(samples.total.rate(), RateSample(rate, 0));
        }
        assert_eq!(samples.total.history().len(), 5);
        for _ in 0..HISTORY {
            samples.take(Flow::default());
        }
        assert!(samples.total.history().is_empty() && samples.items.is_empty());
    }

    #[test]
    fn what_an_item_sends_and_who_takes_it_is_shown() {
        let (meter, activity) = (Meter::default(), Board::default());
        let sharing = |id| crate::api::ItemView {
            state: State::Sharing,
            ..view(id)
        };
        activity.put(sharing(1));
        activity.put(sharing(2));
        let (one, other) = (PeerId::random(), PeerId::random());
        meter.sent(one, Some(ItemId(1)), 100);
        meter.sent(one, Some(ItemId(1)), 100);
        meter.sent(other, Some(ItemId(1)), 50);
        meter.sent(other, None, 7);
        meter.received(other, 30);
        assert!(meter.sample(&activity));
        let item = activity.get(ItemId(1)).unwrap();
        assert_eq!((item.rate_up, item.peers), (250, 2));
        assert_eq!(activity.get(ItemId(2)).unwrap(), sharing(2));
        assert_eq!(meter.of_peers()[&other], RateSample(30, 57));
        let rates = meter.rates();
        assert_eq!((rates.down, rates.up, rates.history.len()), (30, 257, 1));
        assert_eq!(meter.history_of(ItemId(1)), [RateSample(0, 250)]);
        assert_eq!(meter.partners(ItemId(1)).len(), 2);
        for _ in 0..HISTORY {
            meter.sample(&activity);
        }
        let item = activity.get(ItemId(1)).unwrap();
        assert_eq!((item.rate_up, item.peers), (0, 0));
        assert!(!meter.sample(&activity));
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let meter = Meter::default();
        for id in 0..3 * i64::try_from(MAX_ITEMS).unwrap() {
            meter.sent(PeerId::random(), Some(ItemId(id)), 1);
        }
        meter.sample(&Board::default());
        assert_eq!(meter.samples().items.len(), MAX_ITEMS);
    }
}
