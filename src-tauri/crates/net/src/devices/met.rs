//! Which devices said hello, whom to ask when, and how often others may ask.
//!
//! | a device is | until |
//! |---|---|
//! | expected: it may be one | it is connected and asked, at once |
//! | asked | it answers, or fails: due after a pause, a few times |
//! | known | it is gone for an hour; asked again when it comes back |
//!
//! Anything on this network may say that any number of devices is there: one address stands for a
//! few, and whoever is not here any more goes first. Pure: it is told the time, and who is here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::Device;
use super::card::Card;
use crate::limits::{
    HELLOS_A_MINUTE, HELLOS_OF_ADDRESS_A_MINUTE, HELLOS_OF_PEER_A_MINUTE, MAX_DEVICES_OF_ADDRESS,
    MAX_LAN_PEERS,
};
use crate::quota::Quota;

/// Whoever said hello a moment ago is not asked for each of its connections.
const FRESH: Duration = Duration::from_secs(30);
/// Before a device is asked again that didn't answer: it may only just have started, and may not
/// know its networks yet. After the last one it is not asked until it is met again.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];
/// A device that is gone for so long is forgotten.
const REMEMBERED: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(crate) struct Met {
    known: HashMap<PeerId, Known>,
    of_peer: Quota<PeerId>,
    of_address: Quota<IpAddr>,
}

#[derive(Debug)]
struct Known {
    /// Where it was met.
    ip: IpAddr,
    card: Option<Card>,
    /// When it was last heard of.
    heard: Instant,
    /// The same in Unix seconds.
    seen: i64,
    /// Times in a row that it was asked and didn't answer.
    failed: usize,
    asking: Asking,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    UnderWay,
    Due(Instant),
    /// It answered, or was asked often enough.
    Done,
}

impl Known {
    fn is_fresh(&self, now: Instant) -> bool {
        self.card.is_some() && now < self.heard + FRESH
    }
}

impl Default for Met {
    fn default() -> Self {
        let minute = Duration::from_mins(1);
        Self {
            known: HashMap::new(),
            of_peer: Quota::new(minute, HELLOS_OF_PEER_A_MINUTE, HELLOS_A_MINUTE),
            of_address: Quota::new(minute, HELLOS_OF_ADDRESS_A_MINUTE, HELLOS_A_MINUTE),
        }
    }
}

impl Met {
    /// Somebody there may be a device, and is being connected with: it is due soon, if it isn't met
    /// before.
    pub(crate) fn expect(
        &mut self,
        peer: PeerId,
        ip: IpAddr,
        is_here: impl Fn(&PeerId) -> bool,
        now: Instant,
    ) {
        if let Some(known) = self.at(peer, ip, is_here, now)
            && known.asking == Asking::Done
            && !known.is_fresh(now)
        {
            known.failed = 0;
            known.asking = Asking::Due(now + PAUSES[0]);
        }
    }

    /// A device is connected there. Says whether to ask it now.
    pub(crate) fn meet(
        &mut self,
        peer: PeerId,
        ip: IpAddr,
        is_here: impl Fn(&PeerId) -> bool,
        now: Instant,
    ) -> bool {
        let Some(known) = self.at(peer, ip, is_here, now) else {
            return false;
        };
        let asks = known.asking != Asking::UnderWay && !known.is_fresh(now);
        if asks {
            known.failed = 0;
            known.asking = Asking::UnderWay;
        }
        asks
    }

    /// It says who it is.
    pub(crate) fn heard(
        &mut self,
        peer: PeerId,
        ip: IpAddr,
        card: Card,
        is_here: impl Fn(&PeerId) -> bool,
        now: Instant,
        unix: i64,
    ) {
        if let Some(known) = self.at(peer, ip, is_here, now) {
            *known = Known {
                ip,
                card: Some(card),
                heard: now,
                seen: unix,
                failed: 0,
                asking: Asking::Done,
            };
        }
    }

    /// The one that is known, or a new one, if there is room.
    fn at(
        &mut self,
        peer: PeerId,
        ip: IpAddr,
        is_here: impl Fn(&PeerId) -> bool,
        now: Instant,
    ) -> Option<&mut Known> {
        if !self.known.contains_key(&peer) && !self.make_room(ip, is_here) {
            return None;
        }
        let new = Known {
            ip,
            card: None,
            heard: now,
            seen: 0,
            failed: 0,
            asking: Asking::Done,
        };
        Some(self.known.entry(peer).or_insert(new))
    }

    /// For one more at that address. Says whether there is any.
    fn make_room(&mut self, ip: IpAddr, is_here: impl Fn(&PeerId) -> bool) -> bool {
        let there = self.known.iter().filter(|(_, known)| known.ip == ip);
        let crowd: Vec<(&PeerId, &Known)> = if there.clone().count() >= MAX_DEVICES_OF_ADDRESS {
            there.collect()
        } else if self.known.len() >= MAX_LAN_PEERS {
            self.known.iter().collect()
        } else {
            return true;
        };
        let spare = crowd.into_iter().filter(|(peer, _)| !is_here(peer));
        let spare = spare.min_by_key(|(_, known)| known.heard);
        let Some((spare, _)) = spare else {
            return false;
        };
        let spare = *spare;
        self.known.remove(&spare).is_some()
    }

    /// It was asked and didn't answer.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: Instant) {
        if let Some(known) = self.known.get_mut(peer) {
            let pause = PAUSES.get(known.failed);
            known.asking = pause.map_or(Asking::Done, |pause| Asking::Due(now + *pause));
            known.failed += 1;
        }
    }

    /// These are no devices, or are to be met no more.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&PeerId) -> bool) {
        self.known.retain(|peer, _| !is_gone(peer));
    }

    /// Those that are to be asked again now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<PeerId> {
        let mut due = Vec::new();
        for (peer, known) in &mut self.known {
            if matches!(known.asking, Asking::Due(at) if at <= now) {
                known.asking = Asking::UnderWay;
                due.push(*peer);
            }
        }
        due
    }

    pub(crate) fn has_timers(&self) -> bool {
        let mut known = self.known.values();
        known.any(|known| matches!(known.asking, Asking::Due(_)))
    }

    /// A connection with it ended.
    pub(crate) fn left(&mut self, peer: &PeerId, now: Instant, unix: i64) {
        if let Some(known) = self.known.get_mut(peer) {
            known.heard = now;
            known.seen = unix;
        }
    }

    /// Whether another one may ask us once more; if so, that counts.
    pub(crate) fn may_ask(&mut self, peer: PeerId, ip: IpAddr, now: Instant) -> bool {
        self.of_address.take(ip, now) && self.of_peer.take(peer, now)
    }

    /// Forgets whoever is gone for long.
    pub(crate) fn tidy(&mut self, is_here: impl Fn(&PeerId) -> bool, now: Instant) {
        let is_lasting = |known: &Known| now < known.heard + REMEMBERED;
        self.known
            .retain(|peer, known| is_here(peer) || is_lasting(known));
    }

    /// What a device said of itself.
    pub(crate) fn card(&self, peer: &PeerId) -> Option<Card> {
        self.known.get(peer)?.card.clone()
    }

    /// Those who told their names.
    pub(crate) fn list(
        &self,
        is_here: impl Fn(&PeerId) -> bool,
        is_connected: impl Fn(&PeerId) -> bool,
        unix: i64,
    ) -> Vec<Device> {
        let device = |(peer, known): (&PeerId, &Known)| {
            let connected = is_connected(peer);
            Some(Device {
                peer: *peer,
                card: known.card.clone()?,
                here: connected || is_here(peer),
                connected,
                seen: if connected { unix } else { known.seen },
            })
        };
        self.known.iter().filter_map(device).collect()
    }
}

#[cfg(test)]
mod tests;
