//! When this process is asked to end.

/// Ctrl-C, or a polite request to end.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut signals = Vec::new();
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ] {
            // A signal that can't be listened for keeps its own way of ending the program.
            signals.extend(signal(kind));
        }
        let waits: Vec<_> = signals
            .iter_mut()
            .map(|signal| Box::pin(signal.recv()))
            .collect();
        if waits.is_empty() {
            std::future::pending::<()>().await;
        }
        futures::future::select_all(waits).await;
    }
    #[cfg(not(unix))]
    {
        // Where Ctrl-C can't be listened for it ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
