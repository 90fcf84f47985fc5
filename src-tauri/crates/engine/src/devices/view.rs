//! Offers as they are shown.

use super::inbox::{Far, stands};
use super::key::fingerprint;
use super::outbox::Entry;
use super::record::{Decided, Fate, Received, Thing, Who};
use crate::api::{ItemId, OfferView, OfferedView, OtherDevice, OutcomeKind, SentView};
use net::devices::Stands;

pub(super) fn received(
    id: i64,
    received: &Received,
    far: impl Fn(i64) -> Option<Far>,
) -> OfferView {
    let (state, part) = match stands(received, far) {
        Stands::Taking(part) => (OutcomeKind::Taking, part),
        Stands::Has => (OutcomeKind::Has, 1000),
        Stands::Declined => (OutcomeKind::Declined, 0),
        _ => (OutcomeKind::Waiting, 0),
    };
    let downloads = match &received.decided {
        Decided::Taken(items) | Decided::Has(items) => items.as_slice(),
        Decided::Open | Decided::Declined => &[],
    };
    let item = |thing: &Thing| OfferedView {
        cid: thing.cid.clone(),
        name: thing.name.clone(),
        size: thing.size,
        count: thing.count,
    };
    OfferView {
        id,
        from: other(&received.from),
        note: received.note.clone(),
        items: received.items.iter().map(item).collect(),
        state,
        part,
        at: received.at,
        downloads: downloads.iter().map(|id| ItemId(*id)).collect(),
    }
}

pub(super) fn sent(id: i64, entry: &Entry) -> SentView {
    let sent = &entry.sent;
    let (state, part) = match sent.fate {
        Fate::New => (OutcomeKind::New, 0),
        Fate::Waiting => (OutcomeKind::Waiting, 0),
        Fate::Taking(part) => (OutcomeKind::Taking, part),
        Fate::Has => (OutcomeKind::Has, 1000),
        Fate::Declined => (OutcomeKind::Declined, 0),
        Fate::Refused => (OutcomeKind::Refused, 0),
    };
    SentView {
        id,
        to: other(&sent.to),
        note: sent.note.clone(),
        item: sent.item.map(ItemId),
        state,
        part,
        away: entry.is_away && !sent.fate.is_final(),
        at: sent.at,
    }
}

pub(super) fn other(who: &Who) -> OtherDevice {
    OtherDevice {
        peer: who.peer.to_string(),
        name: who.name.clone(),
        kind: who.kind,
        key: fingerprint(&who.peer),
    }
}
