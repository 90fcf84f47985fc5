//! The relays that pass connections on to us while no direct connection gets in: which are known,
//! which are asked for a reservation, and which gave one.
//!
//! Pure: it says where to ask for a reservation, and is told what came of it. Those that the person
//! chose come first and alone; else two are taken out of the connected peers that offer it. Nothing
//! but the introduction for hole punching goes over them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::address;
use crate::limits::{MAX_KNOWN_RELAYS, MAX_PEER_ADDRESSES, MAX_RELAYS};
use crate::status::{self, RelayState};

/// After a refusal, and twice that after the next.
const PAUSE: Duration = Duration::from_secs(5);
const MAX_PAUSE: Duration = Duration::from_mins(10);
/// A relay that says nothing for so long is given up: it is dialled in 10 s, and answers in one
/// round trip.
const ANSWER_TIME: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct Relays {
    known: HashMap<PeerId, Relay>,
}

#[derive(Debug)]
struct Relay {
    /// Where it is, TCP first.
    addresses: Vec<Multiaddr>,
    chosen: bool,
    state: State,
    /// After the next refusal.
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Asking {
        listener: ListenerId,
        since: Instant,
    },
    Reserved(ListenerId),
    /// To be forgotten once its listener has closed.
    Leaving(ListenerId),
    Refused {
        until: Instant,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Listen there, and tell [`Relays::asked`].
    Ask { peer: PeerId, address: Multiaddr },
    /// Disconnect it, which ends the listener too.
    Leave { peer: PeerId },
}

impl Relays {
    /// The person chose these. None: take those that are found.
    pub(crate) fn choose(&mut self, chosen: &[Multiaddr]) {
        for relay in self.known.values_mut() {
            relay.chosen = false;
        }
        for address in chosen {
            let (bare, Some(peer)) = address::split_peer(address.clone()) else {
                continue;
            };
            let relay = self
                .known
                .entry(peer)
                .or_insert_with(|| Relay::new(Vec::new()));
            relay.chosen = true;
            if !bare.is_empty() && !relay.addresses.contains(&bare) {
                relay.addresses.push(bare);
            }
        }
    }

    /// A connected peer offers to relay, at these addresses.
    pub(crate) fn offered(&mut self, peer: PeerId, mut addresses: Vec<Multiaddr>) {
        addresses.truncate(MAX_PEER_ADDRESSES);
        addresses.sort_by_key(|address| !address::is_tcp(address));
        if addresses.is_empty() {
            return;
        }
        if let Some(relay) = self.known.get_mut(&peer) {
            relay.addresses = addresses;
        } else if self.known.len() < MAX_KNOWN_RELAYS {
            self.known.insert(peer, Relay::new(addresses));
        }
    }

    /// It is connected no more.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        if self
            .known
            .get(peer)
            .is_some_and(|relay| !relay.chosen && relay.listener().is_none())
        {
            self.known.remove(peer);
        }
    }

    /// What to do now. `needed`: no direct connection gets in.
    pub(crate) fn steps(&mut self, needed: bool, now: Instant) -> Vec<Step> {
        let any_chosen = self.known.values().any(|relay| relay.chosen);
        let mut steps = Vec::new();
        let mut held = 0;
        for (peer, relay) in &mut self.known {
            if let State::Refused { until } = relay.state
                && until <= now
            {
                relay.state = State::Idle;
            }
            let is_unwanted = !needed || (any_chosen && !relay.chosen);
            let leaves = match relay.state {
                // An answer that comes to nobody is a panic in libp2p's relay client: it is waited
                // for.
                State::Asking { since, .. } => now.saturating_duration_since(since) >= ANSWER_TIME,
                State::Reserved(_) => is_unwanted,
                _ => false,
            };
            let Some(listener) = relay.listener() else {
                continue;
            };
            held += usize::from(!is_unwanted);
            if leaves {
                steps.push(Step::Leave { peer: *peer });
                relay.state = State::Leaving(listener);
            }
        }
        if !needed {
            return steps;
        }
        for (peer, relay) in &self.known {
            let is_free = relay.state == State::Idle;
            if held >= MAX_RELAYS || !is_free || (any_chosen && !relay.chosen) {
                continue;
            }
            if let Some(first) = relay.addresses.first() {
                let address = address::with_peer(first, *peer).with(Protocol::P2pCircuit);
                steps.push(Step::Ask {
                    peer: *peer,
                    address,
                });
                held += 1;
            }
        }
        steps
    }

    /// A [`Step::Ask`] is under way; `None`: it could not even begin.
    pub(crate) fn asked(&mut self, peer: &PeerId, listener: Option<ListenerId>, now: Instant) {
        let Some(relay) = self.known.get_mut(peer) else {
            return;
        };
        match listener {
            Some(listener) => {
                relay.state = State::Asking {
                    listener,
                    since: now,
                }
            }
            None => relay.refuse(now),
        }
    }

    /// It said yes. Where else it is: both transports are to be seen by it, so that holes can be
    /// punched with both.
    pub(crate) fn accepted(&mut self, peer: &PeerId) -> Vec<Multiaddr> {
        let Some(relay) = self.known.get_mut(peer) else {
            return Vec::new();
        };
        if let Some(listener) = relay.listener() {
            relay.state = State::Reserved(listener);
            relay.backoff.reset();
        }
        relay.addresses.clone()
    }

    /// A listener closed: the relay refused, ended the place, or is gone. Says whether it was one
    /// of ours.
    pub(crate) fn closed(&mut self, listener: ListenerId, now: Instant) -> bool {
        let mut relays = self.known.values_mut();
        match relays.find(|relay| relay.listener() == Some(listener)) {
            Some(relay) => {
                match relay.state {
                    State::Leaving(_) => relay.state = State::Idle,
                    _ => relay.refuse(now),
                }
                true
            }
            None => false,
        }
    }

    /// Something will be to do by itself.
    pub(crate) fn is_waiting(&self) -> bool {
        self.known
            .values()
            .any(|relay| matches!(relay.state, State::Asking { .. } | State::Refused { .. }))
    }

    /// It passes connections on to us, or may soon.
    pub(crate) fn is_in_use(&self, peer: &PeerId) -> bool {
        let known = self.known.get(peer);
        known.is_some_and(|relay| matches!(relay.state, State::Asking { .. } | State::Reserved(_)))
    }

    /// Those that were asked, in an order that stays.
    pub(crate) fn statuses(&self) -> Vec<status::Relay> {
        let status = |(peer, relay): (&PeerId, &Relay)| {
            let state = match relay.state {
                State::Idle | State::Leaving(_) => return None,
                State::Asking { .. } => RelayState::Asking,
                State::Reserved(_) => RelayState::Reserved,
                State::Refused { .. } => RelayState::Refused,
            };
            Some(status::Relay {
                peer: *peer,
                address: relay.addresses.first().cloned(),
                state,
                chosen: relay.chosen,
            })
        };
        let mut relays: Vec<status::Relay> = self.known.iter().filter_map(status).collect();
        relays.sort_by_cached_key(|relay| relay.peer.to_string());
        relays
    }
}

impl Relay {
    fn new(addresses: Vec<Multiaddr>) -> Self {
        Self {
            addresses,
            chosen: false,
            state: State::Idle,
            backoff: Backoff::new(PAUSE, MAX_PAUSE),
        }
    }

    fn listener(&self) -> Option<ListenerId> {
        match self.state {
            State::Asking { listener, .. }
            | State::Reserved(listener)
            | State::Leaving(listener) => Some(listener),
            _ => None,
        }
    }

    fn refuse(&mut self, now: Instant) {
        self.state = State::Refused {
            until: self.backoff.retry_at(now),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u8) -> Vec<Multiaddr> {
        ["udp/1/quic-v1", "tcp/1"]
            .iter()
            .map(|end| format!("/ip4/8.8.8.{number}/{end}").parse().unwrap())
            .collect()
    }

    fn ask(relays: &mut Relays, now: Instant) -> Vec<(PeerId, ListenerId)> {
        let steps = relays.steps(true, now);
        let mut asked = Vec::new();
        for step in steps {
            let Step::Ask { peer, address } = step else {
                continue;
            };
            assert!(
                address
                    .to_string()
                    .ends_with(&format!("/tcp/1/p2p/{peer}/p2p-circuit"))
            );
            let listener = ListenerId::next();
            relays.asked(&peer, Some(listener), now);
            asked.push((peer, listener));
        }
        asked
    }

    #[test]
    fn a_few_of_those_that_are_found_are_asked_and_left_when_not_needed() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        for number in 0..100 {
            relays.offered(PeerId::random(), at(number));
        }
        assert_eq!(relays.known.len(), MAX_KNOWN_RELAYS);
        assert!(relays.steps(false, now).is_empty());
        let asked = ask(&mut relays, now);
        assert_eq!(asked.len(), MAX_RELAYS);
        assert_eq!(relays.accepted(&asked[0].0).len(), 2);
        let reserved = |relays: &Relays| {
            let mut asked = relays.statuses().into_iter();
            asked.any(|relay| relay.state == RelayState::Reserved)
        };
        assert!(reserved(&relays) && ask(&mut relays, now).is_empty());
        // The one that hasn't answered yet is left once it has.
        let left = Step::Leave { peer: asked[0].0 };
        assert_eq!(relays.steps(false, now), [left]);
        assert!(!reserved(&relays) && relays.steps(false, now).is_empty());
        relays.accepted(&asked[1].0);
        let left = Step::Leave { peer: asked[1].0 };
        assert_eq!(relays.steps(false, now), [left]);
        assert!(relays.closed(asked[0].1, now));
        assert!(relays.statuses().is_empty());
    }

    #[test]
    fn one_that_refuses_is_asked_again_later_and_less_often() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        relays.offered(PeerId::random(), at(1));
        let (peer, listener) = ask(&mut relays, now)[0];
        assert!(relays.closed(listener, now) && !relays.closed(listener, now));
        relays.gone(&PeerId::random());
        assert!(ask(&mut relays, now).is_empty());
        assert_eq!(relays.statuses()[0].state, RelayState::Refused);
        let (_, listener) = ask(&mut relays, now + PAUSE)[0];
        relays.closed(listener, now);
        assert!(ask(&mut relays, now + PAUSE).is_empty());
        let later = now + 2 * PAUSE;
        ask(&mut relays, later);
        let left = relays.steps(true, later + ANSWER_TIME);
        assert_eq!(left, [Step::Leave { peer }]);
    }

    #[test]
    fn those_that_the_person_chose_are_alone() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        relays.offered(PeerId::random(), at(1));
        let found = ask(&mut relays, now)[0];
        let own = PeerId::random();
        relays.choose(&[address::with_peer(&at(2)[1], own)]);
        relays.accepted(&found.0);
        let steps = relays.steps(true, now);
        assert_eq!(steps[0], Step::Leave { peer: found.0 });
        assert!(matches!(steps[1], Step::Ask { peer, .. } if peer == own));
        relays.gone(&own);
        assert_eq!(relays.known.len(), 2);
    }
}
