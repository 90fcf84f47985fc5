//! One connected peer: what stands in its wantlist, what it said, how it behaves.
//!
//! Invariants: `asked` holds exactly the entries of `sent` that ask for a block and are unanswered,
//! in the order of asking; `sent` never exceeds [`MAX_WANTLIST`]; every want in `sent` lists this
//! peer.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use slab::Slab;

use super::SessionId;
use super::limits::{
    FORGIVEN_BREACHES, FORGIVEN_PRESENCES, MAX_LATE, MAX_STRIKES, MAX_WANTLIST, MAX_WRONG, PENALTY,
    PENALTY_MAX, STALL_MAX, STALL_MIN,
};
use super::outbox::Outbox;
use super::want::{PoolKey, WantId};
use super::window::Window;
use super::wrong::Wrong;
use crate::pace::Backoff;

/// Answers from which a peer's part of an item is guessed.
const ENOUGH_ANSWERS: u32 = 8;

/// Place of a connected peer in the table. Valid until it disconnects.
pub(super) type PeerSlot = usize;

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    /// Number on which all downloaders agree, from the id.
    pub(super) number: u64,
    /// Understands want-have and sends presences (1.2).
    pub(super) presences: bool,
    /// No peer of the exchange, see [`super::gateway`].
    pub(super) gateway: bool,
    pub(super) window: Window,
    pub(super) sent: BTreeMap<WantId, Sent>,
    pub(super) asked: BTreeMap<u64, WantId>,
    /// Blocks it has, as a holder of a part, that were asked of nobody.
    pub(super) ready: BTreeSet<PoolKey>,
    pub(super) outbox: Outbox,
    pub(super) sessions: Vec<SessionId>,
    pub(super) conduct: Conduct,
    /// Wrong blocks that it sent in place of some of `asked`.
    pub(super) wrong: Vec<Wrong>,
    /// The first message after connecting replaces what the peer may remember of us.
    pub(super) greeted: bool,
    /// Blocks that it is asked for no more may still come until then.
    pub(super) late_until: Option<Instant>,
    /// Asked for nothing until then, after a stall.
    pub(super) paused_until: Option<Instant>,
    /// Stalls in a row.
    stalls: u32,
    /// Blocks that it said it has and did not give, in a row.
    breaches: u32,
}

/// One entry of our wantlist at a peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Number of this request, never used twice.
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) answer: Answer,
    pub(super) at: Instant,
    /// Whether it went out.
    pub(super) flushed: bool,
    /// Bytes counted as requested, for a block.
    pub(super) bytes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Have,
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    Have,
    DontHave,
}

impl Peer {
    fn new(id: PeerId, presences: bool, max_window: u64) -> Self {
        Self {
            number: super::swarm::peer_number(&id),
            id,
            presences,
            gateway: false,
            window: Window::new(max_window),
            sent: BTreeMap::new(),
            asked: BTreeMap::new(),
            ready: BTreeSet::new(),
            outbox: Outbox::default(),
            sessions: Vec::new(),
            conduct: Conduct::default(),
            wrong: Vec::new(),
            greeted: false,
            late_until: None,
            paused_until: None,
            stalls: 0,
            breaches: 0,
        }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.conduct.reported && self.paused_until.is_none_or(|until| until <= now)
    }

    /// Says no to what it lacks, so that silence means only that it is slow.
    pub(super) fn says_no(&self) -> bool {
        self.presences || self.gateway
    }

    pub(super) fn has_list_room(&self) -> bool {
        self.sent.len() < MAX_WANTLIST
    }

    pub(super) fn said(&self, id: WantId) -> Answer {
        self.sent.get(&id).map_or(Answer::None, |sent| sent.answer)
    }

    /// The part of what it was asked about that it has; none as long as it said too little.
    pub(super) fn part_of_answers(&self) -> Option<f64> {
        let answers = self.sent.values().map(|sent| sent.answer);
        let (mut had, mut all) = (0_u32, 0_u32);
        for answer in answers.filter(|answer| *answer != Answer::None) {
            had += u32::from(answer == Answer::Have);
            all += 1;
        }
        (all >= ENOUGH_ANSWERS).then(|| f64::from(had) / f64::from(all))
    }

    /// When the peer counts as stalled if nothing comes until then.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        let since = self.window.silent_since?;
        let drain = Duration::try_from_secs_f64(
            self.window.asked_bytes() as f64 / self.window.rate().max(1.0),
        )
        .unwrap_or(STALL_MAX);
        let drain = if self.window.rate() == 0.0 {
            STALL_MIN / 2
        } else {
            drain.min(STALL_MAX)
        };
        let first = ((drain + self.window.rtt()) * 4).max(STALL_MIN);
        since.checked_add(Backoff::after(first, STALL_MAX, self.stalls))
    }

    pub(super) fn on_stall(&mut self, now: Instant) {
        let pause = Backoff::after(PENALTY, PENALTY_MAX, self.stalls);
        self.stalls += 1;
        self.paused_until = now.checked_add(pause);
        self.window.on_stall();
    }

    /// It said that it has a block, and has not. Files change and disks go: that is no offence, but
    /// the more often it happens in a row, the longer its word is not relied on.
    pub(super) fn on_breach(&mut self, now: Instant) {
        if let Some(more) = self.breaches.checked_sub(FORGIVEN_BREACHES) {
            let until = now.checked_add(Backoff::after(PENALTY, PENALTY_MAX, more));
            self.paused_until = self.paused_until.max(until);
        }
        self.breaches += 1;
    }

    pub(super) fn on_delivery(&mut self) {
        self.stalls = 0;
        self.breaches = 0;
        self.paused_until = None;
        self.conduct.praise();
    }
}

const MIB: usize = 1 << 20;

/// What speaks against a peer, and what excuses it. Only what no honest peer does counts: sending
/// what nobody asked for, or what is no message. A word that is not kept, and being slow, are not
/// among it.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    strikes: f32,
    /// Blocks that may still come although they are no longer wanted, as their cancels crossed them:
    /// the numbers of their digests, the oldest first.
    late: VecDeque<u64>,
    /// The same of bytes that came in place of others and were counted.
    wrong: VecDeque<u64>,
    unasked_presences: u32,
    pub(super) reported: bool,
}

impl Conduct {
    pub(super) fn strike(&mut self, weight: f32) {
        self.strikes += weight;
    }

    pub(super) fn expect_late(&mut self, digest: u64) {
        remember(&mut self.late, digest, MAX_LATE);
    }

    /// Was this block expected, though nobody wants it any more?
    pub(super) fn take_late(&mut self, digest: u64) -> bool {
        let at = self.late.iter().position(|late| *late == digest);
        at.and_then(|at| self.late.remove(at)).is_some()
    }

    /// The same bytes count once: they lie like that on a disk.
    pub(super) fn on_wrong_block(&mut self, digest: u64) {
        if !self.wrong.contains(&digest) {
            remember(&mut self.wrong, digest, MAX_WRONG);
            self.strike(1.0);
        }
    }

    pub(super) fn on_unwanted_block(&mut self, bytes: usize) {
        self.strike(if bytes < MIB { 1.0 } else { 2.0 });
    }

    pub(super) fn on_unasked_presence(&mut self) {
        self.unasked_presences += 1;
        if self.unasked_presences > FORGIVEN_PRESENCES {
            self.unasked_presences = 0;
            self.strike(4.0);
        }
    }

    fn praise(&mut self) {
        self.strikes = (self.strikes - 0.25).max(0.0);
        self.unasked_presences = self.unasked_presences.saturating_sub(8);
    }

    /// True once, when the peer has gone too far.
    pub(super) fn must_report(&mut self) -> bool {
        let report = !self.reported && self.strikes >= MAX_STRIKES;
        self.reported |= report;
        report
    }
}

/// Adds to the newest so many.
fn remember(digests: &mut VecDeque<u64>, digest: u64, most: usize) {
    if digests.len() >= most {
        digests.pop_front();
    }
    digests.push_back(digest);
}

/// The connected peers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    slab: Slab<Peer>,
    by_id: HashMap<PeerId, PeerSlot>,
}

impl Peers {
    pub(super) fn find(&self, id: &PeerId) -> Option<PeerSlot> {
        self.by_id.get(id).copied()
    }

    pub(super) fn insert(&mut self, id: PeerId, presences: bool, max_window: u64) -> PeerSlot {
        let slot = self.slab.insert(Peer::new(id, presences, max_window));
        self.by_id.insert(id, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: PeerSlot) -> Option<Peer> {
        let peer = self.slab.try_remove(slot)?;
        self.by_id.remove(&peer.id);
        Some(peer)
    }

    pub(super) fn get(&self, slot: PeerSlot) -> Option<&Peer> {
        self.slab.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: PeerSlot) -> Option<&mut Peer> {
        self.slab.get_mut(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerSlot, &Peer)> {
        self.slab.iter()
    }
}
