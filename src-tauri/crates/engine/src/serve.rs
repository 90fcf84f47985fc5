//! Answers what other peers ask of us, from the person's files, on threads that may block.
//!
//! Bitswap's server names what it needs by ticket and has at most so many tickets out; the swarm's task puts them here and
//! never waits. Two or more blocks are read at a time, so that disk, cipher and wire are busy at once. What may be served,
//! and whether it is still what it was, is [`Source`]'s and [`Index`]'s to say.

use std::collections::VecDeque;
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bitswap::server::Ticket;
use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::mpsc;
use unixfs::cid::{Cid, Multihash};

use crate::index::Index;
use crate::library::Source;
use crate::limits::{SERVE_QUEUE, SERVE_THREADS};
use crate::rates::Meter;

/// What a peer's want needs to know.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every question is for a block: a box for each would cost more than the room of the few others"
)]
#[derive(Debug)]
pub(crate) enum Question {
    /// The sizes of those of these blocks that may be served.
    Sizes { ticket: Ticket, cids: Vec<Cid> },
    Block {
        ticket: Ticket,
        peer: PeerId,
        cid: Cid,
    },
}

#[derive(Debug)]
pub(crate) enum Answer {
    Sizes {
        ticket: Ticket,
        sizes: Vec<Option<u32>>,
    },
    Block {
        ticket: Ticket,
        data: Option<Bytes>,
    },
}

/// The asking end, which lives on the swarm's task.
#[derive(Debug)]
pub(crate) struct Serve {
    questions: std_mpsc::SyncSender<Question>,
    /// What the threads have no room for yet; bounded by the tickets that the server gives out.
    waiting: VecDeque<Question>,
}

impl Serve {
    /// Starts the threads. They end when this is dropped; answers come out of the receiver.
    pub(crate) fn start(
        source: &Source,
        index: &Index,
        meter: &Meter,
    ) -> (Self, mpsc::Receiver<Answer>) {
        let (questions, asked) = std_mpsc::sync_channel(SERVE_QUEUE);
        let (answers, answered) = mpsc::channel(SERVE_QUEUE);
        let asked = Arc::new(Mutex::new(asked));
        for number in 0..threads() {
            let worker = Worker {
                asked: Arc::clone(&asked),
                answers: answers.clone(),
                source: source.clone(),
                index: index.clone(),
                meter: meter.clone(),
            };
            let thread = thread::Builder::new().name(format!("serve-{number}"));
            if let Err(error) = thread.spawn(move || worker.run()) {
                tracing::error!(%error, "a thread that serves blocks can't be started");
            }
        }
        let serve = Self {
            questions,
            waiting: VecDeque::new(),
        };
        (serve, answered)
    }

    pub(crate) fn ask(&mut self, question: Question) {
        self.waiting.push_back(question);
        self.pump();
    }

    /// Hands on what waits, as far as there is room. Called again with every answer, since then there is.
    pub(crate) fn pump(&mut self) {
        while let Some(question) = self.waiting.pop_front() {
            if let Err(std_mpsc::TrySendError::Full(question)) = self.questions.try_send(question) {
                self.waiting.push_front(question);
                return;
            }
        }
    }
}

/// As many as cores, since an SSD is fastest with several reads at a time; a spinning disk is not harmed by four.
fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.clamp(*SERVE_THREADS.start(), *SERVE_THREADS.end())
}

struct Worker {
    asked: Arc<Mutex<std_mpsc::Receiver<Question>>>,
    answers: mpsc::Sender<Answer>,
    source: Source,
    index: Index,
    meter: Meter,
}

impl Worker {
    fn run(self) {
        while let Some(question) = self.next() {
            let answer = match question {
                Question::Sizes { ticket, cids } => Answer::Sizes {
                    ticket,
                    sizes: self.sizes(&cids),
                },
                Question::Block { ticket, peer, cid } => Answer::Block {
                    ticket,
                    data: self.block(peer, &cid),
                },
            };
            if self.answers.blocking_send(answer).is_err() {
                return;
            }
        }
    }

    /// `None` when the asking end is gone.
    fn next(&self) -> Option<Question> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.recv().ok()
    }

    fn block(&self, peer: PeerId, cid: &Cid) -> Option<Bytes> {
        let (data, item) = self.source.read_with_item(cid)?;
        self.meter.sent(peer, item, data.len() as u64);
        Some(data)
    }

    fn sizes(&self, cids: &[Cid]) -> Vec<Option<u32>> {
        let hashes: Vec<Multihash> = cids.iter().map(|cid| *cid.hash()).collect();
        self.index.sizes(&hashes).unwrap_or_else(|error| {
            tracing::warn!(%error, "blocks could not be looked up");
            vec![None; cids.len()]
        })
    }
}
