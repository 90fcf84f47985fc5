//! Answers what other peers ask of us, from the person's files, on threads that may block.
//!
//! The network asks by ticket and never waits. Two or more blocks are read at a time, so that disk, cipher and wire are busy at
//! once. What may be served, and whether it is still what it was, is [`Source`]'s to say.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread;

use bitswap::Found;
use bytes::Bytes;
use libp2p::PeerId;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use unixfs::cid::Cid;

use crate::faults::{Faults, Panicked, Part};
use crate::rates;
use net::{Answer, Blocks, Meter, Question, Server};
use store::{Held, Source};

/// Threads that read blocks for others, by the number of cores.
const SERVE_THREADS: RangeInclusive<usize> = 2..=4;

/// Starts the threads. They end when the network does.
pub(crate) fn start(source: &Source, meter: &Meter, faults: &Faults) -> Blocks {
    let (blocks, Server { questions, answers }) = Blocks::channel();
    let asked = Arc::new(Mutex::new(questions));
    for number in 0..threads() {
        let worker = Worker {
            asked: Arc::clone(&asked),
            answers: answers.clone(),
            source: source.clone(),
            meter: meter.clone(),
            faults: faults.clone(),
        };
        let thread = thread::Builder::new().name(format!("serve-{number}"));
        if let Err(error) = thread.spawn(move || worker.run()) {
            tracing::error!(%error, "a thread that serves blocks can't be started");
        }
    }
    blocks
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
    meter: Meter,
    faults: Faults,
}

impl Worker {
    fn run(self) {
        while let Some(question) = self.next() {
            let answer = match question {
                Question::Find { ticket, cids } => Answer::Found {
                    ticket,
                    found: self.or_nothing(|| self.find(&cids), vec![None; cids.len()]),
                },
                Question::Block { ticket, peer, cid } => Answer::Block {
                    ticket,
                    data: self.or_nothing(|| self.block(peer, &cid), None),
                },
            };
            if self.answers.blocking_send(answer).is_err() {
                return;
            }
        }
    }

    /// `None` when the asking end is gone.
    fn next(&self) -> Option<Question> {
        self.asked.lock().recv().ok()
    }

    fn block(&self, peer: PeerId, cid: &Cid) -> Option<Bytes> {
        self.faults.may_break(Part::Serving);
        let (data, item) = self.source.read_with_item(cid)?;
        self.meter
            .sent(peer, item.map(rates::tag), data.len() as u64);
        Some(data)
    }

    fn find(&self, cids: &[Cid]) -> Vec<Option<Found>> {
        let held = self.source.held(cids).into_iter();
        let found = |Held { size, sure }| Found { size, sure };
        held.map(|held| held.map(found)).collect()
    }

    /// A fault of ours costs one answer: a thread that ended would be missed by all, and so would be the answer.
    fn or_nothing<T>(&self, answer: impl FnOnce() -> T, nothing: T) -> T {
        catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| {
            self.faults
                .note(Part::Serving, Panicked::of(panic.as_ref()));
            nothing
        })
    }
}
