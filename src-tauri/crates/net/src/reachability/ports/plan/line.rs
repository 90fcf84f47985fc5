//! One address of this machine, its router, and what that router opened for it.
//!
//! | state | next |
//! |---|---|
//! | no router | `Find`; none: again after 10 s, 20 s, ... 5 min, at once when the networks change |
//! | router, no public address | `Check` with the same backoff: what it opened would be no use |
//! | router, public address | `Map` each port, again at half of its lease; `Check` every 45 s |
//! | a port is gone | `Map`, at the same port outside if it can be |
//! | the router refuses | what is open stays; `Map` again with the same backoff |
//! | the router doesn't answer | `Find`; what was opened is shown until two searches found nothing |
//!
//! A line that nothing is wanted of any more closes what is open, and is over.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bitswap::pace::Backoff;

use super::{Endpoint, External, Facts, Granted, Job, Opened, Outcome, PortState, trouble};
use crate::status::{Mapping, Router, RouterProblem};

/// How often a router is asked whether what it opened is open. A restart costs this long.
const CHECK: Duration = Duration::from_secs(45);
/// The first pause after a failure, and the longest: a person who changed the router's settings
/// looks again in that time.
const BACKOFF: Duration = Duration::from_secs(10);
const MAX_BACKOFF: Duration = Duration::from_mins(5);
/// The time between two searches for a router that was there before. Datagrams get lost, above all
/// on wireless networks.
const SECOND_LOOK: Duration = Duration::from_secs(3);
/// The shortest lease that is believed: with less, a router could have us ask it without pause. And
/// the longest: what a router says of next year is worth nothing.
const MIN_LEASE: Duration = Duration::from_secs(20);
const MAX_LEASE: Duration = Duration::from_hours(24);
/// How long a port that is open until it is closed is shown to stay open: it is asked for again as
/// others are.
const ENDLESS: Duration = Duration::from_hours(1);
/// The time over which jobs are counted, and how many may begin in it: several times what an honest
/// router needs, whatever happens. One that forgets at once what it opened, or answers every second
/// question, could keep us busy without end.
const WINDOW: Duration = Duration::from_mins(1);
const MAX_JOBS: u32 = 40;
/// Failures in a row after which a router that doesn't answer is said to refuse.
const LOSSES: u32 = 2;

#[derive(Debug)]
pub(super) struct Line {
    wanted: Vec<Endpoint>,
    held: Vec<Held>,
    /// To be closed.
    stale: Vec<Opened>,
    router: Option<Facts>,
    busy: bool,
    /// Since when jobs are counted, and how many have begun.
    counted_from: Instant,
    jobs: u32,
    /// A search has ended.
    searched: bool,
    /// When to search.
    find_at: Option<Instant>,
    /// Searches in a row that found nothing.
    misses: u32,
    /// Questions in a row that the router didn't answer.
    losses: u32,
    check_at: Instant,
    /// Checks in a row that changed nothing about a router that is no use.
    checks: u32,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    words: String,
    /// In a row.
    times: u32,
    retry_at: Instant,
}

/// A port that is or was open.
#[derive(Debug)]
struct Held {
    opened: Opened,
    /// Its address outside, if not the router's.
    ip: Option<IpAddr>,
    /// The router has it, as far as we know.
    open: bool,
    renew_at: Instant,
    expires: Instant,
}

impl Line {
    pub(super) fn new(now: Instant, wanted: Vec<Endpoint>) -> Self {
        Self {
            wanted,
            held: Vec::new(),
            stale: Vec::new(),
            router: None,
            busy: false,
            counted_from: now,
            jobs: 0,
            searched: false,
            find_at: Some(now),
            misses: 0,
            losses: 0,
            check_at: now,
            checks: 0,
            refusal: None,
        }
    }

    /// Somebody has a reason to look again. `moved`: the networks are others.
    pub(super) fn set(&mut self, now: Instant, wanted: Vec<Endpoint>, moved: bool) {
        self.wanted = wanted;
        let (kept, closed) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| self.wanted.contains(&held.opened.endpoint));
        self.held = kept;
        self.close(closed);
        if self.wanted.is_empty() {
            self.find_at = None;
            return;
        }
        if moved || self.router.is_none() {
            self.misses = 0;
            self.find_at = Some(now);
        }
        self.losses = 0;
        self.checks = 0;
        self.check_at = now;
        if let Some(refusal) = &mut self.refusal {
            refusal.times = 0;
            refusal.retry_at = now;
        }
    }

    /// Its address is gone: nothing can be closed from it any more, nor opened.
    pub(super) fn abandon(&mut self) {
        self.wanted.clear();
        self.held.clear();
        self.stale.clear();
        self.router = None;
        self.find_at = None;
    }

    pub(super) fn next(&mut self, now: Instant) -> Option<Job> {
        if now >= self.counted_from + WINDOW {
            self.counted_from = now;
            self.jobs = 0;
        }
        if self.busy || (self.is_tired() && self.is_wanted()) {
            return None;
        }
        let job = self.job(now)?;
        self.busy = true;
        self.jobs += 1;
        Some(job)
    }

    fn job(&mut self, now: Instant) -> Option<Job> {
        if self.find_at.is_some_and(|at| at <= now) {
            // The networks may change before it ends: then it is set anew.
            self.find_at = None;
            return Some(Job::Find);
        }
        self.router.as_ref()?;
        // A router that didn't answer is searched for before it is asked anything.
        if self.is_wanted() && self.find_at.is_some() {
            return None;
        }
        if let Some(stale) = self.stale.pop() {
            return Some(Job::Unmap(stale));
        }
        if !self.is_wanted() {
            return None;
        }
        if self.check_at <= now {
            let open = self.held.iter().filter(|held| held.open);
            return Some(Job::Check(open.map(|held| held.opened).collect()));
        }
        if !self.is_usable() {
            return None;
        }
        let due = self.held.iter().find(|held| held.renew_at <= now);
        if let Some(held) = due {
            let Opened { endpoint, external } = held.opened;
            return Some(Job::Map { endpoint, external });
        }
        if self.refusal.as_ref().is_some_and(|no| no.retry_at > now) {
            return None;
        }
        self.missing().map(|endpoint| Job::Map {
            endpoint,
            external: endpoint.address.port(),
        })
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        if self.busy {
            return None;
        }
        if !self.is_wanted() {
            return None;
        }
        let at = self.due_at()?;
        Some(if self.is_tired() {
            at.max(self.counted_from + WINDOW)
        } else {
            at
        })
    }

    /// When there is something to do.
    fn due_at(&self) -> Option<Instant> {
        if self.router.is_none() || self.find_at.is_some() {
            return self.find_at;
        }
        if !self.stale.is_empty() {
            return Some(self.counted_from);
        }
        let renewals = self.held.iter().map(|held| held.renew_at);
        let retry = self.refusal.as_ref().map(|refusal| refusal.retry_at);
        let retry = retry.filter(|_| self.missing().is_some());
        let usable = renewals.chain(retry).filter(|_| self.is_usable());
        usable.chain([self.check_at]).min()
    }

    pub(super) fn done(&mut self, now: Instant, outcome: Outcome) {
        self.busy = false;
        match outcome {
            Outcome::Found(facts) => self.found(now, facts),
            Outcome::NotFound => self.not_found(now),
            Outcome::Mapped(granted) => self.mapped(now, granted),
            Outcome::Refused(endpoint, words) => self.refused(now, endpoint, words),
            Outcome::Checked {
                external,
                gone,
                unsure,
            } => self.checked(now, external, &gone, &unsure),
            Outcome::Unmapped => {}
            Outcome::Lost => self.lost(now),
        }
    }

    fn found(&mut self, now: Instant, facts: Facts) {
        let known = self.router.as_ref();
        if known.is_none_or(|known| !known.is_the_same_as(&facts)) {
            self.held.clear();
            self.stale.clear();
            self.refusal = None;
            self.checks = 0;
        }
        self.router = Some(facts);
        self.searched = true;
        self.misses = 0;
        // What it opened before it was lost may be gone.
        self.check_at = if self.held.is_empty() {
            now + self.check_pause()
        } else {
            now
        };
        self.give_up_if_useless();
    }

    fn not_found(&mut self, now: Instant) {
        self.misses += 1;
        if self.router.is_some() && self.misses < 2 {
            self.find_at.get_or_insert(now + SECOND_LOOK);
            return;
        }
        self.router = None;
        self.held.clear();
        self.stale.clear();
        self.refusal = None;
        self.searched = true;
        let again_at = now + backoff(self.misses);
        self.find_at.get_or_insert(again_at);
    }

    fn mapped(&mut self, now: Instant, granted: Granted) {
        let Granted {
            opened,
            ip,
            lease,
            protocol,
        } = granted;
        self.losses = 0;
        let before = self
            .held
            .iter()
            .position(|held| held.opened.endpoint == opened.endpoint)
            .map(|place| self.held.swap_remove(place).opened);
        self.stale.extend(before.filter(|before| *before != opened));
        let is_v4 = opened.endpoint.address.is_ipv4();
        if let Some(router) = &mut self.router {
            router.protocol = protocol;
            if let (Some(ip), true) = (ip, is_v4) {
                router.external = External::Is(ip);
            }
        }
        if !self.wanted.contains(&opened.endpoint) || ip.is_some_and(|ip| trouble(ip).is_some()) {
            self.stale.push(opened);
            self.give_up_if_useless();
            return;
        }
        let lease = lease.unwrap_or(ENDLESS).clamp(MIN_LEASE, MAX_LEASE);
        self.held.push(Held {
            opened,
            // An IPv4 NAT has one address for all ports, which may change while they stay open.
            ip: ip.filter(|_| !is_v4),
            open: true,
            renew_at: now + lease / 2,
            expires: now + lease,
        });
        if self.missing().is_none() {
            self.refusal = None;
        }
    }

    fn refused(&mut self, now: Instant, endpoint: Endpoint, words: String) {
        self.losses = 0;
        self.held.retain(|held| held.opened.endpoint != endpoint);
        // The next one may have more luck.
        self.wanted.sort_by_key(|wanted| *wanted == endpoint);
        self.refuse(now, words);
    }

    fn refuse(&mut self, now: Instant, words: String) {
        let times = self.refusal.as_ref().map_or(0, |refusal| refusal.times) + 1;
        self.refusal = Some(Refusal {
            words,
            times,
            retry_at: now + backoff(times),
        });
    }

    fn checked(
        &mut self,
        now: Instant,
        external: External,
        gone: &[Endpoint],
        unsure: &[Endpoint],
    ) {
        self.losses = 0;
        let is_useless = !self.is_usable();
        for held in &mut self.held {
            let endpoint = &held.opened.endpoint;
            if gone.contains(endpoint) {
                held.open = false;
                held.renew_at = now;
            } else if unsure.contains(endpoint) {
                held.renew_at = now;
            }
        }
        if let Some(router) = &mut self.router
            && (external != External::WithEachPort || is_useless)
        {
            router.external = external;
        }
        self.checks = if self.is_usable() { 0 } else { self.checks + 1 };
        self.check_at = now + self.check_pause();
        self.give_up_if_useless();
    }

    fn lost(&mut self, now: Instant) {
        if self.wanted.is_empty() {
            self.stale.clear();
            return;
        }
        // A search that was broken off.
        if self.router.is_none() {
            return self.not_found(now);
        }
        self.losses += 1;
        self.find_at = Some(match self.losses {
            1 => now,
            more => now + backoff(more - 1),
        });
        if self.losses >= LOSSES && !self.held.iter().any(|held| held.open) {
            self.refuse(now, "no answer".to_owned());
        }
    }

    /// Closes what is open when it leads nowhere.
    fn give_up_if_useless(&mut self) {
        if self.router.is_some() && !self.is_usable() {
            let held = std::mem::take(&mut self.held);
            self.close(held);
        }
    }

    fn close(&mut self, held: Vec<Held>) {
        let open = held.into_iter().filter(|held| held.open);
        self.stale.extend(open.map(|held| held.opened));
    }

    fn is_tired(&self) -> bool {
        self.jobs >= MAX_JOBS
    }

    fn check_pause(&self) -> Duration {
        if self.is_usable() {
            CHECK
        } else {
            CHECK.max(backoff(self.checks))
        }
    }

    fn is_usable(&self) -> bool {
        self.router.is_some() && self.trouble().is_none()
    }

    fn trouble(&self) -> Option<RouterProblem> {
        match &self.router.as_ref()?.external {
            External::Is(ip) => trouble(*ip),
            External::WithEachPort => None,
            External::Hidden => Some(RouterProblem::DoubleNat),
            External::Untold(_) => Some(RouterProblem::NoExternalAddress),
        }
    }

    fn missing(&self) -> Option<Endpoint> {
        let is_held = |endpoint: &Endpoint| {
            let mut held = self.held.iter();
            held.any(|held| held.opened.endpoint == *endpoint)
        };
        let mut wanted = self.wanted.iter();
        wanted.find(|endpoint| !is_held(endpoint)).copied()
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub(super) fn is_over(&self) -> bool {
        let nothing_to_close = self.stale.is_empty() || self.router.is_none();
        self.wanted.is_empty() && !self.busy && nothing_to_close
    }

    pub(super) fn state(&self) -> PortState {
        if self.mappings().next().is_some() {
            return PortState::Opened;
        }
        match self.problem() {
            Some(RouterProblem::DoubleNat) => PortState::DoubleNat,
            Some(RouterProblem::Cgnat) => PortState::Cgnat,
            Some(RouterProblem::NoExternalAddress | RouterProblem::Refused) => PortState::Refused,
            None if self.searched && self.router.is_none() => PortState::NoRouter,
            None => PortState::Searching,
        }
    }

    pub(super) fn router(&self) -> Option<Router> {
        let router = self.router.as_ref()?;
        let refusal = self.refusal.as_ref();
        let (external, untold) = match &router.external {
            External::Is(ip) => (Some(*ip), None),
            External::WithEachPort | External::Hidden => (None, None),
            External::Untold(words) => (None, Some(words)),
        };
        Some(Router {
            name: router.name.clone(),
            address: router.address,
            protocol: router.protocol,
            external,
            problem: self.problem(),
            words: untold.or(refusal.map(|refusal| &refusal.words)).cloned(),
        })
    }

    /// Why the router is no use; a refusal is the least of reasons.
    fn problem(&self) -> Option<RouterProblem> {
        let refused = self.refusal.as_ref().map(|_| RouterProblem::Refused);
        self.trouble().or(refused)
    }

    pub(super) fn mappings(&self) -> impl Iterator<Item = Mapping> {
        let router = match self.router.as_ref().map(|router| &router.external) {
            Some(External::Is(ip)) => Some(*ip),
            Some(External::WithEachPort | External::Hidden | External::Untold(_)) | None => None,
        };
        let open = self.held.iter().filter(|held| held.open);
        open.filter_map(move |held| {
            let endpoint = held.opened.endpoint;
            Some(Mapping {
                transport: endpoint.transport,
                internal: endpoint.address,
                external: SocketAddr::new(held.ip.or(router)?, held.opened.external),
                expires: held.expires,
            })
        })
    }
}

/// The pause after so many failures in a row.
fn backoff(times: u32) -> Duration {
    Backoff::after(BACKOFF, MAX_BACKOFF, times.saturating_sub(1))
}
