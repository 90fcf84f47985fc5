//! What every room needs: threads for work that blocks, the end of work that broke, and the time as a number.

use std::panic::resume_unwind;

use tokio::task::JoinError;

pub(crate) use ::net::now_unix;

/// The runtime ends, and what was asked for with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Shoal is stopping")]
pub struct Stopping;

/// Runs what blocks on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopping> {
    tokio::task::spawn_blocking(work).await.map_err(ended)
}

/// Why work ended without a result. A fault in it is one of whoever waits for it: it goes on to break until somebody
/// [guards](crate::faults::guarded) against it.
pub(crate) fn ended(error: JoinError) -> Stopping {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Stopping,
    }
}
