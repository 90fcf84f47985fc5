//! Messages on a stream, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use futures::{AsyncRead, StreamExt as _};
use tokio::runtime::{Builder, Runtime};

use super::inbound::{Budget, messages};
use crate::held::Total;
use crate::limits::MAX_MESSAGE_BYTES;
use crate::wire::{Message, Version};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().build().unwrap()
});

/// However a stream was cut on its way, the same comes out of it, and what it took up while it was read is given back.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let version = Version::ALL[usize::from(first % 4)];
    let whole = read(rest, usize::MAX, version);
    assert_eq!(read(rest, 1 + usize::from(first / 4), version), whole);
}

/// The messages, and why the stream broke.
fn read(bytes: &[u8], at_most: usize, version: Version) -> (Vec<Message>, Option<String>) {
    let all = Total::default();
    let budget = Arc::new(Budget::new(Arc::new(all.account())));
    let mut read = pin!(messages(Pieces { bytes, at_most }, version, &budget));
    let mut found = Vec::new();
    let broke = RUNTIME.block_on(async {
        while let Some(next) = read.next().await {
            match next {
                Ok(inbound) => {
                    assert!(all.get() <= MAX_MESSAGE_BYTES as u64 && !inbound.cost().is_zero());
                    found.push(inbound.message);
                }
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    });
    assert_eq!(all.get(), 0);
    (found, broke)
}

/// A socket that brings so many bytes at a time.
struct Pieces<'a> {
    bytes: &'a [u8],
    at_most: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = into.len().min(self.at_most).min(self.bytes.len());
        let (brought, rest) = self.bytes.split_at(len);
        into[..len].copy_from_slice(brought);
        self.bytes = rest;
        Poll::Ready(Ok(len))
    }
}
