//! How web servers are reached, and which ones may be.
//!
//! Servers that the person named: anywhere, through the system's proxy if the environment names
//! one, as people expect of programs that fetch from the web. Those on this machine: never through
//! a proxy. Those that strangers named: HTTPS by name only, never through a proxy and without
//! redirects, and the addresses to which the name resolves are checked where they are used, so that
//! a name that leads elsewhere the next time leads nowhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use libp2p::Multiaddr;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode};
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::WebError;
use crate::address::{self, DialPolicy, Scope};
use crate::limits::{
    MAX_IDLE_WEB_CONNECTIONS, MAX_REDIRECTS, WEB_CONNECT_TIME, WEB_IDLE_TIME, WEB_READ_TIME,
};

const AGENT: &str = concat!("shoal/", env!("CARGO_PKG_VERSION"));

/// Who named a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Person,
    Stranger,
}

/// Where a client's connections may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bounds {
    ThisMachine,
    Anywhere,
    Public,
}

/// The clients, made when they are first needed: each reads the system's certificates. Clones are
/// one.
#[derive(Debug, Clone)]
pub(crate) struct Clients(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    policy: DialPolicy,
    here: OnceCell<Client>,
    anywhere: OnceCell<Client>,
    public: OnceCell<Client>,
}

impl Clients {
    pub(crate) fn new(policy: DialPolicy) -> Self {
        Self(Arc::new(Shared {
            policy,
            here: OnceCell::new(),
            anywhere: OnceCell::new(),
            public: OnceCell::new(),
        }))
    }

    /// Asks, and gives the answer's head once it is there and says yes.
    pub(super) async fn get(
        &self,
        url: Url,
        by: NamedBy,
        accept: &str,
    ) -> Result<Response, WebError> {
        let client = self.client(&url, by).await?;
        let request = client.get(url).header(ACCEPT, accept);
        let response = request.send().await.map_err(failure)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => Err(WebError::Lacks),
            StatusCode::TOO_MANY_REQUESTS => Err(WebError::Busy(pause(&response))),
            StatusCode::SERVICE_UNAVAILABLE if pause(&response).is_some() => {
                Err(WebError::Busy(pause(&response)))
            }
            status => Err(WebError::Status(status.as_u16())),
        }
    }

    async fn client(&self, url: &Url, by: NamedBy) -> Result<&Client, WebError> {
        let bounds = bounds(url, by)?;
        if self.0.policy.is_local_only() && bounds != Bounds::ThisMachine {
            return Err(WebError::NotHere);
        }
        let client = match bounds {
            Bounds::ThisMachine => &self.0.here,
            Bounds::Anywhere => &self.0.anywhere,
            Bounds::Public => &self.0.public,
        };
        let policy = self.0.policy.clone();
        // Reads files.
        let make = || async move {
            let made = tokio::task::spawn_blocking(move || make(bounds, policy)).await;
            made.map_err(|error| WebError::Unreachable(error.to_string()))?
        };
        client.get_or_try_init(make).await
    }
}

fn bounds(url: &Url, by: NamedBy) -> Result<Bounds, WebError> {
    match by {
        NamedBy::Person if is_here(url) => Ok(Bounds::ThisMachine),
        NamedBy::Person => Ok(Bounds::Anywhere),
        NamedBy::Stranger if is_strangers(url) => Ok(Bounds::Public),
        NamedBy::Stranger => Err(WebError::NotAllowed),
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost"
}

/// An address that a stranger may name. One with an IP address would not be resolved, so nothing
/// would check it.
pub(super) fn is_strangers(url: &Url) -> bool {
    let has_name = matches!(url.host(), Some(Host::Domain(name)) if !is_localhost(name));
    url.scheme() == "https" && has_name && url.username().is_empty() && url.password().is_none()
}

fn make(bounds: Bounds, policy: DialPolicy) -> Result<Client, WebError> {
    let builder = Client::builder()
        .user_agent(AGENT)
        .referer(false)
        .connect_timeout(WEB_CONNECT_TIME)
        .read_timeout(WEB_READ_TIME)
        .pool_idle_timeout(WEB_IDLE_TIME)
        .pool_max_idle_per_host(MAX_IDLE_WEB_CONNECTIONS)
        .dns_resolver(Resolver { bounds, policy });
    let builder = match bounds {
        Bounds::ThisMachine => builder.no_proxy().redirect(Policy::custom(within_origin)),
        Bounds::Anywhere => builder.redirect(Policy::custom(within_origin)),
        Bounds::Public => builder.no_proxy().redirect(Policy::none()).https_only(true),
    };
    builder.build().map_err(failure)
}

/// A redirect leads to no server but the one that was asked.
fn within_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let first = attempt.previous().first().map(Url::origin);
    if first != Some(attempt.url().origin()) || attempt.previous().len() > MAX_REDIRECTS {
        attempt.stop()
    } else {
        attempt.follow()
    }
}

/// Gives a connection only addresses that it may lead to.
#[derive(Debug, Clone)]
struct Resolver {
    bounds: Bounds,
    policy: DialPolicy,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { bounds, policy } = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            // Not even asked for: that would be traffic.
            if bounds == Bounds::ThisMachine && !is_localhost(name) {
                return Err(WebError::NotHere.into());
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            if !may_lead_to(bounds, &policy, &found) {
                return Err(WebError::NotAllowed.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// One address that must not be reached, and the name is not to be trusted.
fn may_lead_to(bounds: Bounds, policy: &DialPolicy, found: &[SocketAddr]) -> bool {
    let may_lead_to = |found: &SocketAddr| {
        let address = Multiaddr::from(found.ip());
        match bounds {
            Bounds::ThisMachine => address::scope(&address) == Scope::Loopback,
            Bounds::Anywhere => true,
            Bounds::Public => {
                address::scope(&address) == Scope::Public && policy.believes(&address)
            }
        }
    };
    found.iter().all(may_lead_to)
}

/// How long a server wants to be left alone.
fn pause(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    pause_of(text, jiff::Timestamp::now())
}

/// In seconds, or up to a moment.
pub(super) fn pause_of(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let until = now.duration_until(at);
    Some(until.try_into().unwrap_or(Duration::ZERO))
}

/// The whole of a body, if it is no longer than `most` bytes.
pub(super) async fn body(mut response: Response, most: usize) -> Result<Bytes, WebError> {
    let length = response.content_length().unwrap_or(0);
    if length > most as u64 {
        return Err(WebError::TooLarge);
    }
    let mut body = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
    while let Some(piece) = response.chunk().await.map_err(failure)? {
        if body.len() + piece.len() > most {
            return Err(WebError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// In words that name no address: the server's stands beside them.
pub(super) fn failure(error: reqwest::Error) -> WebError {
    if error.is_timeout() {
        return WebError::Timeout;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        if let Some(refused) = deeper.downcast_ref::<WebError>() {
            return refused.clone();
        }
        cause = deeper;
    }
    WebError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn strangers_name_public_servers_by_name_over_https() {
        for (text, allowed) in [
            ("https://example.org", true),
            ("https://example.org:8443/x", true),
            ("http://example.org", false),
            ("https://127.0.0.1", false),
            ("https://8.8.8.8", false),
            ("https://[::1]", false),
            ("https://2130706433", false),
            ("https://0x7f.1", false),
            ("https://localhost", false),
            ("https://user@example.org", false),
        ] {
            assert_eq!(is_strangers(&url(text)), allowed, "{text}");
        }
    }

    #[test]
    fn a_name_that_leads_inside_leads_nowhere() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
            texts.iter().map(address).collect()
        };
        let policy = DialPolicy::new(false, false, false);
        policy.network_up("2a00:1:2:3::5/64".parse().unwrap());
        for (texts, public, here) in [
            (&["8.8.8.8"][..], true, false),
            (&["2a00:1:2:3::9"], false, false),
            (&["8.8.8.8", "2606:4700::1"], true, false),
            (&["8.8.8.8", "192.168.1.1"], false, false),
            (&["127.0.0.1"], false, true),
            (&["127.0.0.1", "::1"], false, true),
            (&["::ffff:10.0.0.1"], false, false),
            (&["64:ff9b::a00:1"], false, false),
            (&["169.254.169.254"], false, false),
        ] {
            let found = addresses(texts);
            assert_eq!(
                may_lead_to(Bounds::Public, &policy, &found),
                public,
                "{texts:?}"
            );
            assert_eq!(
                may_lead_to(Bounds::ThisMachine, &policy, &found),
                here,
                "{texts:?}"
            );
            assert!(may_lead_to(Bounds::Anywhere, &policy, &found));
        }
    }

    fn here() -> DialPolicy {
        DialPolicy::new(true, true, true)
    }

    #[tokio::test]
    async fn local_only_asks_nobody_else_and_looks_no_name_up() {
        let clients = Clients::new(here());
        for (text, by) in [
            ("https://example.org", NamedBy::Person),
            ("http://192.168.1.1", NamedBy::Person),
            ("https://localhost.example.org", NamedBy::Person),
            ("https://example.org", NamedBy::Stranger),
        ] {
            let result = clients.get(url(text), by, "*/*").await;
            assert_eq!(result.err(), Some(WebError::NotHere), "{text}");
        }
        let name: Name = "example.org".parse().unwrap();
        let resolver = Resolver {
            bounds: Bounds::ThisMachine,
            policy: here(),
        };
        assert!(resolver.resolve(name).await.is_err());
    }

    #[tokio::test]
    async fn the_resolver_checks_what_a_strangers_name_resolves_to() {
        for (bounds, leads) in [(Bounds::Public, false), (Bounds::ThisMachine, true)] {
            let name: Name = "localhost".parse().unwrap();
            let policy = DialPolicy::new(false, false, false);
            let resolved = Resolver { bounds, policy }.resolve(name).await;
            assert_eq!(resolved.is_ok(), leads, "{bounds:?}");
        }
    }
}
