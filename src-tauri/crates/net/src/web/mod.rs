//! Web services as helpers of a fetch: delegated routing services that say who has something
//! (`/routing/v1`), gateways that give blocks (`/ipfs/CID?format=raw`), and the public test of
//! whether others get here.
//!
//! Invariants:
//! - What a web server says is a stranger's word: answers are bounded in bytes, records and time,
//!   and a block counts only if its bytes are what its CID says. Hashing runs on other threads,
//!   requests in tasks of their own.
//! - Servers that the person named may be anywhere; those that strangers named are reached over
//!   HTTPS at public addresses only, whatever their names resolve to. With `local_only` nothing but
//!   loopback is contacted, and no name is looked up.
//! - A server that fails is left alone for a back-off that doubles, and comes back; one that asks
//!   for a pause gets it.
//!
//! **Peers come first.** People give each other what they have; a public gateway is somebody's good
//! will. So gateways join a session only [`GATEWAY_DELAY`](crate::limits::GATEWAY_DELAY) after it
//! began, when small things are long there, and the exchange asks them for little as long as peers
//! deliver (`bitswap::client`). To the exchange a gateway is one more source, named by a peer ID
//! that no peer can have; people see its address.
//!
//! | file | owns |
//! |---|---|
//! | `client` | how servers are reached, and which ones may be |
//! | `routing` | who has something |
//! | `gateway` | one block |
//! | `health` | a server's back-off |
//! | `gateways` `delegated` | who is asked what at the moment |
//! | `check` | the public test |

mod check;
mod client;
mod delegated;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gateway;
mod gateways;
mod health;
mod routing;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use bitswap::SessionId;
use bytes::Bytes;
use libp2p::PeerId;
use tokio::task::AbortHandle;
use unixfs::cid::Cid;
use url::Url;

use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};

use self::check::public_check;
use self::client::Clients;
use self::delegated::DelegatedRouting;
pub(crate) use self::gateways::{Gateways, Step};
use crate::address::DialPolicy;
use crate::config::Config;
use crate::exchange::dial::Target;
use crate::limits::WEB_EVENTS;
pub(crate) use crate::status::WebError;
use crate::status::{PublicCheck, Service, Verdict};

/// What a request came to.
#[derive(Debug)]
pub(crate) enum WebEvent {
    /// A delegated routing service named some who have the session's content.
    Found {
        session: SessionId,
        targets: Vec<Target>,
        gateways: Vec<Url>,
    },
    /// A delegated routing service has said all that it has to say.
    Asked {
        service: Url,
        result: Result<(), WebError>,
    },
    /// A session's search is over.
    Searched { session: SessionId },
    /// A gateway's answer to a request.
    Block {
        gateway: PeerId,
        cid: Cid,
        request: u64,
        result: Result<Bytes, WebError>,
    },
    /// The public test was made.
    Checked(PublicCheck),
}

/// A task that ends when it is dropped.
#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// All web services that are asked.
#[derive(Debug)]
pub(crate) struct Web {
    clients: Clients,
    pub(crate) delegated: DelegatedRouting,
    pub(crate) gateways: Gateways,
    /// Asked on request only.
    check: Option<Url>,
    sender: mpsc::Sender<WebEvent>,
    events: mpsc::Receiver<WebEvent>,
}

impl Web {
    pub(crate) fn new(policy: DialPolicy) -> Self {
        let (sender, events) = mpsc::channel(WEB_EVENTS);
        let clients = Clients::new(policy);
        Self {
            delegated: DelegatedRouting::new(clients.clone(), sender.clone()),
            gateways: Gateways::new(clients.clone(), sender.clone()),
            check: None,
            clients,
            sender,
            events,
        }
    }

    /// From now on these services, and no others. In a private network none at all: what is fetched
    /// there is not told outside.
    pub(crate) fn choose(&mut self, config: &Config) -> Vec<Step> {
        let is_private = config.trust.network_key.is_some();
        let urls = |urls: &'_ [Url]| {
            if is_private {
                Vec::new()
            } else {
                urls.to_vec()
            }
        };
        self.check = config.web.check.clone().filter(|_| !is_private);
        self.delegated.choose(&urls(&config.web.routers));
        self.gateways.choose(&urls(&config.web.gateways))
    }

    pub(crate) async fn next(&mut self) -> Option<WebEvent> {
        self.events.recv().await
    }

    /// Has others out there reach us at `address`, and ask for `cid`. The answer comes as an event,
    /// too.
    pub(crate) fn check(&self, address: Multiaddr, cid: Cid, reply: oneshot::Sender<PublicCheck>) {
        let (clients, events) = (self.clients.clone(), self.sender.clone());
        let url = self.check.clone();
        tokio::spawn(async move {
            let check = match url {
                Some(url) => public_check(&clients, &url, &address, &cid).await,
                None => PublicCheck {
                    verdict: Verdict::Unknown,
                    detail: None,
                },
            };
            let _ = events.send(WebEvent::Checked(check.clone())).await;
            let _ = reply.send(check);
        });
    }

    /// The network is another now, so what failed may work.
    pub(crate) fn begin_anew(&mut self) {
        self.delegated.begin_anew();
        self.gateways.begin_anew();
    }

    pub(crate) fn statuses(&self) -> Vec<Service> {
        let gateways = self.gateways.statuses();
        self.delegated.statuses().chain(gateways).collect()
    }
}

/// As a person knows it.
fn shown(url: &Url) -> String {
    url.as_str().to_owned()
}
