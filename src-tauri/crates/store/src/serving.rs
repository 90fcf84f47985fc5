//! Who may be served: the items whose blocks may be given to others.
//!
//! Two things decide: an item's own state on record, which the index tells after each change, and "everything is paused", which
//! is kept here and nowhere else. Only memory: who pauses everything remembers it over a restart.
//!
//! Invariants:
//! - While everything is on hold, an item serves only if it was let go since.
//! - A hold changes no item's record, so that after it those that were paused by hand stay paused.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::item::ItemId;

/// A handle; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Serving {
    state: Arc<RwLock<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Items that are not paused on record.
    on_record: HashSet<ItemId>,
    /// Everything is on hold, but for these.
    held_but: Option<HashSet<ItemId>>,
}

impl Serving {
    pub(crate) fn new(on_record: HashSet<ItemId>) -> Self {
        let serving = Self::default();
        serving.state.write().on_record = on_record;
        serving
    }

    /// Puts everything on hold, also what was let go of an earlier hold; or ends that: then each item counts by its own state.
    pub fn hold_all(&self, hold: bool) {
        self.state.write().held_but = hold.then(HashSet::new);
    }

    /// Takes one item out of the hold, if there is one.
    pub fn let_go(&self, id: ItemId) {
        if let Some(but) = &mut self.state.write().held_but {
            but.insert(id);
        }
    }

    /// Everything is on hold, but for what was let go.
    pub fn is_on_hold(&self) -> bool {
        self.state.read().held_but.is_some()
    }

    /// Everything is on hold, and this item was not let go.
    pub fn is_held(&self, id: ItemId) -> bool {
        self.state.read().is_held(id)
    }

    /// May this item's blocks be given to others?
    pub(crate) fn allows(&self, id: ItemId) -> bool {
        let state = self.state.read();
        state.on_record.contains(&id) && !state.is_held(id)
    }

    /// An item's record says so now.
    pub(crate) fn record(&self, id: ItemId, serves: bool) {
        let mut state = self.state.write();
        if serves {
            state.on_record.insert(id);
        } else {
            state.on_record.remove(&id);
        }
    }
}

impl State {
    fn is_held(&self, id: ItemId) -> bool {
        let but_these = self.held_but.as_ref();
        but_these.is_some_and(|but| !but.contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ItemId = ItemId(1);
    const TWO: ItemId = ItemId(2);

    #[test]
    fn while_all_is_held_only_what_was_let_go_is_served() {
        let serving = Serving::new(HashSet::from([ONE, TWO]));
        serving.let_go(ONE);
        serving.hold_all(true);
        assert!(serving.is_on_hold() && serving.is_held(ONE) && !serving.allows(ONE));
        serving.let_go(TWO);
        assert!(serving.allows(TWO) && !serving.allows(ONE));
        serving.hold_all(true);
        assert!(serving.is_held(TWO));
        serving.hold_all(false);
        assert!(!serving.is_on_hold() && serving.allows(ONE) && serving.allows(TWO));
    }

    #[test]
    fn what_is_paused_on_record_stays_so_after_a_hold() {
        let serving = Serving::new(HashSet::from([ONE]));
        serving.record(ONE, false);
        serving.hold_all(true);
        serving.let_go(ONE);
        assert!(!serving.allows(ONE));
        serving.hold_all(false);
        assert!(!serving.allows(ONE));
    }
}
