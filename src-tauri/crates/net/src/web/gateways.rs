//! Gateways that are asked for blocks: which ones, for which sessions, what they are asked at the
//! moment, how they behave.
//!
//! A gateway that rests, or that is no longer wanted, is disconnected from the exchange: what it
//! was asked is asked of others at once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bitswap::SessionId;
use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::{Semaphore, mpsc};
use unixfs::cid::{self, Cid};
use url::Url;

use super::client::NamedBy;
use super::health::Health;
use super::{Clients, Task, WebError, WebEvent, gateway, shown};
use crate::limits::{
    GATEWAY_DELAY, MAX_BLOCK_REQUESTS, MAX_FOUND_GATEWAYS, MAX_GATEWAY_NAMES, MAX_WEB_SERVICES,
};
use crate::status::{Service, ServiceKind};

#[derive(Debug)]
pub(crate) struct Gateways {
    clients: Clients,
    events: mpsc::Sender<WebEvent>,
    known: HashMap<PeerId, Gateway>,
    /// From when on each session may use them, and whether it does.
    sessions: HashMap<SessionId, Visit>,
    requests: HashMap<(PeerId, Cid), (u64, Task)>,
    last_request: u64,
    places: Arc<Semaphore>,
    /// Of those that are gone: their blocks are still spoken of.
    names: VecDeque<(PeerId, String)>,
}

#[derive(Debug)]
struct Gateway {
    url: Url,
    /// Else found, for these sessions.
    chosen: bool,
    sessions: HashSet<SessionId>,
    health: Health,
    /// The exchange may ask it.
    connected: bool,
    received: u64,
}

#[derive(Debug)]
struct Visit {
    from: Instant,
    joined: bool,
}

/// What the exchange is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Connect(PeerId),
    Disconnect(PeerId),
    Join(SessionId, PeerId),
    Block(PeerId, Cid, Bytes),
    Lacks(PeerId, Cid),
}

impl Step {
    pub(crate) fn tell(self, bitswap: &mut bitswap::Behaviour) {
        match self {
            Self::Connect(gateway) => bitswap.gateway_connected(gateway),
            Self::Disconnect(gateway) => bitswap.gateway_disconnected(&gateway),
            Self::Join(session, gateway) => bitswap.join_gateway(session, &gateway),
            Self::Block(gateway, cid, data) => bitswap.gateway_block(gateway, cid, data),
            Self::Lacks(gateway, cid) => bitswap.gateway_lacks(gateway, cid),
        }
    }
}

impl Gateways {
    pub(crate) fn new(clients: Clients, events: mpsc::Sender<WebEvent>) -> Self {
        Self {
            clients,
            events,
            known: HashMap::new(),
            sessions: HashMap::new(),
            requests: HashMap::new(),
            last_request: 0,
            places: Arc::new(Semaphore::new(MAX_BLOCK_REQUESTS)),
            names: VecDeque::new(),
        }
    }

    /// From now on these are used for all sessions, and no others but those found.
    pub(crate) fn choose(&mut self, urls: &[Url]) -> Vec<Step> {
        for gateway in self.known.values_mut() {
            gateway.chosen = false;
        }
        for url in urls.iter().take(MAX_WEB_SERVICES) {
            if let Some(id) = name(url) {
                let gateway = self.known.entry(id).or_insert_with(|| Gateway::new(url));
                gateway.chosen = true;
            }
        }
        let mut steps = self.drop_unwanted();
        steps.extend(self.update(Instant::now()));
        steps
    }

    pub(crate) fn open(&mut self, session: SessionId, now: Instant) {
        let from = now + GATEWAY_DELAY;
        let joined = false;
        self.sessions.insert(session, Visit { from, joined });
    }

    pub(crate) fn close(&mut self, session: SessionId) -> Vec<Step> {
        self.sessions.remove(&session);
        for gateway in self.known.values_mut() {
            gateway.sessions.remove(&session);
        }
        self.drop_unwanted()
    }

    /// A delegated routing service named these for a session.
    pub(crate) fn found(&mut self, session: SessionId, urls: &[Url]) -> Vec<Step> {
        for url in urls {
            let others = self.known.values().filter(|gateway| !gateway.chosen);
            let is_full = others.count() >= MAX_FOUND_GATEWAYS;
            let Some(id) = name(url).filter(|_| self.sessions.contains_key(&session)) else {
                continue;
            };
            if !is_full || self.known.contains_key(&id) {
                let gateway = self.known.entry(id).or_insert_with(|| Gateway::new(url));
                gateway.sessions.insert(session);
            }
        }
        self.look_again(session);
        self.update(Instant::now())
    }

    /// The session lacks sources: those that left it may be asked anew.
    pub(crate) fn look_again(&mut self, session: SessionId) {
        if let Some(visit) = self.sessions.get_mut(&session) {
            visit.joined = false;
        }
    }

    /// Ends back-offs that are over, and lets sessions use gateways whose time has come.
    pub(crate) fn update(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        for (id, gateway) in &mut self.known {
            if !gateway.connected && !gateway.health.backs_off(now) {
                gateway.connected = true;
                steps.push(Step::Connect(*id));
                for visit in self.sessions.values_mut() {
                    visit.joined = false;
                }
            }
        }
        for (session, visit) in &mut self.sessions {
            if visit.joined || visit.from > now {
                continue;
            }
            visit.joined = true;
            let usable = self.known.iter().filter(|(_, gateway)| {
                gateway.connected && (gateway.chosen || gateway.sessions.contains(session))
            });
            steps.extend(usable.map(|(id, _)| Step::Join(*session, *id)));
        }
        steps
    }

    /// Begins to ask for blocks. One that is being asked for already is not asked for again.
    pub(crate) fn ask(&mut self, id: PeerId, blocks: Vec<Cid>, cancels: &[Cid]) {
        for cid in cancels {
            self.requests.remove(&(id, *cid));
        }
        let Some(known) = self.known.get(&id) else {
            return;
        };
        let by = if known.chosen {
            NamedBy::Person
        } else {
            NamedBy::Stranger
        };
        for cid in blocks {
            if self.requests.contains_key(&(id, cid)) {
                continue;
            }
            self.last_request += 1;
            let request = self.last_request;
            let (clients, events) = (self.clients.clone(), self.events.clone());
            let (places, url) = (Arc::clone(&self.places), known.url.clone());
            let task = Task::spawn(async move {
                // The semaphore is never closed.
                let place = places.acquire_owned().await;
                let result = gateway::block(&clients, &url, by, cid).await;
                drop(place);
                let answer = WebEvent::Block {
                    gateway: id,
                    cid,
                    request,
                    result,
                };
                let _ = events.send(answer).await;
            });
            self.requests.insert((id, cid), (request, task));
        }
    }

    /// A request has ended. Answers to those that were taken back count no more.
    pub(crate) fn answered(
        &mut self,
        id: PeerId,
        cid: Cid,
        request: u64,
        result: Result<Bytes, WebError>,
    ) -> Vec<Step> {
        let open = self.requests.get(&(id, cid));
        if open.is_none_or(|(number, _)| *number != request) {
            return Vec::new();
        }
        self.requests.remove(&(id, cid));
        let Some(gateway) = self.known.get_mut(&id) else {
            return Vec::new();
        };
        let error = match result {
            Ok(data) => {
                gateway.health.succeeded();
                gateway.received += data.len() as u64;
                return vec![Step::Block(id, cid, data)];
            }
            Err(error) => error,
        };
        let mut steps = vec![Step::Lacks(id, cid)];
        if gateway.health.failed(&error, Instant::now()) {
            tracing::info!(gateway = %gateway.url, %error, "a gateway is not asked for a while");
            steps.extend(self.back_off(&id));
        }
        steps
    }

    /// It broke the rules of the exchange.
    pub(crate) fn misbehaved(&mut self, id: &PeerId) -> Vec<Step> {
        if let Some(gateway) = self.known.get_mut(id) {
            gateway.health.failed(&WebError::Wrong, Instant::now());
        }
        self.back_off(id).into_iter().collect()
    }

    pub(crate) fn begin_anew(&mut self) {
        for gateway in self.known.values_mut() {
            gateway.health.reset_backoff();
        }
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.known.contains_key(id)
    }

    /// The addresses of gateways, by the IDs under which their blocks come.
    pub(crate) fn names(&self) -> HashMap<PeerId, String> {
        let gone = self.names.iter().cloned();
        let known = self.known.iter();
        gone.chain(known.map(|(id, gateway)| (*id, shown(&gateway.url))))
            .collect()
    }

    pub(crate) fn statuses(&self) -> Vec<Service> {
        let status = |gateway: &Gateway| Service {
            url: gateway.url.clone(),
            kind: ServiceKind::Gateway,
            problem: gateway.health.problem().cloned(),
            received: gateway.received,
        };
        let mut services: Vec<Service> = self.known.values().map(status).collect();
        services.sort_unstable_by(|a, b| a.url.cmp(&b.url));
        services
    }

    fn back_off(&mut self, id: &PeerId) -> Option<Step> {
        self.requests.retain(|(gateway, _), _| gateway != id);
        let gateway = self.known.get_mut(id)?;
        let was_connected = std::mem::take(&mut gateway.connected);
        was_connected.then_some(Step::Disconnect(*id))
    }

    fn drop_unwanted(&mut self) -> Vec<Step> {
        let wanted = |gateway: &Gateway| gateway.chosen || !gateway.sessions.is_empty();
        let unwanted: Vec<PeerId> = self
            .known
            .iter()
            .filter(|(_, gateway)| !wanted(gateway))
            .map(|(id, _)| *id)
            .collect();
        let mut steps = Vec::new();
        for id in unwanted {
            steps.extend(self.back_off(&id));
            if let Some(gateway) = self.known.remove(&id) {
                self.names.push_back((id, shown(&gateway.url)));
            }
        }
        while self.names.len() > MAX_GATEWAY_NAMES {
            self.names.pop_front();
        }
        steps
    }
}

impl Gateway {
    fn new(url: &Url) -> Self {
        Self {
            url: url.clone(),
            chosen: false,
            sessions: HashSet::new(),
            health: Health::default(),
            connected: false,
            received: 0,
        }
    }
}

/// Under which ID a gateway's blocks come: the hash of its address. No peer has it, since no key is
/// known whose hash it is.
fn name(url: &Url) -> Option<PeerId> {
    let text = format!("gateway {}", shown(url));
    let hash = cid::hash(cid::SHA2_256, text.as_bytes())?;
    PeerId::from_bytes(&hash.to_bytes()).ok()
}
