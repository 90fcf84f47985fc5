//! One session: the wants of one root, the peers that may have them, and the search for more such
//! peers.
//!
//! Invariants: a want whose home this is stands either in `queue` or in `active`; an active want
//! stands in exactly one of `rare` and `shared`, or was asked for; `candidates` and `dialing` are
//! bounded.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::limits::{
    DEFAULT_BLOCK, DIAL_TIMEOUT, ENOUGH_MEMBERS, EXPLORE_PAUSE, EXPLORE_PAUSE_MAX, MAX_CANDIDATES,
    MAX_DIALS, MAX_MEMBERS, MIN_USUAL, SEARCH_DELAY, SEARCH_PAUSE, SEARCH_PAUSE_MAX,
};
use super::peer::PeerSlot;
use super::swarm::News;
use super::want::{PoolKey, WantId, WantState};
use crate::pace::Backoff;

#[derive(Debug)]
pub(super) struct Session {
    /// Wants that nobody was asked about yet: priority, order of arrival.
    pub(super) queue: BTreeSet<(Reverse<i32>, u64, WantId)>,
    pub(super) active: BTreeSet<WantId>,
    /// Wants at other sessions' homes that this one gets, too.
    pub(super) guests: BTreeSet<WantId>,
    /// Active, asked of nobody, and no partial holder has them: only complete sources do.
    pub(super) rare: BTreeSet<PoolKey>,
    /// Active, asked of nobody, and some partial holder has them.
    pub(super) shared: BTreeSet<PoolKey>,
    pub(super) shared_bytes: u64,
    /// Bytes of a block whose size nobody tells, by those that came.
    usual: u32,
    /// Wants about which partial holders were asked just now, and when they will have had their
    /// say.
    pub(super) unheard: VecDeque<(Instant, WantId)>,
    pub(super) members: BTreeMap<PeerSlot, Member>,
    /// Members that hold a part.
    pub(super) partial_count: usize,
    /// Peers outside the session that were asked about a few of its blocks.
    /// How many of them each still has in its list.
    pub(super) probed: BTreeMap<PeerSlot, usize>,
    /// Those that have none left.
    pub(super) unprobed: BTreeSet<PeerSlot>,
    candidates: VecDeque<PeerId>,
    dialing: Vec<(PeerId, Instant)>,
    pub(super) search: Search,
}

/// A peer that takes part in a session.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) coverage: Coverage,
    /// It sent a block for this session.
    pub(super) delivered: bool,
    /// See [`super::gateway`].
    pub(super) gateway: bool,
    /// Blocks that it refused, as a gateway, since it last sent one.
    pub(super) refusals: usize,
    /// Its announcements, as a fellow downloader.
    pub(super) news: News,
    /// Bytes of rare blocks in our window that are its to fetch.
    pub(super) owned_bytes: u64,
    /// Some active wants could not be listed at it: its list was full.
    pub(super) behind: bool,
    pub(super) explore_at: Instant,
    explore_backoff: Backoff,
    /// It has blocks that it was asked about since the last look.
    pub(super) explored: bool,
}

/// How much of the session's content a member has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// Believed to have everything: asked for blocks outright.
    Complete,
    /// Said that it lacks something: has what it says it has, by standing want-haves.
    Partial,
}

impl Member {
    pub(super) fn new(coverage: Coverage, now: Instant) -> Self {
        Self {
            coverage,
            delivered: false,
            gateway: false,
            refusals: 0,
            news: News::new(now),
            owned_bytes: 0,
            behind: false,
            explore_at: now,
            explore_backoff: Backoff::new(EXPLORE_PAUSE, EXPLORE_PAUSE_MAX),
            explored: false,
        }
    }

    /// Begins a look beyond the window; the next one comes soon if the last one found something.
    pub(super) fn on_explore(&mut self, now: Instant) {
        if std::mem::take(&mut self.explored) {
            self.explore_backoff.reset();
        } else {
            self.explore_backoff.grow();
        }
        self.explore_at = now + self.explore_backoff.pause();
    }
}

impl Session {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            queue: BTreeSet::new(),
            active: BTreeSet::new(),
            guests: BTreeSet::new(),
            rare: BTreeSet::new(),
            shared: BTreeSet::new(),
            shared_bytes: 0,
            usual: DEFAULT_BLOCK,
            unheard: VecDeque::new(),
            members: BTreeMap::new(),
            partial_count: 0,
            probed: BTreeMap::new(),
            unprobed: BTreeSet::new(),
            candidates: VecDeque::new(),
            dialing: Vec::new(),
            search: Search::new(now),
        }
    }

    /// Bytes that a block will probably have: how many are asked for at a time depends on it, so it must not stay at what
    /// large ones have where all are small.
    pub(super) fn likely(&self, want: &WantState) -> u32 {
        if want.size == 0 {
            self.usual
        } else {
            want.size
        }
    }

    /// A block came whose size nobody had told.
    pub(super) fn on_size(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.usual = (self.usual / 2 + bytes / 2).max(MIN_USUAL);
    }

    pub(super) fn pending(&self) -> usize {
        self.queue.len() + self.active.len()
    }

    pub(super) fn asked(&self) -> usize {
        self.active.len() - self.rare.len() - self.shared.len()
    }

    pub(super) fn is_complete(&self, slot: PeerSlot) -> bool {
        self.members
            .get(&slot)
            .is_some_and(|member| member.coverage == Coverage::Complete)
    }

    pub(super) fn partials(&self) -> impl Iterator<Item = PeerSlot> + '_ {
        self.members
            .iter()
            .filter(|(_, m)| m.coverage == Coverage::Partial)
            .map(|(&slot, _)| slot)
    }

    /// Members that are peers of the exchange.
    pub(super) fn peers(&self) -> impl Iterator<Item = (PeerSlot, &Member)> {
        let peers = self.members.iter().filter(|(_, member)| !member.gateway);
        peers.map(|(&slot, member)| (slot, member))
    }

    pub(super) fn has_partials(&self) -> bool {
        self.partial_count > 0
    }

    /// Remembers a provider that is not connected. The newest are kept.
    pub(super) fn add_candidate(&mut self, peer: PeerId) {
        if self.candidates.contains(&peer) || self.dialing.iter().any(|(id, _)| *id == peer) {
            return;
        }
        if self.candidates.len() >= MAX_CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back(peer);
    }

    /// The next provider to dial, if another dial is in order.
    pub(super) fn next_dial(&mut self, now: Instant) -> Option<PeerId> {
        if self.dialing.len() >= MAX_DIALS || self.members.len() + self.dialing.len() >= MAX_MEMBERS
        {
            return None;
        }
        let peer = self.candidates.pop_front()?;
        self.dialing.push((peer, now + DIAL_TIMEOUT));
        Some(peer)
    }

    /// Was this peer waited for? Forgets it as a candidate.
    pub(super) fn take_expected(&mut self, peer: &PeerId) -> bool {
        let before = self.candidates.len() + self.dialing.len();
        self.candidates.retain(|id| id != peer);
        self.dialing.retain(|(id, _)| id != peer);
        before > self.candidates.len() + self.dialing.len()
    }

    pub(super) fn expire_dials(&mut self, now: Instant) {
        self.dialing.retain(|&(_, until)| until > now);
    }

    /// When the session has to be looked at again.
    pub(super) fn next_check(&self) -> Option<Instant> {
        let search = (self.pending() > 0).then_some(self.search.next);
        let dial = self.dialing.iter().map(|&(_, until)| until).min();
        search.into_iter().chain(dial).min()
    }

    /// Is nothing on its way although blocks are missing?
    pub(super) fn is_starving(&self) -> bool {
        self.pending() > 0 && self.asked() == 0
    }

    /// Nothing is on its way although it could be: look for sources, at once if there are none; the
    /// back-off still counts.
    pub(super) fn retry_soon(&mut self, now: Instant) {
        self.search.retry_soon(
            if self.members.is_empty() {
                Search::GRACE
            } else {
                SEARCH_DELAY
            },
            now,
        );
    }

    /// Time to look for providers? Plans the next time.
    pub(super) fn poll_search(&mut self, jitter: u64, now: Instant) -> bool {
        if self.pending() == 0 || now < self.search.next {
            return false;
        }
        let needed = self.is_starving() || self.peers().count() < ENOUGH_MEMBERS;
        self.search.plan(needed, jitter, now);
        needed
    }
}

/// When to look for providers: soon after a need arises, then ever more rarely until blocks arrive
/// again.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) next: Instant,
    last: Option<Instant>,
    backoff: Backoff,
    /// A block arrived since the last search.
    progress: bool,
}

impl Search {
    /// A moment for the caller to name providers itself, before the first search.
    const GRACE: Duration = Duration::from_millis(50);

    fn new(now: Instant) -> Self {
        Self {
            next: now + Self::GRACE,
            last: None,
            backoff: Backoff::new(SEARCH_PAUSE, SEARCH_PAUSE_MAX),
            progress: false,
        }
    }

    pub(super) fn on_block(&mut self) {
        self.progress = true;
    }

    /// A source is there: no hurry.
    pub(super) fn on_source(&mut self, now: Instant) {
        if self.last.is_none() {
            self.next = self.next.max(now + SEARCH_DELAY);
        }
    }

    /// Nothing is on its way.
    pub(super) fn retry_soon(&mut self, wait: Duration, now: Instant) {
        if self.progress {
            self.progress = false;
            self.backoff.reset();
        }
        let earliest = self.last.map_or(now, |last| last + self.backoff.pause());
        self.next = self.next.min(earliest.max(now + wait));
    }

    fn plan(&mut self, searched: bool, jitter: u64, now: Instant) {
        self.next = now + self.backoff.jittered(jitter);
        if searched {
            self.last = Some(now);
            self.backoff.grow();
        }
    }
}
