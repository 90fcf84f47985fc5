//! How this process reaches an engine: the one that runs on the data directory, else one of its own for as long as it
//! lasts.
//!
//! The window and every command go the same way. An engine of our own that has a network opens the control socket, so
//! that others use it too.

use std::path::Path;
use std::time::{Duration, Instant};

use engine::api::Problem;
use engine::paths::DataDirError;
use engine::{Engine, EngineError, Options};

#[cfg(feature = "desktop")]
use crate::api::Reply;
use crate::api::{Answer, Call, Request, answered, problem};
use crate::control::{Remote, Server};

/// How long to wait for an engine that is starting or stopping in another process: its lock is taken, and it can't be
/// asked.
const TURN_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it can.
const TURN_GAP: Duration = Duration::from_millis(20);

/// A way to an engine.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) asked: Asked,
    /// Where others reach an engine of ours. `None` where it has no network, or no socket can be made.
    control: Option<Server>,
    /// What a person should know of how it started. It does not come again with the next start.
    pub(crate) remarks: Vec<Problem>,
}

/// Who answers requests. Clones ask the same engine.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// The engine of another process.
    Running(Remote),
    /// An engine of this process, without a network: for what is known already.
    Offline(Engine),
    /// An engine of this process that others can use too.
    Foreground(Engine),
}

impl Connection {
    /// The engine of another process, if one runs.
    pub(crate) async fn find(data_dir: &Path) -> Result<Option<Self>, Problem> {
        let found = Remote::find(data_dir).await?;
        Ok(found.map(|remote| Self::new(Asked::Running(remote))))
    }

    /// The engine of another process, else one of our own.
    pub(crate) async fn find_or_start(data_dir: &Path, network: bool) -> Result<Self, Problem> {
        let began = Instant::now();
        loop {
            if let Some(found) = Self::find(data_dir).await? {
                return Ok(found);
            }
            match start(data_dir, network).await {
                Ok(engine) if network => return Ok(Self::foreground(engine, data_dir)),
                Ok(engine) => return Ok(Self::offline(engine)),
                Err(error) if is_in_use(&error) && began.elapsed() < TURN_PATIENCE => {
                    tokio::time::sleep(TURN_GAP).await;
                }
                Err(error) => return Err(error.problem()),
            }
        }
    }

    fn new(asked: Asked) -> Self {
        Self {
            asked,
            control: None,
            remarks: Vec::new(),
        }
    }

    fn offline(engine: Engine) -> Self {
        Self {
            remarks: engine.remarks(),
            ..Self::new(Asked::Offline(engine))
        }
    }

    fn foreground(engine: Engine, data_dir: &Path) -> Self {
        let mut remarks = engine.remarks();
        let answering = engine.clone();
        let service = move |request: Request| {
            let engine = answering.clone();
            async move { request.run(&engine).await }
        };
        let control = Server::open(data_dir, service);
        if let Err(error) = &control {
            remarks.push(problem::no_control(error));
        }
        Self {
            control: control.ok(),
            remarks,
            ..Self::new(Asked::Foreground(engine))
        }
    }

    pub(crate) async fn call<C: Call>(&self, call: C) -> Result<C::Answer, Problem> {
        self.asked.call(call).await
    }

    /// Whether the work ends with this process.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self.asked, Asked::Running(_))
    }

    /// Ends what this process began: an engine of our own stops where it can go on later.
    pub(crate) async fn close(self) {
        if let Some(control) = self.control {
            control.close().await;
        }
        match self.asked {
            Asked::Running(_) => {}
            Asked::Offline(engine) | Asked::Foreground(engine) => engine.shutdown().await,
        }
    }
}

impl Asked {
    pub(crate) async fn call<C: Call>(&self, call: C) -> Result<C::Answer, Problem> {
        match self {
            Self::Running(remote) => C::Answer::from_reply(remote.ask(&call.into()).await?),
            Self::Offline(engine) | Self::Foreground(engine) => answered(call.run(engine)).await,
        }
    }

    /// For a call of which only the name is known.
    #[cfg(feature = "desktop")]
    pub(crate) async fn answer(&self, request: Request) -> Result<Reply, Problem> {
        match self {
            Self::Running(remote) => remote.ask(&request).await,
            Self::Offline(engine) | Self::Foreground(engine) => request.run(engine).await,
        }
    }
}

async fn start(data_dir: &Path, network: bool) -> Result<Engine, EngineError> {
    let data_dir = data_dir.to_owned();
    Engine::start(Options { data_dir, network }).await
}

/// Another process has the data directory, and may let go of it or answer soon.
fn is_in_use(error: &EngineError) -> bool {
    matches!(error, EngineError::DataDir(DataDirError::InUse(_)))
}
