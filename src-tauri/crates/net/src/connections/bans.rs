//! Who is kept away for breaking the rules of the exchange. Only what no honest program does leads
//! here, and still it ends: whoever runs a broken program may have mended it.
//!
//! Pure: it is told the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::limits::MAX_BLOCKED_PEERS;

/// How long one who broke the rules is kept away. Whoever floods us again does so for an instant in
/// an hour.
const BAN: Duration = Duration::from_hours(1);

/// The bans, the first one first, which is also the first to end.
#[derive(Debug, Default)]
pub(crate) struct Bans(VecDeque<(PeerId, Instant)>);

/// One who is kept away for breaking the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Banned {
    pub peer: PeerId,
    /// Until it is let in again.
    pub left: Duration,
}

impl Bans {
    /// Keeps a peer away from now on. When there are too many, the first is let in again: it is
    /// given back.
    pub(crate) fn add(&mut self, peer: PeerId, now: Instant) -> Option<PeerId> {
        self.lift(&peer);
        self.0.push_back((peer, now + BAN));
        if self.0.len() > MAX_BLOCKED_PEERS {
            return self.0.pop_front().map(|(first, _)| first);
        }
        None
    }

    /// Says whether it was kept away.
    pub(crate) fn lift(&mut self, peer: &PeerId) -> bool {
        let before = self.0.len();
        self.0.retain(|(other, _)| other != peer);
        self.0.len() < before
    }

    /// Those whose time is over.
    pub(crate) fn take_over(&mut self, now: Instant) -> Vec<PeerId> {
        let over = self.0.iter().take_while(|(_, until)| *until <= now).count();
        self.0.drain(..over).map(|(peer, _)| peer).collect()
    }

    pub(crate) fn list(&self, now: Instant) -> Vec<Banned> {
        let banned = |(peer, until): &(PeerId, Instant)| Banned {
            peer: *peer,
            left: until.saturating_duration_since(now),
        };
        self.0.iter().map(banned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_by_itself_or_when_it_is_lifted() {
        let [one, other] = [(); 2].map(|()| PeerId::random());
        let start = Instant::now();
        let mut bans = Bans::default();
        let half = BAN / 2;
        bans.add(one, start);
        bans.add(other, start + half);
        let left = |peer, left| Banned { peer, left };
        assert_eq!(bans.list(start + half), [left(one, half), left(other, BAN)]);
        assert_eq!(bans.take_over(start + half), []);
        assert_eq!(bans.take_over(start + BAN), [one]);
        assert!(bans.lift(&other) && !bans.lift(&other));
        assert_eq!(bans.list(start), []);
    }

    #[test]
    fn who_goes_on_is_kept_away_longer_and_the_first_makes_room() {
        let (first, start) = (PeerId::random(), Instant::now());
        let mut bans = Bans::default();
        bans.add(first, start);
        bans.add(first, start + BAN / 2);
        assert_eq!(bans.take_over(start + BAN), []);
        let others = (1..MAX_BLOCKED_PEERS).filter_map(|_| bans.add(PeerId::random(), start + BAN));
        assert_eq!(others.count(), 0);
        assert_eq!(bans.add(PeerId::random(), start + BAN), Some(first));
    }
}
