//! The first bytes of strangers' connections, and what they send over those that stand. For the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::io;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxer;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p::identity::Keypair;
use libp2p_tls::certificate;
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;

use super::muxer::{self, Muxer};
use super::security::Security;
use super::{Channels, NetworkKey};
use crate::fuzz_input::Input;
use crate::limits::MAX_CONNECTION_STREAMS;

/// A certificate that passes is signed by the peer that it names, and by nobody else's words.
pub(crate) fn certificates(bytes: &[u8]) {
    let certificate = CertificateDer::from(bytes);
    let Ok(parsed) = certificate::parse(&certificate) else {
        return;
    };
    let again = certificate::parse(&certificate).expect("it passed");
    assert_eq!(parsed.peer_id(), again.peer_id());
    for scheme in [
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ED25519,
        SignatureScheme::RSA_PSS_SHA256,
    ] {
        let signature = bytes.get(bytes.len() - bytes.len().min(64)..).unwrap();
        assert!(
            parsed
                .verify_signature(scheme, b"other words", signature)
                .is_err()
        );
    }
}

static SECURITY: LazyLock<Security> = LazyLock::new(|| {
    let identity = Keypair::ed25519_from_bytes([7; 32]).unwrap();
    Security::new(&identity, Channels::All).unwrap()
});

/// Whoever does not know how to shake hands gets no connection, and whoever stops ends it.
pub(crate) fn handshakes(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (number, is_inbound, at_most) = (input.below(3), input.flag(), 1 + input.below(200));
    let socket = Socket {
        brings: input.rest().to_vec(),
        at_most,
    };
    if number == 2 {
        let key = "/key/swarm/psk/1.0.0/\n/base16/\n".to_owned() + &"7".repeat(64) + "\n";
        let key = NetworkKey::new(Some(key.parse().unwrap()));
        let is_long = socket.brings.len() >= 24;
        assert_eq!(block_on(key.wrap(socket)).is_ok(), is_long);
        return;
    }
    let chosen = SECURITY.protocol_info().nth(number).unwrap();
    let is_let_in = if is_inbound {
        block_on(SECURITY.clone().upgrade_inbound(socket, chosen)).is_ok()
    } else {
        block_on(SECURITY.clone().upgrade_outbound(socket, chosen)).is_ok()
    };
    assert!(!is_let_in);
}

/// Whatever comes over a connection, it ends with it, has no more streams than it may, and gives no more bytes than came.
pub(crate) fn muxer(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (is_inbound, at_most) = (input.flag(), 1 + input.below(2000));
    let brings = input.rest().to_vec();
    let came = brings.len();
    let socket = Socket { brings, at_most };
    let config = muxer::Config::default();
    let muxer = if is_inbound {
        block_on(config.upgrade_inbound(socket, "/yamux/1.0.0"))
    } else {
        block_on(config.upgrade_outbound(socket, "/yamux/1.0.0"))
    };
    let mut muxer: Muxer<Socket> = muxer.unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut streams = Vec::new();
    let mut given = 0;
    let mut buffer = [0; 512];
    for _ in 0..100 + 4 * came {
        if let Poll::Ready(ended) = Pin::new(&mut muxer).poll(cx) {
            assert!(ended.is_err());
            return;
        }
        match Pin::new(&mut muxer).poll_inbound(cx) {
            Poll::Ready(Ok(stream)) => streams.push(stream),
            Poll::Ready(Err(_)) => return,
            Poll::Pending => {}
        }
        assert!(streams.len() <= MAX_CONNECTION_STREAMS);
        streams.retain_mut(|stream| match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(0) | Err(_)) => false,
            Poll::Ready(Ok(len)) => {
                given += len;
                true
            }
            Poll::Pending => true,
        });
        assert!(given <= came);
    }
    panic!("the connection never ends");
}

/// Brings its bytes, so many at a time, and ends; takes whatever is said.
struct Socket {
    brings: Vec<u8>,
    at_most: usize,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = into.len().min(self.at_most).min(self.brings.len());
        into[..len].copy_from_slice(&self.brings[..len]);
        self.brings.drain(..len);
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
