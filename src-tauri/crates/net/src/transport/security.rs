//! The secure channels of a TCP connection in our order of preference: TLS, then Noise.

use futures::future::{BoxFuture, Either};
use futures::io::BufReader;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::TlsStream;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p::identity::Keypair;
use libp2p::{PeerId, noise};

use super::tls::{self, TlsError};
use super::{Channels, TransportError};

const TLS: &str = "/tls/1.0.0";
const NOISE: &str = "/noise";

/// Upgrades a connection with the first channel that both ends know.
#[derive(Clone)]
pub(crate) struct Security {
    tls: tls::Config,
    noise: noise::Config,
    offered: &'static [&'static str],
}

/// An encrypted stream of either kind.
pub(crate) type Encrypted<C> = Either<TlsStream<BufReader<C>>, noise::Output<C>>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SecurityError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the Noise handshake failed: {0}")]
    Noise(#[from] noise::Error),
}

impl Security {
    pub(crate) fn new(identity: &Keypair, channels: Channels) -> Result<Self, TransportError> {
        Ok(Self {
            tls: tls::Config::new(identity)?,
            noise: noise::Config::new(identity)?,
            offered: match channels {
                Channels::All => &[TLS, NOISE],
                Channels::TlsOnly => &[TLS],
                Channels::NoiseOnly => &[NOISE],
            },
        })
    }
}

impl UpgradeInfo for Security {
    type Info = &'static str;
    type InfoIter = std::iter::Copied<std::slice::Iter<'static, &'static str>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.offered.iter().copied()
    }
}

impl<C> InboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Encrypted<C>);
    type Error = SecurityError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, chosen: Self::Info) -> Self::Future {
        async move {
            if chosen == TLS {
                let (peer, stream) = self.tls.upgrade_inbound(socket, chosen).await?;
                return Ok((peer, Either::Left(stream)));
            }
            let (peer, stream) = self.noise.upgrade_inbound(socket, chosen).await?;
            Ok((peer, Either::Right(stream)))
        }
        .boxed()
    }
}

impl<C> OutboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Encrypted<C>);
    type Error = SecurityError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, chosen: Self::Info) -> Self::Future {
        async move {
            if chosen == TLS {
                let (peer, stream) = self.tls.upgrade_outbound(socket, chosen).await?;
                return Ok((peer, Either::Left(stream)));
            }
            let (peer, stream) = self.noise.upgrade_outbound(socket, chosen).await?;
            Ok((peer, Either::Right(stream)))
        }
        .boxed()
    }
}
