//! Whether what was not there has turned up: a disk is back, a file is as it was.
//!
//! Whoever keeps the blocks says so where he knows; where he can't, he is asked again now and then:
//! for what he thought he had soon, then ever more rarely, for everything seldom. Of what needs more
//! than a look only some is tried in a round, and more as soon as some of it is good.

use std::time::{Duration, Instant};

use super::Server;
use super::ledger::Ledger;
use crate::limits::{FEELERS, LOOK_AGAIN, LOOK_AGAIN_MAX, LOOK_AGAIN_MIN, MAX_WANTLIST};
use crate::pace::Backoff;

/// Between a block that is good again and the next round: it brings many at once.
const NEXT_ROUND: Duration = Duration::from_millis(200);

/// Which wants a round looks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// All that stand.
    All,
    /// Those for which we had a block that was not what it should be.
    Lost,
}

#[derive(Debug)]
pub(super) struct Again {
    all_at: Option<Instant>,
    /// The last round of all.
    all_was: Option<Instant>,
    lost_at: Option<Instant>,
    backoff: Backoff,
}

impl Again {
    pub(super) fn new() -> Self {
        Self {
            all_at: None,
            all_was: None,
            lost_at: None,
            backoff: Backoff::new(LOOK_AGAIN, LOOK_AGAIN_MAX),
        }
    }

    /// When the next round is due.
    pub(super) fn at(&self) -> Option<Instant> {
        self.all_at.into_iter().chain(self.lost_at).min()
    }

    /// Something that is not here is waited for.
    pub(super) fn on_missing(&mut self, now: Instant) {
        self.all_at.get_or_insert(now + LOOK_AGAIN_MAX);
    }

    /// A block was read that may have been denied before (`is_told`): it is good, or not.
    pub(super) fn on_read(&mut self, ledger: &mut Ledger, is_told: bool, good: bool, now: Instant) {
        match (good, is_told) {
            (true, true) => {
                ledger.feelers = (4 * ledger.feelers).min(MAX_WANTLIST);
                self.lost_at = Some(now + NEXT_ROUND);
            }
            (true, false) => {}
            (false, true) => {
                ledger.feelers = FEELERS;
                let backoff = &mut self.backoff;
                self.lost_at.get_or_insert_with(|| backoff.retry_at(now));
            }
            (false, false) => {
                // It has just gone.
                self.backoff.reset();
                self.lost_at = Some(self.backoff.retry_at(now));
            }
        }
    }
}

impl Server {
    /// Any block may be here now: whoever still wants one is told, or sent it, if it is.
    pub fn look_again(&mut self, now: Instant) {
        let earliest = self.again.all_was.map_or(now, |was| was + LOOK_AGAIN_MIN);
        if now < earliest {
            let at = self.again.all_at.map_or(earliest, |at| at.min(earliest));
            self.again.all_at = Some(at);
        } else {
            self.again.all_was = Some(now);
            self.again.all_at = None;
            self.look_up_again(Round::All);
        }
    }

    /// Does the rounds that are due.
    pub(super) fn begin_rounds(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.again.all_at) {
            self.look_again(now);
        }
        if is_due(self.again.lost_at) {
            self.again.lost_at = None;
            self.look_up_again(Round::Lost);
        }
    }

    fn look_up_again(&mut self, round: Round) {
        let due: Vec<_> = self
            .peers
            .iter_mut()
            .filter_map(|(peer, ledger)| ledger.refresh_all(round).then_some(*peer))
            .collect();
        // Those that are looked up are written down again then.
        self.waiting.clear();
        for (peer, ledger) in &self.peers {
            let waiting = ledger
                .wants
                .iter()
                .filter(|(_, want)| want.state.is_waiting());
            for (cid, _) in waiting {
                self.waiting.entry(*cid).or_default().push(*peer);
            }
        }
        for peer in due {
            self.look_up(peer);
        }
    }
}
