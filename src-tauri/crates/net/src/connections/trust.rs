//! Whom the person trusts: peers that are always dialled, and the back-off after each dial that
//! failed.
//!
//! | a trusted peer is | until |
//! |---|---|
//! | due at a time | that time: it is dialled |
//! | being dialled | it is connected, or the dial failed: due after a back-off, up to a minute |
//! | connected | its last connection is gone: due after the back-off; anew if it lasted |
//!
//! Pure: it is told what happened and when, and says whom to dial. [`behaviour`] puts it into the
//! swarm.

pub(crate) mod behaviour;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use libp2p::{Multiaddr, PeerId};

use crate::address;
use crate::limits::MAX_PEER_ADDRESSES;

/// Before a peer that went or didn't answer is dialled again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause: a dial a minute costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A connection that stood for so long shows that the peer wants it.
const STEADY: Duration = Duration::from_secs(30);
/// Between the first two searches of the DHT for one peer that is away: it may have gone to come
/// back elsewhere.
const FIRST_SEARCH_PAUSE: Duration = Duration::from_secs(10);
/// The longest such pause. Each search asks dozens of others.
const LONGEST_SEARCH_PAUSE: Duration = Duration::from_mins(10);

/// The trusted peers, with where each stands.
#[derive(Debug, Default)]
pub(crate) struct Trusted(BTreeMap<PeerId, Friend>);

#[derive(Debug)]
struct Friend {
    /// Addresses that the person gave.
    given: Vec<Multiaddr>,
    /// Addresses that other peers told of.
    found: Vec<Multiaddr>,
    state: State,
    backoff: Backoff,
    /// When it may be searched for again; `None`: at once.
    search_at: Option<Instant>,
    search_backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Due(Instant),
    Dialling,
    Connected { since: Instant },
}

impl Trusted {
    /// These are trusted from now on, and no others. `connected` says who is there already. Gives
    /// those that came or went.
    pub(crate) fn set(
        &mut self,
        peers: &[Multiaddr],
        connected: impl Fn(&PeerId) -> bool,
        now: Instant,
    ) -> BTreeSet<PeerId> {
        let mut given: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
        for address in peers {
            if let (bare, Some(peer)) = address::split_peer(address.clone()) {
                let addresses = given.entry(peer).or_default();
                if !bare.is_empty() {
                    addresses.push(bare);
                }
            }
        }
        let before: BTreeSet<PeerId> = self.0.keys().copied().collect();
        let after: BTreeSet<PeerId> = given.keys().copied().collect();
        self.0.retain(|peer, _| after.contains(peer));
        for (peer, addresses) in given {
            let state = if connected(&peer) {
                State::Connected { since: now }
            } else {
                State::Due(now)
            };
            let friend = self.0.entry(peer).or_insert_with(|| Friend {
                given: Vec::new(),
                found: Vec::new(),
                state,
                backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
                search_at: None,
                search_backoff: Backoff::new(FIRST_SEARCH_PAUSE, LONGEST_SEARCH_PAUSE),
            });
            if friend.given != addresses {
                friend.given = addresses;
                friend.retry_now(now);
            }
        }
        before.symmetric_difference(&after).copied().collect()
    }

    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.0.keys().copied()
    }

    /// Where it may be.
    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let friend = self.0.get(peer);
        friend.map_or_else(Vec::new, |friend| {
            let mut addresses = friend.given.clone();
            let new = |address: &&Multiaddr| !friend.given.contains(address);
            addresses.extend(friend.found.iter().filter(new).cloned());
            addresses
        })
    }

    /// Whoever is to be dialled now; it counts as being dialled from here on.
    pub(crate) fn next(&mut self, now: Instant) -> Option<PeerId> {
        let mut friends = self.0.iter_mut();
        let due = |friend: &Friend| matches!(friend.state, State::Due(at) if at <= now);
        let (peer, friend) = friends.find(|(_, friend)| due(friend))?;
        friend.state = State::Dialling;
        Some(*peer)
    }

    /// When the next trusted peer is to be dialled.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let due = self.0.values().filter_map(|friend| match friend.state {
            State::Due(at) => Some(at),
            State::Dialling | State::Connected { .. } => None,
        });
        due.min()
    }

    pub(crate) fn connected(&mut self, peer: &PeerId, now: Instant) {
        if let Some(friend) = self.0.get_mut(peer)
            && !matches!(friend.state, State::Connected { .. })
        {
            friend.state = State::Connected { since: now };
        }
    }

    /// Its last connection is gone.
    pub(crate) fn lost(&mut self, peer: &PeerId, now: Instant) {
        if let Some(friend) = self.0.get_mut(peer)
            && let State::Connected { since } = friend.state
        {
            if now.saturating_duration_since(since) >= STEADY {
                friend.begin_anew();
            }
            friend.wait(now);
        }
    }

    /// A dial came to nothing. Says whether others are to be asked where the peer is.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: Instant) -> bool {
        let Some(friend) = self.0.get_mut(peer) else {
            return false;
        };
        if friend.state != State::Dialling {
            return false;
        }
        friend.wait(now);
        if friend.search_at.is_some_and(|at| now < at) {
            return false;
        }
        friend.search_at = Some(friend.search_backoff.retry_at(now));
        true
    }

    /// Others say that it is there: it is dialled at once.
    pub(crate) fn found(&mut self, peer: &PeerId, addresses: Vec<Multiaddr>, now: Instant) {
        if let Some(friend) = self.0.get_mut(peer) {
            friend.found = addresses;
            friend.found.truncate(MAX_PEER_ADDRESSES);
            if let State::Due(at) = friend.state {
                friend.state = State::Due(at.min(now));
            }
        }
    }

    /// This machine is on another network now: trusted peers that aren't connected are dialled at
    /// once.
    pub(crate) fn retry_now(&mut self, now: Instant) {
        for friend in self.0.values_mut() {
            friend.retry_now(now);
        }
    }
}

impl Friend {
    fn wait(&mut self, now: Instant) {
        self.state = State::Due(self.backoff.retry_at(now));
    }

    fn begin_anew(&mut self) {
        self.backoff.reset();
        self.search_backoff.reset();
        self.search_at = None;
    }

    fn retry_now(&mut self, now: Instant) {
        self.begin_anew();
        if let State::Due(_) = self.state {
            self.state = State::Due(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, peer: PeerId) -> Multiaddr {
        address::with_peer(&text.parse().unwrap(), peer)
    }

    #[test]
    fn one_who_is_away_is_dialled_less_and_less_often_until_something_changes() {
        let (peer, start) = (PeerId::random(), Instant::now());
        let mut trusted = Trusted::default();
        let given = address("/ip4/8.8.8.8/tcp/1", peer);
        assert_eq!(trusted.set(&[given], |_| false, start), [peer].into());
        let mut dials = Vec::new();
        let mut searches = Vec::new();
        for second in 0..300 {
            let now = start + Duration::from_secs(second);
            if trusted.next(now) == Some(peer) {
                dials.push(second);
                if trusted.failed(&peer, now) {
                    searches.push(second);
                }
            }
        }
        assert_eq!(dials, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
        assert_eq!(searches, [0, 15, 63, 123, 243]);
        let moved = start + Duration::from_mins(5);
        trusted.retry_now(moved);
        assert_eq!(trusted.next(moved), Some(peer));
        assert!(trusted.failed(&peer, moved));
        assert_eq!(trusted.next_at(), Some(moved + FIRST_PAUSE));
    }

    #[test]
    fn one_who_leaves_is_dialled_again_and_one_who_closes_at_once_is_left_in_peace() {
        let (peer, mut now) = (PeerId::random(), Instant::now());
        let mut trusted = Trusted::default();
        trusted.set(&[address("/ip4/8.8.8.8/tcp/1", peer)], |_| false, now);
        for pause in [1, 2, 4, 8] {
            assert_eq!(trusted.next(now), Some(peer));
            trusted.connected(&peer, now);
            assert_eq!((trusted.next(now), trusted.next_at()), (None, None));
            trusted.lost(&peer, now);
            now += Duration::from_secs(pause);
        }
        assert_eq!(trusted.next(now), Some(peer));
        trusted.connected(&peer, now);
        now += STEADY;
        trusted.lost(&peer, now);
        assert_eq!(trusted.next_at(), Some(now + FIRST_PAUSE));
    }

    #[test]
    fn what_others_tell_is_tried_at_once_beside_what_the_person_gave() {
        let (peer, now) = (PeerId::random(), Instant::now());
        let given: Multiaddr = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
        let found: Multiaddr = "/ip4/8.8.4.4/tcp/1".parse().unwrap();
        let mut trusted = Trusted::default();
        let named = address::with_peer(&given, peer);
        trusted.set(std::slice::from_ref(&named), |_| false, now);
        trusted.next(now);
        assert!(trusted.failed(&peer, now));
        trusted.found(&peer, vec![found.clone(), given.clone()], now);
        assert_eq!(trusted.next(now), Some(peer));
        assert_eq!(trusted.addresses(&peer), [given, found]);
        assert!(trusted.set(&[named], |_| false, now).is_empty());
        assert_eq!(trusted.set(&[], |_| false, now), [peer].into());
        assert!(!trusted.contains(&peer) && trusted.next_at().is_none());
    }
}
