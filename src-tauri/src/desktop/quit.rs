//! The end: the engine stops where it can go on later, then the process goes.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::{AppHandle, Manager};

use super::{Shell, instance, window};
use crate::interrupt::interrupted;

static QUITTING: AtomicBool = AtomicBool::new(false);

/// Ends Shoal. The page is told, so that it can say so while a big index is closed.
pub(super) async fn quit(app: &AppHandle) {
    if QUITTING.swap(true, Ordering::Relaxed) {
        return;
    }
    window::tell(app, "stopping", ());
    let instance = instance::close(app).await;
    app.state::<Shell>().engine.close().await;
    drop(instance);
    app.exit(0);
}

/// Ends Shoal on a signal. A second one doesn't wait: what was synced is safe however the process ends.
pub(super) fn when_asked_to(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        interrupted().await;
        let impatient = app.clone();
        tauri::async_runtime::spawn(async move {
            interrupted().await;
            impatient.exit(1);
        });
        quit(&app).await;
    });
}
