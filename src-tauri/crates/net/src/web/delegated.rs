//! Delegated routing services, which are asked who has what: which ones, for which sessions at the
//! moment, and how they behave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bitswap::SessionId;
use tokio::sync::{Semaphore, mpsc};
use unixfs::cid::Cid;
use url::Url;

use super::health::Health;
use super::routing::{self, Taker};
use super::{Clients, Task, WebError, WebEvent};
use crate::address::DialPolicy;
use crate::limits::{LOOKUP_TIME, MAX_LOOKUPS, MAX_WEB_SERVICES};
use crate::status::{Service, ServiceKind};

#[derive(Debug)]
pub(crate) struct DelegatedRouting {
    clients: Clients,
    events: mpsc::Sender<WebEvent>,
    chosen: Vec<(Url, Health)>,
    /// At most one search for each session.
    searches: HashMap<SessionId, Task>,
    places: Arc<Semaphore>,
}

impl DelegatedRouting {
    pub(crate) fn new(clients: Clients, events: mpsc::Sender<WebEvent>) -> Self {
        Self {
            clients,
            events,
            chosen: Vec::new(),
            searches: HashMap::new(),
            places: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }

    /// From now on these, and no others.
    pub(crate) fn choose(&mut self, urls: &[Url]) {
        let mut before = std::mem::take(&mut self.chosen);
        for url in urls.iter().take(MAX_WEB_SERVICES) {
            let known = before.iter().position(|(known, _)| known == url);
            let kept = known.map(|place| before.swap_remove(place));
            self.chosen
                .push(kept.unwrap_or_else(|| (url.clone(), Health::default())));
        }
    }

    /// Asks all that are not in a back-off. False: there are none.
    pub(crate) fn search(&mut self, session: SessionId, cid: Cid, policy: &DialPolicy) -> bool {
        let now = Instant::now();
        let awake = self
            .chosen
            .iter()
            .filter(|(_, health)| !health.backs_off(now));
        let urls: Vec<Url> = awake.map(|(url, _)| url.clone()).collect();
        if urls.is_empty() {
            return false;
        }
        let (clients, places) = (&self.clients, &self.places);
        let events = &self.events;
        self.searches.entry(session).or_insert_with(|| {
            let taker = Taker {
                session,
                events: events.clone(),
            };
            let ask = |url| ask(clients.clone(), taker.clone(), policy.clone(), cid, url);
            let asking = futures::future::join_all(urls.into_iter().map(ask));
            let places = Arc::clone(places);
            Task::spawn(async move {
                // The semaphore is never closed.
                let _place = places.acquire_owned().await;
                asking.await;
                let searched = WebEvent::Searched { session };
                let _ = taker.events.send(searched).await;
            })
        });
        true
    }

    pub(crate) fn asked(&mut self, service: &Url, result: &Result<(), WebError>, now: Instant) {
        let Some((_, health)) = self.chosen.iter_mut().find(|(url, _)| url == service) else {
            return;
        };
        match result {
            Ok(()) => health.succeeded(),
            Err(error) => {
                tracing::debug!(%service, %error, "a delegated routing service failed");
                health.failed(error, now);
            }
        }
    }

    /// The session's search is over, or the session is.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.searches.remove(&session);
    }

    pub(crate) fn begin_anew(&mut self) {
        for (_, health) in &mut self.chosen {
            health.reset_backoff();
        }
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = Service> {
        self.chosen.iter().map(|(url, health)| Service {
            url: url.clone(),
            kind: ServiceKind::Delegated,
            problem: health.problem().cloned(),
            received: 0,
        })
    }
}

async fn ask(clients: Clients, taker: Taker, policy: DialPolicy, cid: Cid, service: Url) {
    let asking = routing::providers(&clients, &service, &cid, &policy, &taker);
    let asked = tokio::time::timeout(LOOKUP_TIME, asking).await;
    let result = asked.unwrap_or(Err(WebError::Timeout));
    let _ = taker.events.send(WebEvent::Asked { service, result }).await;
}
