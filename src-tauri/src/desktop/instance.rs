//! One window for each data directory: the first start holds a lock and answers the others.
//!
//! The lock is not the engine's: a window may show a daemon's engine, and is there before its own has started.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::api::Problem;
use parking_lot::Mutex;
use serde_json::Value;
use tauri::{AppHandle, Manager};

use super::requests::{self, OpenWindow};
use super::{Start, window};
use crate::api::{Reply, problem};
use crate::control::{Remote, Server};

/// How long a second start waits for a first that holds the lock and doesn't answer yet: it is starting, or ending.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries.
const TURN_GAP: Duration = Duration::from_millis(20);

/// The first start on its data directory, as long as this value lives.
#[derive(Debug)]
pub(super) struct Instance {
    data_dir: PathBuf,
    /// The operating system lets go of it, however the process ends.
    _lock: File,
}

/// `None`: another start is first, and took over what was asked for.
pub(super) async fn first(start: &Start) -> Result<Option<Instance>, Problem> {
    let data_dir = &start.data_dir;
    let asked = OpenWindow {
        open: start.open.clone(),
        hidden: start.hidden,
        activation: activation(),
    };
    let began = Instant::now();
    loop {
        match lock(data_dir) {
            Ok(lock) => {
                return Ok(Some(Instance {
                    data_dir: data_dir.clone(),
                    _lock: lock,
                }));
            }
            Err(TryLockError::Error(error)) => return Err(problem::control(data_dir, &error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if Remote::tell(data_dir, &asked).await? {
            return Ok(None);
        }
        if began.elapsed() > TURN_PATIENCE {
            return Err(problem::engine_silent());
        }
        tokio::time::sleep(TURN_GAP).await;
    }
}

fn lock(data_dir: &Path) -> Result<File, TryLockError> {
    engine::paths::create_private(data_dir).map_err(TryLockError::Error)?;
    let file = engine::paths::open_lock(&data_dir.join("window.lock"));
    let file = file.map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// The token with which a launcher allows its program to take the focus.
fn activation() -> Option<String> {
    let names = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];
    names.iter().find_map(|name| std::env::var(name).ok())
}

impl Instance {
    /// Answers later starts until [`close`](Self::close).
    pub(super) fn serve(self, app: &AppHandle) -> Result<(), std::io::Error> {
        let _inside = tauri::async_runtime::handle().inner().enter();
        let handle = app.clone();
        let server = Server::open(&self.data_dir, move |asked: OpenWindow| {
            let app = handle.clone();
            async move {
                answer(&app, asked);
                Ok(Reply::Value(Value::Null))
            }
        })?;
        app.manage(Serving(Mutex::new(Some((self, server)))));
        Ok(())
    }
}

#[derive(Debug)]
struct Serving(Mutex<Option<(Instance, Server)>>);

/// Takes over nothing more. Later starts wait until what is returned is dropped, and the next is then the first.
pub(super) async fn close(app: &AppHandle) -> Option<Instance> {
    let (instance, server) = {
        let serving = app.try_state::<Serving>()?;
        let mut serving = serving.0.lock();
        serving.take()?
    };
    server.close().await;
    Some(instance)
}

fn answer(app: &AppHandle, asked: OpenWindow) {
    if !asked.hidden || !asked.open.is_empty() {
        window::show_soon(app, asked.activation);
    }
    requests::deliver(app, asked.open);
}
