//! Shares that left out downloads that were not whole then: looked at every few seconds, whoever fetches those.
//!
//! Nothing changes by itself, as another content has another link: the person is asked.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::super::job;
use super::Actor;
use crate::util::blocking;
use store::index::{Index, ItemId};

/// Shares in one look.
const MOST: usize = 64;

/// The shares, and the look at some of them under way.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    items: BTreeSet<ItemId>,
    /// Who was looked at last.
    last: Option<ItemId>,
    pub(super) looks: JoinSet<Looked>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// There is more to share by now.
    more: Vec<ItemId>,
    /// Nothing was left out for that.
    none: Vec<ItemId>,
}

impl Unfinished {
    pub(super) fn new(items: Vec<ItemId>) -> Self {
        Self {
            items: items.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.looks.is_empty() && !self.items.is_empty()
    }

    /// Those whose turn it is.
    fn next(&mut self) -> Vec<ItemId> {
        let later = |id: &&ItemId| self.last.is_none_or(|last| **id > last);
        let mut next: Vec<ItemId> = self
            .items
            .iter()
            .filter(later)
            .take(MOST)
            .copied()
            .collect();
        if next.is_empty() {
            next = self.items.iter().take(MOST).copied().collect();
        }
        self.last = next.last().copied();
        next
    }
}

impl Actor {
    /// A share was read: does it leave something out that may come?
    pub(super) fn watch_unfinished(&mut self, id: ItemId) {
        let leaves = |view: crate::api::ItemView| view.skipped > 0;
        if self.context.board.get(id).is_some_and(leaves) {
            self.unfinished.items.insert(id);
        } else {
            self.unfinished.items.remove(&id);
        }
    }

    pub(super) fn look_for_finished(&mut self) {
        if !self.unfinished.is_due() {
            return;
        }
        let (index, ids) = (self.context.index.clone(), self.unfinished.next());
        self.unfinished
            .looks
            .spawn_blocking(move || look(&index, ids));
    }

    pub(super) async fn offer_finished(&mut self, looked: Looked) {
        for id in looked.none {
            self.unfinished.items.remove(&id);
        }
        for id in looked.more {
            // It is looked at again when it was read again.
            if self.look_at(id).await {
                self.unfinished.items.remove(&id);
            }
        }
    }
}

fn look(index: &Index, ids: Vec<ItemId>) -> Looked {
    let mut looked = Looked::default();
    for id in ids {
        match job::left_unfinished(index, id) {
            Ok(left) if left.is_empty() => looked.none.push(id),
            Ok(left) if left.iter().any(job::is_whole_now) => looked.more.push(id),
            _ => {}
        }
    }
    looked
}

/// All shares that leave something out for that.
pub(super) async fn all(index: Index) -> Unfinished {
    let found = blocking(move || index.items_without(store::UNFINISHED)).await;
    Unfinished::new(found.ok().and_then(Result::ok).unwrap_or_default())
}
