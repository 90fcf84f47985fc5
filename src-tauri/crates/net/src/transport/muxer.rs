//! Many streams over one TCP connection: Yamux, with frames and windows of our own choosing.
//!
//! libp2p-yamux hides the two settings that matter here: the size of a frame (16 KiB; 64 KiB is
//! half the CPU time a byte) and the receive window (1 GiB a connection, which a peer could make us
//! hold). This is the same thin layer over the same crate.

use std::collections::VecDeque;
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{self, Context, Poll, Waker};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use tokio::time::{Sleep, sleep};
use yamux::{Connection, ConnectionError, Mode};

use super::coalesce::Coalesce;
use crate::limits::{MAX_CONNECTION_STREAMS, MAX_CONNECTION_WINDOW, MAX_WAITING_STREAMS};

/// Payload bytes of a frame: with its header, four full TLS records and one write.
const FRAME_BYTES: usize = 64 * 1024 - HEADER_BYTES;
/// Bytes before each frame's payload (Yamux specification).
const HEADER_BYTES: usize = 12;

/// Time to say goodbye. A dead peer takes no more bytes, and until it is closed its connection
/// counts as standing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The upgrade of an encrypted stream to many streams.
#[derive(Debug, Clone)]
pub(crate) struct Config(yamux::Config);

impl Default for Config {
    fn default() -> Self {
        let mut config = yamux::Config::default();
        // The number of streams first: the window must have room for 256 KiB for each.
        config
            .set_max_num_streams(MAX_CONNECTION_STREAMS)
            .set_max_connection_receive_window(Some(MAX_CONNECTION_WINDOW))
            .set_split_send_size(FRAME_BYTES);
        Self(config)
    }
}

impl UpgradeInfo for Config {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C> InboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, self.0, Mode::Server)))
    }
}

impl<C> OutboundConnectionUpgrade<C> for Config
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(socket, self.0, Mode::Client)))
    }
}

/// A connection that carries many streams.
#[derive(Debug)]
pub(crate) struct Muxer<C> {
    connection: Connection<Coalesce<C>>,
    /// Yamux moves its streams along only while it is asked for the next inbound one; those that
    /// come up meanwhile wait here.
    waiting: VecDeque<yamux::Stream>,
    waker: Option<Waker>,
    /// Time that closing may take.
    close_timeout: Duration,
    /// Runs from when closing began.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn new(socket: C, config: yamux::Config, mode: Mode) -> Self {
        Self {
            connection: Connection::new(Coalesce::new(socket), config, mode),
            waiting: VecDeque::new(),
            waker: None,
            close_timeout: CLOSE_TIMEOUT,
            closing: None,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<yamux::Stream, MuxerError>> {
        let next = task::ready!(self.connection.poll_next_inbound(cx));
        Poll::Ready(match next {
            Some(stream) => Ok(stream?),
            None => Err(ConnectionError::Closed.into()),
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the multiplexed connection failed: {0}")]
pub(crate) struct MuxerError(#[from] ConnectionError);

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = MuxerError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        if let Some(stream) = self.waiting.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        if let Poll::Ready(next) = self.poll_next(cx) {
            return Poll::Ready(next);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        self.connection
            .poll_new_outbound(cx)
            .map_err(MuxerError::from)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if let Poll::Ready(closed) = self.connection.poll_close(cx) {
            return Poll::Ready(closed.map_err(MuxerError::from));
        }
        let timeout = self.close_timeout;
        let closing = self.closing.get_or_insert_with(|| Box::pin(sleep(timeout)));
        closing.as_mut().poll(cx).map(Ok)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        let stream = task::ready!(self.poll_next(cx))?;
        // A stream that finds no room is dropped, which resets it.
        if self.waiting.len() < MAX_WAITING_STREAMS {
            self.waiting.push_back(stream);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
        // Come back soon, but let others run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes nothing and brings nothing.
    struct Dead;

    impl AsyncRead for Dead {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Dead {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    async fn close<C: AsyncRead + AsyncWrite + Unpin>(muxer: &mut Muxer<C>) {
        let closing = std::future::poll_fn(|cx| Pin::new(&mut *muxer).poll_close(cx));
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_connection_is_closed_all_the_same() {
        let mut muxer = Muxer::new(Dead, Config::default().0, Mode::Client);
        muxer.close_timeout = Duration::ZERO;
        close(&mut muxer).await;
    }
}
