//! What other peers ask of us, and the answers: questions go out by ticket, answers come back, and
//! the swarm's task waits for neither. Look-ups go out a few at a time, in the order in which Bitswap's
//! server gives peers their turn, and blocks pass those that wait.
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

use crate::limits::{LOOK_UPS, SERVE_QUEUE};

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
    look_ups: VecDeque<Question>,
    /// Look-ups that the answering end has.
    asked: usize,
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
            look_ups: VecDeque::new(),
            asked: 0,
            answers: answered,
        };
        let server = Server {
            questions: asked,
            answers,
        };
        (blocks, server)
    }

    pub(crate) async fn next(&mut self) -> Option<Answer> {
        let answer = self.answers.recv().await;
        if let Some(Answer::Found { .. }) = answer {
            self.asked = self.asked.saturating_sub(1);
        }
        answer
    }

    pub(crate) fn ask(&mut self, question: Question) {
        let waiting = match question {
            Question::Find { .. } => &mut self.look_ups,
            Question::Block { .. } => &mut self.waiting,
        };
        waiting.push_back(question);
        self.pump();
    }

    /// Hands on what waits, as far as there is room. Called again with every answer, since then
    /// there is.
    pub(crate) fn pump(&mut self) {
        while self.asked < LOOK_UPS
            && let Some(question) = self.look_ups.pop_front()
        {
            if let Err(std_mpsc::TrySendError::Full(question)) = self.questions.try_send(question) {
                self.look_ups.push_front(question);
                return;
            }
            self.asked += 1;
        }
        while let Some(question) = self.waiting.pop_front() {
            if let Err(std_mpsc::TrySendError::Full(question)) = self.questions.try_send(question) {
                self.waiting.push_front(question);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use unixfs::cid::{RAW, SHA2_256, hash};

    use super::*;

    fn cid() -> Cid {
        Cid::new_v1(RAW, hash(SHA2_256, b"").unwrap())
    }

    #[tokio::test]
    async fn blocks_do_not_wait_for_look_ups_of_others() {
        let (mut blocks, server) = Blocks::channel();
        let look_ups = SERVE_QUEUE as u64;
        for n in 0..look_ups {
            let ticket = Ticket(n);
            let cids = vec![cid()];
            blocks.ask(Question::Find { ticket, cids });
        }
        let ticket = Ticket(look_ups);
        let (peer, cid) = (PeerId::random(), cid());
        blocks.ask(Question::Block { ticket, peer, cid });
        let asked: Vec<Question> = server.questions.try_iter().collect();
        assert_eq!(asked.len(), LOOK_UPS + 1);
        assert!(matches!(asked.last(), Some(Question::Block { .. })));
        // All are asked in the end, in their order.
        for n in 0..look_ups {
            let ticket = Ticket(n);
            let found = vec![];
            server
                .answers
                .send(Answer::Found { ticket, found })
                .await
                .unwrap();
            blocks.next().await;
            blocks.pump();
            let Ok(Question::Find { ticket, .. }) = server.questions.try_recv() else {
                assert!(n + LOOK_UPS as u64 >= look_ups);
                continue;
            };
            assert_eq!(ticket, Ticket(n + LOOK_UPS as u64));
        }
    }
}
