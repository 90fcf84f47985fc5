//! The row of an item, as its record alone tells it.

use crate::api::{ItemView, State};
use crate::util::now_unix;
use store::index::{ItemKind, ItemRecord, ItemState};

pub(super) fn of(record: &ItemRecord) -> ItemView {
    let state = match (&record.state, record.kind, record.done) {
        (ItemState::Paused, ..) => State::Paused,
        (ItemState::Problem(problem), ..) => State::NeedsYou(problem.clone().into()),
        (ItemState::Active, _, true) => State::Sharing,
        (ItemState::Active, ItemKind::Share, false) => State::Hashing,
        (ItemState::Active, ItemKind::Download, false) => State::Finding,
    };
    let here = match record.kind {
        ItemKind::Share => record.sources.first(),
        ItemKind::Download if record.done => record.sources.first(),
        ItemKind::Download => record.part.as_ref(),
    };
    ItemView {
        id: record.id.into(),
        kind: record.kind.into(),
        name: record.shown_name().to_owned(),
        path: here.cloned(),
        cid: record.root.map(|root| root.to_string()),
        state,
        total: record.bytes,
        done: if record.done {
            record.bytes
        } else {
            record.begun.here
        },
        files: record.files,
        folder: record.options.folder || record.files > 1 || record.sources.len() > 1,
        rate_down: 0,
        rate_up: 0,
        peers: 0,
        having: 0,
        unreachable: 0,
        lacking: None,
        eta: None,
        skipped: 0,
        // One in the future was written when the clock was wrong, and would stand first for years.
        created: record.created.min(now_unix()),
    }
}
