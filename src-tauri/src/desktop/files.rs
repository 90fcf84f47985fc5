//! Opening an item's files with the system's programs, and showing them in the file manager.

use std::path::{Path, PathBuf};

use engine::api::{ItemId, Problem};

use super::engine::EngineLink;
use crate::api::{PlaceRequest, problem};

/// Kinds of files that a system shows, and never runs: those are opened by a click, all others are shown in their folder.
/// What came from others is run by nobody but the person. Pages and drawings that may hold scripts are not among them, nor
/// documents that may hold macros by their kind.
const SHOWN: [&[&str]; 6] = [
    // Pictures.
    &[
        "avif", "bmp", "gif", "heic", "heif", "jpeg", "jpg", "jxl", "png", "tif", "tiff", "webp",
    ],
    // Sound.
    &[
        "aac", "aif", "aiff", "flac", "m4a", "m4b", "mid", "midi", "mka", "mp3", "oga", "ogg",
        "opus", "wav", "wma",
    ],
    // Films and their subtitles.
    &[
        "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv",
        "srt", "vtt", "webm", "wmv",
    ],
    // Text.
    &["csv", "json", "log", "md", "nfo", "tsv", "txt"],
    // Documents and books.
    &[
        "docx", "epub", "odp", "ods", "odt", "pdf", "pptx", "rtf", "xlsx",
    ],
    // Archives.
    &["7z", "bz2", "gz", "rar", "tar", "tgz", "xz", "zip", "zst"],
];

/// Opens an item, or what lies at `path` inside it; what the system might run is shown in its folder instead.
pub(super) async fn open(
    engine: &EngineLink,
    id: ItemId,
    path: Option<String>,
) -> Result<(), Problem> {
    let path = place(engine, id, path).await?;
    blocking(move || {
        if is_shown(&path) {
            tauri_plugin_opener::open_path(&path, None::<&str>)
        } else {
            tauri_plugin_opener::reveal_item_in_dir(&path)
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

/// Whether opening it shows it. A symlink may lead to anything, and to macOS some folders are programs.
fn is_shown(path: &Path) -> bool {
    let Ok(there) = fs_err::symlink_metadata(path) else {
        return false;
    };
    if there.is_dir() {
        return !(cfg!(target_os = "macos") && path.extension().is_some());
    }
    there.is_file() && is_shown_kind(path)
}

fn is_shown_kind(path: &Path) -> bool {
    let kind = path.extension().and_then(|kind| kind.to_str());
    let kind = kind.unwrap_or_default().to_lowercase();
    SHOWN.iter().any(|kinds| kinds.contains(&kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_shown_is_not_opened() {
        for name in [
            "a.exe",
            "b.PS1",
            "c.tar.sh",
            "d.desktop",
            "e.lnk ",
            "f.txt.",
            "g.inetloc",
            "h.docm",
            "i.img",
            "j.html",
            "run",
            ".txt",
        ] {
            assert!(!is_shown_kind(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "b.JPEG", ".sh.txt", "c.tar.gz"] {
            assert!(is_shown_kind(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_are_opened_and_symlinks_are_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_shown(dir.path()));
        let file = dir.path().join("a.txt");
        fs_err::write(&file, "a").unwrap();
        assert!(is_shown(&file));
        #[cfg(unix)]
        {
            let link = dir.path().join("b.txt");
            fs_err::os::unix::fs::symlink(&file, &link).unwrap();
            assert!(!is_shown(&link));
        }
    }
}
