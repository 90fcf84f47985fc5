//! Messages from the peer: read whole, decoded, and their blocks hashed.
//!
//! Invariants: a large message is read only after its bytes were taken from the connection's
//! budget, and they go back when the behaviour has taken the blocks; so one connection holds no
//! more than [`INBOUND_BYTES`], however slow we are.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt as _, stream};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unixfs::cid::Cid;

use crate::limits::{
    HASHED_IN_PLACE_BYTES, INBOUND_BYTES, INBOUND_ENTRIES_PER_SEC, MAX_MESSAGE_BYTES,
};
use crate::wire::{Block, DecodeError, Message, Version};

/// Bytes read at a time: as much as fits well into the processor's nearest caches.
const PIECE_BYTES: usize = 64 * 1024;

/// Part of a connection's budget, in bytes.
#[derive(Debug)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(INBOUND_BYTES)))
    }
}

#[derive(Debug, Error)]
pub(super) enum ReadError {
    #[error("the stream broke: {0}")]
    Stream(#[from] std::io::Error),
    #[error(transparent)]
    Message(#[from] DecodeError),
}

/// A message, with the part of the budget that its bytes take up.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) message: Message,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

/// The messages that come in over a stream, until it ends or fails.
pub(super) fn messages<S>(
    stream: S,
    version: Version,
    budget: &Budget,
) -> impl stream::Stream<Item = Result<Inbound, ReadError>> + use<S>
where
    S: AsyncRead + Unpin,
{
    let budget = Arc::clone(&budget.0);
    stream::try_unfold(stream, move |mut stream| {
        let budget = Arc::clone(&budget);
        async move {
            let Some(length) = read_length(&mut stream).await? else {
                return Ok(None);
            };
            let permit = match u32::try_from(length) {
                // The budget is never closed.
                Ok(bytes) if length > HASHED_IN_PLACE_BYTES => {
                    budget.acquire_many_owned(bytes).await.ok()
                }
                _ => None,
            };
            let body = read_body(&mut stream, length).await?;
            let message = Message::decode(body, version)?;
            Ok(Some((
                Inbound {
                    message,
                    permit,
                    bytes: length,
                },
                stream,
            )))
        }
    })
}

/// `None`: the stream has ended, between two messages as it should.
async fn read_length(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<usize>, ReadError> {
    let mut length = 0_u64;
    for shift in [0, 7, 14, 21] {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return if shift == 0 {
                Ok(None)
            } else {
                Err(DecodeError::Truncated.into())
            };
        }
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return match usize::try_from(length) {
                Ok(length) if length <= MAX_MESSAGE_BYTES => Ok(Some(length)),
                _ => Err(DecodeError::MessageTooLarge(length).into()),
            };
        }
    }
    // Four bytes hold more than the limit.
    Err(DecodeError::MessageTooLarge(length).into())
}

async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    length: usize,
) -> Result<Bytes, ReadError> {
    let mut body = BytesMut::with_capacity(length);
    let mut filled = 0;
    while filled < length {
        // Piece by piece, so that the zeros are still in the cache when they are overwritten.
        let end = length.min(filled + PIECE_BYTES);
        if body.len() < end {
            body.resize(end, 0);
        }
        match stream.read(&mut body[filled..end]).await? {
            0 => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            read => filled += read,
        }
    }
    Ok(body.freeze())
}

/// Blocks whose CIDs are not known yet.
#[derive(Debug)]
pub(super) struct Unhashed {
    blocks: Vec<Block>,
    message_bytes: usize,
}

impl Inbound {
    /// The time that a message takes up of what its connection may bring.
    pub(super) fn cost(&self) -> Duration {
        let Message {
            wantlist,
            blocks,
            presences,
            ..
        } = &self.message;
        let entries = 1 + wantlist.len() + blocks.len() + presences.len();
        Duration::from_secs(1) / INBOUND_ENTRIES_PER_SEC
            * u32::try_from(entries).unwrap_or(u32::MAX)
    }

    pub(super) fn take_blocks(&mut self) -> Unhashed {
        Unhashed {
            blocks: std::mem::take(&mut self.message.blocks),
            message_bytes: self.bytes,
        }
    }
}

impl Unhashed {
    pub(super) fn is_small(&self) -> bool {
        self.blocks
            .iter()
            .map(|block| block.data.len())
            .sum::<usize>()
            <= HASHED_IN_PLACE_BYTES
    }

    /// Blocks for which nobody can have asked are left out.
    pub(super) fn hash(self) -> Vec<(Cid, Bytes)> {
        let message_bytes = self.message_bytes;
        let detached = |data: Bytes| {
            // Whoever keeps a small block must not keep the whole message with it.
            if data.len() < message_bytes / 2 {
                Bytes::copy_from_slice(&data)
            } else {
                data
            }
        };
        self.blocks
            .into_iter()
            .filter_map(|block| Some((block.cid()?, detached(block.data))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use futures::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::wire::Outgoing;

    fn read_all(bytes: Vec<u8>) -> Vec<Result<Message, String>> {
        let stream = messages(Cursor::new(bytes), Version::V1_2, &Budget::new());
        let collected = stream
            .map(|read| {
                read.map(|inbound| inbound.message)
                    .map_err(|error| error.to_string())
            })
            .collect::<Vec<_>>();
        collected
            .now_or_never()
            .expect("memory never makes us wait")
    }

    #[test]
    fn messages_follow_one_another() {
        let data = Bytes::from(vec![1; 100_000]);
        let cid = Cid::new_v1(
            unixfs::cid::RAW,
            unixfs::cid::hash(unixfs::cid::SHA2_256, &data).unwrap(),
        );
        let message = Outgoing {
            blocks: vec![(cid, data)],
            ..Outgoing::default()
        };
        let bytes = message.encode(Version::V1_2).concat();
        let read = read_all([bytes.clone(), bytes].concat());
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].as_ref().unwrap().blocks[0].cid(), Some(cid));
    }

    #[test]
    fn a_length_over_the_limit_ends_the_stream() {
        for length in [[0x81, 0x80, 0x80, 0x02].as_slice(), &[0xff; 10]] {
            let read = read_all(length.to_vec());
            assert!(
                matches!(&read[..], [Err(error)] if error.contains("over the limit")),
                "{read:?}"
            );
        }
    }

    #[test]
    fn a_message_costs_time_by_its_entries() {
        let inbound = |count: u64| {
            let cid = |n: u64| {
                Cid::new_v1(
                    unixfs::cid::RAW,
                    unixfs::cid::hash(0x12, &n.to_le_bytes()).unwrap(),
                )
            };
            let presences = (0..count)
                .map(|n| (cid(n), crate::wire::Presence::Have))
                .collect();
            Inbound {
                message: Message {
                    presences,
                    ..Message::default()
                },
                permit: None,
                bytes: 0,
            }
        };
        assert_eq!(inbound(0).cost(), Duration::from_micros(10));
        assert_eq!(inbound(999).cost(), Duration::from_millis(10));
    }

    #[test]
    fn a_stream_that_ends_inside_a_message_is_an_error() {
        assert_eq!(read_all(vec![]).len(), 0);
        assert!(read_all(vec![0x80])[0].is_err());
        assert!(read_all(vec![5, 0, 0])[0].is_err());
    }
}
