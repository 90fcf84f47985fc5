//! Names in addresses, resolved as this machine's settings say now.
//!
//! libp2p reads these settings once, when its transport is made; but a laptop gets others with each
//! network, and may start with none. So they are read again after a change, and when they are old.
//! Without settings, addresses that have no name still work.
//!
//! Where a name of the person's leads, anything may be dialled; a stranger's name may lead only
//! where a stranger's address may.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use libp2p::core::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::dns;
use libp2p::multiaddr::Protocol;

use crate::address::DialPolicy;

/// Settings are read again when they are older than this and a name is to be resolved. Some change
/// without a network that comes or goes, or a moment after it; and reading them is little next to
/// asking for a name.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Tells the transport that the settings may be others now. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameSettings(Arc<AtomicBool>);

impl NameSettings {
    pub(crate) fn refresh(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Resolves the names in addresses before they are dialled.
pub(crate) struct Names<T> {
    resolving: dns::tokio::Transport<Shared<T>>,
    /// The same for names that the person named.
    resolving_named: dns::tokio::Transport<Shared<T>>,
    inner: Shared<T>,
    policy: DialPolicy,
    read: Instant,
    settings: NameSettings,
}

impl<T> Names<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Error: Send,
    T::Dial: Send,
{
    pub(crate) fn new(inner: T, policy: DialPolicy, settings: NameSettings) -> Self {
        let inner = Shared {
            transport: Arc::new(Mutex::new(inner)),
            permits: None,
        };
        Self {
            resolving: resolving(&inner),
            resolving_named: resolving(&inner.permitting(&policy)),
            inner,
            policy,
            read: Instant::now(),
            settings,
        }
    }

    fn read_again(&mut self) {
        let changed = self.settings.0.swap(false, Ordering::Relaxed);
        if changed || self.read.elapsed() > MAX_AGE {
            self.resolving = resolving(&self.inner);
            self.resolving_named = resolving(&self.inner.permitting(&self.policy));
            self.read = Instant::now();
        }
    }
}

fn resolving<T>(inner: &Shared<T>) -> dns::tokio::Transport<Shared<T>> {
    dns::tokio::Transport::system(inner.clone()).unwrap_or_else(|error| {
        tracing::warn!(%error, "this machine's name settings can't be read, so names can't be resolved now");
        let nobody_to_ask = dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        dns::tokio::Transport::custom(inner.clone(), nobody_to_ask, dns::ResolverOpts::default())
    })
}

fn has_name(address: &Multiaddr) -> bool {
    address.iter().any(|part| {
        matches!(
            part,
            Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)
        )
    })
}

impl<T> Transport for Names<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Error: Send,
    T::Dial: Send,
{
    type Output = T::Output;
    type Error = dns::Error<T::Error>;
    type ListenerUpgrade = <dns::tokio::Transport<Shared<T>> as Transport>::ListenerUpgrade;
    type Dial = <dns::tokio::Transport<Shared<T>> as Transport>::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        self.resolving.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.resolving.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        if has_name(&address) {
            self.read_again();
            if self.policy.is_named(&address) {
                return self.resolving_named.dial(address, options);
            }
        }
        self.resolving.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.resolving).poll(cx)
    }
}

/// A transport that several resolvers can use, one after the other. Only the swarm's task calls it,
/// so its lock is never contended.
pub(crate) struct Shared<T> {
    transport: Arc<Mutex<T>>,
    /// Lets through what is dialled here: the person named it.
    permits: Option<DialPolicy>,
}

impl<T> Shared<T> {
    fn get(&self) -> MutexGuard<'_, T> {
        let transport = self.transport.lock();
        transport.unwrap_or_else(PoisonError::into_inner)
    }

    fn permitting(&self, policy: &DialPolicy) -> Self {
        Self {
            permits: Some(policy.clone()),
            ..self.clone()
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            transport: Arc::clone(&self.transport),
            permits: self.permits.clone(),
        }
    }
}

impl<T: Transport + Unpin> Transport for Shared<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        self.get().listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.get().remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        // Asked for before the dial is on its way.
        let _permit = self
            .permits
            .as_ref()
            .map(|policy| policy.permit(std::slice::from_ref(&address)));
        self.get().dial(address, options)
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut *self.get()).poll(cx)
    }
}
