//! Lets a dial through only where [`DialPolicy`] allows it, and nothing but TCP in a private
//! network. It sits below DNS, so it sees what a name resolved to.

use std::pin::Pin;
use std::task::{Context, Poll};

use libp2p::Multiaddr;
use libp2p::core::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};

use super::private::NetworkKey;
use crate::address::{self, DialPolicy};

/// A transport that refuses to dial where it must not.
pub(crate) struct Gate<T> {
    inner: T,
    policy: DialPolicy,
    key: NetworkKey,
}

impl<T> Gate<T> {
    pub(crate) fn new(inner: T, policy: DialPolicy, key: NetworkKey) -> Self {
        Self { inner, policy, key }
    }

    /// Only TCP can be wrapped.
    fn is_private(&self, address: &Multiaddr) -> bool {
        !self.key.is_set() || address::is_tcp(address)
    }
}

impl<T: Transport + Unpin> Transport for Gate<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        if !self.is_private(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        if !self.policy.allows(&address) || !self.is_private(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        self.inner.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
