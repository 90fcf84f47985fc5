//! What a look at an item's files found, as the person is told of it.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::api::{Problem, Retry};
use crate::fetch::{self, FetchError};
use store::ScanReport;
use store::files::path_text;
use store::index::{ItemKind, ItemRecord};

/// Code of the problem that ends when the person does something about it.
pub(super) const FILES_CHANGED: &str = "files-changed";

/// Codes of problems that end by themselves: what was away is back, or may be read.
pub(super) const FILES_MISSING: &str = "files-missing";
pub(super) const FILES_UNREADABLE: &str = "files-unreadable";

/// The problem that a look found, if it found one.
pub(super) fn of(record: &ItemRecord, report: &ScanReport) -> Option<Problem> {
    let (changed, missing) = (report.changed.count, report.missing.count);
    if missing > 0
        && let Some(disk) = fetch::missing_disk(record)
    {
        return Some(disk_missing(record, disk.clone()));
    }
    if report.unreadable.count > 0 {
        return Some(unreadable(report));
    }
    let (code, message) = match (changed, missing) {
        (0, 0) => return None,
        (_, 0) => (FILES_CHANGED, format!("{} changed since", files(changed))),
        (0, _) => (
            FILES_MISSING,
            format!("{} can't be found any more", files(missing)),
        ),
        _ => (
            FILES_CHANGED,
            format!(
                "{} changed, and {} can't be found any more",
                files(changed),
                files(missing)
            ),
        ),
    };
    let hint = match record.kind {
        ItemKind::Share => {
            "Share it again to share what is there now, put the old files back, or remove the share."
        }
        ItemKind::Download => "Resume it to fetch it again beside them, or remove it.",
    };
    let found = [&report.changed, &report.missing];
    let first = found.iter().find_map(|list| list.first.first());
    Some(Problem {
        code: code.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        retry: Retry::User,
        subject: first.map(|path| path_text(path)),
        count: Some(changed + missing),
        field: None,
    })
}

/// Does it stay so until the person does something about the item?
pub(super) fn is_lasting(problem: &Problem) -> bool {
    ![fetch::DISK_MISSING, FILES_UNREADABLE].contains(&problem.code.as_str())
}

fn disk_missing(record: &ItemRecord, disk: PathBuf) -> Problem {
    let place = record.sources.first().cloned().unwrap_or(disk);
    let hint = match record.kind {
        ItemKind::Share => "Plug it in again: it is shared again by itself then.",
        ItemKind::Download => "Plug it in again: all is as before then, by itself.",
    };
    Problem {
        hint: Some(hint.to_owned()),
        ..FetchError::DiskMissing(place).problem()
    }
}

fn unreadable(report: &ScanReport) -> Problem {
    let count = report.unreadable.count;
    let (message, hint) = match report.why_unreadable {
        Some(ErrorKind::PermissionDenied) | None => (
            format!("Shoal may not read {}", files(count)),
            "Allow it to read them, and the folders that they are in: they are shared again by themselves then.",
        ),
        Some(kind) => (
            format!("{} can't be read: {kind}", files(count)),
            "Check the disk that they are on: they are shared again by themselves when they can be read.",
        ),
    };
    let first = report.unreadable.first.first();
    Problem {
        code: FILES_UNREADABLE.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        retry: Retry::User,
        subject: first.map(|path| path_text(path)),
        count: Some(count),
        field: None,
    }
}

fn files(count: u64) -> String {
    if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    }
}
