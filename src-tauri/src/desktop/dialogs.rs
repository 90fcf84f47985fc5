//! The system's own dialogs for choosing files.

use std::path::PathBuf;

use engine::api::Problem;
use serde::Deserialize;
use tauri::WebviewWindow;
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

use crate::api::problem;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    Files,
    Folder,
    Folders,
}

/// Nothing when the person changed their mind.
pub(super) async fn pick(window: &WebviewWindow, what: What) -> Result<Vec<PathBuf>, Problem> {
    let (chosen, choice) = oneshot::channel();
    let dialog = dialog(window);
    // Whoever asked may be gone before the person has chosen.
    match what {
        What::Files => dialog.pick_files(|paths| drop(chosen.send(paths))),
        What::Folders => dialog.pick_folders(|paths| drop(chosen.send(paths))),
        What::Folder => {
            dialog.pick_folder(|path| drop(chosen.send(path.map(|path| vec![path]))));
        }
    }
    let chosen = choice.await.unwrap_or_default().unwrap_or_default();
    chosen.into_iter().map(on_disk).collect()
}

/// False when the person changed their mind.
pub(super) async fn save_text(
    window: &WebviewWindow,
    name: &str,
    text: String,
) -> Result<bool, Problem> {
    let (chosen, choice) = oneshot::channel();
    let dialog = dialog(window).set_file_name(name);
    dialog.save_file(|path| drop(chosen.send(path)));
    let Ok(Some(path)) = choice.await else {
        return Ok(false);
    };
    let path = on_disk(path)?;
    let written = tokio::task::spawn_blocking(move || fs_err::write(path, text)).await;
    match written.map_err(std::io::Error::other).flatten() {
        Ok(()) => Ok(true),
        Err(error) => Err(problem::unwritten(&error)),
    }
}

fn dialog(window: &WebviewWindow) -> FileDialogBuilder<tauri::Wry> {
    window.dialog().file().set_parent(window)
}

fn on_disk(path: FilePath) -> Result<PathBuf, Problem> {
    let path = path.into_path();
    path.map_err(|error| problem::bad_choice(&error))
}
