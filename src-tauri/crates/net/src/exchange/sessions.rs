//! The swarm task's end of sessions: what each looks for, who has it, and events that wait for its
//! reader.
//!
//! A block that finds its channel full waits here. Whoever reads a block releases it, and with each
//! release the next ones go out, so nothing has to wait for a free place; Bitswap's byte budget
//! bounds what can wait.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use bitswap::{SessionId, Want};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use unixfs::cid::Cid;

use crate::exchange::session::{Request, Search, Session, SessionEvent, Shared};
use crate::limits::{MAX_HINTS, MAX_SESSION_SOURCES, MAX_SESSIONS, SESSION_EVENTS};

/// First pause before the link's addresses and the neighbours are tried again: a restarted peer is
/// back in seconds.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Longest such pause: a dial a minute costs next to nothing.
const LOOK_AGAIN_MAX: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: HashMap<SessionId, State>,
    last: u64,
    nudge: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    root: Cid,
    hints: Vec<Multiaddr>,
    /// What it asked for and has not got yet.
    wants: HashMap<Cid, Want>,
    events: mpsc::Sender<SessionEvent>,
    waiting: VecDeque<SessionEvent>,
    shared: Arc<Shared>,
    /// Bytes delivered and not released.
    held: u64,
    /// Connected peers that have the content or gave some of it.
    sources: HashSet<PeerId>,
    /// Those, and others that are said to have it, connected or not.
    known: HashSet<PeerId>,
    /// Those of them to whom no hole could be punched.
    unreachable: HashSet<PeerId>,
    /// The last `Peers` event, so that only changes are told.
    told: Option<SessionEvent>,
    /// When to look nearby again, should there be no source then, and the back-off.
    look_again: Option<(Instant, Backoff)>,
}

/// A session that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) id: SessionId,
    /// Bytes that its reader will never release.
    pub(crate) held: u64,
}

impl Sessions {
    /// `None` when too many are open.
    pub(crate) fn open(
        &mut self,
        root: Cid,
        mut hints: Vec<Multiaddr>,
        requests: mpsc::Sender<Request>,
    ) -> Option<(SessionId, Session)> {
        if self.open.len() >= MAX_SESSIONS {
            return None;
        }
        hints.truncate(MAX_HINTS);
        self.last += 1;
        let id = SessionId(self.last);
        let (sender, receiver) = mpsc::channel(SESSION_EVENTS);
        let shared = Arc::new(Shared::new(Arc::clone(&self.nudge)));
        let state = State {
            root,
            hints,
            wants: HashMap::new(),
            events: sender,
            waiting: VecDeque::new(),
            shared: Arc::clone(&shared),
            held: 0,
            sources: HashSet::new(),
            known: HashSet::new(),
            unreachable: HashSet::new(),
            told: None,
            look_again: None,
        };
        self.open.insert(id, state);
        let session = Session {
            events: receiver,
            id,
            requests,
            shared,
        };
        Some((id, session))
    }

    /// Is notified when a session released something or was dropped.
    pub(crate) fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.open.keys().copied().collect()
    }

    pub(crate) fn want(&mut self, id: SessionId, wants: &[Want]) {
        if let Some(state) = self.open.get_mut(&id) {
            let wants = wants.iter().map(|want| (want.cid, want.clone()));
            state.wants.extend(wants);
        }
    }

    pub(crate) fn unwant(&mut self, id: SessionId, cids: &[Cid]) {
        if let Some(state) = self.open.get_mut(&id) {
            for cid in cids {
                state.wants.remove(cid);
            }
        }
    }

    /// What it asked for and has not got yet.
    pub(crate) fn wants(&self, id: SessionId) -> Vec<Want> {
        let wants = self.open.get(&id).map(|state| state.wants.values());
        wants.into_iter().flatten().cloned().collect()
    }

    /// Nobody is connected any more, and where to look is begun anew.
    pub(crate) fn begin_anew(&mut self) {
        for state in self.open.values_mut() {
            state.sources.clear();
            state.unreachable.clear();
            state.look_again = None;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn root(&self, id: SessionId) -> Option<Cid> {
        self.open.get(&id).map(|state| state.root)
    }

    pub(crate) fn of_root(&self, root: &Cid) -> impl Iterator<Item = SessionId> {
        let open = self
            .open
            .iter()
            .filter(move |(_, state)| state.root == *root);
        open.map(|(id, _)| *id)
    }

    pub(crate) fn hints(&self, id: SessionId) -> &[Multiaddr] {
        self.open.get(&id).map_or(&[], |state| &state.hints)
    }

    pub(crate) fn add_hint(&mut self, id: SessionId, address: Multiaddr) {
        if let Some(state) = self.open.get_mut(&id)
            && state.hints.len() < MAX_HINTS
            && !state.hints.contains(&address)
        {
            state.hints.push(address);
        }
    }

    pub(crate) fn block(&mut self, id: SessionId, event: SessionEvent) {
        let (Some(state), SessionEvent::Block { peer, cid, data }) =
            (self.open.get_mut(&id), &event)
        else {
            return;
        };
        state.wants.remove(cid);
        state.held += data.len() as u64;
        state.add_known(*peer);
        state.waiting.push_back(event);
        state.pump();
    }

    /// Something the reader can do without.
    pub(crate) fn searching(&mut self, id: SessionId, r#where: Search) {
        if let Some(state) = self.open.get_mut(&id) {
            let _ = state.events.try_send(SessionEvent::Searching { r#where });
        }
    }

    /// It is connected and has the content. Says how many there are now.
    pub(crate) fn add_source(&mut self, id: SessionId, peer: PeerId) -> usize {
        let Some(state) = self.open.get_mut(&id) else {
            return 0;
        };
        state.add_source(peer);
        state.sources.len()
    }

    /// It is said to have the content: by the link, or by the DHT.
    pub(crate) fn add_known(&mut self, id: SessionId, peer: PeerId) {
        if let Some(state) = self.open.get_mut(&id) {
            state.add_known(peer);
        }
    }

    /// There is a direct connection: a peer that is said to have the content is a source from now
    /// on.
    pub(crate) fn reached(&mut self, peer: &PeerId) {
        for state in self.open.values_mut() {
            state.unreachable.remove(peer);
            if state.known.contains(peer) {
                state.add_source(*peer);
            }
        }
    }

    /// No direct connection could be made to the peer, and over a relay no content goes.
    pub(crate) fn cannot_reach(&mut self, peer: &PeerId) {
        for state in self.open.values_mut() {
            if state.known.contains(peer) {
                state.unreachable.insert(*peer);
            }
        }
    }

    /// Some session has use for the peer.
    pub(crate) fn uses(&self, peer: &PeerId) -> bool {
        let mut sessions = self.open.values();
        sessions.any(|state| state.known.contains(peer) || state.sources.contains(peer))
    }

    pub(crate) fn peer_left(&mut self, peer: &PeerId) {
        for state in self.open.values_mut() {
            state.sources.remove(peer);
        }
    }

    /// Tells each session how many peers there are, and whether it is stuck, where that changed.
    pub(crate) fn tell_peers(&mut self, connected: usize, is_stuck: impl Fn(SessionId) -> bool) {
        for (id, state) in &mut self.open {
            let event = SessionEvent::Peers {
                connected,
                having: state.sources.len(),
                known: state.known.len(),
                unreachable: state.unreachable.len(),
                stuck: is_stuck(*id),
            };
            let is_news = state.told.as_ref() != Some(&event);
            if is_news && state.events.try_send(event.clone()).is_ok() {
                state.told = Some(event);
            }
        }
    }

    /// Open sessions for which no connected peer has anything.
    pub(crate) fn hungry(&self) -> Vec<SessionId> {
        let is_hungry = |(_, state): &(&SessionId, &State)| state.sources.is_empty();
        self.open
            .iter()
            .filter(is_hungry)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Those of them whose hints and neighbours are to be tried again: soon after the last source
    /// left, then less often.
    pub(crate) fn look_again(&mut self, now: Instant) -> Vec<SessionId> {
        let mut due = Vec::new();
        for (id, state) in &mut self.open {
            match &mut state.look_again {
                Some((at, backoff)) if state.sources.is_empty() => {
                    if now >= *at {
                        due.push(*id);
                        *at = backoff.retry_at(now);
                    }
                }
                none => {
                    let mut backoff = Backoff::new(LOOK_AGAIN, LOOK_AGAIN_MAX);
                    *none = Some((backoff.retry_at(now), backoff));
                }
            }
        }
        due
    }

    /// This machine is on another network now: the back-offs begin anew.
    pub(crate) fn reset_backoff(&mut self) {
        for state in self.open.values_mut() {
            state.look_again = None;
        }
    }

    /// After a nudge: bytes that were released, and the sessions that ended.
    pub(crate) fn collect(&mut self) -> (u64, Vec<Closed>) {
        let mut released = 0;
        let mut closed = Vec::new();
        for (id, state) in &mut self.open {
            // No more than was delivered, whatever the reader says.
            let bytes = state.shared.take_released().min(state.held);
            state.held -= bytes;
            released += bytes;
            state.pump();
            if state.shared.is_closed() {
                let held = state.held;
                closed.push(Closed { id: *id, held });
            }
        }
        for session in &closed {
            self.open.remove(&session.id);
        }
        (released, closed)
    }
}

impl State {
    fn add_source(&mut self, peer: PeerId) {
        if self.sources.len() < MAX_SESSION_SOURCES {
            self.sources.insert(peer);
        }
    }

    fn add_known(&mut self, peer: PeerId) {
        if self.known.len() < MAX_SESSION_SOURCES {
            self.known.insert(peer);
        }
    }

    fn pump(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
                self.waiting.push_front(event);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use unixfs::cid;

    use super::*;

    fn block(byte: u8) -> SessionEvent {
        let data = Bytes::from(vec![byte; 10]);
        let hash = cid::hash(cid::SHA2_256, &data).unwrap();
        SessionEvent::Block {
            peer: PeerId::random(),
            cid: Cid::new_v1(cid::RAW, hash),
            data,
        }
    }

    fn open(sessions: &mut Sessions) -> (SessionId, Session) {
        let SessionEvent::Block { cid, .. } = block(0) else {
            unreachable!()
        };
        let (commands, _) = mpsc::channel(1);
        sessions.open(cid, Vec::new(), commands).unwrap()
    }

    #[test]
    fn a_full_channel_keeps_blocks_in_order_and_drops_none() {
        let mut sessions = Sessions::default();
        let (id, mut session) = open(&mut sessions);
        let blocks: Vec<_> = (0..=255)
            .cycle()
            .take(2 * SESSION_EVENTS)
            .map(block)
            .collect();
        for event in &blocks {
            sessions.block(id, event.clone());
        }
        let mut read = Vec::new();
        while let Ok(event) = session.events.try_recv() {
            read.push(event);
            session.release(10);
            assert_eq!(sessions.collect(), (10, vec![]));
        }
        assert_eq!(read, blocks);
    }

    #[test]
    fn a_dropped_session_gives_back_what_it_held() {
        let mut sessions = Sessions::default();
        let (id, session) = open(&mut sessions);
        sessions.block(id, block(1));
        sessions.block(id, block(2));
        session.release(10);
        drop(session);
        assert_eq!(sessions.collect(), (10, vec![Closed { id, held: 10 }]));
        assert!(sessions.is_empty());
    }

    #[test]
    fn a_reader_cannot_release_more_than_it_got() {
        let mut sessions = Sessions::default();
        let (id, session) = open(&mut sessions);
        sessions.block(id, block(1));
        session.release(1_000_000);
        assert_eq!(sessions.collect(), (10, vec![]));
        drop(session);
        assert_eq!(sessions.collect().1, [Closed { id, held: 0 }]);
    }

    #[test]
    fn a_session_that_lost_its_source_looks_for_it_again_and_again() {
        let mut sessions = Sessions::default();
        let (id, _session) = open(&mut sessions);
        let peer = PeerId::random();
        let start = Instant::now();
        sessions.add_source(id, peer);
        let hour = Duration::from_hours(1).as_secs();
        for second in 0..hour {
            assert!(
                sessions
                    .look_again(start + Duration::from_secs(second))
                    .is_empty()
            );
        }
        sessions.peer_left(&peer);
        assert_eq!(sessions.hungry(), [id]);
        let looks: Vec<u64> = (0..200)
            .filter(|second| {
                let now = start + Duration::from_secs(hour + second);
                !sessions.look_again(now).is_empty()
            })
            .collect();
        assert_eq!(looks, [1, 5, 13, 29, 61, 121, 181]);
        sessions.reset_backoff();
        let moved = start + Duration::from_secs(hour + 200);
        assert_eq!(sessions.look_again(moved), []);
        assert_eq!(sessions.look_again(moved + LOOK_AGAIN), [id]);
    }

    #[test]
    fn sessions_are_bounded_and_only_changes_are_told() {
        let mut sessions = Sessions::default();
        let mut held: Vec<_> = (0..MAX_SESSIONS).map(|_| open(&mut sessions)).collect();
        let (commands, _) = mpsc::channel(1);
        let root = sessions.root(held[0].0).unwrap();
        assert!(sessions.open(root, Vec::new(), commands).is_none());
        sessions.add_source(held[0].0, PeerId::random());
        sessions.add_known(held[0].0, PeerId::random());
        sessions.add_known(held[0].0, PeerId::random());
        sessions.tell_peers(3, |_| false);
        sessions.tell_peers(3, |_| false);
        let expected = SessionEvent::Peers {
            connected: 3,
            having: 1,
            known: 2,
            unreachable: 0,
            stuck: false,
        };
        assert_eq!(held[0].1.events.try_recv(), Ok(expected));
        assert!(held[0].1.events.try_recv().is_err());
    }
}
