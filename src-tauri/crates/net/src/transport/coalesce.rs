//! Small writes wait for the next one, so that a frame's header travels with its body.
//!
//! Yamux writes 12 bytes of header, then the body. Over TLS each write is a record with its own tag
//! and, without Nagle's delay, a packet of its own. Nothing waits longer than until the next flush.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};

/// Bytes up to which a write is kept for the next one. Room for a few headers of window updates and
/// pings in a row.
const HELD_BYTES: usize = 256;

/// A byte stream whose small writes are joined with what follows them.
#[derive(Debug)]
pub(crate) struct Coalesce<C> {
    inner: C,
    held: Vec<u8>,
}

impl<C> Coalesce<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self {
            inner,
            held: Vec::with_capacity(HELD_BYTES),
        }
    }
}

impl<C: AsyncWrite + Unpin> Coalesce<C> {
    /// Writes what is held, then as much of `next` as goes with it. Says how much of `next` was
    /// taken.
    fn poll_write_held(&mut self, cx: &mut Context<'_>, next: &[u8]) -> Poll<io::Result<usize>> {
        while !self.held.is_empty() {
            let both = [IoSlice::new(&self.held), IoSlice::new(next)];
            let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, &both))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_held = written.min(self.held.len());
            self.held.drain(..of_held);
            if written > of_held {
                return Poll::Ready(Ok(written - of_held));
            }
        }
        Poll::Ready(Ok(0))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Coalesce<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held.len() + bytes.len() <= HELD_BYTES {
            self.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(self.poll_write_held(cx, bytes))? {
            0 => Pin::new(&mut self.inner).poll_write(cx, bytes),
            taken => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_held(cx, &[]))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_held(cx, &[]))?;
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Coalesce<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncWriteExt, executor::block_on};

    use super::*;

    /// Remembers each write as it came.
    #[derive(Default)]
    struct Writes {
        writes: Vec<Vec<u8>>,
        at_most: usize,
    }

    impl AsyncWrite for Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.at_most);
            self.writes.push(bytes[..taken].to_vec());
            Poll::Ready(Ok(taken))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            parts: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let joined: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            self.poll_write(cx, &joined)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn check(at_most: usize, writes: &[&[u8]], sizes: &[usize]) {
        let inner = Writes {
            at_most,
            ..Writes::default()
        };
        let mut stream = Coalesce::new(inner);
        block_on(async {
            for bytes in writes {
                stream.write_all(bytes).await.unwrap();
            }
            stream.flush().await.unwrap();
        });
        let seen: Vec<usize> = stream.inner.writes.iter().map(Vec::len).collect();
        assert_eq!(seen, sizes);
        assert_eq!(stream.inner.writes.concat(), writes.concat());
    }

    #[test]
    fn a_header_travels_with_its_body() {
        check(usize::MAX, &[&[1; 12], &[2; 4000]], &[4012]);
    }

    #[test]
    fn small_writes_go_out_with_the_flush() {
        check(usize::MAX, &[&[1; 12], &[2; 12]], &[24]);
        check(usize::MAX, &[&[1; 200], &[2; 200]], &[400]);
    }

    #[test]
    fn a_slow_socket_gets_every_byte_once() {
        check(8, &[&[1; 12], &[2; 300]], &[[8].repeat(39)].concat());
    }
}
