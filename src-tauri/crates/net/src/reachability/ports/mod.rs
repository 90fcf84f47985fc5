//! Ports that are kept open on the routers of this machine's networks, so that others can get here.
//!
//! [`PortMapper`] is the handle; its task does what the [`plan`] says and nothing else: one job at
//! a time for each address of this machine, each on a task of its own with a time limit. How
//! routers are spoken to is in [`upnp`], in [`pcp`], and for PCP over IPv6 in [`pinhole`]: what a
//! UPnP router opens is preferred; PCP and its predecessor NAT-PMP are the second choice.
//!
//! Invariants: a router is a stranger. What it sends is bounded in size and time, what it says is
//! cut to a line, and the address that it claims is believed only if everybody could reach it.
//! Nothing is sent before there is something to open.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use if_watch::IpNet;
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use crate::limits::{MAX_ROUTER_WORDS, ROUTER_CLOSE_TIME, ROUTER_JOB_TIME};
use crate::status::{self, Mapping, Transport};

mod default_route;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod pcp;
mod pinhole;
mod plan;
#[cfg(test)]
mod tests;
mod upnp;

use plan::{Facts, Job, Opened, Outcome, Plan};
use upnp::Ssdp;

/// Where something listens on this machine: a concrete local IP and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// QUIC is UDP to a router.
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

/// What the routers do for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) state: PortState,
    /// The router that did the most, if one was found.
    pub(crate) router: Option<status::Router>,
    pub(crate) mappings: Vec<Mapping>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum PortState {
    /// Nothing to open.
    #[default]
    Off,
    Searching,
    Opened,
    NoRouter,
    Refused,
    /// The router is behind another one.
    DoubleNat,
    /// The provider gives many customers one address.
    Cgnat,
}

/// The handle on the task that keeps ports open.
#[derive(Debug)]
pub(crate) struct PortMapper {
    wanted: watch::Sender<Wanted>,
    task: JoinHandle<()>,
}

/// What is listened at, and the networks that this machine is on.
#[derive(Debug, Clone, Default)]
struct Wanted {
    endpoints: Vec<Endpoint>,
    networks: Vec<IpNet>,
}

impl PortMapper {
    /// Starts the task. The receiver tells the state as it changes.
    pub(crate) fn start() -> (Self, watch::Receiver<Ports>) {
        Self::start_at(Ssdp::default())
    }

    fn start_at(ssdp: Ssdp) -> (Self, watch::Receiver<Ports>) {
        let (wanted, told) = watch::channel(Wanted::default());
        let (ports, states) = watch::channel(Ports::default());
        let task = Task {
            ssdp,
            plan: Plan::default(),
            routers: HashMap::new(),
            jobs: JoinSet::new(),
            running: HashMap::new(),
            searches: HashMap::new(),
            ports,
        };
        let task = tokio::spawn(task.run(told));
        (Self { wanted, task }, states)
    }

    /// What is listened at, and the networks that this machine is on. To be called at start and
    /// whenever either changes, or may have while the machine slept: routers are looked for again
    /// then.
    pub(crate) fn set(&self, endpoints: Vec<Endpoint>, networks: Vec<IpNet>) {
        self.wanted.send_replace(Wanted {
            endpoints,
            networks,
        });
    }

    /// As if its task had broken.
    #[cfg(debug_assertions)]
    pub(crate) fn break_off(&self) {
        self.task.abort();
    }

    /// Removes every mapping from the routers, as far as they answer within a few seconds.
    pub(crate) async fn close(self) {
        drop(self.wanted);
        if timeout(ROUTER_CLOSE_TIME, self.task).await.is_err() {
            tracing::debug!(
                "a router was too slow to close what it had opened; its leases end by themselves"
            );
        }
    }
}

/// How a router is spoken to.
#[derive(Debug, Clone)]
enum Client {
    Upnp(upnp::Client),
    Pcp(pcp::Client),
    Pinhole(pinhole::Client),
}

impl Client {
    async fn map(&mut self, endpoint: Endpoint, external: u16) -> Outcome {
        match self {
            Self::Upnp(router) => router.map(endpoint, external).await,
            Self::Pcp(router) => router.map(endpoint, external).await,
            Self::Pinhole(router) => router.map(endpoint).await,
        }
    }

    async fn check(&mut self, open: &[Opened]) -> Outcome {
        match self {
            Self::Upnp(router) => router.check(open).await,
            Self::Pcp(router) => router.check(open).await,
            Self::Pinhole(router) => router.check(open).await,
        }
    }

    async fn unmap(&mut self, opened: Opened) -> Outcome {
        match self {
            Self::Upnp(router) => router.unmap(opened).await,
            Self::Pcp(router) => router.unmap(opened).await,
            Self::Pinhole(router) => router.unmap(opened).await,
        }
    }
}

struct Task {
    ssdp: Ssdp,
    plan: Plan,
    /// The router of each address, as it was found last.
    routers: HashMap<IpAddr, Client>,
    jobs: JoinSet<Done>,
    running: HashMap<Id, IpAddr>,
    /// Those of them that only look for a router.
    searches: HashMap<Id, AbortHandle>,
    ports: watch::Sender<Ports>,
}

type Done = (Option<Client>, Outcome);

impl Task {
    async fn run(mut self, mut told: watch::Receiver<Wanted>) {
        loop {
            self.start_jobs();
            self.publish();
            let wake_at = self.plan.wake_at();
            tokio::select! {
                changed = told.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let Wanted { endpoints, networks } = told.borrow_and_update().clone();
                    self.plan.set(Instant::now(), &endpoints, networks);
                }
                Some(done) = self.jobs.join_next_with_id() => self.done(done),
                () = sleep_until(wake_at.unwrap_or_else(Instant::now).into()), if wake_at.is_some() => {}
            }
        }
        self.close().await;
    }

    /// Nothing is wanted any more: what is open is closed, one router beside the other.
    async fn close(mut self) {
        self.plan.close(Instant::now());
        for search in self.searches.values() {
            search.abort();
        }
        loop {
            self.start_jobs();
            self.publish();
            match self.jobs.join_next_with_id().await {
                Some(done) => self.done(done),
                None => return,
            }
        }
    }

    fn start_jobs(&mut self) {
        while let Some((ip, job)) = self.plan.next(Instant::now()) {
            let router = self.routers.get(&ip).cloned();
            let is_search = job == Job::Find;
            let work = work(ip, router, job, self.ssdp.clone());
            let handle = self.jobs.spawn(async move {
                let lost = || (None, Outcome::Lost);
                timeout(ROUTER_JOB_TIME, work)
                    .await
                    .unwrap_or_else(|_| lost())
            });
            self.running.insert(handle.id(), ip);
            if is_search {
                self.searches.insert(handle.id(), handle);
            }
        }
    }

    fn done(&mut self, done: Result<(Id, Done), JoinError>) {
        let (id, (router, outcome)) = done.unwrap_or_else(|error| {
            let outcome = if error.is_cancelled() {
                Outcome::NotFound
            } else {
                Outcome::Lost
            };
            tracing::debug!(%error, "speaking to a router was broken off");
            (error.id(), (None, outcome))
        });
        self.searches.remove(&id);
        let Some(ip) = self.running.remove(&id) else {
            return;
        };
        self.plan.done(Instant::now(), ip, outcome);
        if let Some(router) = router {
            self.routers.insert(ip, router);
        }
        self.routers.retain(|ip, _| self.plan.has(*ip));
    }

    fn publish(&self) {
        let ports = self.plan.ports();
        self.ports.send_if_modified(|before| {
            let changed = *before != ports;
            if changed {
                tracing::debug!(state = ?ports.state, router = ?ports.router, mappings = ?ports.mappings, "ports on routers");
                *before = ports;
            }
            changed
        });
    }
}

/// Does a job. The router comes back with what it learnt.
async fn work(ip: IpAddr, router: Option<Client>, job: Job, ssdp: Ssdp) -> Done {
    match (router, job) {
        (router, Job::Find) => match find(ip, router, &ssdp).await {
            Some((router, facts)) => (Some(router), Outcome::Found(facts)),
            None => (None, Outcome::NotFound),
        },
        (None, _) => (None, Outcome::Lost),
        (Some(mut router), Job::Map { endpoint, external }) => {
            let outcome = router.map(endpoint, external).await;
            (Some(router), outcome)
        }
        (Some(mut router), Job::Check(open)) => {
            let outcome = router.check(&open).await;
            (Some(router), outcome)
        }
        (Some(mut router), Job::Unmap(opened)) => {
            let outcome = router.unmap(opened).await;
            (Some(router), outcome)
        }
    }
}

/// What a router is known by stays with it: PCP closes a port only for who has the number that it
/// was opened with.
async fn find(ip: IpAddr, known: Option<Client>, ssdp: &Ssdp) -> Option<(Client, Facts)> {
    let route = default_route::of(ip).await;
    let (nat, firewall) = match known {
        Some(Client::Pcp(router)) => (Some(router), None),
        Some(Client::Pinhole(router)) => (None, Some(router)),
        Some(Client::Upnp(_)) | None => (None, None),
    };
    let second = async {
        if ip.is_ipv4() {
            let (router, facts) = pcp::find(ip, route?, nat).await?;
            Some((Client::Pcp(router), facts))
        } else {
            let (router, facts) = pinhole::find(ip, route?, firewall).await?;
            Some((Client::Pinhole(router), facts))
        }
    };
    // Asking opens nothing yet, and both at once take no more time than one.
    let (first, second) = tokio::join!(upnp::find(ip, route, ssdp), second);
    let first = first.map(|(router, facts)| (Client::Upnp(router), facts));
    first.or(second)
}

/// A line of what a router says, without anything that could disturb a terminal or a page.
fn words(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = plain.chars().filter(|char| !char.is_control());
    shown.take(MAX_ROUTER_WORDS).collect()
}
