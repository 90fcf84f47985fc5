//! Messages from the peer: read whole, decoded, and their blocks hashed.
//!
//! Invariants: a large message is read only after its bytes were taken from the connection's
//! budget, and they go back when the behaviour has taken the blocks; so one connection holds no
//! more than [`INBOUND_BYTES`], however slow we are. Each message counts for its connection, and
//! for all of them, from its length to its end. One that does not come in in time is given up, and
//! its stream with it, which frees what that has buffered.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt as _, stream};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use unixfs::cid::Cid;

use crate::held::{Account, Held};
use crate::limits::{
    BUDGET_TIME, HASHED_IN_PLACE_BYTES, INBOUND_BYTES, INBOUND_ENTRIES_PER_SEC, MAX_MESSAGE_BYTES,
    MAX_UNFINISHED_BYTES, MESSAGE_TIME, SLOWEST_BYTES_PER_SEC, SUSPECT_AFTER,
};
use crate::wire::{Block, DecodeError, Message, Version};

/// Bytes read at a time: as much as fits well into the processor's nearest caches.
const PIECE_BYTES: usize = 64 * 1024;

/// What the streams of one connection share.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of large messages that may be read.
    places: Arc<Semaphore>,
    /// Bytes of messages that are not whole, or not taken yet.
    pub(super) unfinished: Arc<Account>,
    times: Times,
    crowded: AtomicBool,
    suspect: AtomicBool,
}

/// How long things may take.
#[derive(Debug)]
struct Times {
    suspect: Duration,
    place: Duration,
    message: Duration,
}

impl Budget {
    pub(super) fn new(unfinished: Arc<Account>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(INBOUND_BYTES)),
            unfinished,
            times: Times {
                suspect: SUSPECT_AFTER,
                place: BUDGET_TIME,
                message: MESSAGE_TIME,
            },
            crowded: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }
    }

    /// Did all connections together hold too much when a message began, since this was last asked?
    pub(super) fn take_crowded(&self) -> bool {
        self.crowded.swap(false, Ordering::Relaxed)
    }

    /// Is a message not here long after it has begun? Told once for each.
    pub(super) fn take_suspect(&self) -> bool {
        self.suspect.swap(false, Ordering::Relaxed)
    }

    /// Counts bytes of a message that begins.
    fn hold(&self, bytes: usize) -> Held {
        let held = self.unfinished.hold(bytes as u64);
        if self.unfinished.all() > MAX_UNFINISHED_BYTES {
            self.crowded.store(true, Ordering::Relaxed);
        }
        held
    }
}

#[derive(Debug, Error)]
pub(super) enum ReadError {
    #[error("the stream broke: {0}")]
    Stream(#[from] std::io::Error),
    #[error("a message does not come in in time")]
    Late,
    #[error(transparent)]
    Message(#[from] DecodeError),
}

/// A message, with what its bytes take up.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) message: Message,
    pub(super) taken: Taken,
    bytes: usize,
}

/// The part of the budget that a message takes up, until this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _place: Option<OwnedSemaphorePermit>,
    _held: Held,
}

/// The messages that come in over a stream, until it ends or fails.
pub(super) fn messages<S>(
    stream: S,
    version: Version,
    budget: &Arc<Budget>,
) -> impl stream::Stream<Item = Result<Inbound, ReadError>> + use<S>
where
    S: AsyncRead + Unpin,
{
    let budget = Arc::clone(budget);
    stream::try_unfold(stream, move |mut stream| {
        let budget = Arc::clone(&budget);
        async move {
            let Some(length) = read_length(&mut stream).await? else {
                return Ok(None);
            };
            let (body, taken) = {
                let mut read = pin!(read(&mut stream, length, &budget));
                if let Ok(read) = timeout(budget.times.suspect, &mut read).await {
                    read?
                } else {
                    budget.suspect.store(true, Ordering::Relaxed);
                    read.await?
                }
            };
            let message = Message::decode(body, version)?;
            Ok(Some((
                Inbound {
                    message,
                    taken,
                    bytes: length,
                },
                stream,
            )))
        }
    })
}

/// The rest of a message of this length.
async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    length: usize,
    budget: &Budget,
) -> Result<(Bytes, Taken), ReadError> {
    let place = match u32::try_from(length) {
        Ok(bytes) if length > HASHED_IN_PLACE_BYTES => {
            // A stream that is not read holds what its window lets in.
            let _unread = budget.hold(MAX_MESSAGE_BYTES);
            let place = Arc::clone(&budget.places).acquire_many_owned(bytes);
            // The budget is never closed.
            let in_time = timeout(budget.times.place, place).await;
            in_time.map_err(|_| ReadError::Late)?.ok()
        }
        _ => None,
    };
    let held = budget.hold(length);
    let seconds = length as f64 / f64::from(SLOWEST_BYTES_PER_SEC);
    let time = budget.times.message + Duration::from_secs_f64(seconds);
    let body = timeout(time, read_body(stream, length)).await;
    let taken = Taken {
        _place: place,
        _held: held,
    };
    Ok((body.map_err(|_| ReadError::Late)??, taken))
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
    use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};

    use super::*;
    use crate::held::Total;
    use crate::wire::Outgoing;

    fn budget(times: Times) -> Arc<Budget> {
        let unfinished = Arc::new(Total::default().account());
        Arc::new(Budget {
            times,
            ..Budget::new(unfinished)
        })
    }

    /// So short that a test waits for them.
    fn short(suspect: u64, place: u64, message: u64) -> Times {
        Times {
            suspect: Duration::from_millis(suspect),
            place: Duration::from_millis(place),
            message: Duration::from_millis(message),
        }
    }

    const LONG: u64 = 3_600_000;

    async fn read_all(bytes: Vec<u8>) -> Vec<Result<Message, String>> {
        let budget = budget(short(LONG, LONG, LONG));
        let stream = messages(Cursor::new(bytes), Version::V1_2, &budget);
        let collected = stream.map(|read| {
            read.map(|inbound| inbound.message)
                .map_err(|error| error.to_string())
        });
        collected.collect().await
    }

    /// A stream on which nothing comes after these bytes.
    fn stalled(bytes: Vec<u8>) -> impl AsyncRead + Unpin {
        Cursor::new(bytes).chain(stream::pending::<std::io::Result<Vec<u8>>>().into_async_read())
    }

    /// The length of a message of 4 MiB - 1, and a little of it.
    fn beginning() -> Vec<u8> {
        vec![0xff, 0xff, 0xff, 0x01, 0, 0, 0]
    }

    #[tokio::test]
    async fn a_message_that_stalls_is_suspect_then_late_and_holds_nothing_after_that() {
        let budget = budget(short(10, LONG, 50));
        // Its length allows it more time, but for a short one that is little.
        let small = vec![0x20, 0];
        let mut read = pin!(messages(stalled(small), Version::V1_2, &budget));
        let late = read.next().await;
        assert!(matches!(late, Some(Err(ReadError::Late))), "{late:?}");
        assert!(budget.take_suspect() && !budget.take_suspect());
        assert_eq!(budget.unfinished.get(), 0);
    }

    #[tokio::test]
    async fn a_stream_waits_for_its_place_no_longer_than_allowed() {
        let budget = budget(short(LONG, 20, LONG));
        let mut first = pin!(messages(stalled(beginning()), Version::V1_2, &budget));
        assert!(first.next().now_or_never().is_none());
        assert!(budget.unfinished.get() >= MAX_MESSAGE_BYTES as u64 - 1);
        let mut second = pin!(messages(stalled(beginning()), Version::V1_2, &budget));
        let late = second.next().await;
        assert!(matches!(late, Some(Err(ReadError::Late))), "{late:?}");
    }

    #[tokio::test]
    async fn messages_that_begin_count_for_all_connections() {
        let all = Total::default();
        let budgets: Vec<_> = (0..=MAX_UNFINISHED_BYTES / MAX_MESSAGE_BYTES as u64)
            .map(|_| Arc::new(Budget::new(Arc::new(all.account()))))
            .collect();
        let begin = |budget| Box::pin(messages(stalled(beginning()), Version::V1_2, budget));
        let mut streams: Vec<_> = budgets.iter().map(begin).collect();
        for stream in &mut streams {
            assert!(stream.next().now_or_never().is_none());
        }
        let crowded: Vec<bool> = budgets.iter().map(|budget| budget.take_crowded()).collect();
        assert!(!crowded[0] && crowded.last() == Some(&true));
        drop(streams);
        assert_eq!(all.get(), 0);
    }

    #[tokio::test]
    async fn messages_follow_one_another() {
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
        let read = read_all([bytes.clone(), bytes].concat()).await;
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].as_ref().unwrap().blocks[0].cid(), Some(cid));
    }

    #[tokio::test]
    async fn a_length_over_the_limit_ends_the_stream() {
        for length in [[0x81, 0x80, 0x80, 0x02].as_slice(), &[0xff; 10]] {
            let read = read_all(length.to_vec()).await;
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
                taken: Taken {
                    _place: None,
                    _held: Total::default().account().hold(0),
                },
                bytes: 0,
            }
        };
        assert_eq!(inbound(0).cost(), Duration::from_micros(10));
        assert_eq!(inbound(999).cost(), Duration::from_millis(10));
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_message_is_an_error() {
        assert_eq!(read_all(vec![]).await.len(), 0);
        assert!(read_all(vec![0x80]).await[0].is_err());
        assert!(read_all(vec![5, 0, 0]).await[0].is_err());
    }
}
