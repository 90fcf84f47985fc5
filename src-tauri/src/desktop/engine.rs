//! The window's way to an engine: reached while the window already shows, and again when it is lost.
//!
//! | from    | to              | when                                                              |
//! |---------|-----------------|-------------------------------------------------------------------|
//! | Idle    | Reached, Failed | the first question, or the start of the window                    |
//! | Failed  | Reached, Failed | the next question after [`RETRY_GAP`]                             |
//! | Reached | Idle            | the engine was another process's, and that one ended              |
//! | any     | Closed          | the person quits                                                  |

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::api::Problem;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::api::{Answer, Call, Request, problem};
use crate::connect::{Asked, Connection};

/// The least time between two starts of an engine that does not start: the page asks again by itself.
const RETRY_GAP: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct EngineLink {
    data_dir: PathBuf,
    state: Mutex<State>,
    /// How many engines were reached, one after the other.
    era: AtomicU64,
    /// Of which of them the page saw the list.
    page_era: AtomicU64,
}

#[derive(Debug)]
enum State {
    Idle,
    Reached(Connection),
    Failed(Instant, Problem),
    Closed,
}

impl EngineLink {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            state: Mutex::new(State::Idle),
            era: AtomicU64::new(0),
            page_era: AtomicU64::new(0),
        }
    }

    /// Asks the engine, waiting for it to start.
    pub(super) async fn call<C: Call>(&self, call: C) -> Result<C::Answer, Problem> {
        let asked = self.asked().await?;
        let answer = asked.call(call).await;
        if is_lost(&answer) {
            self.forget_running().await;
        }
        answer
    }

    /// Asks for the page. What one engine calls a revision says nothing to the next: the page sees the
    /// next one's list anew.
    pub(super) async fn call_for_page(&self, mut request: Request) -> Result<Value, Problem> {
        let asked = self.asked().await?;
        if let Request::LibraryRequest(library) = &mut request {
            let era = self.era.load(Ordering::Relaxed);
            if self.page_era.swap(era, Ordering::Relaxed) != era {
                library.since = 0;
            }
        }
        let answer = asked.answer(request).await;
        if is_lost(&answer) {
            self.forget_running().await;
        }
        Value::from_reply(answer?)
    }

    /// The process that had the engine is gone: the next question finds another, or starts one here.
    async fn forget_running(&self) {
        let mut state = self.state.lock().await;
        if let State::Reached(connection) = &*state
            && !connection.is_ours()
        {
            *state = State::Idle;
        }
    }

    /// Whom to ask, started if need be.
    async fn asked(&self) -> Result<Asked, Problem> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Reached(connection) => return Ok(connection.asked.clone()),
            State::Failed(at, problem) if at.elapsed() < RETRY_GAP => return Err(problem.clone()),
            State::Closed => return Err(problem::engine_stopped()),
            State::Idle | State::Failed(..) => {}
        }
        match Connection::find_or_start(&self.data_dir, true).await {
            Ok(connection) => {
                for remark in &connection.remarks {
                    tracing::warn!(remark.code, "{}", remark.message);
                }
                let asked = connection.asked.clone();
                self.era.fetch_add(1, Ordering::Relaxed);
                *state = State::Reached(connection);
                Ok(asked)
            }
            Err(problem) => {
                // The page asks again and again; one line is enough.
                if !matches!(&*state, State::Failed(_, known) if *known == problem) {
                    tracing::error!(problem.message, "the engine does not start");
                }
                *state = State::Failed(Instant::now(), problem.clone());
                Err(problem)
            }
        }
    }

    /// Whom to ask, if that is known already.
    pub(super) fn reached(&self) -> Option<Asked> {
        match &*self.state.try_lock().ok()? {
            State::Reached(connection) => Some(connection.asked.clone()),
            _ => None,
        }
    }

    /// Stops an engine of our own where it can go on later; another's is left alone.
    pub(super) async fn close(&self) {
        let state = std::mem::replace(&mut *self.state.lock().await, State::Closed);
        if let State::Reached(connection) = state {
            connection.close().await;
        }
    }
}

/// The engine that was asked ended before it answered.
fn is_lost<T>(answer: &Result<T, Problem>) -> bool {
    matches!(answer, Err(problem) if problem::is_engine_stopped(problem))
}
