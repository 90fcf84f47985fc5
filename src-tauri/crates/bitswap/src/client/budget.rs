//! How much may be on its way: the consumer's back-pressure.
//!
//! Invariant: requested plus delivered but unreleased bytes stay within the budget, except that one
//! block may be asked for when there is nothing else, so that a budget below a block's size slows
//! down but never stops.

#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    requested: u64,
    unreleased: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            requested: 0,
            unreleased: 0,
        }
    }

    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let used = self.requested + self.unreleased;
        used == 0 || used + bytes <= self.total
    }

    pub(super) fn request(&mut self, bytes: u64) {
        self.requested += bytes;
    }

    pub(super) fn unrequest(&mut self, bytes: u64) {
        self.requested = self.requested.saturating_sub(bytes);
    }

    pub(super) fn deliver(&mut self, bytes: u64) {
        self.unreleased += bytes;
    }

    pub(super) fn release(&mut self, bytes: u64) {
        self.unreleased = self.unreleased.saturating_sub(bytes);
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn requested(&self) -> u64 {
        self.requested
    }

    pub(super) fn in_use(&self) -> u64 {
        self.requested + self.unreleased
    }
}
