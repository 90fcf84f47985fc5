//! How a command reaches an engine: the one that runs on the data directory, else one of its own for as long as it lasts.

use std::path::Path;
use std::time::{Duration, Instant};

use engine::paths::DataDirError;
use engine::types::Problem;
use engine::{Engine, EngineError, Options};
use serde::de::DeserializeOwned;

use super::Context;
use super::render::Output;
use crate::api::types::{Event, Hello, Request};
use crate::api::{handlers, problem};
use crate::control::{Answer, ByteStream, Remote, Reply, Server};

/// How long a command waits for an engine that is starting or stopping in another process: its lock is taken, and it
/// can't be asked.
const TURN_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it can.
const TURN_GAP: Duration = Duration::from_millis(20);

/// Somebody who answers requests.
#[derive(Debug)]
pub(super) enum Reach {
    /// The engine of another process.
    Running(Remote),
    /// An engine of this process, without a network: for what is known already.
    Offline(Engine),
    /// An engine of this process that others can use too.
    Foreground(Foreground),
}

#[derive(Debug)]
pub(super) struct Foreground {
    engine: Engine,
    /// `None` where no socket can be made; the engine does its work all the same.
    control: Option<Server>,
}

impl Reach {
    /// For commands about what is there: they need no network, and no daemon.
    pub(super) async fn any(context: &Context) -> Result<Self, Problem> {
        Self::find_or(context, false).await
    }

    /// For commands that fetch or share.
    pub(super) async fn online(context: &Context) -> Result<Self, Problem> {
        Self::find_or(context, true).await
    }

    /// For the daemon: an engine that runs already is a problem.
    pub(super) async fn own(context: &Context) -> Result<Self, Problem> {
        match Self::find_or(context, true).await? {
            Self::Running(_) => {
                let taken = DataDirError::InUse(context.data_dir.clone());
                Err(EngineError::from(taken).problem())
            }
            ours => Ok(ours),
        }
    }

    /// For commands that make no sense without a running engine: `what` they would show.
    pub(super) async fn running(context: &Context, what: &str) -> Result<Self, Problem> {
        let found = Remote::find(&context.data_dir).await?;
        found
            .map(Self::Running)
            .ok_or_else(|| problem::no_engine(what))
    }

    async fn find_or(context: &Context, network: bool) -> Result<Self, Problem> {
        let began = Instant::now();
        loop {
            if let Some(remote) = Remote::find(&context.data_dir).await? {
                return Ok(Self::Running(remote));
            }
            match start(&context.data_dir, network).await {
                Ok(engine) if network => {
                    let foreground = Foreground::open(engine, context);
                    return Ok(Self::Foreground(foreground));
                }
                Ok(engine) => {
                    warn_of_recovery(&engine, &context.out);
                    return Ok(Self::Offline(engine));
                }
                Err(error) if is_in_use(&error) && began.elapsed() < TURN_PATIENCE => {
                    tokio::time::sleep(TURN_GAP).await;
                }
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// Asks, and expects an answer of that type.
    pub(super) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Problem> {
        match self.answer(request).await? {
            Reply::Value(value) => {
                serde_json::from_value(value).map_err(|error| problem::other_version(&error))
            }
            Reply::Bytes(_) => Err(problem::other_version(&"bytes instead of a value")),
        }
    }

    /// Asks, and expects bytes.
    pub(super) async fn bytes(&self, request: Request) -> Result<ByteStream, Problem> {
        match self.answer(request).await? {
            Reply::Bytes(bytes) => Ok(bytes),
            Reply::Value(_) => Err(problem::other_version(&"a value instead of bytes")),
        }
    }

    async fn answer(&self, request: Request) -> Answer {
        match self {
            Self::Running(remote) => remote.ask(&request).await,
            Self::Offline(engine) | Self::Foreground(Foreground { engine, .. }) => {
                handlers::answer(engine.clone(), request).await
            }
        }
    }

    /// Whether the work ends with this process.
    pub(super) fn is_ours(&self) -> bool {
        !matches!(self, Self::Running(_))
    }

    /// Tells who we are, where the engine is ours and has a network.
    pub(super) async fn say_ready(&self, out: &Output) -> Result<(), Problem> {
        if let Self::Foreground(_) = self {
            let Hello {
                peer_id, listen, ..
            } = self.call(Request::Hello).await?;
            out.event(&Event::Ready { peer_id, listen })?;
        }
        Ok(())
    }

    /// Ends what this process began: an engine of our own stops where it can go on later. A second Ctrl-C doesn't wait
    /// for that: what was synced is safe however the process ends.
    pub(super) async fn leave(self) {
        let closed = async {
            match self {
                Self::Running(_) => {}
                Self::Offline(engine) => engine.shutdown().await,
                Self::Foreground(foreground) => foreground.close().await,
            }
        };
        tokio::select! {
            () = closed => {}
            () = interrupted() => {}
        }
    }
}

impl Foreground {
    fn open(engine: Engine, context: &Context) -> Self {
        warn_of_recovery(&engine, &context.out);
        let answering = engine.clone();
        let service = move |request| handlers::answer(answering.clone(), request);
        let control = Server::open(&context.data_dir, service);
        if let Err(error) = &control {
            let message = format!("Other commands can't reach this Shoal: {error}");
            context.out.talk(&message);
        }
        Self {
            engine,
            control: control.ok(),
        }
    }

    async fn close(self) {
        if let Some(control) = self.control {
            control.close().await;
        }
        self.engine.shutdown().await;
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

fn warn_of_recovery(engine: &Engine, out: &Output) {
    if let Some(kept) = engine.recovered() {
        let kept = kept.display();
        out.talk(&format!(
            "The index was damaged. The old file is kept as {kept}; the shared files are being hashed again."
        ));
    }
}

/// Ctrl-C, or a polite request to end.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut signals = Vec::new();
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ] {
            // A signal that can't be listened for keeps its own way of ending the program.
            signals.extend(signal(kind));
        }
        let waits: Vec<_> = signals
            .iter_mut()
            .map(|signal| Box::pin(signal.recv()))
            .collect();
        if waits.is_empty() {
            std::future::pending::<()>().await;
        }
        futures::future::select_all(waits).await;
    }
    #[cfg(not(unix))]
    {
        // Where Ctrl-C can't be listened for it ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
