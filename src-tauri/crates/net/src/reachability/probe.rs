//! Which of our addresses others can reach, as others who tried them say.
//!
//! Pure: it is told of addresses and servers, says whom to ask about what, and is told what came of
//! it. An address is reachable when one server got through and said its number there; it is not
//! when several dialled in vain, or all there are. A server that never answers counts as one that
//! dialled in vain: where a NAT drops what comes from outside, nothing ever says "no".

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::autonat::{Answer, DialRequest};
use crate::limits::{MAX_PROBE_SERVERS, MAX_PROBED_ADDRESSES, MAX_PROBES};
use crate::status::{AddressCheck, RungKind, Verdict};

/// So many servers in vain are believed; fewer only when there are no others.
const ENOUGH_FAILURES: usize = 3;
/// What was found is looked at again after this: mappings come and go unnoticed.
const REACHABLE_AGAIN: Duration = Duration::from_mins(30);
const UNREACHABLE_AGAIN: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(crate) struct Probe {
    subjects: BTreeMap<Multiaddr, Subject>,
    servers: BTreeSet<PeerId>,
    /// Questions under way, by their number.
    asked: HashMap<u64, Asked>,
}

/// An address, and what is known of it.
#[derive(Debug)]
struct Subject {
    by: RungKind,
    /// What this round brought, by server; `None` from those who didn't try.
    tries: BTreeMap<PeerId, Option<bool>>,
    /// What the last round found.
    last: Option<bool>,
    since: Instant,
}

#[derive(Debug)]
struct Asked {
    server: PeerId,
    address: Multiaddr,
    /// The number was said to us.
    heard: bool,
}

impl Probe {
    /// These are our addresses now. What is known of those that stay is kept.
    pub(crate) fn set_subjects(&mut self, subjects: Vec<(Multiaddr, RungKind)>, now: Instant) {
        let mut known = std::mem::take(&mut self.subjects);
        for (address, by) in subjects.into_iter().take(MAX_PROBED_ADDRESSES) {
            let mut subject = known
                .remove(&address)
                .unwrap_or_else(|| Subject::new(by, now));
            subject.by = by;
            self.subjects.insert(address, subject);
        }
        let subjects = &self.subjects;
        self.asked
            .retain(|_, asked| subjects.contains_key(&asked.address));
    }

    /// A connected peer that dials others' addresses for them.
    pub(crate) fn add_server(&mut self, peer: PeerId) {
        if self.servers.len() < MAX_PROBE_SERVERS {
            self.servers.insert(peer);
        }
    }

    pub(crate) fn remove_server(&mut self, peer: &PeerId) {
        self.servers.remove(peer);
    }

    /// Everything is tried again. What is known stays until more is.
    pub(crate) fn again(&mut self, now: Instant) {
        self.asked.clear();
        for subject in self.subjects.values_mut() {
            subject.begin(now);
        }
    }

    /// What was found long ago is tried again.
    pub(crate) fn refresh(&mut self, now: Instant) {
        for subject in self.subjects.values_mut() {
            let after = match subject.found() {
                Some(true) => REACHABLE_AGAIN,
                _ => UNREACHABLE_AGAIN,
            };
            if now.saturating_duration_since(subject.since) >= after {
                subject.begin(now);
            }
        }
    }

    /// The next question, with a number that nobody else knows.
    pub(crate) fn next(&mut self, nonce: u64) -> Option<(PeerId, DialRequest)> {
        if self.asked.len() >= MAX_PROBES {
            return None;
        }
        let (address, server) = self.subjects.iter().find_map(|(address, subject)| {
            let is_under_way = self.asked.values().any(|asked| asked.address == *address);
            let server = self
                .servers
                .iter()
                .find(|server| !subject.tries.contains_key(*server));
            (!is_under_way && subject.is_open())
                .then_some(server)
                .flatten()
                .map(|server| (address.clone(), *server))
        })?;
        let asked = Asked {
            server,
            address: address.clone(),
            heard: false,
        };
        self.asked.insert(nonce, asked);
        Some((server, DialRequest { address, nonce }))
    }

    /// Somebody said a number to us.
    pub(crate) fn heard(&mut self, nonce: u64) {
        if let Some(asked) = self.asked.get_mut(&nonce) {
            asked.heard = true;
        }
    }

    /// A server answered, or never will. `None`: it left before it could, which says nothing of the
    /// address.
    pub(crate) fn answered(&mut self, nonce: u64, answer: Option<Answer>) {
        let (Some(asked), Some(answer)) = (self.asked.remove(&nonce), answer) else {
            return;
        };
        let Some(subject) = self.subjects.get_mut(&asked.address) else {
            return;
        };
        let result = match answer {
            // Without the number anybody could say that.
            Answer::Reached => asked.heard.then_some(true),
            Answer::NotReached => Some(false),
            Answer::Refused => None,
        };
        subject.tries.insert(asked.server, result);
        if subject.is_enough() {
            subject.last = subject.found();
        }
    }

    /// What is known of each address.
    pub(crate) fn findings(&self) -> Vec<AddressCheck> {
        let finding = |(address, subject): (&Multiaddr, &Subject)| AddressCheck {
            address: address.clone(),
            by: subject.by,
            verdict: self.verdict(address, subject),
            tries: subject.tries.values().flatten().count(),
        };
        self.subjects.iter().map(finding).collect()
    }

    /// Servers that are or were asked in this round.
    pub(crate) fn asked(&self) -> usize {
        let tried = self
            .subjects
            .values()
            .flat_map(|subject| subject.tries.keys());
        let asked = self.asked.values().map(|asked| &asked.server);
        tried.chain(asked).collect::<BTreeSet<_>>().len()
    }

    /// Nobody is left to be asked for now.
    pub(crate) fn is_settled(&self) -> bool {
        self.asked.is_empty()
            && self
                .subjects
                .values()
                .all(|subject| !subject.is_open() || !self.has_server_for(subject))
    }

    fn verdict(&self, address: &Multiaddr, subject: &Subject) -> Verdict {
        let is_under_way = self.asked.values().any(|asked| asked.address == *address);
        let is_open = subject.is_open() && self.has_server_for(subject);
        let is_over = !is_under_way && !is_open;
        let found = if is_over || subject.found() == Some(true) {
            subject.found().or(subject.last)
        } else {
            subject.last
        };
        match found {
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No,
            None if is_over => Verdict::Unknown,
            None => Verdict::Checking,
        }
    }

    fn has_server_for(&self, subject: &Subject) -> bool {
        self.servers
            .iter()
            .any(|server| !subject.tries.contains_key(server))
    }
}

impl Subject {
    fn new(by: RungKind, since: Instant) -> Self {
        Self {
            by,
            tries: BTreeMap::new(),
            last: None,
            since,
        }
    }

    fn begin(&mut self, now: Instant) {
        self.last = self.found().or(self.last);
        self.tries.clear();
        self.since = now;
    }

    fn found(&self) -> Option<bool> {
        let mut tries = self.tries.values().flatten();
        tries.clone().next()?;
        Some(tries.any(|reached| *reached))
    }

    /// Somebody more may be asked.
    fn is_open(&self) -> bool {
        !self.is_enough() && self.tries.len() < MAX_PROBE_SERVERS
    }

    fn is_enough(&self) -> bool {
        let results = self.tries.values().flatten();
        self.found() == Some(true) || results.count() >= ENOUGH_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    struct World {
        probe: Probe,
        now: Instant,
        nonce: u64,
    }

    impl World {
        fn new(servers: usize) -> Self {
            let mut world = Self {
                probe: Probe::default(),
                now: Instant::now(),
                nonce: 0,
            };
            for _ in 0..servers {
                world.probe.add_server(PeerId::random());
            }
            let subject = (address("/ip4/8.8.8.8/tcp/1"), RungKind::Direct);
            world.probe.set_subjects(vec![subject], world.now);
            world
        }

        /// Asks everybody who is to be asked; each says the same.
        fn all_say(&mut self, answer: Answer, says_number: bool) -> usize {
            let mut asked = 0;
            loop {
                self.nonce += 1;
                if self.probe.next(self.nonce).is_none() {
                    return asked;
                }
                asked += 1;
                if says_number {
                    self.probe.heard(self.nonce);
                }
                self.probe.answered(self.nonce, Some(answer));
            }
        }

        fn verdict(&self) -> Verdict {
            self.probe.findings()[0].verdict
        }
    }

    #[test]
    fn one_who_got_through_is_enough() {
        let mut world = World::new(5);
        assert_eq!(world.verdict(), Verdict::Checking);
        assert_eq!(world.all_say(Answer::Reached, true), 1);
        assert_eq!(world.verdict(), Verdict::Yes);
        assert!(world.probe.is_settled());
    }

    #[test]
    fn who_says_so_without_the_number_is_not_believed() {
        let mut world = World::new(2);
        assert_eq!(world.all_say(Answer::Reached, false), 2);
        assert_eq!(world.verdict(), Verdict::Unknown);
    }

    #[test]
    fn several_in_vain_are_believed_and_one_if_there_are_no_others() {
        for (servers, asked) in [(1, 1), (2, 2), (9, ENOUGH_FAILURES)] {
            let mut world = World::new(servers);
            assert_eq!(world.all_say(Answer::NotReached, false), asked);
            assert_eq!(world.verdict(), Verdict::No, "{servers}");
        }
        let mut world = World::new(4);
        world.all_say(Answer::Refused, false);
        assert_eq!(world.verdict(), Verdict::Unknown);
        assert_eq!(World::new(0).verdict(), Verdict::Unknown);
    }

    #[test]
    fn a_new_round_keeps_what_was_known_until_it_knows_better() {
        let mut world = World::new(2);
        world.all_say(Answer::Reached, true);
        world.probe.again(world.now);
        assert!(!world.probe.is_settled());
        assert_eq!(world.verdict(), Verdict::Yes);
        world.all_say(Answer::NotReached, false);
        assert_eq!(world.verdict(), Verdict::No);
        world.probe.refresh(world.now + UNREACHABLE_AGAIN);
        assert_eq!(world.verdict(), Verdict::No);
        world.all_say(Answer::Reached, true);
        assert_eq!(world.verdict(), Verdict::Yes);
        world
            .probe
            .refresh(world.now + UNREACHABLE_AGAIN + Duration::from_secs(1));
        assert!(world.probe.is_settled());
    }

    #[test]
    fn questions_and_addresses_are_bounded_and_gone_addresses_forgotten() {
        let mut world = World::new(100);
        let many = (0..200u16).map(|port| {
            let address = address(&format!("/ip4/8.8.8.8/tcp/{port}"));
            (address, RungKind::Direct)
        });
        world.probe.set_subjects(many.collect(), world.now);
        assert_eq!(world.probe.findings().len(), MAX_PROBED_ADDRESSES);
        let under_way = (1..1000).filter(|nonce| world.probe.next(*nonce).is_some());
        assert_eq!(under_way.count(), MAX_PROBES);
        world.probe.set_subjects(Vec::new(), world.now);
        world.probe.answered(1, Some(Answer::Reached));
        assert!(world.probe.findings().is_empty() && world.probe.is_settled());
    }
}
