//! How fast bytes move: over all, of each tag, and with each peer, once a second while they move.
//!
//! The code that moves bytes tells the [`Meter`], which costs an uncontended lock; one task,
//! [`Meter::run`], samples it every second, and sleeps while nothing moves. [`Samples`] is the
//! arithmetic, without clock or task. What bytes are counted for besides their peer is a plain
//! [`Tag`]: the network doesn't know what an item is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::limits::{MAX_METERED_PEERS, MAX_TAGS};

/// Between two samples.
const PERIOD: Duration = Duration::from_secs(1);
/// Samples that are kept and shown: a minute.
const HISTORY: usize = 60;
/// Seconds over which a rate is the mean: a block of 1 MiB at 500 kB/s is no rate of 1 MiB/s and
/// then none.
const SMOOTH: usize = 4;
/// Seconds after its last block for which a peer counts as giving or taking.
const STILL_THERE: u64 = 5;

/// Bytes, or bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    pub down: u64,
    pub up: u64,
}

/// What bytes are counted for, by the number that the counting code gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(pub i64);

/// Where bytes are counted. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    flow: Mutex<Flow>,
    samples: Mutex<Samples>,
    /// Bytes move again.
    moves: Notify,
    /// Counts samples, for whoever shows them.
    sampled: watch::Sender<u64>,
}

/// What moved since the last sample, in bytes.
#[derive(Debug, Default)]
struct Flow {
    total: Rate,
    peers: HashMap<PeerId, Rate>,
    tags: HashMap<Tag, Rate>,
    giving: HashSet<(Tag, PeerId)>,
    taking: HashMap<(Tag, PeerId), u64>,
}

/// The rates of the last minute.
#[derive(Debug, Default)]
struct Samples {
    second: u64,
    total: Track,
    peers: HashMap<PeerId, Track>,
    tags: HashMap<Tag, Tagged>,
}

#[derive(Debug, Default)]
struct Tagged {
    track: Track,
    /// Who gives us of it, with the second of the last block.
    giving: HashMap<PeerId, u64>,
    /// Who fetches it from us, likewise.
    taking: HashMap<PeerId, u64>,
    /// Bytes that each took since there was a minute without any.
    taken: HashMap<PeerId, u64>,
}

/// What a sample says of a tag.
#[derive(Debug, PartialEq, Eq)]
pub struct Moved {
    pub tag: Tag,
    /// Bytes a second.
    pub up: u64,
    /// Peers who give us of it.
    pub giving: u32,
    /// Peers who take it from us.
    pub taking: u32,
}

/// Bytes of each of the last seconds.
#[derive(Debug, Default)]
struct Track(VecDeque<Rate>);

impl Meter {
    /// A peer sent us wanted bytes.
    pub(crate) fn received(&self, peer: PeerId, bytes: u64) {
        self.count(|flow| {
            flow.total.down += bytes;
            flow.peers.entry(peer).or_default().down += bytes;
        });
    }

    /// They were for this.
    pub fn fetched(&self, peer: PeerId, tag: Tag, bytes: u64) {
        self.count(|flow| {
            if let Some(sample) = flow.tag(tag) {
                sample.down += bytes;
                flow.giving.insert((tag, peer));
            }
        });
    }

    /// We gave a peer bytes, of that if it is known.
    pub fn sent(&self, peer: PeerId, tag: Option<Tag>, bytes: u64) {
        self.count(|flow| {
            flow.total.up += bytes;
            flow.peers.entry(peer).or_default().up += bytes;
            if let Some(tag) = tag
                && let Some(sample) = flow.tag(tag)
            {
                sample.up += bytes;
                *flow.taking.entry((tag, peer)).or_default() += bytes;
            }
        });
    }

    /// Over all.
    pub fn rate(&self) -> Rate {
        self.samples().total.rate()
    }

    /// Of one tag. In its first second that is what came in it so far.
    pub fn rate_of(&self, tag: Tag) -> Rate {
        if let Some(tagged) = self.samples().tags.get(&tag) {
            return tagged.track.rate();
        }
        let flow = self.0.flow.lock();
        flow.tags.get(&tag).copied().unwrap_or_default()
    }

    /// The last minute over all, a rate a second, the oldest first; nothing where nothing moved.
    pub fn history(&self) -> Vec<Rate> {
        self.samples().total.history()
    }

    /// The last minute of one tag.
    pub fn history_of(&self, tag: Tag) -> Vec<Rate> {
        let samples = self.samples();
        let tagged = samples.tags.get(&tag);
        tagged
            .map(|tagged| tagged.track.history())
            .unwrap_or_default()
    }

    /// With each peer.
    pub fn of_peers(&self) -> HashMap<PeerId, Rate> {
        let samples = self.samples();
        let rates = samples.peers.iter();
        rates.map(|(peer, track)| (*peer, track.rate())).collect()
    }

    /// Who gives us of a tag now, or takes of it, with the bytes taken.
    pub fn partners(&self, tag: Tag) -> HashMap<PeerId, u64> {
        let samples = self.samples();
        let Some(tagged) = samples.tags.get(&tag) else {
            return HashMap::new();
        };
        let partners = tagged.giving.keys().chain(tagged.taking.keys());
        let taken = |peer: &PeerId| (*peer, tagged.taken.get(peer).copied().unwrap_or(0));
        partners.map(taken).collect()
    }

    /// Tells of every sample.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.sampled.subscribe()
    }

    /// Samples until the runtime ends; `show` gets what each sample says of each tag.
    pub async fn run(self, show: impl Fn(Vec<Moved>)) {
        loop {
            self.0.moves.notified().await;
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if !self.sample(&show) {
                    break;
                }
            }
        }
    }

    /// A second is over. False when nothing moved for so long that there is nothing left to show.
    fn sample(&self, show: impl Fn(Vec<Moved>)) -> bool {
        let flow = std::mem::take(&mut *self.0.flow.lock());
        let mut samples = self.samples();
        let moved = samples.take(flow);
        let is_awake = !samples.total.is_empty();
        drop(samples);
        show(moved);
        self.0.sampled.send_modify(|count| *count += 1);
        is_awake
    }

    fn count(&self, add: impl FnOnce(&mut Flow)) {
        let was_empty = {
            let mut flow = self.0.flow.lock();
            let was_empty = flow.total == Rate::default() && flow.tags.is_empty();
            add(&mut flow);
            was_empty
        };
        if was_empty {
            self.0.moves.notify_one();
        }
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        self.0.samples.lock()
    }
}

impl Flow {
    fn tag(&mut self, tag: Tag) -> Option<&mut Rate> {
        let known = self.tags.contains_key(&tag) || self.tags.len() < MAX_TAGS;
        known.then(|| self.tags.entry(tag).or_default())
    }
}

impl Samples {
    /// A second is over. Gives what there is to show of tags.
    fn take(&mut self, flow: Flow) -> Vec<Moved> {
        self.second += 1;
        let now = self.second;
        self.total.push(flow.total);
        for peer in flow.peers.keys() {
            if self.peers.len() < MAX_METERED_PEERS {
                self.peers.entry(*peer).or_default();
            }
        }
        for (peer, track) in &mut self.peers {
            track.push(flow.peers.get(peer).copied().unwrap_or_default());
        }
        self.peers.retain(|_, track| !track.is_empty());
        for tag in flow.tags.keys() {
            if self.tags.len() < MAX_TAGS {
                self.tags.entry(*tag).or_default();
            }
        }
        for (tag, peer) in flow.giving {
            if let Some(tagged) = self.tags.get_mut(&tag) {
                tagged.giving.insert(peer, now);
            }
        }
        for ((tag, peer), bytes) in flow.taking {
            if let Some(tagged) = self.tags.get_mut(&tag) {
                tagged.taking.insert(peer, now);
                if tagged.taken.len() < MAX_METERED_PEERS || tagged.taken.contains_key(&peer) {
                    *tagged.taken.entry(peer).or_default() += bytes;
                }
            }
        }
        let mut moved = Vec::new();
        for (tag, tagged) in &mut self.tags {
            tagged
                .track
                .push(flow.tags.get(tag).copied().unwrap_or_default());
            let count = |partners: &mut HashMap<PeerId, u64>| {
                partners.retain(|_, last| now - *last < STILL_THERE);
                u32::try_from(partners.len()).unwrap_or(u32::MAX)
            };
            moved.push(Moved {
                tag: *tag,
                up: tagged.track.rate().up,
                giving: count(&mut tagged.giving),
                taking: count(&mut tagged.taking),
            });
        }
        self.tags.retain(|_, tagged| !tagged.track.is_empty());
        moved
    }
}

impl Track {
    fn push(&mut self, bytes: Rate) {
        self.0.push_back(bytes);
        if self.0.len() > HISTORY {
            self.0.pop_front();
        }
        if self.0.iter().all(|sample| *sample == Rate::default()) {
            self.0.clear();
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes a second over the last few seconds.
    fn rate(&self) -> Rate {
        self.mean(self.0.len())
    }

    fn history(&self) -> Vec<Rate> {
        (1..=self.0.len()).map(|end| self.mean(end)).collect()
    }

    fn mean(&self, end: usize) -> Rate {
        let start = end.saturating_sub(SMOOTH);
        let (mut down, mut up) = (0, 0);
        for bytes in self.0.range(start..end) {
            down += bytes.down;
            up += bytes.up;
        }
        let seconds = (end - start).max(1) as u64;
        Rate {
            down: down / seconds,
            up: up / seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(tag: i64, down: u64, up: u64) -> Flow {
        let bytes = Rate { down, up };
        Flow {
            total: bytes,
            tags: HashMap::from([(Tag(tag), bytes)]),
            ..Flow::default()
        }
    }

    #[test]
    fn a_tag_has_a_rate_from_its_first_byte_on() {
        let (meter, peer) = (Meter::default(), PeerId::random());
        assert_eq!(meter.rate_of(Tag(1)), Rate::default());
        meter.fetched(peer, Tag(1), 300);
        assert_eq!(meter.rate_of(Tag(1)).down, 300);
        meter.sample(|_| {});
        meter.sample(|_| {});
        assert_eq!(meter.rate_of(Tag(1)).down, 150);
        assert_eq!(meter.rate_of(Tag(2)), Rate::default());
    }

    #[test]
    fn rates_are_means_of_seconds_and_fade_after_a_minute() {
        let mut samples = Samples::default();
        for (bytes, rate) in [(400, 400), (0, 200), (200, 200), (200, 200), (0, 100)] {
            samples.take(flow(1, bytes, 0));
            assert_eq!(samples.total.rate(), Rate { down: rate, up: 0 });
        }
        assert_eq!(samples.total.history().len(), 5);
        for _ in 0..HISTORY {
            samples.take(Flow::default());
        }
        assert!(samples.total.history().is_empty() && samples.tags.is_empty());
    }

    #[test]
    fn what_is_sent_and_who_takes_it_is_measured() {
        let meter = Meter::default();
        let (one, other) = (PeerId::random(), PeerId::random());
        meter.sent(one, Some(Tag(1)), 100);
        meter.sent(one, Some(Tag(1)), 100);
        meter.sent(other, Some(Tag(1)), 50);
        meter.sent(other, None, 7);
        meter.received(other, 30);
        let said = |up, taking| Moved {
            tag: Tag(1),
            up,
            giving: 0,
            taking,
        };
        assert!(meter.sample(|moved| assert_eq!(moved, [said(250, 2)])));
        assert_eq!(meter.of_peers()[&other], Rate { down: 30, up: 57 });
        assert_eq!(meter.rate(), Rate { down: 30, up: 257 });
        assert_eq!(meter.history().len(), 1);
        assert_eq!(meter.history_of(Tag(1)), [Rate { down: 0, up: 250 }]);
        assert_eq!(meter.partners(Tag(1)).len(), 2);
        for _ in 1..HISTORY {
            meter.sample(|_| {});
        }
        meter.sample(|moved| assert_eq!(moved, [said(0, 0)]));
        assert!(!meter.sample(|moved| assert_eq!(moved, [])));
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let meter = Meter::default();
        for tag in 0..3 * i64::try_from(MAX_TAGS).unwrap() {
            meter.sent(PeerId::random(), Some(Tag(tag)), 1);
        }
        meter.sample(|_| {});
        assert_eq!(meter.samples().tags.len(), MAX_TAGS);
    }
}
