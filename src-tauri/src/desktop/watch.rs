//! Follows the engine for what is seen outside the page: the tray and notifications.
//!
//! A reader of the library like the page itself, with no rows: it costs nothing while nothing moves.

use std::time::Duration;

use engine::api::Problem;
use engine::api::{LibraryRequest, LibraryView};
use tauri::{AppHandle, Manager};

use super::tray::{Look, Tray};
use super::{Shell, notify, settings};

/// How long one question waits for news.
const WAIT: Duration = Duration::from_mins(1);
/// Between two answers: nobody reads a tray more often, and each costs the panel a redraw.
const GAP: Duration = Duration::from_secs(1);
/// After a question that failed: the engine does not start, or ends.
const RETRY: Duration = Duration::from_secs(3);

/// Starts the engine, and follows it from then on.
pub(super) fn start(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        let mut since = 0;
        loop {
            let gap = match ask(&app, since).await {
                Ok(view) => {
                    if since == 0 {
                        started(&app).await;
                    }
                    since = view.rev;
                    show(&app, view).await;
                    GAP
                }
                Err(problem) => {
                    tracing::debug!(problem.message, "no news of the engine");
                    since = 0;
                    RETRY
                }
            };
            tokio::time::sleep(gap).await;
        }
    });
}

async fn ask(app: &AppHandle, since: u64) -> Result<LibraryView, Problem> {
    let wait_ms = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
    let request = LibraryRequest {
        since,
        wait_ms,
        ..LibraryRequest::default()
    };
    let shell = app.state::<Shell>();
    shell.engine.call(request).await
}

/// An engine answers: its settings are known.
async fn started(app: &AppHandle) {
    app.state::<Tray>().speak(settings::words(app).await);
    // Set while no window was there to do it.
    if settings::is(app, "autostart", "on").await {
        settings::autostart(app, true);
    }
}

async fn show(app: &AppHandle, view: LibraryView) {
    app.state::<Tray>().show(Look {
        paused: view.paused,
        down: view.rates.down,
        up: view.rates.up,
    });
    notify::tell(app, view.notices).await;
}
