//! The life of items: what was asked for, what runs or waits, what became of it, and what is shown of it.
//!
//! | file | owns |
//! |---|---|
//! | `supervisor` | which item is worked on, and what becomes of it; "pause all" |
//! | `queue` | which jobs wait for their turn |
//! | `job` | the jobs themselves |
//! | `known` | whether what is asked for is an item already |
//! | `board` | the row of every item, with its revision; the notices |
//! | `choose` | what of a download is wanted, and what comes first |
//! | `relocate` | an item that lies somewhere else now |

pub(crate) mod board;
pub(crate) mod choose;
pub(crate) mod job;
mod known;
mod queue;
pub(crate) mod relocate;
pub(crate) mod supervisor;
