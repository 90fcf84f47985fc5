//! One long-lived stream on which messages leave, opened when first needed and again when it fails.
//!
//! A connection has two: one for the few words of wantlists and presences, one for blocks; so that
//! a want never waits behind a megabyte. Invariants: messages leave whole and in order; one that a
//! failing stream had begun is sent again over the next.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use futures::AsyncWrite;
use tokio::time::Sleep;

use crate::limits::{
    MAX_STREAM_FAILURES, PACED_AHEAD, PACED_PIECE_BYTES, PROGRESS_TICK, STUCK_AFTER,
};
use crate::wire::{Outgoing, Version};

/// A message, and how it shall leave.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) message: Outgoing,
    /// Say when it is written.
    pub(super) receipt: bool,
    /// Bytes a second at most.
    pub(super) pace: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    /// A stream is needed.
    Open,
    /// A parcel with `receipt` is written.
    Written,
    /// The stream takes bytes of a parcel with `receipt`; said once a second.
    Progress,
    /// Streams fail again and again, or take nothing.
    Broken,
}

#[derive(Debug)]
enum State<S> {
    Closed,
    Opening,
    Open {
        stream: S,
        version: Version,
        is_flushed: bool,
    },
    Broken,
}

#[derive(Debug)]
struct Current {
    parcel: Parcel,
    segments: VecDeque<Bytes>,
}

#[derive(Debug)]
pub(super) struct Lane<S> {
    state: State<S>,
    queue: VecDeque<Parcel>,
    current: Option<Current>,
    failures: u32,
    /// Since when the stream has not taken a byte.
    stuck_since: Option<Instant>,
    progress_told: Instant,
    /// When the next bytes of a paced message are due.
    due: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Lane<S> {
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed,
            queue: VecDeque::new(),
            current: None,
            failures: 0,
            stuck_since: None,
            progress_told: Instant::now(),
            due: Instant::now(),
            timer: None,
        }
    }

    pub(super) fn push(&mut self, parcel: Parcel) {
        self.queue.push_back(parcel);
    }

    /// Presences in messages that wait.
    pub(super) fn waiting_presences(&self) -> usize {
        let presences = |parcel: &Parcel| parcel.message.presences.len();
        self.queue.iter().map(presences).sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.current.is_none()
    }

    /// Asks for the stream although there is nothing to say yet. True: the caller has to open it.
    pub(super) fn open(&mut self) -> bool {
        let is_closed = matches!(self.state, State::Closed);
        if is_closed {
            self.state = State::Opening;
        }
        is_closed
    }

    pub(super) fn opened(&mut self, stream: S, version: Version) {
        self.state = State::Open {
            stream,
            version,
            is_flushed: true,
        };
    }

    /// The stream that was asked for could not be opened.
    pub(super) fn open_failed(&mut self) {
        self.fail();
    }

    /// The peer does not speak Bitswap: there is nobody to listen.
    pub(super) fn abandon(&mut self) {
        *self = Self::new();
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LaneEvent> {
        loop {
            match &self.state {
                State::Closed if self.failures >= MAX_STREAM_FAILURES => {
                    self.state = State::Broken;
                    return Poll::Ready(LaneEvent::Broken);
                }
                State::Closed if !self.is_idle() => {
                    self.state = State::Opening;
                    return Poll::Ready(LaneEvent::Open);
                }
                State::Closed | State::Opening | State::Broken => return Poll::Pending,
                State::Open { .. } => match ready!(self.poll_write(cx)) {
                    Ok(Some(event)) => return Poll::Ready(event),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a stream for bitswap messages failed");
                        self.fail();
                    }
                },
            }
        }
    }

    fn fail(&mut self) {
        self.state = State::Closed;
        self.failures += 1;
        self.stuck_since = None;
        if let Some(current) = self.current.take() {
            self.queue.push_front(current.parcel);
        }
    }

    /// Writes on. `Pending` with nothing left to write, too.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<Option<LaneEvent>>> {
        let State::Open {
            stream,
            version,
            is_flushed,
        } = &mut self.state
        else {
            return Poll::Pending;
        };
        if self.current.is_none() {
            let Some(parcel) = self.queue.pop_front() else {
                if !*is_flushed {
                    ready!(Pin::new(stream).poll_flush(cx))?;
                    *is_flushed = true;
                }
                return Poll::Pending;
            };
            let segments = parcel.message.encode(*version).into();
            self.current = Some(Current { parcel, segments });
        }
        let Some(Current { parcel, segments }) = &mut self.current else {
            return Poll::Pending;
        };
        while let Some(segment) = segments.front_mut() {
            let mut piece = segment.as_ref();
            if parcel.pace.is_some() {
                let now = Instant::now();
                let ahead = self.due.saturating_duration_since(now);
                if let Some(wait) = ahead
                    .checked_sub(PACED_AHEAD)
                    .filter(|wait| !wait.is_zero())
                {
                    ready!(poll_timer(&mut self.timer, now + wait, cx));
                    continue;
                }
                piece = &piece[..piece.len().min(PACED_PIECE_BYTES)];
            }
            match Pin::new(&mut *stream).poll_write(cx, piece) {
                Poll::Ready(written) => {
                    let written = written?;
                    if written == 0 && !piece.is_empty() {
                        return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
                    }
                    *is_flushed = false;
                    self.stuck_since = None;
                    if let Some(pace) = parcel.pace {
                        let time = Duration::from_secs_f64(written as f64 / pace.max(1) as f64);
                        self.due = self.due.max(Instant::now()) + time;
                    }
                    segment.advance(written);
                    if segment.is_empty() {
                        segments.pop_front();
                    }
                    if parcel.receipt && self.progress_told.elapsed() >= PROGRESS_TICK {
                        self.progress_told = Instant::now();
                        return Poll::Ready(Ok(Some(LaneEvent::Progress)));
                    }
                }
                Poll::Pending => {
                    let now = Instant::now();
                    let since = *self.stuck_since.get_or_insert(now);
                    if now >= since + STUCK_AFTER {
                        self.state = State::Broken;
                        return Poll::Ready(Ok(Some(LaneEvent::Broken)));
                    }
                    if poll_timer(&mut self.timer, since + STUCK_AFTER, cx).is_ready() {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        }
        let receipt = parcel.receipt;
        self.current = None;
        self.failures = 0;
        Poll::Ready(Ok(receipt.then_some(LaneEvent::Written)))
    }
}

/// Ready at the time, or earlier if the timer was set for something else before: the caller looks
/// again anyway.
pub(super) fn poll_timer(
    timer: &mut Option<Pin<Box<Sleep>>>,
    at: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let at = tokio::time::Instant::from_std(at);
    let sleep = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
    if sleep.deadline() > at {
        sleep.as_mut().reset(at);
    }
    let poll = sleep.as_mut().poll(cx);
    if poll.is_ready() {
        *timer = None;
    }
    poll
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use futures::FutureExt as _;
    use futures::future::poll_fn;

    use super::*;
    use crate::wire::{Cid, Message};

    /// What arrived over one stream, and how many bytes more it takes before it fails.
    #[derive(Clone)]
    struct Wire {
        arrived: Rc<RefCell<Vec<u8>>>,
        takes: usize,
    }

    impl Wire {
        fn new(takes: usize) -> Self {
            Self {
                arrived: Rc::default(),
                takes,
            }
        }
    }

    impl AsyncWrite for Wire {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            if self.takes == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
            }
            let written = bytes.len().min(self.takes).min(7000);
            self.takes -= written;
            self.arrived
                .borrow_mut()
                .extend_from_slice(&bytes[..written]);
            Poll::Ready(Ok(written))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn parcel(seed: u8, size: usize) -> Parcel {
        let data = Bytes::from(vec![seed; size]);
        let hash = unixfs::cid::hash(unixfs::cid::SHA2_256, &data).unwrap();
        let blocks = vec![(Cid::new_v1(unixfs::cid::RAW, hash), data)];
        Parcel {
            message: Outgoing {
                blocks,
                ..Outgoing::default()
            },
            receipt: true,
            pace: None,
        }
    }

    /// What the lane has to say now, if anything.
    fn event(lane: &mut Lane<Wire>) -> Option<LaneEvent> {
        poll_fn(|cx| lane.poll(cx)).now_or_never()
    }

    #[test]
    fn a_message_that_a_failing_stream_had_begun_is_sent_whole_over_the_next() {
        let mut lane = Lane::new();
        lane.push(parcel(1, 100_000));
        lane.push(parcel(2, 10));
        assert_eq!(event(&mut lane), Some(LaneEvent::Open));
        assert_eq!(event(&mut lane), None);
        lane.opened(Wire::new(50_000), Version::V1_2);
        assert_eq!(event(&mut lane), Some(LaneEvent::Open));

        let wire = Wire::new(usize::MAX);
        lane.opened(wire.clone(), Version::V1_1);
        assert_eq!(event(&mut lane), Some(LaneEvent::Written));
        assert_eq!(event(&mut lane), Some(LaneEvent::Written));
        assert_eq!(event(&mut lane), None);
        assert!(lane.is_idle());
        let expected = [1, 2].map(|seed| {
            let size = if seed == 1 { 100_000 } else { 10 };
            parcel(seed, size).message.encode(Version::V1_1).concat()
        });
        assert_eq!(*wire.arrived.borrow(), expected.concat());
    }

    #[test]
    fn streams_that_fail_again_and_again_are_given_up() {
        let mut lane = Lane::new();
        lane.push(parcel(1, 1000));
        for _ in 0..MAX_STREAM_FAILURES {
            assert_eq!(event(&mut lane), Some(LaneEvent::Open));
            lane.open_failed();
        }
        assert_eq!(event(&mut lane), Some(LaneEvent::Broken));
        assert_eq!(event(&mut lane), None);
    }

    #[test]
    fn what_the_version_cannot_say_is_passed_over() {
        let mut lane = Lane::new();
        let Parcel { message, .. } = parcel(1, 10);
        let presences = vec![(message.blocks[0].0, crate::wire::Presence::Have)];
        let words = Outgoing {
            presences,
            ..Outgoing::default()
        };
        lane.push(Parcel {
            message: words,
            receipt: false,
            pace: None,
        });
        let wire = Wire::new(usize::MAX);
        assert!(lane.open());
        lane.opened(wire.clone(), Version::V1_0);
        assert_eq!(event(&mut lane), None);
        assert!(lane.is_idle() && wire.arrived.borrow().is_empty());
        assert_eq!(
            Message::decode(Bytes::new(), Version::V1_0),
            Ok(Message::default())
        );
    }

    #[tokio::test]
    async fn a_paced_message_takes_its_time() {
        let mut lane = Lane::new();
        let begun = Instant::now();
        lane.push(Parcel {
            pace: Some(1_000_000),
            ..parcel(1, 200_000)
        });
        assert!(lane.open());
        lane.opened(Wire::new(usize::MAX), Version::V1_2);
        assert_eq!(poll_fn(|cx| lane.poll(cx)).await, LaneEvent::Written);
        // 200 ms, of which the first piece and the head start come free.
        assert!(
            begun.elapsed() >= Duration::from_millis(150),
            "{:?}",
            begun.elapsed()
        );
    }
}
