//! The life of items: what was asked for, what runs or waits, what became of it, and what is shown
//! of it.
//!
//! | file | owns |
//! |---|---|
//! | `handle` | all that can be asked of items |
//! | `supervisor` | which item is worked on, and what becomes of it; "pause all" |
//! | `hold` | whether everything is paused, for those who show it |
//! | `queue` | which jobs wait for their turn |
//! | `job` | the jobs themselves; `trouble`: what a look at files found, in words |
//! | `new` `known` | items as they are asked for, and whether one is there already |
//! | `row` `board` | the row of every item, with its revision, and who may write which part of it; the notices |
//! | `choose` | what of a download is wanted, and what comes first |
//! | `relocate` | an item that lies somewhere else now |

pub(crate) mod board;
mod choose;
pub(crate) mod error;
mod handle;
mod hold;
mod job;
mod known;
pub(crate) mod limits;
pub(crate) mod new;
mod queue;
pub(crate) mod rates;
mod relocate;
mod row;
mod supervisor;
mod trouble;

pub use self::error::ItemError;
pub(crate) use self::handle::Items;
pub(crate) use self::hold::Hold;
use crate::faults::Faults;
use crate::fetch::{FetchContext, Running};
use net::Net;
use store::Source;
use store::index::Index;

use self::board::Board;

/// What items are worked on with: what is here, the way to others, and what is seen of the work.
/// Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) index: Index,
    pub(crate) source: Source,
    /// Absent when the engine was started without a network: then nothing is fetched.
    pub(crate) net: Option<Net>,
    pub(crate) board: Board,
    /// Downloads under way.
    pub(crate) running: Running,
    /// What broke.
    pub(crate) faults: Faults,
}

impl Context {
    pub(crate) fn net(&self) -> Result<&Net, ItemError> {
        self.net.as_ref().ok_or(ItemError::Offline)
    }

    /// Says that something else may be shared now, or no more.
    pub(crate) fn shared_changed(&self) {
        if let Some(net) = &self.net {
            net.shared_changed();
        }
    }

    pub(crate) fn fetching(&self) -> Result<FetchContext, ItemError> {
        Ok(FetchContext {
            net: self.net()?.clone(),
            index: self.index.clone(),
            source: self.source.clone(),
            running: self.running.clone(),
        })
    }
}
