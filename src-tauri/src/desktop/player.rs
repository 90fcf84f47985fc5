//! Where the page plays films and sound from: the scheme of the previews, or `media` where players don't know it.

use engine::api::{ItemId, Problem};
use tauri::{AppHandle, Manager};

#[cfg(target_os = "linux")]
pub(super) use super::media::Player;

/// Needs nothing to be kept.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub(super) struct Player;

#[cfg(target_os = "linux")]
pub(super) async fn play(app: &AppHandle, id: ItemId, path: String) -> Result<String, Problem> {
    let content = super::content::Content::new(id, path);
    app.state::<Player>().play(app, content).await
}

#[cfg(target_os = "linux")]
pub(super) fn stop(app: &AppHandle) {
    app.state::<Player>().stop();
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn play(_app: &AppHandle, id: ItemId, path: String) -> Result<String, Problem> {
    Ok(super::preview::address(id, &path))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn stop(_app: &AppHandle) {}
