//! Opening an item's files with the system's programs, and showing them in the file manager.

use std::path::{Path, PathBuf};

use engine::api::{ItemId, Problem};

use super::engine::EngineLink;
use crate::api::{PlaceRequest, problem};

/// Kinds of files that a system runs instead of showing them. What came from others is never run by a click on it.
const PROGRAMS: &[&str] = &[
    "action",
    "apk",
    "app",
    "appimage",
    "application",
    "appref-ms",
    "bat",
    "bin",
    "cmd",
    "com",
    "command",
    "cpl",
    "csh",
    "deb",
    "desktop",
    "dmg",
    "exe",
    "flatpak",
    "flatpakref",
    "gadget",
    "hta",
    "inf",
    "ins",
    "iso",
    "jar",
    "jnlp",
    "js",
    "jse",
    "ksh",
    "lnk",
    "mpkg",
    "msc",
    "msi",
    "msix",
    "msp",
    "mst",
    "pif",
    "pkg",
    "pl",
    "ps1",
    "ps2",
    "psc1",
    "psc2",
    "py",
    "pyc",
    "pyw",
    "rb",
    "reg",
    "rpm",
    "run",
    "scf",
    "scr",
    "scpt",
    "sct",
    "service",
    "settingcontent-ms",
    "sh",
    "shb",
    "shs",
    "snap",
    "terminal",
    "tool",
    "url",
    "vb",
    "vbe",
    "vbs",
    "webloc",
    "workflow",
    "ws",
    "wsc",
    "wsf",
    "wsh",
    "xbap",
    "zsh",
];

/// Opens an item, or what lies at `path` inside it; a program is shown in its folder instead.
pub(super) async fn open(
    engine: &EngineLink,
    id: ItemId,
    path: Option<String>,
) -> Result<(), Problem> {
    let path = place(engine, id, path).await?;
    blocking(move || {
        if is_program(&path) {
            tauri_plugin_opener::reveal_item_in_dir(&path)
        } else {
            tauri_plugin_opener::open_path(&path, None::<&str>)
        }
    })
    .await
}

/// Shows an item, or what lies at `path` inside it, in the file manager.
pub(super) async fn reveal(
    engine: &EngineLink,
    id: ItemId,
    path: Option<String>,
) -> Result<(), Problem> {
    let path = place(engine, id, path).await?;
    blocking(move || tauri_plugin_opener::reveal_item_in_dir(&path)).await
}

async fn blocking(
    work: impl FnOnce() -> Result<(), tauri_plugin_opener::Error> + Send + 'static,
) -> Result<(), Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(problem::no_program(&error)),
        Err(error) => Err(problem::no_program(&error)),
    }
}

/// Where it lies on this machine, if it does.
async fn place(engine: &EngineLink, id: ItemId, path: Option<String>) -> Result<PathBuf, Problem> {
    let path = path.unwrap_or_default();
    let place = engine.call(PlaceRequest { id, path }).await?;
    let place = engine::text_path(&place);
    match fs_err::symlink_metadata(&place) {
        Ok(_) => Ok(place),
        Err(_) => Err(problem::not_there(&place.display())),
    }
}

fn is_program(path: &Path) -> bool {
    let kind = path
        .extension()
        .map(|kind| kind.to_string_lossy().to_lowercase());
    kind.is_some_and(|kind| PROGRAMS.contains(&kind.trim_end_matches(['.', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_not_run() {
        for name in ["a.exe", "b.PS1", "c.tar.sh", "d.desktop", "e.lnk "] {
            assert!(is_program(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "exe", "b.jpeg", ".sh.txt"] {
            assert!(!is_program(Path::new(name)), "{name}");
        }
    }
}
