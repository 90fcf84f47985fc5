//! When this process is asked to end.

/// SIGXFSZ, which Linux and Apple number alike.
#[cfg(unix)]
const TOO_LARGE: i32 = 25;

/// Ctrl-C, or a polite request to end, from this call on: not only from when the answer is first asked for, so that a signal
/// which comes right after "ready" still ends the program in order.
#[cfg(unix)]
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    // A file that may not grow any further is an error where it is written to, and ends nothing.
    let _ = signal(SignalKind::from_raw(TOO_LARGE));
    // A signal that can't be listened for keeps its own way of ending the program.
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal).collect();
    async move {
        let waits: Vec<_> = signals
            .iter_mut()
            .map(|signal| Box::pin(signal.recv()))
            .collect();
        if waits.is_empty() {
            std::future::pending::<()>().await;
        }
        futures::future::select_all(waits).await;
    }
}

/// Ctrl-C. Where it can't be listened for it ends the program by itself.
#[cfg(not(unix))]
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
