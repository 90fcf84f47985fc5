//! The asking half of Bitswap as a pure state machine: no socket, no clock, no task; `now` is an
//! argument, and what is to be done comes out of [`Client::poll`].
//!
//! A session stands for one root: its wants, and the peers that may have them. A block is asked of
//! one peer at a time, the one that will probably deliver it first; partial holders get standing
//! want-haves, so that they tell when they obtain a block; each peer is asked for as much as its
//! bandwidth-delay product, no more; what a slow peer owes is taken over by an idle one. Blocks
//! match wants by multihash.
//!
//! Invariants:
//! - no block is asked for twice while the first asker is within its time, but for the last few of
//!   a session;
//! - requested plus delivered, unreleased bytes stay within [`ClientConfig::budget`] (but for one
//!   block);
//! - our list at a peer never exceeds 1024 entries, and every map that a peer's words fill is
//!   bounded;
//! - each event costs O(log n) in the wants, plus the peers concerned.
//!
//! The caller computes CIDs from bytes, keeps connections, and asks nothing that follows from its
//! CID alone (identity, the hash of nothing). After any call, it polls until `None`, then waits for
//! [`Client::deadline`].
//!
//! | file | owns |
//! |---|---|
//! | `want` `peer` `session` `timers` | tables |
//! | `ledger` | the moves that keep the tables in step |
//! | `receive` | what peers say and send, and what their silence means |
//! | `members` | who takes part in a session |
//! | `refill` | what is looked for at the moment |
//! | `assign` `steal` | who is asked for what |
//! | `wrong` | bytes that are not what was asked for |
//! | `swarm` | who fetches what is rare: rendezvous hashing among fellow downloaders |
//! | `gateway` | sources that are no peers |
//! | `window` `budget` | how much at a time |
//! | `outbox` | entries into messages |

mod assign;
mod budget;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gateway;
mod ledger;
mod limits;
mod members;
mod outbox;
mod peer;
mod receive;
mod refill;
mod session;
mod steal;
mod swarm;
#[cfg(test)]
mod tests;
mod timers;
mod want;
mod window;
mod wrong;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use libp2p::PeerId;
use unixfs::cid::Cid;

pub use self::members::UnderWay;

use self::budget::Budget;
use self::peer::{Kind, PeerSlot, Peers};
use self::session::Session;
use self::timers::{Timer, Timers};
use self::want::Wants;
use self::wrong::Spoilt;
use crate::pace::Bucket;
use crate::wire;

/// Names a session. The caller's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A block that a session wants.
#[derive(Debug, Clone)]
pub struct Want {
    pub cid: Cid,
    /// Bytes of the block, if its parent tells.
    pub size: Option<u32>,
    /// Higher first. Among equals the client chooses, so that downloaders can feed each other: give
    /// equal priorities to whatever need not come in order.
    pub priority: i32,
}

#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// This node.
    pub local: PeerId,
    /// Bytes that may be requested or delivered and not released.
    pub budget: u64,
    /// Bytes that may be requested of one peer.
    pub max_window: u64,
}

impl ClientConfig {
    pub fn new(local: PeerId) -> Self {
        Self {
            local,
            budget: 24 * 1024 * 1024,
            max_window: 16 * 1024 * 1024,
        }
    }
}

/// What the caller has to do.
#[derive(Debug)]
pub enum ClientAction {
    /// Send a wantlist message. `full`: it replaces what the peer remembers.
    Send {
        peer: PeerId,
        entries: Vec<wire::WantEntry>,
        full: bool,
    },
    /// A wanted block is here, from `peer`. Its bytes count against the budget until
    /// [`Client::release`].
    Deliver {
        session: SessionId,
        peer: PeerId,
        cid: Cid,
        data: Bytes,
    },
    /// Find peers that have the session's content and name them by [`Client::add_providers`].
    FindProviders { session: SessionId },
    /// Connect to the peer: it is believed to have something that is wanted.
    Dial { peer: PeerId },
    /// The peer broke the rules too often: disconnect, and keep it away. Nothing more is asked of
    /// it.
    Misbehaved { peer: PeerId },
}

#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    /// Our number among the downloaders.
    number: u64,
    /// Our own chance, different from all others', fixed for this client.
    salt: u64,
    /// State of the random numbers.
    chance: u64,
    wants: Wants,
    peers: Peers,
    sessions: BTreeMap<SessionId, Session>,
    budget: Budget,
    /// The download limit.
    limiter: Option<Bucket>,
    timers: Timers,
    spoilt: Spoilt,
    actions: VecDeque<ClientAction>,
    to_flush: VecDeque<PeerSlot>,
    /// Last number of a request.
    seq: u64,
    /// Last number of a want.
    order: u64,
    /// Something changed since the last assignment.
    dirty: bool,
    /// All peers are due for a look.
    tick: bool,
    /// Peers that may have become able to take on work.
    awake: BTreeSet<PeerSlot>,
    /// Sessions whose window may have room, and those with new work for complete sources.
    short: BTreeSet<SessionId>,
    fresh: BTreeSet<SessionId>,
}

impl Client {
    /// `seed`: of the random choices; any number, but a different one in each process.
    pub fn new(config: ClientConfig, seed: u64) -> Self {
        Self {
            number: swarm::peer_number(&config.local),
            salt: swarm::mix(seed),
            chance: swarm::mix(seed ^ 1),
            wants: Wants::default(),
            peers: Peers::default(),
            sessions: BTreeMap::new(),
            budget: Budget::new(config.budget),
            limiter: None,
            timers: Timers::default(),
            spoilt: Spoilt::default(),
            actions: VecDeque::new(),
            to_flush: VecDeque::new(),
            seq: 0,
            order: 0,
            dirty: false,
            tick: false,
            awake: BTreeSet::new(),
            short: BTreeSet::new(),
            fresh: BTreeSet::new(),
            config,
        }
    }

    pub fn open(&mut self, id: SessionId, now: Instant) {
        self.sessions.entry(id).or_insert_with(|| Session::new(now));
    }

    /// Ends a session: what only it wanted is cancelled, and what was not yet polled is dropped.
    pub fn close(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let wants: Vec<_> = session
            .queue
            .iter()
            .map(|&(_, _, want)| want)
            .chain(session.active.iter().copied())
            .chain(session.guests.iter().copied())
            .collect();
        for want in wants {
            self.leave_want(id, want, now);
        }
        let budget = &mut self.budget;
        self.actions.retain(|action| match action {
            ClientAction::Deliver { session, data, .. } if *session == id => {
                budget.release(data.len() as u64);
                false
            }
            ClientAction::FindProviders { session } => *session != id,
            _ => true,
        });
        self.timers.clear(Timer::Session(id));
        self.tick = true;
        if let Some(session) = self.sessions.remove(&id) {
            for slot in session.members.keys() {
                if let Some(peer) = self.peers.get_mut(*slot) {
                    peer.sessions.retain(|&other| other != id);
                }
            }
        }
        self.dirty = true;
    }

    /// Adds wants to an open session. A want that is there already keeps its place, but for a
    /// higher priority.
    pub fn want(&mut self, id: SessionId, wants: Vec<Want>, now: Instant) {
        for want in wants {
            self.add_want(id, &want);
        }
        self.short.insert(id);
        self.dirty = true;
        if let Some(session) = self.sessions.get(&id) {
            let probe = session.probed.is_empty();
            self.schedule_session(id);
            if probe {
                self.probe_all(id, now);
            }
        }
    }

    fn add_want(&mut self, id: SessionId, want: &Want) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(found) = self.wants.find(&want.cid) else {
            self.order += 1;
            let size = want.size.unwrap_or(0);
            let new = self
                .wants
                .insert(&want.cid, size, want.priority, self.order, id);
            session
                .queue
                .insert((Reverse(want.priority), self.order, new));
            return;
        };
        let Some(state) = self.wants.get_mut(found) else {
            return;
        };
        if state.home != id {
            let others = state.others.get_or_insert_default();
            if !others.contains(&id) {
                others.push(id);
                session.guests.insert(found);
            }
        }
        if want.priority > state.priority {
            self.set_priority(found, want.priority);
        }
    }

    fn set_priority(&mut self, id: want::WantId, priority: i32) {
        let asked = self
            .wants
            .active(id)
            .is_none_or(|active| active.place == want::Place::Asked);
        self.displace(id);
        let Some(state) = self.wants.get_mut(id) else {
            return;
        };
        let old = std::mem::replace(&mut state.priority, priority);
        if let Some(session) = self.sessions.get_mut(&state.home)
            && session.queue.remove(&(Reverse(old), state.order, id))
        {
            session.queue.insert((Reverse(priority), state.order, id));
        }
        if !asked {
            self.place(id);
        }
    }

    /// Takes wants back.
    pub fn unwant(&mut self, id: SessionId, cids: &[Cid], now: Instant) {
        for cid in cids {
            if let Some(want) = self.wants.find(cid) {
                self.leave_want(id, want, now);
            }
        }
        self.dirty = true;
    }

    fn leave_want(&mut self, session: SessionId, id: want::WantId, now: Instant) {
        let Some(state) = self.wants.get_mut(id) else {
            return;
        };
        if let Some(others) = &mut state.others {
            others.retain(|&other| other != session);
        }
        if state.home != session {
            if let Some(state) = self.sessions.get_mut(&session) {
                state.guests.remove(&id);
            }
            return;
        }
        // The first guest becomes the host.
        let heirs: Vec<SessionId> = state.others.take().map_or_else(Vec::new, |others| *others);
        let (size, priority) = (state.size, state.priority);
        let Some(state) = self.finish(id, None, now) else {
            return;
        };
        for heir in heirs {
            self.short.insert(heir);
            self.add_want(
                heir,
                &Want {
                    cid: state.cid(),
                    size: (size > 0).then_some(size),
                    priority,
                },
            );
        }
    }

    /// The consumer is done with so many delivered bytes.
    pub fn release(&mut self, bytes: u64, _now: Instant) {
        self.budget.release(bytes);
        self.dirty = true;
    }

    pub fn set_download_limit(&mut self, bytes_per_sec: Option<u64>, now: Instant) {
        match (&mut self.limiter, bytes_per_sec) {
            (Some(limiter), Some(rate)) => limiter.set_rate(rate, now),
            (limiter, rate) => *limiter = rate.map(|rate| Bucket::new(rate, now)),
        }
        self.tick = true;
        self.dirty = true;
    }

    /// When [`Client::on_deadline`] has to be called, if nothing else happens.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub fn on_deadline(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Peer(slot) => self.check_peer(slot, now),
                Timer::Flush(slot) => self.to_flush.push_back(slot),
                Timer::Session(id) => self.check_session(id, now),
                Timer::Assign => self.tick = true,
            }
            self.dirty = true;
        }
    }

    /// What to do next; `None`: nothing until the next call of another method.
    pub fn poll(&mut self, now: Instant) -> Option<ClientAction> {
        if std::mem::take(&mut self.dirty) {
            self.assign(now);
        }
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        while let Some(slot) = self.to_flush.pop_front() {
            if let Some(action) = self.flush(slot, now) {
                return Some(action);
            }
        }
        None
    }

    /// Blocks wanted and not received.
    pub fn pending(&self) -> usize {
        self.wants.len()
    }

    fn flush(&mut self, slot: PeerSlot, now: Instant) -> Option<ClientAction> {
        let peer = self.peers.get_mut(slot)?;
        match peer.outbox.due() {
            Some(due) if due <= now => {}
            Some(due) => {
                self.timers.set_earlier(Timer::Flush(slot), due);
                return None;
            }
            None => return None,
        }
        let says_no = peer.says_no();
        let (wants, sent) = (&self.wants, &mut peer.sent);
        let entries = peer.outbox.take(|entry| match entry {
            outbox::Entry::Cancel(cid) => Some((
                cid,
                wire::WantEntry {
                    cid,
                    priority: 0,
                    cancel: true,
                    want_type: wire::WantType::Block,
                    send_dont_have: false,
                },
            )),
            outbox::Entry::Want { id, seq } => {
                let entry = sent.get_mut(&id).filter(|sent| sent.seq == seq)?;
                let want = wants.get(id)?;
                entry.flushed = true;
                entry.at = now;
                let cid = want.cid();
                Some((
                    cid,
                    wire::WantEntry {
                        cid,
                        priority: want.priority,
                        cancel: false,
                        want_type: match entry.kind {
                            Kind::Have => wire::WantType::Have,
                            Kind::Block => wire::WantType::Block,
                        },
                        send_dont_have: says_no,
                    },
                ))
            }
        });
        if peer.outbox.due().is_some() {
            self.to_flush.push_front(slot);
        }
        if entries.is_empty() {
            return None;
        }
        let full = !std::mem::replace(&mut peer.greeted, true);
        Some(ClientAction::Send {
            peer: peer.id,
            entries,
            full,
        })
    }
}
