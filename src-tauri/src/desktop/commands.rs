//! What the page in the window may ask for: the engine's calls, and the few things that only a window can do.
//!
//! Each is asynchronous, so that none holds up the window's own thread, and short: what it does stands elsewhere.

use engine::api::{ItemId, Problem};
use tauri::ipc::Invoke;
use tauri::{AppHandle, State, WebviewWindow};

use super::dialogs::{self, What};
use super::requests::OpenRequest;
use super::{Shell, clipboard, files, player, quit, settings};
use crate::api::Request;

pub(super) fn handler() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        call, pending, pick, save_text, copy, open, reveal, play, play_end, quit
    ]
}

/// Any of the engine's calls.
#[tauri::command]
async fn call(
    app: AppHandle,
    shell: State<'_, Shell>,
    request: Request,
) -> Result<serde_json::Value, Problem> {
    let change = settings::changed_by(&request);
    let answer = shell.engine.call_for_page(request).await?;
    if let Some(change) = change {
        settings::obey(&app, &change);
    }
    Ok(answer)
}

/// What was asked for before the page listened.
#[tauri::command]
async fn pending(shell: State<'_, Shell>) -> Result<Vec<OpenRequest>, Problem> {
    Ok(shell.inbox.take())
}

#[tauri::command]
async fn pick(window: WebviewWindow, what: What) -> Result<Vec<String>, Problem> {
    let paths = dialogs::pick(&window, what).await?;
    Ok(paths.iter().map(|path| engine::path_text(path)).collect())
}

#[tauri::command]
async fn save_text(window: WebviewWindow, name: String, text: String) -> Result<bool, Problem> {
    dialogs::save_text(&window, &name, text).await
}

#[tauri::command]
async fn copy(text: String) -> Result<(), Problem> {
    clipboard::write(text).await
}

#[tauri::command]
async fn open(shell: State<'_, Shell>, id: ItemId, path: Option<String>) -> Result<(), Problem> {
    files::open(&shell.engine, id, path).await
}

#[tauri::command]
async fn reveal(shell: State<'_, Shell>, id: ItemId, path: Option<String>) -> Result<(), Problem> {
    files::reveal(&shell.engine, id, path).await
}

/// Where a film or a sound can be played from, until [`play_end`] or the next one.
#[tauri::command]
async fn play(app: AppHandle, id: ItemId, path: String) -> Result<String, Problem> {
    player::play(&app, id, path).await
}

#[tauri::command]
async fn play_end(app: AppHandle) -> Result<(), Problem> {
    player::stop(&app);
    Ok(())
}

#[tauri::command]
async fn quit(app: AppHandle) -> Result<(), Problem> {
    quit::quit(&app).await;
    Ok(())
}
