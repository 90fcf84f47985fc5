//! The two things that every room needs: threads for work that blocks, and the time as a number.

use std::time::{SystemTime, UNIX_EPOCH};

/// The runtime ends, and what was asked for with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Shoal is stopping")]
pub struct Stopping;

/// Runs what blocks on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopping> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Stopping)
}

/// Unix seconds.
pub(crate) fn now_unix() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
