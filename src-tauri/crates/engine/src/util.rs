//! The two things that every room needs: threads for work that blocks, and the time as a number.

pub(crate) use ::net::now_unix;

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
