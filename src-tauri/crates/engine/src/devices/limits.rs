//! What other devices, and the person, can make this room hold.

use std::time::Duration;

/// Offers of other devices that are kept, decided or not: a list that can still be read. With 64 KiB
/// each they take 13 MB.
pub(crate) const MAX_INBOX: usize = 200;
/// Offers of ours that are kept.
pub(crate) const MAX_OUTBOX: usize = 200;
/// For so long an offer is kept, either way.
pub(crate) const KEPT: Duration = Duration::from_hours(7 * 24);
/// Calls that wait for the room's task: a caller of more waits.
pub(super) const WAITING_CALLS: usize = 64;
