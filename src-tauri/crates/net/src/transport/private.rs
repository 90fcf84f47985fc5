//! Private networks: with a key, every TCP connection is wrapped in libp2p's pre-shared key
//! encryption before anything else is said, as Kubo does with `swarm.key`. A peer with another key,
//! or none, sees noise.
//!
//! The key may change while the transport runs: each connection takes the one that holds when it
//! begins. QUIC can't be wrapped, so [`Gate`](super::gate::Gate) keeps it out while there is a key.

use std::sync::{Arc, PoisonError, RwLock};

use futures::future::Either;
use futures::{AsyncRead, AsyncWrite};
use libp2p::pnet::{PnetConfig, PnetError, PnetOutput, PreSharedKey};

/// The key of the network that we are in; none is the public one. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetworkKey(Arc<RwLock<Option<PreSharedKey>>>);

impl NetworkKey {
    pub(crate) fn new(key: Option<PreSharedKey>) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }

    /// Says whether it is another one than before.
    pub(crate) fn set(&self, key: Option<PreSharedKey>) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, key) != key
    }

    pub(crate) fn is_set(&self) -> bool {
        self.get().is_some()
    }

    fn get(&self) -> Option<PreSharedKey> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wraps a connection, if there is a key.
    pub(super) async fn wrap<S>(self, socket: S) -> Result<Wrapped<S>, PnetError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Ok(match self.get() {
            Some(key) => Either::Left(PnetConfig::new(key).handshake(socket).await?),
            None => Either::Right(socket),
        })
    }
}

/// A connection that is wrapped, or not.
pub(super) type Wrapped<S> = Either<PnetOutput<S>, S>;
