//! How bytes reach another peer: TCP with TLS 1.3 or Noise and Yamux, and QUIC; names are resolved
//! by DNS.
//!
//! In a private network each connection is wrapped in its key before that. Relayed connections are
//! upgraded like any other; they only introduce two peers to each other, for hole punching.
//!
//! TLS comes before Noise, and AES before ChaCha20: between two machines with AES instructions that
//! doubles the throughput. QUIC keeps libp2p-quic's cipher order and buffers, which can't be set
//! there. Nothing is dialled that [`DialPolicy`] forbids.

mod coalesce;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod gate;
mod muxer;
mod names;
mod private;
mod security;
mod tls;

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use libp2p::PeerId;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::core::{ConnectedPoint, Transport};
use libp2p::identity::Keypair;
use libp2p::pnet::PnetError;
use libp2p::{noise, quic, relay, tcp};

use self::gate::Gate;
pub(crate) use self::names::NameSettings;
use self::names::Names;
pub(crate) use self::private::NetworkKey;
use self::private::Wrapped;
use self::security::Security;
use self::tls::TlsError;
use crate::address::DialPolicy;
use crate::limits::{MAX_CONNECTION_STREAMS, MAX_QUIC_WINDOW};

/// Time from a TCP connection to a multiplexed one. A far peer needs four round trips.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("can't set up Noise: {0}")]
    Noise(#[from] noise::Error),
}

/// Which secure channels a TCP connection may use. Tests leave one out to see the other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channels {
    #[default]
    All,
    TlsOnly,
    NoiseOnly,
}

/// The transport of a run, and the behaviour that opens its relayed connections.
pub(crate) type Built = (Boxed<(PeerId, StreamMuxerBox)>, relay::client::Behaviour);

/// Builds the transport of this run.
pub(crate) fn build(
    identity: &Keypair,
    policy: DialPolicy,
    key: &NetworkKey,
    names: NameSettings,
    channels: Channels,
) -> Result<Built, TransportError> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .and_then(wrapping(key))
        .upgrade(Version::V1Lazy)
        .authenticate(Security::new(identity, channels)?)
        .multiplex(muxer::Config::default())
        .timeout(UPGRADE_TIMEOUT)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let mut quic = quic::Config::new(identity);
    quic.max_concurrent_stream_limit = clamp_u32(MAX_CONNECTION_STREAMS);
    quic.max_connection_data = clamp_u32(MAX_QUIC_WINDOW);
    quic.max_stream_data = clamp_u32(MAX_QUIC_WINDOW);
    let quic = quic::tokio::Transport::new(quic)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let (relayed, relay_client) = relay::client::new(identity.public().to_peer_id());
    let relayed = relayed
        .and_then(wrapping(key))
        .upgrade(Version::V1Lazy)
        .authenticate(Security::new(identity, channels)?)
        .multiplex(muxer::Config::default())
        .timeout(UPGRADE_TIMEOUT)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let direct = quic.or_transport(tcp).map(|either, _| either.into_inner());
    let either = relayed
        .or_transport(direct)
        .map(|either, _| either.into_inner());
    let local_only = policy.is_local_only();
    let gated = Gate::new(either, policy.clone(), key.clone());
    if local_only {
        return Ok((gated.boxed(), relay_client));
    }
    let named = Names::new(gated, policy, names);
    Ok((named.boxed(), relay_client))
}

/// Wraps each connection in the network's key, if there is one.
fn wrapping<S>(
    key: &NetworkKey,
) -> impl FnOnce(S, ConnectedPoint) -> BoxFuture<'static, Result<Wrapped<S>, PnetError>> + Clone + use<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let key = key.clone();
    move |socket, _| key.wrap(socket).boxed()
}

fn clamp_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
