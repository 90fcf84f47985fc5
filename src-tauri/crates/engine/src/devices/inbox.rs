//! What other devices offered, and what the person said.
//!
//! | an offer is | until |
//! |---|---|
//! | open | the person takes or declines it |
//! | taken | all of it is here, once; one of its downloads is removed before: then it counts as declined |
//! | here, or declined | there is no room for it, or a week is over |
//!
//! A device has one open question at a time, and whoever offers something twice has offered it once.
//! Open questions make no room for others: what is decided goes first, the oldest of it.
//!
//! Pure: it is told the time, and how far downloads are.

use std::collections::BTreeMap;

use libp2p::PeerId;

use super::limits::{KEPT, MAX_INBOX};
use super::record::{Decided, Received, Thing, Who};
use net::devices::{Offer, Stands};

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Far {
    pub(super) is_whole: bool,
    pub(super) done: u64,
    /// 0: unknown.
    pub(super) total: u64,
}

/// What is to be done about an offer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is known, or can't be heard now: the answer.
    Answer(Stands),
    /// It is to be kept, in the place of these.
    Keep(Box<Received>, Vec<i64>),
}

#[derive(Debug, Default)]
pub(super) struct Inbox(BTreeMap<i64, Received>);

impl Inbox {
    /// As it was kept, or is from now on.
    pub(super) fn put(&mut self, id: i64, received: Received) {
        self.0.insert(id, received);
    }

    pub(super) fn get(&self, id: i64) -> Option<&Received> {
        self.0.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (i64, &Received)> {
        self.0.iter().map(|(id, received)| (*id, received))
    }

    pub(super) fn remove(&mut self, ids: &[i64]) {
        self.0.retain(|id, _| !ids.contains(id));
    }

    /// A device offers something.
    pub(super) fn offered(
        &self,
        from: Who,
        offer: Offer,
        far: impl Fn(i64) -> Option<Far>,
        now: i64,
    ) -> Said {
        if let Some((_, known)) = self.find(&from.peer, offer.mark) {
            return Said::Answer(stands(known, far));
        }
        let is_open = |received: &Received| received.decided == Decided::Open;
        let mut of_device = self.0.values().filter(|known| known.from.peer == from.peer);
        if of_device.any(is_open) {
            return Said::Answer(Stands::Busy);
        }
        let too_many = (self.0.len() + 1).saturating_sub(MAX_INBOX);
        let decided = self.0.iter().filter(|(_, known)| !is_open(known));
        let room: Vec<i64> = decided.map(|(id, _)| *id).take(too_many).collect();
        if room.len() < too_many {
            return Said::Answer(Stands::Busy);
        }
        let received = Received {
            from,
            mark: offer.mark,
            note: offer.note,
            items: offer.items.into_iter().map(Thing::from).collect(),
            at: now,
            decided: Decided::Open,
        };
        Said::Keep(Box::new(received), room)
    }

    /// A device asks what became of its offer.
    pub(super) fn asked(
        &self,
        peer: &PeerId,
        mark: u64,
        far: impl Fn(i64) -> Option<Far>,
    ) -> Stands {
        let known = self.find(peer, mark);
        known.map_or(Stands::Unknown, |(_, known)| stands(known, far))
    }

    fn find(&self, peer: &PeerId, mark: u64) -> Option<(i64, &Received)> {
        let mut all = self.all();
        all.find(|(_, known)| known.from.peer == *peer && known.mark == mark)
    }

    /// Those that were being fetched and are here now: from now on they count as here, whatever
    /// becomes of them.
    pub(super) fn arrived(&self, far: impl Fn(i64) -> Option<Far>) -> Vec<(i64, Received)> {
        let arrived = self.all().filter_map(|(id, known)| {
            let Decided::Taken(items) = &known.decided else {
                return None;
            };
            (stands(known, &far) == Stands::Has).then(|| {
                let decided = Decided::Has(items.clone());
                let received = Received {
                    decided,
                    ..known.clone()
                };
                (id, received)
            })
        });
        arrived.collect()
    }

    /// Those whose time is over. What is still being fetched stays.
    pub(super) fn expired(&self, now: i64) -> Vec<i64> {
        let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        let expired = self.all().filter(|(_, known)| {
            now - known.at >= kept && !matches!(known.decided, Decided::Taken(_))
        });
        expired.map(|(id, _)| id).collect()
    }
}

/// Where an offer stands.
pub(super) fn stands(known: &Received, far: impl Fn(i64) -> Option<Far>) -> Stands {
    let items = match &known.decided {
        Decided::Open => return Stands::Waiting,
        Decided::Has(_) => return Stands::Has,
        Decided::Declined => return Stands::Declined,
        Decided::Taken(items) => items,
    };
    let Some(fars) = items
        .iter()
        .map(|id| far(*id))
        .collect::<Option<Vec<Far>>>()
    else {
        return Stands::Declined;
    };
    if fars.iter().all(|far| far.is_whole) {
        return Stands::Has;
    }
    let sum = |of: fn(&Far) -> u64| fars.iter().map(of).map(u128::from).sum::<u128>();
    let thousandths = sum(|far| far.done) * 1000 / sum(|far| far.total.max(far.done)).max(1);
    // What is not whole is not all there.
    Stands::Taking(u16::try_from(thousandths.min(999)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
