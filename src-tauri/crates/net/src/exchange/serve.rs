//! What other peers ask of us, and the answers: questions go out by ticket, answers come back, and
//! the swarm's task waits for neither.
//!
//! The owner of the blocks holds the other end, [`Server`]. Bitswap's server has at most so many
//! tickets out.

use std::collections::VecDeque;
use std::sync::mpsc as std_mpsc;

use bitswap::{Found, Ticket};
use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::mpsc;
use unixfs::cid::Cid;

use crate::limits::SERVE_QUEUE;

/// What a peer's want needs to know.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every question is for a block: a box for each would cost more than the room of the few others"
)]
#[derive(Debug)]
pub enum Question {
    /// Which of these blocks may be served, and their sizes.
    Find { ticket: Ticket, cids: Vec<Cid> },
    Block {
        ticket: Ticket,
        peer: PeerId,
        cid: Cid,
    },
}

#[derive(Debug)]
pub enum Answer {
    Found {
        ticket: Ticket,
        found: Vec<Option<Found>>,
    },
    Block {
        ticket: Ticket,
        data: Option<Bytes>,
    },
}

/// The answering end, for threads that may block. Nothing more comes once the network has ended.
#[derive(Debug)]
pub struct Server {
    pub questions: std_mpsc::Receiver<Question>,
    pub answers: mpsc::Sender<Answer>,
}

/// The asking end, which lives on the swarm's task.
#[derive(Debug)]
pub struct Blocks {
    questions: std_mpsc::SyncSender<Question>,
    /// What the answering end has no room for yet; bounded by the tickets that the server gives
    /// out.
    waiting: VecDeque<Question>,
    answers: mpsc::Receiver<Answer>,
}

impl Blocks {
    /// Both ends.
    pub fn channel() -> (Self, Server) {
        let (questions, asked) = std_mpsc::sync_channel(SERVE_QUEUE);
        let (answers, answered) = mpsc::channel(SERVE_QUEUE);
        let blocks = Self {
            questions,
            waiting: VecDeque::new(),
            answers: answered,
        };
        let server = Server {
            questions: asked,
            answers,
        };
        (blocks, server)
    }

    pub(crate) async fn next(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    pub(crate) fn ask(&mut self, question: Question) {
        self.waiting.push_back(question);
        self.pump();
    }

    /// Hands on what waits, as far as there is room. Called again with every answer, since then
    /// there is.
    pub(crate) fn pump(&mut self) {
        while let Some(question) = self.waiting.pop_front() {
            if let Err(std_mpsc::TrySendError::Full(question)) = self.questions.try_send(question) {
                self.waiting.push_front(question);
                return;
            }
        }
    }
}
